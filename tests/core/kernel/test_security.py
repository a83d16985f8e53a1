"""Facts about who asks, what they may do, and what they must not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Request

from crane_core.context import Crane
from crane_core.contributions import Action
from crane_core.errors import Ambiguous, NotFound, SetupError, Unauthenticated
from crane_core.events import Event
from crane_core.http import answer
from crane_core.redaction import hide_inside, redact
from crane_core.security import (
    LOCAL,
    NOBODY,
    SERVER,
    Guard,
    Identity,
    Target,
    Vote,
    decide,
    decider,
    guard,
    guard_of,
    identify,
    known,
    may,
    permitted,
    public,
    require_guards,
)
from crane_core.testing.plugins import make_plugin

ANN = Identity("ann")
LOCALLY = {"REMOTE_ADDR": "127.0.0.1"}


def authenticating() -> Any:
    """Make a plugin that knows Ann by her header."""

    def crane_authenticate(request: Request) -> Identity | None:
        proof = request.headers.get("Authorization")
        if proof == "Bearer wrong":
            raise Unauthenticated("The token has expired.")
        return ANN if proof == "Bearer ann" else None

    return make_plugin("auth", crane_authenticate)


def voting(name: str, vote: Vote | None, **requirements: Any) -> Any:
    """Make a plugin that votes the same on everything."""

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        return vote

    return make_plugin(name, crane_authorize, **requirements)


@pytest.fixture
def make_thing_app(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """Make an application with an open view, one about things and one about a thing."""

    def make(*plugins: Any, **options: Any) -> Flask:
        app = make_app(*plugins, **options)
        crane: Crane = app.extensions["crane"]

        def find(name: str) -> Target:
            if name == "furniture":
                raise Ambiguous("things are furniture", ("lamp", "chair"), "Say which.")
            name = "lamp" if name == "la" else name
            if name not in ("lamp", "chair"):
                raise NotFound(f"There is no thing {name}.")
            return Target("thing", name, labels={"owner": "ann" if name == "lamp" else "bob"})

        crane.actions = {
            "thing:read": Action("thing:read", "See things."),
            "thing:update": Action("thing:update", "Change things.", find=find),
        }

        @app.route("/whoami")
        @public("It tells callers only who they are.")
        def whoami() -> Any:
            return answer({"name": identify().name, "kind": identify().kind})

        @app.route("/things", methods=["GET", "POST"])
        @guard("thing:read")
        def things() -> Any:
            return answer(list(permitted("thing:read", ["lamp", "chair"], find)))

        @app.route("/things/<name>", methods=["PATCH"])
        @guard("thing:update", by="name")
        def change(name: str) -> Any:
            return answer({"changed": name})

        return app

    return make


# --- Who ----------------------------------------------------------------------------------------------------------


def test_caller_on_this_machine_is_local_while_no_plugin_authenticates(make_thing_app: Callable[..., Flask]) -> None:
    client = make_thing_app().test_client()

    assert client.get("/whoami").json == {"name": "local", "kind": "local"}
    assert client.get("/things").json == ["lamp", "chair"]


@pytest.mark.parametrize("host", ["localhost", "localhost:5013", "127.0.0.1:5013", "127.8.8.8", "[::1]:5013"])
def test_names_of_this_machine_are_local(make_thing_app: Callable[..., Flask], host: str) -> None:
    assert make_thing_app().test_client().get("/things", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {}),
        ("127.0.0.1", {"Host": "rebound.example:5013"}),
        ("127.0.0.1", {"Host": "127.0.0.1.rebound.example"}),
        ("127.0.0.1", {"Host": "localhost.rebound.example"}),
        ("127.0.0.1", {"Host": "[::1"}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"X-Real-Ip": "127.0.0.1"}),
        ("127.0.0.1", {"Via": "1.1 proxy.example"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("::ffff:192.0.2.7", {}),
    ],
)
def test_only_callers_on_this_machine_are_served_while_no_plugin_authenticates(
    make_thing_app: Callable[..., Flask], address: str, headers: dict[str, str]
) -> None:
    answered = make_thing_app().test_client().get("/things", headers=headers, environ_base={"REMOTE_ADDR": address})

    assert answered.status_code == 401
    assert answered.json["code"] == "unauthenticated"
    assert "security.open = true" in answered.json["detail"]


def test_everybody_is_served_when_the_operator_says_so(make_thing_app: Callable[..., Flask]) -> None:
    client = make_thing_app(open_to_all=True).test_client()

    answered = client.get("/things", headers={"Host": "swarm.example"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert answered.status_code == 200


def test_caller_on_this_machine_is_nobody_once_a_plugin_authenticates(make_thing_app: Callable[..., Flask]) -> None:
    client = make_thing_app(authenticating(), open_to_all=True).test_client()

    assert client.get("/whoami").json == {"name": "nobody", "kind": "nobody"}
    refused = client.get("/things")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_identity_is_not_kept_between_requests(make_thing_app: Callable[..., Flask]) -> None:
    app = make_thing_app(authenticating(), voting("accounts", Vote.allow()))
    # An application context that stays open is what some test clients have, and flask.g lives in it.
    with app.app_context():
        client = app.test_client()

        assert client.get("/whoami", headers={"Authorization": "Bearer ann"}).json["name"] == "ann"
        assert client.get("/whoami").json["name"] == "nobody"


def test_wrong_proof_is_refused_even_where_anybody_may_ask(make_thing_app: Callable[..., Flask]) -> None:
    answered = make_thing_app(authenticating()).test_client().get("/whoami", headers={"Authorization": "Bearer wrong"})

    assert answered.status_code == 401
    assert answered.json["detail"] == "The token has expired."


def test_plugins_are_asked_once_a_request_who_it_is(make_thing_app: Callable[..., Flask]) -> None:
    asked = []

    def crane_authenticate(request: Request) -> Identity:
        asked.append(request.path)
        return ANN

    app = make_thing_app(make_plugin("auth", crane_authenticate), voting("accounts", Vote.allow()))

    app.test_client().get("/things")

    assert asked == ["/things"]


# --- Pages of other sites -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_page_of_another_site_changes_nothing(make_thing_app: Callable[..., Flask], headers: dict[str, str]) -> None:
    client = make_thing_app().test_client()

    refused = client.patch("/things/lamp", headers={"Host": "localhost:5013", **headers})

    assert refused.status_code == 403
    assert refused.json["code"] == "cross-site"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost:5013", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
)
def test_program_and_own_page_may_change(make_thing_app: Callable[..., Flask], headers: dict[str, str]) -> None:
    client = make_thing_app().test_client()

    assert client.patch("/things/lamp", headers={"Host": "localhost:5013", **headers}).status_code == 200


def test_page_of_another_site_opens_no_websocket(make_thing_app: Callable[..., Flask]) -> None:
    headers = {"Origin": "https://evil.example", "Upgrade": "websocket", "Connection": "Upgrade"}

    assert make_thing_app().test_client().get("/things", headers=headers).status_code == 403


# --- May ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "allowed"),
    [
        ([], False),
        ([None], False),
        ([Vote.allow()], True),
        ([None, Vote.allow()], True),
        ([Vote.allow(), Vote.deny("frozen")], False),
        ([Vote.deny("frozen"), Vote.allow()], False),
    ],
)
def test_one_deny_forbids_else_one_allow_is_needed(
    make_crane: Callable[..., Crane], votes: list[Vote | None], allowed: bool
) -> None:
    voters = [voting(f"voter{number}", vote) for number, vote in enumerate(votes)]
    crane = make_crane(authenticating(), *voters)

    assert decide(crane, ANN, "thing:update", Target("thing", "lamp")).allows is allowed


def test_hook_crane_prepare_vote(make_crane: Callable[..., Crane]) -> None:
    prepared: list[tuple[str, str]] = []

    def crane_prepare_vote(identity: Identity, action: str) -> Callable[[Target], Vote | None] | None:
        if action != "thing:read":
            return None
        prepared.append((identity.name, action))
        votes = {"open": Vote.allow("it is open"), "shut": Vote.deny("it is shut")}
        return lambda target: votes.get(target.name)

    crane = make_crane(make_plugin("prepared", crane_prepare_vote))
    decide_on = decider(crane, ANN, "thing:read")

    assert [decide_on(Target("thing", name)).allows for name in ("open", "shut", "other")] == [True, False, False]
    assert prepared == [("ann", "thing:read")]
    assert not decide(crane, ANN, "thing:update", Target("thing", "open")).allows


def test_vote_that_was_prepared_counts_like_any_other(make_crane: Callable[..., Crane]) -> None:
    def crane_prepare_vote(identity: Identity, action: str) -> Callable[[Target], Vote | None]:
        return lambda target: {"open": Vote.allow(), "shut": Vote.deny("it is shut")}.get(target.name)

    allowing = make_crane(make_plugin("prepared", crane_prepare_vote), voting("other", Vote.allow()))
    denying = make_crane(make_plugin("prepared", crane_prepare_vote), voting("other", Vote.deny("no")))

    names = ("open", "shut", "other")
    assert [decide(allowing, ANN, "thing:read", Target("thing", name)).allows for name in names] == [True, False, True]
    assert [decide(denying, ANN, "thing:read", Target("thing", name)).allows for name in names] == [False] * 3


def test_server_itself_may_do_anything(make_crane: Callable[..., Crane]) -> None:
    crane = make_crane(authenticating(), voting("strict", Vote.deny()))

    assert decide(crane, SERVER, "thing:update", Target("thing")).allows


def test_whoever_runs_the_server_may_do_anything(make_crane: Callable[..., Crane]) -> None:
    crane = make_crane(authenticating(), voting("strict", Vote.deny()))

    assert decide(crane, LOCAL, "thing:update", Target("thing")).allows


def test_refusal_says_action_target_and_reason(make_thing_app: Callable[..., Flask]) -> None:
    app = make_thing_app(authenticating(), voting("freeze", Vote.deny("it is frozen")))

    refused = app.test_client().patch("/things/lamp", headers={"Authorization": "Bearer ann"})

    assert refused.status_code == 403
    assert refused.json["detail"] == "You may not do thing:update on thing lamp: it is frozen."
    assert refused.json["action"] == "thing:update"


def test_refusal_of_somebody_known_is_told_to_plugins(make_thing_app: Callable[..., Flask]) -> None:
    heard: list[Event] = []

    def crane_event(event: Event) -> None:
        heard.append(event)

    app = make_thing_app(
        authenticating(), voting("freeze", Vote.deny("it is frozen")), make_plugin("listener", crane_event)
    )

    app.test_client().patch("/things/lamp", headers={"Authorization": "Bearer ann"})
    app.test_client().patch("/things/lamp")

    assert app.extensions["crane"].events.stop()
    assert [(event.kind, event.name, event.by, event.detail["action"]) for event in heard] == [
        ("access.denied", "lamp", "ann", "thing:update")
    ]


def test_who_is_told_to_log_in_may_be_an_identity_of_a_plugin(make_thing_app: Callable[..., Flask]) -> None:
    def crane_authenticate(request: Request) -> Identity:
        return Identity("a passer-by", "nobody")

    refused = make_thing_app(make_plugin("auth", crane_authenticate)).test_client().get("/things")

    assert refused.status_code == 401


def test_list_keeps_what_the_caller_may_see(make_thing_app: Callable[..., Flask]) -> None:
    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        kind_as_a_whole = not target.name
        return Vote.allow() if kind_as_a_whole or target.labels.get("owner") == identity.name else None

    app = make_thing_app(authenticating(), make_plugin("owners", crane_authorize))

    assert app.test_client().get("/things", headers={"Authorization": "Bearer ann"}).json == ["lamp"]


def test_permission_can_be_asked_without_refusing(make_thing_app: Callable[..., Flask]) -> None:
    app = make_thing_app(authenticating(), voting("accounts", Vote.allow()))

    with app.test_request_context("/", headers={"Authorization": "Bearer ann"}):
        assert may("thing:read", Target("thing"))
    with make_thing_app(authenticating()).test_request_context("/"):
        assert not may("thing:read", Target("thing"))


# --- Guards -------------------------------------------------------------------------------------------------------


def test_guard_decides_on_what_was_found(make_thing_app: Callable[..., Flask]) -> None:
    seen: list[Target] = []

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        seen.append(target)
        return Vote.allow()

    app = make_thing_app(authenticating(), make_plugin("accounts", crane_authorize))

    assert app.test_client().patch("/things/lamp", headers={"Authorization": "Bearer ann"}).status_code == 200
    assert [(target.name, target.labels) for target in seen] == [("lamp", {"owner": "ann"})]


def test_who_may_do_it_is_told_that_there_is_no_such_thing(make_thing_app: Callable[..., Flask]) -> None:
    assert make_thing_app().test_client().patch("/things/table").status_code == 404


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer ann"}, 403)])
def test_who_may_not_do_it_is_not_told_which_things_exist(
    make_thing_app: Callable[..., Flask], headers: dict[str, str], status: int
) -> None:
    client = make_thing_app(authenticating()).test_client()

    existing, missing = client.patch("/things/lamp", headers=headers), client.patch("/things/table", headers=headers)

    assert existing.status_code == missing.status_code == status
    assert existing.json["detail"].replace("lamp", "table") == missing.json["detail"]


@pytest.mark.parametrize("name", ["la", "furniture"])
def test_who_may_not_do_it_is_not_told_what_a_name_stands_for(make_thing_app: Callable[..., Flask], name: str) -> None:
    refused = (
        make_thing_app(authenticating()).test_client().patch(f"/things/{name}", headers={"Authorization": "Bearer ann"})
    )

    assert refused.status_code == 403
    assert refused.json["detail"] == f"You may not do thing:update on thing {name}: nobody allowed it."


def test_of_several_only_those_are_named_that_the_caller_may_touch(make_thing_app: Callable[..., Flask]) -> None:
    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        return Vote.allow() if target.name == "chair" else None

    client = make_thing_app(authenticating(), make_plugin("accounts", crane_authorize)).test_client()

    some = client.patch("/things/furniture", headers={"Authorization": "Bearer ann"})
    all_ = make_thing_app().test_client().patch("/things/furniture")

    assert (some.status_code, some.json["code"]) == (422, "ambiguous")
    assert some.json["detail"] == "Several things are furniture: chair. Say which."
    assert all_.json["detail"] == "Several things are furniture: chair, lamp. Say which."


def test_guard_is_known_of_a_view() -> None:
    @guard("thing:update", by="name")
    def guarded(name: str) -> None: ...

    @public("It is open.")
    def opened() -> None: ...

    assert guard_of(guarded) == Guard("thing:update", "name")
    assert guard_of(opened) == Guard(None, reason="It is open.")
    assert guard_of(lambda: None) is None


def test_view_about_oneself_is_open_to_whoever_is_known(make_thing_app: Callable[..., Flask]) -> None:
    app = make_thing_app(authenticating())
    view = known("It tells callers of themselves.")(lambda: answer({"name": identify().name}))
    app.add_url_rule("/me", "me", view)
    client = app.test_client()

    assert client.get("/me").status_code == 401
    assert client.get("/me", headers={"Authorization": "Bearer ann"}).json == {"name": "ann"}
    assert guard_of(view) == Guard(None, reason="It tells callers of themselves.", known=True)


def test_route_without_guard_stops_the_start(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    app.add_url_rule("/naked", "naked", lambda: "")

    with pytest.raises(SetupError, match=r"The route /naked \(naked\) has no guard"):
        require_guards(app, ["thing:read"])


def test_route_that_demands_an_unknown_action_stops_the_start(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    app.add_url_rule("/odd", "odd", guard("thing:raed")(lambda: ""))

    with pytest.raises(SetupError, match="demands thing:raed, which no plugin contributes"):
        require_guards(app, ["thing:read"])


# --- Hide ---------------------------------------------------------------------------------------------------------

CANARY = "canary-7f3a"


def paths_to_a_secret() -> Iterator[Any]:
    """Yield JSON values that hold the canary where a secret stands."""
    yield {"Spec": {"TaskTemplate": {"ContainerSpec": {"Env": [f"DB_PASSWORD={CANARY}"]}}}}
    yield {"Env": [f"DATABASE_URL=postgres://ann:{CANARY}@db/shop"]}
    yield {"Args": ["--password", CANARY]}
    yield {"Args": [f"--api-key={CANARY}"]}
    yield {"Data": CANARY}
    yield {"Labels": {"acme.token": CANARY}}
    yield {"JoinTokens": {"Worker": CANARY, "Manager": CANARY}}
    yield {"password": CANARY}
    yield [{"registry_logins": {"ghcr.io": {"username": "ann", "password": CANARY}}}]
    yield f"cannot reach https://ann:{CANARY}@registry.example/v2/"
    yield f'the registry refused {{"username": "ann", "password": "{CANARY} 2"}}'
    yield f"sent with Authorization: Bearer {CANARY}"


@pytest.mark.parametrize("value", list(paths_to_a_secret()), ids=lambda value: repr(value)[:40])
def test_secret_is_hidden(value: Any) -> None:
    assert CANARY in repr(value)
    assert CANARY not in repr(redact(value))


def test_what_is_no_secret_stays_as_it_is() -> None:
    value = {
        "Spec": {
            "Name": "web",
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "nginx:1",
                    "Env": ["TAG=1", "DB_PASSWORD_FILE=/run/secrets/db"],
                    "Secrets": [{"SecretID": "x1", "SecretName": "shop_db", "File": {"Name": "db", "Mode": 292}}],
                },
                "ForceUpdate": 3,
            },
        }
    }

    assert redact(value) == value


@pytest.mark.parametrize("part", ["a", "a-", "password", "://", "://a:", 'a="'])
def test_secrets_are_looked_for_in_linear_time(part: str) -> None:
    text = part * 100_000
    begun = time.process_time()

    redact({"Args": [text]})

    assert time.process_time() - begun < 2


def test_name_of_a_missing_secret_is_told() -> None:
    assert hide_inside("No such secret: shop_db") == "No such secret: shop_db"


def test_nobody_is_nobody() -> None:
    assert NOBODY.kind == "nobody"
