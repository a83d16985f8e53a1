"""The timeline by way of HTTP: what is in it, how it is found, who sees what."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import marshmallow as ma
import pytest
from crane_history.timeline.entries import Entry
from crane_history.timeline.schemas import LineDetailSchema, LineSchema, LinesSchema, ProofSchema
from crane_history.timeline.writer import Writer
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.events import Event
from crane_core.orchestration.operations.operations import Operations
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

JSON = dict[str, Any]
CHECK = Path(__file__).parents[3] / "docs/examples/check_timeline.py"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def written(crane: Crane) -> Callable[[], None]:
    """Wait until all that happened so far is in the timeline."""

    def act() -> None:
        # Operations tell of their end a moment after they have ended, in the same step.
        crane.room(Operations).step()
        crane.events.drain()
        assert crane.room(Writer).drain(60)

    return act


@pytest.fixture
def read(client: FlaskClient, written: Callable[[], None]) -> Callable[..., list[JSON]]:
    """Read the timeline, all that happened so far."""

    def act(query: str = "", **options: Any) -> list[JSON]:
        written()
        answer = client.get(f"/api/v1/timeline{query}", **options)
        assert answer.status_code == 200, answer.json
        items: list[JSON] = answer.json["items"]
        return items

    return act


@pytest.fixture
def add(crane: Crane, written: Callable[[], None]) -> Callable[..., None]:
    """Write lines of one's own, a minute apart."""

    def act(*kinds: str, **members: Any) -> None:
        writer = crane.room(Writer)
        for number, kind in enumerate(kinds):
            writer.add(Entry(kind, NOON + timedelta(minutes=number), **members))
        written()

    return act


@pytest.fixture
def finish(client: FlaskClient, deploy: Any) -> Callable[..., str]:
    """Deploy a service, wait for the verdict, and return the id of the operation."""

    def act(service: str = "image: 'nginx:1'") -> str:
        # Its tasks count as stable at once.
        content = f"services: {{web: {{deploy: {{update_config: {{monitor: 10ms}}}}, {service}}}}}"
        operation: str = deploy(content).json["id"]
        assert client.get(f"/api/v1/operations/{operation}?wait=60").json["state"] == "ended"
        return operation

    return act


def numbers(items: list[JSON]) -> list[int]:
    """Return the numbers of lines."""
    return [item["number"] for item in items]


# --- What is in it ------------------------------------------------------------------------------------------------


def test_deployment_is_told_from_the_request_to_the_verdict(
    finish: Callable[..., str], read: Callable[..., list[JSON]]
) -> None:
    operation = finish()

    lines = read(f"?operation={operation}&sort=number")

    told = {line["kind"]: line for line in lines}
    assert {"operation.started", "service.created", "operation.ended", "request.answered", "stack.deployed"} <= set(
        told
    )
    asked = told["request.answered"]
    assert (asked["what"], asked["target"], asked["name"]) == ("PUT /api/v1/stacks/{name}", "stack", "shop")
    assert (asked["by"], asked["by_kind"], asked["address"], asked["outcome"]) == ("local", "local", "127.0.0.1", "202")
    ended = told["operation.ended"]
    assert (ended["what"], ended["stack"], ended["by"], ended["outcome"]) == (
        "stack.deploy",
        "shop",
        "local",
        "converged",
    )
    assert told["service.created"]["by_kind"] == ""


def test_one_line_tells_of_before_and_after_and_of_the_verdict(
    client: FlaskClient, finish: Callable[..., str], read: Callable[..., list[JSON]]
) -> None:
    finish()
    operation = finish("image: 'nginx:2', environment: {DB_PASSWORD: s3cret}")
    [started] = read(f"?operation={operation}&kind=operation.started")

    shown = client.get(f"/api/v1/timeline/{started['number']}").json

    [change] = [each for each in shown["detail"]["changes"] if each["kind"] == "service"]
    images = [(each["old"], each["new"]) for each in change["fields"] if each["path"].endswith("/Image")]
    assert images == [("nginx:1", "nginx:2")]
    [ended] = [each for each in shown["related"] if each["kind"] == "operation.ended"]
    assert ended["detail"]["verdict"]["outcome"] == "converged"
    assert "s3cret" not in json.dumps(shown)


