"""Facts about answers: problem details, lists, ETags, streams."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import flask
import marshmallow as ma
import pytest
from flask import Flask
from flask.testing import FlaskClient

from crane_core.context import get_crane
from crane_core.errors import Conflict, NotFound
from crane_core.http import (
    Blueprint,
    Listing,
    ListQuery,
    WaitQuery,
    answer_list,
    read_members,
    stream_lines,
)
from crane_core.openapi import NDJSON, PROBLEM, DocumentedApi
from crane_core.security import Identity, Target, Vote, public
from crane_core.testing.plugins import make_plugin

JSON = dict[str, Any]


@dataclass
class Shelf:
    """The things of a test: change them, and the version changes."""

    things: list[JSON] = field(
        default_factory=lambda: [
            {"name": "lamp", "size": 3, "colour": "red", "owner": None},
            {"name": "chair", "size": 10, "colour": "blue", "owner": "ann"},
            {"name": "LAMPSHADE", "size": 2, "colour": "green", "owner": "bob"},
        ]
    )
    version: int = 1
    read: int = 0

    def rows(self) -> list[JSON]:
        """Return the things, and count that somebody wanted them."""
        self.read += 1
        return self.things


class ThingQuery(ListQuery):
    """What the list of things understands."""

    colour = ma.fields.String(load_default=None)


class ThingSchema(ma.Schema):
    """A thing that is sent."""

    name = ma.fields.String(required=True)
    sizes = ma.fields.List(ma.fields.Integer())


@pytest.fixture
def shelf() -> Shelf:
    """Things to list."""
    return Shelf()


@pytest.fixture
def app(make_app: Callable[..., Flask], shelf: Shelf) -> Flask:
    """An application with a list, a schema, a stream and views that fail."""

    def crane_authenticate(request: flask.Request) -> Identity:
        return Identity(request.headers.get("X-Name", "ann"))

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        return None if identity.name == "bob" and target.name == "lamp" else Vote.allow()

    app = make_app(make_plugin("auth", crane_authenticate, crane_authorize))
    app.config.update(API_TITLE="Test", API_VERSION="v1", OPENAPI_VERSION="3.1.0", MAX_CONTENT_LENGTH=1000)
    blueprint = Blueprint("things", __name__, url_prefix="/api/v1")

    @blueprint.route("/things")
    @public("A test.")
    @blueprint.arguments(ThingQuery, location="query")
    def things(query: JSON) -> Any:
        listing = Listing[JSON](
            version=str(shelf.version),
            rows=shelf.rows,
            action="thing:read",
            target=lambda row: Target("thing", row["name"]),
            fields={name: lambda row, name=name: row[name] for name in ("name", "size", "colour", "owner")},
            present=lambda row: {"called": row["name"]},
            sources=[{"name": "shelf", "state": "fresh", "age": 0.5}],
        )
        return answer_list(get_crane(), listing, query)

    @blueprint.route("/things", methods=["POST"])
    @public("A test.")
    @blueprint.arguments(ThingSchema)
    def create(thing: JSON) -> Any:
        return thing

    @blueprint.route("/wait")
    @public("A test.")
    @blueprint.arguments(WaitQuery, location="query")
    def wait(query: JSON) -> Any:
        return query

    @blueprint.route("/taken")
    @public("A test.")
    def taken() -> Any:
        raise Conflict("It is taken.", by="bob")

    @blueprint.route("/missing/")
    @public("A test.")
    def missing() -> Any:
        raise NotFound

    @blueprint.route("/broken")
    @public("A test.")
    def broken() -> Any:
        raise RuntimeError("canary-7f3a")

    @blueprint.route("/stream")
    @public("A test.")
    def stream() -> Any:
        def values() -> Iterator[Any]:
            yield {"n": 1}
            yield None
            yield {"n": 2}

        return stream_lines(values())

    DocumentedApi(app).register_blueprint(blueprint, "test")
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of that application."""
    return app.test_client()


def names(answered: Any) -> list[str]:
    """Return the names of the items of a list."""
    assert answered.status_code == 200, answered.json
    return [item["called"] for item in answered.json["items"]]


