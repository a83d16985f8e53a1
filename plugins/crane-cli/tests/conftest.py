"""A server that answers what a test wrote down, and the program run against it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result
from crane_cli.main import cli
from crane_cli.session import Session
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the law that is tested.
settings.register_profile("crane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crane")

DROP = object()
"""In place of an answer: end the connection without one. As a line of a stream: end it there."""


@dataclass
class Request:
    """What the program sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None


@dataclass
class PlayedServer:
    """A real HTTP server that plays the answers it was given.

    :param answers: For each method and path the answers in turn, each a status and a body; the last one is repeated.
        A body is JSON, bytes, a list of lines for a stream, or made by a function of the request.
    """

    answers: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def plays(self, method: str, path: str, *answers: Any) -> None:
        """Answer this route so; an answer is a body for status 200, or a status and a body."""
        self.answers[(method, f"/api/v1/{path}")] = list(answers)

    def sent(self, method: str, path: str) -> list[Request]:
        """Return the requests of a route."""
        return [request for request in self.requests if (request.method, request.path) == (method, f"/api/v1/{path}")]

    def answer(self, request: Request) -> tuple[int, Any]:
        """Return the next answer."""
        self.requests.append(request)
        turns = self.answers.get((request.method, request.path))
        if turns is None:
            return 404, {"code": "not-found", "detail": f"The script has no {request.method} {request.path}."}
        turn = turns.pop(0) if len(turns) > 1 else turns[0]
        if callable(turn):
            turn = turn(request)
        return turn if isinstance(turn, tuple) else (200, turn)


def make_handler(played: PlayedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def answer(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers)
            request.body = json.loads(raw) if raw else None
            status, body = played.answer(request)
            if body is DROP:
                return
            self.send_response(status)
            kind = "application/json" if status < 400 else "application/problem+json"
            self.send_header("Content-Type", "text/html" if isinstance(body, bytes) else kind)
            self.end_headers()
            if isinstance(body, bytes):
                self.wfile.write(body)
            elif isinstance(body, list):
                # A line that is cut in the middle is what a connection that drops leaves behind.
                lines = (b'{"half' if line is DROP else json.dumps(line).encode() + b"\n" for line in body)
                # The program may stop reading when it has what it needs.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.writelines(lines)
            else:
                self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[PlayedServer]:
    """A server on a free port of this machine."""
    played = PlayedServer()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(played))
    played.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield played
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a server that begins TLS as long as a busy machine may need for it."""
    monkeypatch.setattr("crane_cli.api.CONNECT_SECONDS", 60.0)


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the program would have made."""
    return []


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty home; nothing of whoever runs the tests is read."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / ".local" / "share"))
    for name in ("CRANE_CLI_SERVER", "CRANE_CLI_TOKEN", "DOCKER_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def crane(
    server: PlayedServer, pauses: list[float], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run the program in an empty folder against the server."""
    monkeypatch.setenv("CRANE_CLI_SERVER", server.url)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **how: Any) -> Result:
        return CliRunner().invoke(cli, arguments, obj=Session(pause=pauses.append), prog_name="crane", **how)

    return run


def make_plan(**members: Any) -> dict[str, Any]:
    """Return a plan that updates one service."""
    changes = [
        {
            "kind": "service",
            "name": "shop_web",
            "action": "update",
            "restarts": 2,
            "image": "nginx:2",
            "credential": "ci@ghcr.io",
            "reason": None,
            "fields": [{"path": "/TaskTemplate/ContainerSpec/Image", "old": "nginx:1", "new": "nginx:2"}],
        },
        {"kind": "network", "name": "shop_default", "action": "keep", "restarts": 0, "fields": []},
    ]
    summary = {"create": 0, "update": 1, "remove": 0, "keep": 1, "restarts": 2}
    plan = {"id": "p1", "stack": "shop", "changes": changes, "warnings": [], "violations": [], "summary": summary}
    return {**plan, **members}


def make_operation(outcome: str | None = None, **members: Any) -> dict[str, Any]:
    """Return an operation that has ended with this outcome, or goes on without one."""
    service = {"name": "shop_web", "desired": 2, "running": 2, "updated": 2, "total": 2, "state": "converged"}
    operation: dict[str, Any] = {
        "id": "o1",
        "kind": "stack.deploy",
        "target": "shop",
        "stack": "shop",
        "state": "following" if outcome is None else "ended",
        "steps": [{"kind": "service", "name": "shop_web", "action": "update", "state": "done", "error": None}],
        "services": [{**service, "message": "", "failing": []}],
        "verdict": None,
        "warnings": [],
        "plan_id": "p1",
    }
    if outcome is not None:
        operation["verdict"] = {"outcome": outcome, "cause": f"It is {outcome}.", "services": [], "created": []}
    return {**operation, **members}


@pytest.fixture
def plan() -> Callable[..., dict[str, Any]]:
    """Make a plan."""
    return make_plan


@pytest.fixture
def operation() -> Callable[..., dict[str, Any]]:
    """Make an operation."""
    return make_operation


@pytest.fixture
def drop() -> object:
    """What stands for a connection that ends."""
    return DROP


NOTHING_NEEDED = {"format": "compose", "variables": [], "paths": [], "images": ["nginx:2"]}


@pytest.fixture
def shop(server: PlayedServer, tmp_path: Any) -> PlayedServer:
    """A server on which the stack file ``stack.yml`` deploys and converges."""
    (tmp_path / "stack.yml").write_text("services:\n  web:\n    image: nginx:2\n")
    server.plays("POST", "stack-files/inspect", NOTHING_NEEDED)
    server.plays("POST", "stacks/shop/plan", (201, make_plan()))
    server.plays("POST", "plans/p1/apply", (202, make_operation()))
    server.plays("GET", "operations/o1/events", [make_operation(), make_operation("converged")])
    return server