def test_refused_request_is_told_with_its_code_and_without_what_was_sent(
    client: FlaskClient, read: Callable[..., list[JSON]]
) -> None:
    client.put(
        "/api/v1/stacks/shop?timeout=s3cret", json={"files": "s3cret"}, headers={"X-Forwarded-For": "203.0.113.9"}
    )
    client.put("/api/v1/stacks/shop", json={"files": "s3cret"})

    strange, wrong = read("?kind=request.*&sort=number")

    assert (strange["outcome"], strange["by"], strange["by_kind"]) == ("401 unauthenticated", "nobody", "nobody")
    assert strange["address"] == "127.0.0.1", "what somebody says of themselves is no address"
    assert (wrong["kind"], wrong["outcome"], wrong["name"]) == ("request.refused", "422 invalid", "shop")
    shown = client.get(f"/api/v1/timeline/{wrong['number']}").json
    assert {"method": "PUT", "action": "stack:update", "status": 422}.items() <= shown["detail"].items()
    assert "s3cret" not in json.dumps([shown, strange])


def test_what_plugins_tell_is_looked_through_for_secrets(
    client: FlaskClient, crane: Crane, read: Callable[..., list[JSON]]
) -> None:
    detail = {"password": "s3cret", "url": "https://ann:s3cret@example.org", "count": 3, "when": NOON}
    crane.emit(Event("freeze.ended", "shop_web", detail=detail))

    [line] = read("?kind=freeze.ended")

    shown = client.get(f"/api/v1/timeline/{line['number']}").json["detail"]
    assert (shown["password"], shown["url"]) == ("(hidden)", "https://ann:(hidden)@example.org")
    assert (shown["count"], shown["when"]) == (3, str(NOON))


@pytest.mark.parametrize(
    "detail",
    [{"deep": [[[{"a": float("nan")}]]]}, {1: "one", "two": 2}, {"text": "a\0b\ud800c"}, {"long": "x" * 300_000}],
    ids=["no number", "mixed names", "half a character", "long"],
)
def test_whatever_a_plugin_tells_is_kept_in_some_way(
    client: FlaskClient, crane: Crane, read: Callable[..., list[JSON]], detail: JSON
) -> None:
    crane.emit(Event("freeze.ended", "a\0b\ud800" + "c" * 300, id="x" * 200, by="ann", detail=detail))

    [line] = read("?kind=freeze.ended")

    assert line["name"].startswith("a\ufffdb?c")
    assert len(line["name"]) == 255
    assert client.get(f"/api/v1/timeline/{line['number']}").status_code == 200
    assert client.get("/api/v1/timeline/check").json["intact"]


def test_changes_of_a_huge_deployment_are_kept_without_their_fields() -> None:
    changes = [{"kind": "service", "name": f"s{n}", "action": "create", "fields": ["x" * 1000]} for n in range(1000)]

    entry = Entry.from_event(Event("operation.started", "shop", detail={"kind": "stack.deploy", "changes": changes}))

    kept = json.loads(entry.detail)
    assert (kept["shortened"], len(kept["changes"])) == (True, 1000)
    assert kept["changes"][0] == {"kind": "service", "name": "s0", "action": "create"}


# --- Finding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("?sort=number", [1, 2, 3, 4]),
        ("?kind=a.done", [1]),
        ("?kind=a.done,b.gone", [3, 1]),
        ("?kind=b.*", [3, 2]),
        ("?kind=b.%25", []),
        ("?since=2026-05-04T12:01:00Z", [4, 3, 2]),
        ("?since=2026-05-04T12:01:00Z&until=2026-05-04T12:03:00Z", [3, 2]),
        ("?until=2026-05-04T14:01:00%2B02:00", [1]),
        ("?by=ann", [4, 3, 2, 1]),
        ("?by=bob", []),
        ("?stack=shop&name=shop_web&target=service&outcome=fine", [4, 3, 2, 1]),
        ("?q=SHOP_", [4, 3, 2, 1]),
        ("?q=%25", []),
        ("?q=gone", [3]),
    ],
)
def test_lines_are_found(add: Any, read: Callable[..., list[JSON]], query: str, found: list[int]) -> None:
    members = {"target": "service", "name": "shop_web", "stack": "shop", "by": "ann", "outcome": "fine"}
    add("a.done", "b.done", "b.gone", "c.done", **members)

    assert numbers(read(query)) == found


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "sort=name",
        "since=yesterday",
        "since=2026-05-04T12:00:00Z&until=2026-05-04T11:00:00Z",
        "after=-1",
        "after=99999999999999999999",
        "kinds=a.done",
    ],
)
def test_query_that_makes_no_sense_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/v1/timeline?{query}")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/" + query.partition("=")[0])


