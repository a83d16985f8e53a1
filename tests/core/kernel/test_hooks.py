"""Each hook, by an example plugin that implements it."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import flask
import pytest
from flask import Flask
from flask.testing import FlaskClient

from crane_core import app as application
from crane_core.auditing import Answered
from crane_core.context import Crane, get_crane
from crane_core.contributions import (
    Action,
    Deployment,
    DoctorCheck,
    EventKind,
    Finding,
    HealthCheck,
    HealthReport,
    Loop,
    Metric,
    Page,
    RegistryLogin,
    Setting,
    Topic,
    Violation,
)
from crane_core.errors import SetupError
from crane_core.events import Event
from crane_core.hookspecs import hookspec
from crane_core.http import Blueprint, Listing, answer
from crane_core.security import Identity, Target, Vote, guard
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

RunServer = Callable[..., Flask]
STACK = "services:\n  web:\n    image: registry.example/web:1\n"


def parts(app: Flask) -> Crane:
    """Return the parts of a server."""
    found: Crane = app.extensions["crane"]
    return found


def deploy(client: FlaskClient, content: str = STACK, **members: Any) -> Any:
    """Deploy the stack called shop, and return the answer."""
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never", **members}
    return client.put("/api/v1/stacks/shop", json=body)


def freeze_actions() -> Iterator[Action]:
    """Contribute the actions of an example plugin."""
    yield Action("freeze:read", "See what is frozen.")


freeze_actions.__name__ = "crane_actions"


# --- Contributed --------------------------------------------------------------------------------------------------


def test_hook_crane_hookspecs(run_server: RunServer) -> None:
    module = ModuleType("crane_search.hookspecs")

    def crane_search_hits(question: str) -> Iterable[str]:
        """Find something."""
        return ()

    module.crane_search_hits = hookspec(crane_search_hits)  # type: ignore[attr-defined]

    def crane_hookspecs() -> ModuleType:
        return module

    def wiki_hits(question: str) -> list[str]:
        return [f"a page about {question}"]

    wiki_hits.__name__ = "crane_search_hits"
    app = run_server(make_plugin("search", crane_hookspecs), make_plugin("wiki", wiki_hits, requires=["search"]))

    hits = parts(app).plugins.collect("crane_search_hits", question="nodes")

    assert hits == [("wiki", "a page about nodes")]


def test_hook_crane_settings(run_server: RunServer) -> None:
    def crane_settings() -> Iterator[Setting]:
        yield Setting("freeze.days", int, 7, "How long a service stays frozen, in days.")

    app = run_server(make_plugin("freeze", crane_settings), **{"freeze.days": 3})

    assert parts(app).settings["freeze.days"] == 3
    listed = app.test_client().get("/api/v1/settings").json["items"]
    assert [(row["value"], row["default"]) for row in listed if row["name"] == "freeze.days"] == [(3, 7)]


def test_setting_of_another_name_than_its_plugin_is_refused(run_server: RunServer) -> None:
    def crane_settings() -> Iterator[Setting]:
        yield Setting("thaw.days", int, 7, "How long.")

    with pytest.raises(SetupError, match=r"freeze contributes the setting thaw\.days"):
        run_server(make_plugin("freeze", crane_settings))


def test_hook_crane_actions(run_server: RunServer) -> None:
    app = run_server(make_plugin("freeze", freeze_actions))

    assert parts(app).actions["freeze:read"].help == "See what is frozen."


def test_hook_crane_routes(run_server: RunServer) -> None:
    documented = Blueprint("freeze", __name__, url_prefix="/api/v1")
    plain = flask.Blueprint("freeze_pages", __name__)

    @documented.route("/freezes")
    @guard("freeze:read")
    @documented.response(200)
    def freezes() -> Any:
        """List what is frozen."""
        return answer({"items": [], "on": get_crane().version})

    @plain.route("/freeze.txt")
    @guard("freeze:read")
    def page() -> str:
        return "nothing"

    def crane_routes() -> Iterator[flask.Blueprint]:
        yield documented
        yield plain

    client = run_server(make_plugin("freeze", freeze_actions, crane_routes)).test_client()

    assert client.get("/api/v1/freezes").json["items"] == []
    assert client.get("/freeze.txt").text == "nothing"
    paths = client.get("/api/v1/openapi.json").json["paths"]
    assert paths["/api/v1/freezes"]["get"]["x-crane-action"] == "freeze:read"
    assert "/freeze.txt" not in paths


def test_route_of_a_plugin_without_guard_stops_the_start(run_server: RunServer) -> None:
    blueprint = Blueprint("freeze", __name__, url_prefix="/api/v1")
    blueprint.add_url_rule("/freezes", "freezes", lambda: "")

    def crane_routes() -> Iterator[flask.Blueprint]:
        yield blueprint

    with pytest.raises(SetupError, match=r"/api/v1/freezes .* has no guard"):
        run_server(make_plugin("freeze", crane_routes))


def test_two_blueprints_of_one_name_stop_the_start_and_name_their_plugins(run_server: RunServer) -> None:
    def contributing() -> Callable[[], list[flask.Blueprint]]:
        def crane_routes() -> list[flask.Blueprint]:
            return [Blueprint("freeze", __name__)]

        return crane_routes

    with pytest.raises(SetupError, match="plugins ann and bob both claim the name freeze"):
        run_server(make_plugin("ann", contributing()), make_plugin("bob", contributing()))


def test_hook_crane_topics(run_server: RunServer) -> None:
    def read(_: Crane, parameters: Mapping[str, str]) -> Listing[dict[str, str]]:
        rows = [{"frozen": parameters["name"]}]
        return Listing("1", lambda: rows, "freeze:read", lambda row: Target("freeze", row["frozen"]), {})

    def crane_topics() -> Iterator[Topic]:
        yield Topic("freezes/{name}", "freeze:read", "One freeze.", read, lambda row: str(row["frozen"]))

    app = run_server(make_plugin("freeze", freeze_actions, crane_topics))

    topic = next(topic for topic in parts(app).topics if topic.name == "freezes/{name}")
    listing = topic.listing(parts(app), {"name": "web"})
    assert [(topic.key(row), listing.present(row)) for row in listing.rows()] == [("web", {"frozen": "web"})]


def test_hook_crane_pages(run_server: RunServer) -> None:
    def crane_pages() -> Iterator[Page]:
        yield Page("/freezes", "Freezes", "applications", "freeze:read", source="/api/v1/freezes")

    app = run_server(make_plugin("freeze", freeze_actions, crane_pages))

    assert [page.title for page in parts(app).pages if page.path == "/freezes"] == ["Freezes"]
    listed = app.test_client().get("/api/v1/pages").json["items"]
    assert [(page["path"], page["plugin"]) for page in listed if page["path"] == "/freezes"] == [("/freezes", "freeze")]


def test_topic_that_demands_an_unknown_action_stops_the_start(run_server: RunServer) -> None:
    def crane_topics() -> Iterator[Topic]:
        yield Topic("freezes", "freeze:raed", "What is frozen.", lambda crane, _: list_nothing(), str)

    with pytest.raises(SetupError, match="The topic freezes demands freeze:raed"):
        run_server(make_plugin("freeze", freeze_actions, crane_topics))


def list_nothing() -> Listing[str]:
    """Return an empty list."""
    return Listing("1", list, "freeze:read", lambda row: Target("freeze", row), {})


def test_hook_crane_commands(
    install: Callable[..., dict[str, str]], run_program: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    env = install(
        freeze="""
        import click
        from crane_core.hookspecs import hookimpl

        @click.command()
        def thaw():
            "Thaw everything."
            click.echo("All is thawed.")

        @hookimpl
        def crane_commands():
            yield thaw
        """
    )

    done = run_program("thaw", env=env)

    assert (done.returncode, done.stdout) == (0, "All is thawed.\n"), done.stderr
    assert "Thaw everything." in run_program("--help", env=env).stdout


def test_hook_crane_health_checks(run_server: RunServer) -> None:
    def crane_health_checks() -> Iterator[HealthCheck]:
        yield HealthCheck("freeze.storage", lambda: HealthReport("degraded", "The storage is slow."))

    health = run_server(make_plugin("freeze", crane_health_checks)).test_client().get("/api/v1/health")

    assert health.json["state"] == "degraded"
    assert "freeze.storage" in health.text
    assert "The storage is slow." in health.text


def test_failing_health_check_does_not_hide_the_others(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> HealthReport:
        raise ValueError("a mistake")

    def crane_health_checks() -> Iterator[HealthCheck]:
        yield HealthCheck("freeze.storage", fail)

    health = run_server(make_plugin("freeze", crane_health_checks)).test_client().get("/api/v1/health")

    assert (health.status_code, health.json["state"]) == (200, "degraded")
    assert health.json["checks"]["freeze.storage"]["state"] == "degraded"
    assert health.json["checks"]["plugins"]["state"] == "ok"
    assert "The health check freeze.storage failed." in caplog.text
    assert "a mistake" not in health.text


def test_hook_crane_doctor_checks(run_server: RunServer) -> None:
    def crane_doctor_checks() -> Iterator[DoctorCheck]:
        yield DoctorCheck("freezes", "Frozen services", lambda: [Finding("frozen-long", "info", "It is cold.", "web")])

    told = run_server(make_plugin("freeze", crane_doctor_checks)).test_client().get("/api/v1/doctor").json

    [check] = [check for check in told["checks"] if check["name"] == "freezes"]
    assert (check["title"], check["state"]) == ("Frozen services", "info")
    assert check["findings"] == [
        {"code": "frozen-long", "severity": "info", "what": "It is cold.", "where": "web", "advice": ""}
    ]


def test_failing_metric_is_left_out(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> list[tuple[tuple[str, ...], float]]:
        raise ValueError("a mistake")

    def crane_metrics() -> Iterator[Metric]:
        yield Metric("crane_freeze_broken", "Nothing.", "gauge", fail)

    told = run_server(make_plugin("freeze", crane_metrics)).test_client().get("/metrics")

    assert told.status_code == 200
    assert "crane_freeze_broken" not in told.text
    assert "crane_monitoring_copy_age_seconds" in told.text
    assert "The metric crane_freeze_broken cannot be read." in caplog.text


def test_hook_crane_metrics(run_server: RunServer) -> None:
    def crane_metrics() -> Iterator[Metric]:
        yield Metric(
            "crane_freeze_frozen_services",
            "How many services are frozen.",
            "gauge",
            lambda: [(("shop",), 2.0)],
            labels=("stack",),
        )

    told = run_server(make_plugin("freeze", crane_metrics)).test_client().get("/metrics").text

    assert "# TYPE crane_freeze_frozen_services gauge" in told
    assert 'crane_freeze_frozen_services{stack="shop"} 2' in told


def test_hook_crane_event_kinds(run_server: RunServer) -> None:
    def crane_event_kinds() -> Iterator[EventKind]:
        yield EventKind("freeze.created", "A service was frozen.")

    client = run_server(make_plugin("freeze", crane_event_kinds)).test_client()

    assert client.get("/api/v1/events?kind=freeze,freeze.created").status_code == 200
    refused = client.get("/api/v1/events?kind=freeze.bogus").json["errors"]
    assert refused[0]["detail"] == "There is no 'freeze.bogus' here; there are freeze.created."


def test_event_that_no_plugin_contributes_is_told_and_named_in_the_log(
    run_server: RunServer, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def crane_event(event: Event) -> None:
        told.append(event.kind)

    app = run_server(make_plugin("freeze", crane_event))
    crane = app.extensions["crane"]
    for _ in range(2):
        crane.emit(Event("freeze.melted"))
    crane.events.drain()

    assert told.count("freeze.melted") == 2
    assert caplog.text.count("An event of the kind freeze.melted was emitted") == 1
    assert app.test_client().get("/api/v1/events?kind=freeze.melted").json["items"]


def test_hook_crane_loops(run_server: RunServer) -> None:
    running, stopped = threading.Event(), threading.Event()

    def run(stop: threading.Event) -> None:
        running.set()
        stop.wait()
        stopped.set()

    def crane_loops() -> Iterator[Loop]:
        yield Loop("freeze.thaw", run)

    app = run_server(make_plugin("freeze", crane_loops))
    assert running.wait(60)
    assert parts(app).loops.states["freeze.thaw"].state == "running"

    application.stop(app)

    assert stopped.wait(60)


# --- The process --------------------------------------------------------------------------------------------------


def once(run: Callable[[threading.Event], None]) -> Callable[[], list[Loop]]:
    """Make an implementation that contributes a loop to be run on one server at a time."""

    def crane_loops() -> list[Loop]:
        return [Loop("freeze.thaw", run, once=True)]

    return crane_loops


def test_hook_crane_run_once(run_server: RunServer) -> None:
    asked: list[tuple[str, str]] = []
    ended = threading.Event()

    def crane_run_once(loop: Loop, stop: threading.Event) -> bool:
        asked.append((loop.name, get_crane().version))
        mine = threading.Event()
        mine.set()
        loop.run(mine)
        return True

    def run(stop: threading.Event) -> None:
        assert stop.is_set()
        ended.set()

    def often() -> list[Loop]:
        return [Loop("freeze.often", lambda stop: None)]

    often.__name__ = "crane_loops"
    app = run_server(make_plugin("freeze", once(run), crane_run_once), make_plugin("other", often))

    assert ended.wait(60)
    application.stop(app)
    assert ("freeze.thaw", parts(app).version) in asked
    assert "freeze.often" not in {name for name, _ in asked}, "the other loop runs everywhere"
    assert parts(app).loops.states["freeze.thaw"].failures == 0


def test_loop_to_be_run_once_just_runs_where_nobody_else_could(run_server: RunServer) -> None:
    running = threading.Event()

    def run(stop: threading.Event) -> None:
        running.set()
        stop.wait()

    run_server(make_plugin("freeze", once(run)))

    assert running.wait(60)


def test_hook_crane_wait(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def crane_wait() -> None:
        told.append(flask.request.path if flask.has_request_context() else "")

    def failing() -> None:
        raise RuntimeError("out of order")

    failing.__name__ = "crane_wait"
    client = run_server(make_plugin("broken", failing), make_plugin("freeze", crane_wait)).test_client()
    deploy(client)
    asked = [path for path in told if path]
    operation = client.get("/api/v1/operations").json["items"][0]["id"]

    body = {"files": [{"name": "stack.yml", "content": STACK.replace(":1", ":2")}], "resolve_image": "never"}
    client.put("/api/v1/stacks/shop?wait=0.01", json=body)
    client.get(f"/api/v1/operations/{operation}?wait=0.01")

    assert asked == [], "nobody waited"
    assert [path for path in told if path] == ["/api/v1/stacks/shop", f"/api/v1/operations/{operation}"]
    assert "Plugin broken failed in crane_wait." in caplog.text


def test_hook_crane_startup(run_server: RunServer) -> None:
    started: list[tuple[str, Flask]] = []

    def starting(name: str) -> Callable[..., None]:
        def crane_startup(app: Flask) -> None:
            started.append((name, app))

        return crane_startup

    app = run_server(make_plugin("b", starting("b"), requires=["a"]), make_plugin("a", starting("a")))

    assert started == [("a", app), ("b", app)]


def test_failing_startup_stops_the_server(run_server: RunServer) -> None:
    def crane_startup(app: Flask) -> None:
        raise SetupError("freeze.directory names no directory.")

    with pytest.raises(SetupError, match=r"freeze\.directory"):
        run_server(make_plugin("freeze", crane_startup))


def test_hook_crane_shutdown(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    stopped: list[str] = []

    def crane_shutdown(app: Flask) -> None:
        stopped.append("freeze")

    def failing(app: Flask) -> None:
        raise RuntimeError("out of order")

    failing.__name__ = "crane_shutdown"
    app = run_server(make_plugin("broken", failing), make_plugin("freeze", crane_shutdown, requires=["broken"]))
    assert stopped == []

    application.stop(app)

    assert stopped == ["freeze"], "one plugin that fails does not keep the others from being told"


def test_shutdown_is_told_to_who_is_required_last_and_after_what_happened(run_server: RunServer) -> None:
    told: list[str] = []

    def stopping(name: str) -> Callable[..., None]:
        def crane_shutdown(app: Flask) -> None:
            told.append(name)

        return crane_shutdown

    def crane_event(event: Event) -> None:
        told.append(event.kind)

    required = make_plugin("required", stopping("required"), crane_event)
    app = run_server(required, make_plugin("freeze", stopping("freeze"), requires=["required"]))
    parts(app).emit(Event("freeze.done"))

    application.stop(app)

    assert told[-3:] == ["freeze.done", "freeze", "required"]


# --- Each request -------------------------------------------------------------------------------------------------


def knowing_ann() -> Callable[..., Any]:
    """Make an implementation that knows Ann by her token."""

    def crane_authenticate(request: flask.Request) -> Identity | None:
        return Identity("ann") if request.headers.get("Authorization") == "Bearer ann" else None

    return crane_authenticate


def test_hook_crane_authenticate(run_server: RunServer) -> None:
    client = run_server(make_plugin("auth", knowing_ann())).test_client()

    assert client.get("/api/v1/whoami", headers={"Authorization": "Bearer ann"}).json["name"] == "ann"
    assert client.get("/api/v1/whoami").json["name"] == "nobody"


def test_hook_crane_authorize(run_server: RunServer) -> None:
    asked: list[tuple[str, str, str]] = []

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        asked.append((identity.name, action, target.kind))
        return Vote.allow() if action == "plugin:read" else Vote.deny("it is frozen")

    client = run_server(make_plugin("auth", knowing_ann(), crane_authorize)).test_client()
    as_ann = {"Authorization": "Bearer ann"}

    assert client.get("/api/v1/plugins", headers=as_ann).status_code == 200
    assert client.get("/api/v1/settings", headers=as_ann).json["code"] == "forbidden"
    assert ("ann", "setting:read", "setting") in asked


# --- Each deployment ----------------------------------------------------------------------------------------------


def test_hook_crane_find_registry_login(run_server: RunServer, swarm: MemorySwarm) -> None:
    asked: list[str] = []

    def crane_find_registry_login(image: str) -> RegistryLogin | None:
        asked.append(image)
        return RegistryLogin("registry.example", "ann", "canary-7f3a")

    answered = deploy(run_server(make_plugin("logins", crane_find_registry_login)).test_client())

    assert answered.status_code in (200, 202), answered.json
    created = next(call for call in swarm.calls if call.path.endswith("/services/create"))
    headers = {name.lower(): value for name, value in created.headers.items()}
    sent = json.loads(base64.urlsafe_b64decode(headers["x-registry-auth"]))
    assert (sent["username"], sent["password"]) == ("ann", "canary-7f3a")
    assert asked
    assert set(asked) == {"registry.example/web:1"}
    assert "canary-7f3a" not in answered.text


def test_hook_crane_mutate_deployment(run_server: RunServer, swarm: MemorySwarm) -> None:
    def crane_mutate_deployment(deployment: Deployment) -> None:
        deployment.spec.setdefault("Labels", {})["acme.owner"] = deployment.identity.name

    client = run_server(make_plugin("owners", crane_mutate_deployment)).test_client()

    deploy(client)

    live = client.get("/api/v1/services/shop_web").json
    assert live["Spec"]["Labels"]["acme.owner"] == "local"


def test_hook_crane_validate_deployment(run_server: RunServer, swarm: MemorySwarm) -> None:
    def objecting(detail: str) -> Callable[..., Any]:
        def crane_validate_deployment(deployment: Deployment) -> Iterator[Violation]:
            if deployment.image.startswith("registry.example/"):
                yield Violation("/TaskTemplate/ContainerSpec/Image", detail)

        return crane_validate_deployment

    refused = deploy(
        run_server(
            make_plugin("ann", objecting("Ann objects.")), make_plugin("bob", objecting("Bob objects."))
        ).test_client()
    )

    assert refused.status_code == 422
    assert [each["detail"] for each in refused.json["errors"]] == ["Ann objects.", "Bob objects."]
    assert swarm.services == []


# --- What happened ------------------------------------------------------------------------------------------------


def test_hook_crane_event(run_server: RunServer) -> None:
    heard: list[Event] = []

    def crane_event(event: Event) -> None:
        heard.append(event)

    app = run_server(make_plugin("listener", crane_event))

    deploy(app.test_client())
    parts(app).events.drain()

    created = next(event for event in heard if event.kind == "service.created")
    assert (created.name, created.stack, created.by) == ("shop_web", "shop", "local")


def requests_told(run_server: RunServer, *plugins: Any, **settings: Any) -> tuple[FlaskClient, list[Answered]]:
    """Run a server, and return a client of it with the list of the requests that plugins are told of."""
    told: list[Answered] = []

    def crane_request(answered: Answered) -> None:
        told.append(answered)

    return run_server(make_plugin("listener", crane_request), *plugins, **settings).test_client(), told


def test_hook_crane_request(run_server: RunServer) -> None:
    client, told = requests_told(run_server)

    operation = deploy(client).json["id"]

    [answered] = told
    assert (answered.method, answered.route, answered.action) == ("PUT", "/api/v1/stacks/{name}", "stack:update")
    assert answered.target == Target("stack", "shop", stack="shop")
    assert (answered.identity.name, answered.address) == ("local", "127.0.0.1")
    assert (answered.status, answered.code, answered.operation) == (202, "", operation)
    assert 0 < answered.seconds < 60


def test_refused_requests_are_told_too(run_server: RunServer) -> None:
    client, told = requests_told(run_server)

    client.delete("/api/v1/services/ghost")
    client.put("/api/v1/stacks/shop", json={"files": 3})
    client.put("/api/v1/stacks/shop", headers={"Origin": "http://elsewhere.example"})

    assert [(each.status, each.code, each.operation) for each in told] == [
        (404, "not-found", ""),
        (422, "invalid", ""),
        (403, "cross-site", ""),
    ]
    assert [each.target and each.target.name for each in told] == ["ghost", "shop", None]
    assert [each.identity.name for each in told] == ["local", "local", "nobody"]


def test_who_is_not_known_is_told_as_nobody(run_server: RunServer) -> None:
    client, told = requests_told(run_server, make_plugin("auth", knowing_ann()))

    deploy(client)

    assert [(each.identity.name, each.status, each.code) for each in told] == [("nobody", 401, "unauthenticated")]


def test_requests_that_read_or_lead_nowhere_are_not_told(run_server: RunServer) -> None:
    client, told = requests_told(run_server)

    client.get("/api/v1/services")
    client.post("/api/v1/stack-files/inspect", json={"files": [{"name": "stack.yml", "content": STACK}]})
    client.post("/api/v1/nowhere/s3cret")

    assert told == []


def test_listener_of_requests_that_fails_changes_no_answer(
    run_server: RunServer, caplog: pytest.LogCaptureFixture
) -> None:
    def crane_request(answered: Answered) -> None:
        raise RuntimeError("out of order")

    answer = deploy(run_server(make_plugin("broken", crane_request)).test_client())

    assert answer.status_code == 202
    assert "Plugin broken failed in crane_request." in caplog.text


def test_operation_is_told_with_its_changes_and_its_verdict(run_server: RunServer, swarm: MemorySwarm) -> None:
    heard: list[Event] = []

    def crane_event(event: Event) -> None:
        heard.append(event)

    app = run_server(make_plugin("listener", crane_event))
    deploy(app.test_client())
    swarm.settle()
    parts(app).watcher.look(full=True)
    deploy(
        app.test_client(), STACK.replace("image: registry.example/web:1", "{image: a:2, environment: {TOKEN: s3cret}}")
    )
    parts(app).events.drain()

    second = [event for event in heard if event.kind == "operation.started"][-1]
    [changed] = [change for change in second.detail["changes"] if change["kind"] == "service"]
    images = [(each["old"], each["new"]) for each in changed["fields"] if each["path"].endswith("/Image")]
    assert (changed["action"], images) == ("update", [("registry.example/web:1", "a:2")])
    assert "s3cret" not in repr(second.detail)


def test_hook_crane_operation(run_server: RunServer, swarm: MemorySwarm) -> None:
    told: list[Any] = []

    def crane_operation(operation: Any, plan: Any) -> None:
        assert swarm.services == [], "nothing has been sent yet"
        told.append((operation, plan))

    answer = deploy(run_server(make_plugin("listener", crane_operation)).test_client())

    [(operation, plan)] = told
    assert (operation.id, operation.by, operation.kind) == (answer.json["id"], "local", "stack.deploy")
    assert [change.name for change in plan.effective] == ["shop_default", "shop_web"]
    assert plan.wish.request.files[0].content == STACK
    assert "wish" not in plan.to_json()
    assert plan.as_applied().wish is None


def test_listener_of_operations_that_fails_stops_no_operation(
    run_server: RunServer, swarm: MemorySwarm, caplog: pytest.LogCaptureFixture
) -> None:
    def crane_operation(operation: Any, plan: Any) -> None:
        raise RuntimeError("out of order")

    deploy(run_server(make_plugin("broken", crane_operation)).test_client())

    assert swarm.services == ["shop_web"]
    assert "Plugin broken failed in crane_operation." in caplog.text