# --- Problems -----------------------------------------------------------------------------------------------------


def test_error_is_answered_as_problem_details(client: FlaskClient) -> None:
    answered = client.get("/api/v1/taken")

    assert answered.status_code == 409
    assert answered.mimetype == PROBLEM
    assert answered.json == {
        "type": "urn:crane:error:conflict",
        "code": "conflict",
        "status": 409,
        "title": "The state does not allow this.",
        "detail": "It is taken.",
        "by": "bob",
    }


@pytest.mark.parametrize(
    "body",
    [
        "{",
        '{"name": "lamp", "sizes": [NaN]}',
        '{"name": "\\ud800"}',
        '{"name": "lamp", "sizes": ' + "[" * 101 + "]" * 101 + "}",
        "[" * 100_000,
        b'{"name": "\xff"}',
    ],
    ids=["cut off", "no number", "half a character", "deep", "bottomless", "no UTF-8"],
)
def test_body_that_cannot_be_read_is_refused(client: FlaskClient, body: str | bytes) -> None:
    # Longer than others may be here, because how deep it is must be found out before anything else.
    client.application.config["MAX_CONTENT_LENGTH"] = 1_000_000

    answered = client.post("/api/v1/things", data=body, content_type="application/json")

    assert (answered.status_code, answered.json["code"]) == (400, "bad-request")
    assert answered.json["errors"][0]["detail"]


def test_body_nested_as_deep_as_allowed_is_read(client: FlaskClient) -> None:
    body = '{"name": "lamp", "more": ' + "[" * 99 + "]" * 99 + "}"

    answered = client.post("/api/v1/things", data=body, content_type="application/json")

    assert (answered.status_code, answered.json["errors"][0]["pointer"]) == (422, "/more")