def test_pages_do_not_move_while_lines_are_added(client: FlaskClient, add: Any) -> None:
    add(*["a.done"] * 5)
    first = client.get("/api/v1/timeline?limit=2").json
    add("b.done", "b.done")
    second = client.get(f"/api/v1/timeline?limit=2&after={first['next']}").json
    third = client.get(f"/api/v1/timeline?limit=2&after={second['next']}").json

    assert [numbers(page["items"]) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third["next"] is None


def test_page_that_is_known_is_not_sent_again(client: FlaskClient, add: Any) -> None:
    add("a.done")
    etag = client.get("/api/v1/timeline").headers["ETag"]

    assert client.get("/api/v1/timeline", headers={"If-None-Match": etag}).status_code == 304
    add("b.done")
    assert client.get("/api/v1/timeline", headers={"If-None-Match": etag}).status_code == 200


def test_line_that_is_not_there_is_not_found(client: FlaskClient, add: Any) -> None:
    assert client.get("/api/v1/timeline/1").json["detail"] == "There is no line 1; there is none yet."
    add("a.done")

    answer = client.get("/api/v1/timeline/7")

    assert (answer.status_code, answer.json["code"]) == (404, "line-not-found")
    assert answer.json["detail"] == "There is no line 7; there are 1 to 1."
    assert client.get("/api/v1/timeline/99999999999999999999").status_code == 404
    assert client.get("/api/v1/timeline/-1").status_code == 404


# --- Exporting and following --------------------------------------------------------------------------------------


def test_exported_lines_prove_themselves(client: FlaskClient, deploy: Any, written: Any) -> None:
    deploy()
    written()

    answer = client.get("/api/v1/timeline/export")
    lines = [json.loads(text) for text in answer.text.splitlines()]

    assert answer.mimetype == "application/x-ndjson"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="timeline.ndjson"'
    assert numbers(lines) == list(range(1, len(lines) + 1))
    previous = "0" * 64
    for line in lines:
        stated = line.pop("hash")
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        assert (line["previous"], stated) == (previous, hashlib.sha256(text.encode()).hexdigest())
        previous = stated


def test_export_is_checked_elsewhere_as_the_documentation_says(
    client: FlaskClient, deploy: Any, written: Any, tmp_path: Path
) -> None:
    deploy()
    written()
    lines = client.get("/api/v1/timeline/export").text.splitlines(keepends=True)
    last = json.loads(lines[-1])["hash"]

    def check(*arguments: str, without: int = -1) -> tuple[int, str]:
        path = tmp_path / "exported.ndjson"
        path.write_text("".join(line for number, line in enumerate(lines) if number != without))
        command = [sys.executable, str(CHECK), str(path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    assert check(last) == (0, "")
    assert check(without=1) == (1, "The line 2 is missing, or is another.\n")
    assert check(last, without=len(lines) - 1) == (1, "The last line does not have the hash that was noted.\n")
    lines[0] = lines[0].replace("local", "anybody")
    assert check() == (1, "The line 1 was changed.\n")


@pytest.mark.parametrize("options", [{"query_string": "format=csv"}, {"headers": {"Accept": "text/csv"}}])
def test_export_as_csv_holds_no_formulas(client: FlaskClient, add: Any, options: JSON) -> None:
    add("a.done", name="=1+1", by="@ann", detail='{"a":"b,c"}')

    answer = client.get("/api/v1/timeline/export", **options)

    [row] = csv.DictReader(io.StringIO(answer.text))
    assert answer.mimetype == "text/csv"
    assert (row["number"], row["name"], row["by"], row["detail"]) == ("1", "'=1+1", "'@ann", '{"a":"b,c"}')


def test_export_is_filtered_and_longer_than_a_page(client: FlaskClient, add: Any) -> None:
    add(*["a.done"] * 1100, "b.done")

    every = client.get("/api/v1/timeline/export?kind=a.done").text.splitlines()
    some = client.get("/api/v1/timeline/export?kind=a.done&after=1090").text.splitlines()

    assert (len(every), len(some)) == (1100, 10)
    assert client.get("/api/v1/timeline/export?format=pdf").status_code == 422


def test_who_follows_is_told_of_each_line_that_comes(client: FlaskClient, add: Any) -> None:
    add("a.done", "a.done")
    answer = client.get(
        "/api/v1/timeline/follow?after=1&kind=a.*", headers={"Accept": "application/x-ndjson"}, buffered=False
    )
    # An empty line says that the server is there, where nothing came for a while.
    told = (json.loads(line) for line in answer.response if line.strip())

    first = next(told)
    add("b.done", "a.done")
    second = next(told)
    answer.close()

    assert (first["number"], second["number"]) == (2, 4)


def test_topic_tells_the_newest_lines(crane: Crane, add: Any) -> None:
    add("a.done", "b.done")
    [topic] = [topic for topic in crane.topics if topic.name == "timeline"]

    listing = topic.listing(crane, {})

    assert listing.version == "2"
    assert [(topic.key(line), line["kind"]) for line in listing.rows()] == [("2", "b.done"), ("1", "a.done")]


def test_answers_are_what_the_openapi_document_says(
    client: FlaskClient, finish: Callable[..., str], read: Callable[..., list[JSON]]
) -> None:
    operation = finish()
    [ended] = read(f"?operation={operation}&kind=operation.ended")
    answers = {
        LinesSchema: client.get("/api/v1/timeline").json,
        LineSchema: ended,
        LineDetailSchema: client.get(f"/api/v1/timeline/{ended['number']}").json,
        ProofSchema: client.get("/api/v1/timeline/check").json,
    }

    assert {kind.__name__: kind(unknown=ma.RAISE).validate(answer) for kind, answer in answers.items()} == {
        kind.__name__: {} for kind in answers
    }


def test_panel_is_told_of_the_page_and_sent_its_module(client: FlaskClient) -> None:
    [page] = [page for page in client.get("/api/v1/pages").json["items"] if page["path"] == "/timeline"]

    module = client.get(page["module"])

    assert (page["group"], page["action"]) == ("system", "timeline:read")
    assert (module.status_code, module.mimetype) == (200, "text/javascript")
    assert "export default function" in module.text


# --- Rights -------------------------------------------------------------------------------------------------------


def guests() -> Plugin:
    """Make a plugin that knows everybody by their token; Ann may see what is about the stack shop, root everything."""

    def crane_authenticate(request: flask.Request) -> Identity | None:
        sent = request.authorization
        return Identity(str(sent.token)) if sent and sent.type == "bearer" else None

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        if identity.name == "root" or (target.name == "" and identity.name == "ann" and action == "timeline:read"):
            return Vote.allow()
        return Vote.allow() if identity.name == "ann" and target.stack == "shop" else None

    return make_plugin("guests", crane_authenticate, crane_authorize)


def as_(name: str) -> JSON:
    """Return the headers of somebody."""
    return {"headers": {"Authorization": f"Bearer {name}"}}


class TestRights:
    """Each sees what they may."""

    @pytest.fixture
    def crane_plugins(self, crane_plugins: list[Plugin]) -> list[Plugin]:
        """With somebody who decides."""
        return [*crane_plugins, guests()]

    @pytest.fixture
    def mixed(self, add: Any) -> None:
        """Lines of two stacks."""
        for stack in ("shop", "bank", "shop", "bank"):
            add("service.updated", target="service", name=f"{stack}_web", stack=stack, operation="0123")

    @pytest.mark.usefixtures("mixed")
    def test_lists_exports_and_pages_show_only_what_one_may_see(self, client: FlaskClient) -> None:
        first = client.get("/api/v1/timeline?limit=1", **as_("ann")).json
        second = client.get(f"/api/v1/timeline?limit=1&after={first['next']}", **as_("ann")).json
        exported = client.get("/api/v1/timeline/export", **as_("ann")).text.splitlines()

        assert (numbers(first["items"]), numbers(second["items"]), second["next"]) == ([3], [1], None)
        assert [json.loads(line)["number"] for line in exported] == [1, 3]
        assert len(client.get("/api/v1/timeline", **as_("root")).json["items"]) == 4

    @pytest.mark.usefixtures("mixed")
    def test_line_of_somebody_else_is_refused_and_not_told_beside_another(self, client: FlaskClient) -> None:
        shown = client.get("/api/v1/timeline/1", **as_("ann"))

        assert numbers(shown.json["related"]) == [3]
        assert client.get("/api/v1/timeline/2", **as_("ann")).status_code == 403
        assert client.get("/api/v1/timeline", **as_("bob")).status_code == 403
        assert client.get("/api/v1/timeline").status_code == 401

    def test_refusal_is_told_with_who_and_why(self, client: FlaskClient, read: Callable[..., list[JSON]]) -> None:
        client.delete("/api/v1/stacks/bank", **as_("bob"))

        lines = read("?by=bob&sort=number", **as_("root"))

        assert {(line["kind"], line["target"], line["name"]) for line in lines} == {
            ("access.denied", "stack", "bank"),
            ("request.refused", "stack", "bank"),
        }
        assert {line["what"] for line in lines} == {"stack:remove", "DELETE /api/v1/stacks/{name}"}