def test_expected_error_is_logged_as_information(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/api/v1/taken")

    assert [record.levelno for record in caplog.records if "/api/v1/taken" in record.getMessage()] == [logging.INFO]


def test_unexpected_error_tells_only_its_request_id(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    answered = client.get("/api/v1/broken")

    assert answered.status_code == 500
    assert answered.mimetype == PROBLEM
    assert "canary-7f3a" not in answered.text
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert answered.json["request_id"] in record.getMessage()
    assert record.exc_info, "the log has the traceback"


def test_unknown_address_is_a_problem(client: FlaskClient) -> None:
    answered = client.get("/api/v1/nothing")

    assert (answered.status_code, answered.mimetype, answered.json["code"]) == (404, PROBLEM, "not-found")


def test_wrong_method_keeps_allow(client: FlaskClient) -> None:
    answered = client.delete("/api/v1/taken")

    assert (answered.status_code, answered.mimetype) == (405, PROBLEM)
    assert answered.json["code"] == "method-not-allowed"
    assert set(answered.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_slash_at_the_end_is_a_redirect_and_no_problem(client: FlaskClient) -> None:
    answered = client.get("/api/v1/missing")

    assert answered.status_code == 308
    assert answered.headers["Location"].endswith("/api/v1/missing/")


def test_what_was_sent_is_told_with_a_pointer_for_each_thing_wrong(client: FlaskClient) -> None:
    answered = client.post("/api/v1/things", json={"sizes": [1, "big"], "nmae": "lamp"})

    assert answered.status_code == 422
    assert answered.json["code"] == "invalid"
    assert {each["pointer"] for each in answered.json["errors"]} == {"/name", "/nmae", "/sizes/1"}
    assert all(each["detail"] for each in answered.json["errors"])


def test_unknown_member_suggests_the_nearest(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things?colr=red")

    assert answered.json["errors"] == [{"pointer": "/colr", "detail": "There is no member colr. Did you mean colour?"}]


def test_what_is_no_json_is_a_problem(client: FlaskClient) -> None:
    answered = client.post("/api/v1/things", data="{", content_type="application/json")

    assert (answered.status_code, answered.mimetype) == (400, PROBLEM)
    assert answered.json["errors"][0]["pointer"] == ""


def test_what_is_too_large_is_a_problem(client: FlaskClient) -> None:
    answered = client.post("/api/v1/things", json={"name": "x" * 2000})

    assert (answered.status_code, answered.mimetype) == (413, PROBLEM)


# --- Lists --------------------------------------------------------------------------------------------------------


def test_list_has_items_total_version_and_sources(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things")

    assert names(answered) == ["LAMPSHADE", "chair", "lamp"]
    assert answered.json["total"] == 3
    assert answered.json["sources"] == [{"name": "shelf", "state": "fresh", "age": 0.5}]
    assert answered.headers["ETag"] == f'"{answered.json["version"]}"'


def test_page_of_a_list_knows_the_total(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things?limit=1&offset=1&sort=size")

    assert names(answered) == ["lamp"]
    assert answered.json["total"] == 3


def test_number_sorts_as_a_number_and_minus_turns_it_round(client: FlaskClient) -> None:
    assert names(client.get("/api/v1/things?sort=size")) == ["LAMPSHADE", "lamp", "chair"]
    assert names(client.get("/api/v1/things?sort=-size")) == ["chair", "lamp", "LAMPSHADE"]


def test_missing_value_sorts_first(client: FlaskClient, shelf: Shelf) -> None:
    shelf.things.append({"name": "table", "size": 1, "colour": "red", "owner": None})

    assert names(client.get("/api/v1/things?sort=owner")) == ["lamp", "table", "chair", "LAMPSHADE"]


def test_list_is_searched_by_part_of_the_name_in_any_case(client: FlaskClient) -> None:
    assert names(client.get("/api/v1/things?q=Lamp")) == ["LAMPSHADE", "lamp"]


def test_list_is_filtered_by_a_member_that_has_several_values(client: FlaskClient, shelf: Shelf) -> None:
    shelf.things[0]["colour"] = ["red", "blue"]

    assert names(client.get("/api/v1/things?colour=blue")) == ["chair", "lamp"]
    assert names(client.get("/api/v1/things?colour=red")) == ["lamp"]


def test_list_is_filtered_by_one_of_several_values(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things?colour=red,blue")

    assert names(answered) == ["chair", "lamp"]
    assert answered.json["total"] == 2


@pytest.mark.parametrize("query", ["limit=1001", "limit=-1", "limit=x", "offset=-1", "colours=red", "sort=weight"])
def test_wrong_query_is_told_with_its_pointer(client: FlaskClient, query: str) -> None:
    answered = client.get(f"/api/v1/things?{query}")

    assert answered.status_code == 422
    assert [each["pointer"] for each in answered.json["errors"]] == [f"/{query.partition('=')[0]}"]


def test_unknown_member_to_sort_by_names_those_there_are(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things?sort=-weight")

    assert answered.json["errors"][0]["detail"] == (
        "There is no weight to sort by; there are colour, name, owner, size."
    )


def test_caller_sees_only_what_they_may_see(client: FlaskClient) -> None:
    answered = client.get("/api/v1/things", headers={"X-Name": "bob"})

    assert names(answered) == ["LAMPSHADE", "chair"]
    assert answered.json["total"] == 2


# --- ETags --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["{}", "W/{}", '"other", {}'])
def test_unchanged_list_costs_a_304(client: FlaskClient, shape: str) -> None:
    etag = client.get("/api/v1/things").headers["ETag"]

    answered = client.get("/api/v1/things", headers={"If-None-Match": shape.format(etag)})

    assert (answered.status_code, answered.data) == (304, b"")
    assert answered.headers["ETag"] == etag


def test_unchanged_list_of_a_caller_who_may_see_everything_costs_no_row(make_app: Callable[..., Flask]) -> None:
    client, counted = _two_lists(make_app())
    etag = client.get("/api/v1/ones").headers["ETag"]
    counted.clear()

    answered = client.get("/api/v1/ones", headers={"If-None-Match": etag})

    assert (answered.status_code, counted) == (304, [])


def test_changed_list_is_sent_again(client: FlaskClient, shelf: Shelf) -> None:
    etag = client.get("/api/v1/things").headers["ETag"]
    shelf.version += 1

    assert client.get("/api/v1/things", headers={"If-None-Match": etag}).status_code == 200


def test_another_caller_or_query_has_another_etag(client: FlaskClient) -> None:
    etag = client.get("/api/v1/things").headers["ETag"]

    assert client.get("/api/v1/things?limit=1").headers["ETag"] != etag
    assert client.get("/api/v1/things", headers={"X-Name": "bob", "If-None-Match": etag}).status_code == 200


def test_page_is_made_once_while_its_list_does_not_change(make_app: Callable[..., Flask]) -> None:
    client, counted = _two_lists(make_app())

    answers = [client.get("/api/v1/ones?limit=1").json for _ in range(2)]

    assert answers[0] == answers[1]
    assert counted == ["ones"]
    assert client.get("/api/v1/ones?limit=1&offset=1").json["items"] == [{"name": "b"}]


def test_lists_of_one_version_are_told_apart(make_app: Callable[..., Flask]) -> None:
    client, _ = _two_lists(make_app())

    assert names_of(client.get("/api/v1/ones")) != names_of(client.get("/api/v1/others"))


def test_page_that_plugins_decide_about_is_made_each_time(client: FlaskClient, shelf: Shelf) -> None:
    client.get("/api/v1/things")
    shelf.read = 0

    client.get("/api/v1/things")

    assert shelf.read == 1


def names_of(answered: Any) -> list[str]:
    """Return the names in a list."""
    return [item["name"] for item in answered.json["items"]]


def _two_lists(app: Flask) -> tuple[FlaskClient, list[str]]:
    """Return a client of two lists that have the same version, and the names of those whose rows were read."""
    app.config.update(API_TITLE="Test", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    blueprint, counted = Blueprint("lists", __name__, url_prefix="/api/v1"), []

    def add(name: str, *rows: str) -> None:
        def read() -> list[JSON]:
            counted.append(name)
            return [{"name": row} for row in rows]

        @blueprint.route(f"/{name}", endpoint=name)
        @public("A test.")
        @blueprint.arguments(ListQuery, location="query")
        def view(query: JSON) -> Any:
            fields = {"name": lambda row: row["name"]}
            listing = Listing[JSON]("1", read, "thing:read", lambda row: Target("thing"), fields)
            return answer_list(get_crane(), listing, query)

    add("ones", "a", "b")
    add("others", "c")
    DocumentedApi(app).register_blueprint(blueprint, "test")
    return app.test_client(), counted


def test_fields_of_rows_are_read_by_name_or_by_what_is_sent_instead() -> None:
    fields = read_members("name", group="groups")

    row = {"name": "ann", "groups": ["shop-team"], "id": 1}
    assert {field: read(row) for field, read in fields.items()} == {"name": "ann", "group": ["shop-team"]}


# --- Waiting and streaming ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "status"), [("0", 200), ("2.5", 200), ("3601", 422), ("-1", 422), ("nan", 422)])
def test_wait_is_a_bounded_number_of_seconds(client: FlaskClient, given: str, status: int) -> None:
    assert client.get(f"/api/v1/wait?wait={given}").status_code == status


def test_stream_is_one_json_object_a_line(client: FlaskClient) -> None:
    answered = client.get("/api/v1/stream", headers={"Accept": NDJSON})

    assert answered.mimetype == NDJSON
    assert [json.loads(line) for line in answered.text.splitlines() if line] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Accept": "text/event-stream"}])
def test_stream_is_server_sent_events_unless_lines_are_asked_for(client: FlaskClient, headers: dict[str, str]) -> None:
    answered = client.get("/api/v1/stream", headers=headers)

    assert answered.mimetype == "text/event-stream"
    frames = [frame for frame in answered.text.split("\n\n") if frame.startswith("data: ")]
    assert [json.loads(frame.removeprefix("data: ")) for frame in frames] == [{"n": 1}, {"n": 2}]
    assert answered.headers["Cache-Control"] == "no-store"
