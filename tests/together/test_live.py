"""The live socket of a real server process, over a Swarm in memory that is served on a socket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from crane_core.openapi import NDJSON
from crane_core.testing import MemorySwarm
from crane_core.testing.ports import find_free_port
from crane_core.testing.transport import serve
from tests.identity import WITHOUT_LOGIN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/follow-live.md").read_text("utf-8")
EXAMPLE = re.search(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# How long anything may take, in seconds; a busy machine lets programs wait for long.
PATIENCE = 60.0
# What is to be quick is tried so often: the machine does not let it wait each time.
TRIES = 5

# Says who callers are by a header, and hides from ann what bob owns; other headers shut somebody out.
LOGIN = """
from crane_core.context import get_crane
from crane_core.errors import Unauthenticated
from crane_core.hookspecs import hookimpl
from crane_core.security import Identity, Vote

logged_out, shut_out = set(), {"eve"}

@hookimpl
def crane_authenticate(request):
    name = request.headers.get("X-Caller")
    for header, names in (("X-Log-Out", logged_out), ("X-Shut-Out", shut_out)):
        if header in request.headers:
            names.add(request.headers[header])
            get_crane().rights.changed()
    if name == "forged" or name in logged_out:
        raise Unauthenticated("The token is wrong.")
    return Identity(name) if name else None

@hookimpl
def crane_authorize(identity, action, target):
    if identity.kind == "nobody" or (identity.name in shut_out and action != "live:read"):
        return Vote.deny("they may do nothing")
    if identity.name == "ann" and target.name.startswith("bob"):
        return Vote.deny("it is another's")
    return Vote.allow()
"""


@dataclass
class Server:
    """A running server, and the Swarm that it shows."""

    process: subprocess.Popen[str]
    port: int
    swarm: MemorySwarm

    def connect(self, **options: Any) -> Any:
        """Open the live socket."""
        patience = {"open_timeout": PATIENCE, "ping_timeout": PATIENCE}
        return connect(f"ws://127.0.0.1:{self.port}/api/v1/live", max_size=None, **patience, **options)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API, as root."""
        content = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            content,
            {"Content-Type": "application/json", "X-Caller": "root", **named},
            method=method,
        )
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return json.load(answer)

    def create(self, name: str, replicas: int = 1) -> None:
        """Create a service."""
        spec = {"Mode": {"Replicated": {"Replicas": replicas}}, "UpdateConfig": {"Monitor": 500_000_000}}
        self.ask("POST", f"/services?wait={PATIENCE / 2:g}", {"Name": name, "image": "nginx", **spec})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Run servers, each over a Swarm of its own."""
    with contextlib.ExitStack() as stack:

        def run(*, login: bool = False, **settings: str) -> Server:
            swarm = MemorySwarm(nodes=2, start=time.time())
            swarm.digests["nginx"] = "sha256:" + "0" * 64
            place = f"{tmp_path}/engine{len(os.listdir(tmp_path))}.sock"
            engine = serve(swarm, place)
            stack.callback(engine.server_close)
            stack.callback(engine.shutdown)
            stop = threading.Event()
            clock = threading.Thread(target=swarm.run, args=(stop,), kwargs={"speed": 20})
            clock.start()
            stack.callback(clock.join)
            stack.callback(stop.set)
            site = tmp_path / "site"
            if login:
                described = site / "crane_login-1.0.dist-info"
                described.mkdir(parents=True)
                (site / "crane_login.py").write_text(LOGIN)
                (described / "METADATA").write_text("Metadata-Version: 2.1\nName: crane-login\nVersion: 1.0\n")
                (described / "entry_points.txt").write_text("[crane]\nlogin = crane_login\n")
            port = find_free_port()
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRANE_", "DOCKER_"))}
            (tmp_path / "crane.toml").touch()
            process = subprocess.Popen(
                [sys.executable, "-m", "crane_core.cli", "run", "--port", str(port)],
                env={
                    **kept,
                    **WITHOUT_LOGIN,
                    "PYTHONPATH": str(site),
                    "CRANE_CONFIG": str(tmp_path / "crane.toml"),
                    "CRANE_ENGINE_URL": f"unix://{place}",
                    "CRANE_SERVER_DATA_DIRECTORY": f"{place}.data",
                    "CRANE_WATCH_SHORT_SECONDS": "0.1",
                    **settings,
                },
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            assert process.stdout.readline() == f"Crane is at http://127.0.0.1:{port}\n"
            return Server(process, port, swarm)

        yield run


def say(client: ClientConnection, **message: Any) -> None:
    """Send a message."""
    client.send(json.dumps(message))


def hear(client: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    message: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE))
    return message


def hear_until(
    client: ClientConnection, found: Callable[[dict[str, Any]], bool], known: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a topic's items are once they are as wanted; ``known`` are those that were told before."""
    items = dict(known or {})
    while True:
        message = hear(client)
        items = message.get("snapshot", items)
        if "changes" in message:
            items.update(message["changes"]["set"])
            for gone in message["changes"]["gone"]:
                del items[gone]
        if found(items):
            return items


def read_version(client: ClientConnection, found: Callable[[dict[str, Any]], bool]) -> str:
    """Return the version of a topic whose snapshot is as wanted."""
    while not found((message := hear(client)).get("snapshot", {})):
        pass
    version: str = message["version"]
    return version


def named(items: dict[str, Any]) -> list[str]:
    """Return the names of items."""
    return sorted(item["name"] for item in items.values())


def states(items: dict[str, Any]) -> list[str]:
    """Return the states of items."""
    return [item["state"] for item in items.values()]


def test_services_are_followed_as_the_api_lists_them(run: Callable[..., Server]) -> None:
    server = run()
    server.create("web", replicas=2)
    with server.connect() as client:
        say(client, subscribe="services")
        before = hear_until(client, lambda items: states(items) == ["converged"])
        server.create("api")
        shown = hear_until(client, lambda items: states(items) == ["converged"] * 2, before)
        listed = server.ask("GET", "/services")["items"]

        server.ask("DELETE", f"/services/web?wait={PATIENCE / 2:g}")
        left = hear_until(client, lambda items: len(items) == 1, shown)

    assert named(shown) == ["api", "web"]
    assert sorted(shown.values(), key=lambda item: item["name"]) == listed
    assert named(left) == ["api"]


def test_operation_is_followed_to_its_verdict(run: Callable[..., Server]) -> None:
    server = run()
    content = "services: {web: {image: nginx}}"
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
    with server.connect() as client:
        started = server.ask("PUT", "/stacks/shop", body)
        say(client, subscribe=f"operations/{started['id']}")
        ended = hear_until(client, lambda items: any(item["state"] == "ended" for item in items.values()))
        say(client, subscribe="stacks/shop")
        stack = hear_until(client, lambda items: items.get("shop", {}).get("state") == "converged")

    assert ended == {started["id"]: server.ask("GET", f"/operations/{started['id']}")}
    assert [service["name"] for service in stack["shop"]["services"]] == ["shop_web"]


def test_tasks_of_a_service_are_followed_by_slot(run: Callable[..., Server]) -> None:
    server = run()
    server.create("web")
    with server.connect() as client:
        say(client, subscribe="services/web/tasks")
        one = hear_until(client, lambda places: [place["current"]["state"] for place in places.values()] == ["running"])
        server.ask("POST", "/services/web/scale", {"replicas": 2})
        two = hear_until(client, lambda places: len(places) == 2, one)
        say(client, subscribe="nodes/none", id=1)
        missing = next(message for message in iter(lambda: hear(client), None) if "id" in message)

    assert (set(one), set(two)) == ({"1"}, {"1", "2"})
    assert (missing["topic"], missing["error"]["code"]) == ("nodes/none", "not-found")


def test_updates_of_a_topic_come_four_times_a_second_at_the_most(run: Callable[..., Server]) -> None:
    server = run()
    server.create("web", replicas=1)
    came = 0
    with server.connect() as client:
        say(client, subscribe="operations")
        hear(client)
        began = time.monotonic()
        for replicas in range(2, 10):
            server.ask("POST", "/services/web/scale", {"replicas": replicas})
        items: dict[str, Any] = {}
        while set(states(items)) != {"ended"} or len(items) < 8:
            message = hear(client)
            items.update(message.get("snapshot") or message["changes"]["set"])
            came += 1
        passed = time.monotonic() - began

    assert 1 <= came <= 4 * passed + 1


def test_slow_reader_delays_nobody_and_gets_the_newest_state(run: Callable[..., Server]) -> None:
    server = run()
    for number in range(30):
        server.swarm.handle("POST", "/services/create", {}, json.dumps(large(f"big{number}")).encode())
    with slow_client(server.port) as slow, server.connect() as quick:
        slow.sendall(masked({"subscribe": "services"}))
        say(quick, subscribe="services")
        before = hear_until(quick, lambda items: len(items) >= 30)
        server.create("web")
        began = time.monotonic()
        hear_until(quick, lambda items: "web" in named(items), before)

        # Who takes nothing is given up after 20 s.
        assert time.monotonic() - began < 10
        assert server.ask("GET", "/whoami")["name"] == "local"


def test_resumed_topic_is_not_sent_again(run: Callable[..., Server]) -> None:
    server = run()
    with server.connect() as client:
        say(client, subscribe="nodes")
        version = read_version(client, lambda items: len(items) == 2)
    with server.connect() as client:
        say(client, resume={"nodes": version, "stacks": "unknown"})
        told = {message["topic"]: message for message in (hear(client), hear(client))}

    assert told["nodes"]["unchanged"] is True
    assert told["stacks"]["snapshot"] == {}


def test_what_is_not_understood_is_answered(run: Callable[..., Server]) -> None:
    server = run()
    answered = []
    with server.connect() as client:
        for text in ("{", "[]", "{}", '{"id": 4}', '{"id": {}}', '{"subscribe": 1}', '{"subscribe": "x", "id": "y"}'):
            client.send(text)
            answered.append(hear(client))
        say(client, unsubscribe="nodes", id=9)
        left = hear(client)
        say(client, subscribe="services/none")
        missing = hear(client)

    assert [message["error"]["code"] for message in answered] == ["malformed-message"] * 6 + ["unknown-topic"]
    assert (answered[3]["id"], answered[6]["id"], answered[6]["topic"]) == (4, "y", "x")
    assert left == {"topic": "nodes", "subscribed": False, "id": 9}
    assert missing["error"]["code"] == "not-found"


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "http://localhost", "null"])
def test_foreign_page_is_refused_before_the_handshake(run: Callable[..., Server], origin: str) -> None:
    server = run()
    with pytest.raises(InvalidStatus) as refused, server.connect(origin=origin):
        pass
    with server.connect(origin=f"http://127.0.0.1:{server.port}") as own:
        say(own, subscribe="nodes")
        assert len(hear(own)["snapshot"]) == 2

    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "cross-site"


def test_callers_are_sent_what_they_may_see(run: Callable[..., Server]) -> None:
    server = run(login=True)
    for name in ("ann-web", "bob-web"):
        server.create(name)
    refused = {}
    for caller in ("", "forged"):
        with pytest.raises(InvalidStatus) as error, server.connect(additional_headers={"X-Caller": caller}):
            pass
        refused[caller] = error.value.response.status_code
    with server.connect(additional_headers={"X-Caller": "ann"}) as ann:
        say(ann, subscribe="services")
        seen = hear_until(ann, lambda items: len(items) == 1)
        say(ann, subscribe="services/bob-web", id=1)
        hidden = hear(ann)
    with server.connect(additional_headers={"X-Caller": "eve"}) as eve:
        say(eve, subscribe="services")
        denied = hear(eve)

    assert refused == {"": 401, "forged": 401}
    assert named(seen) == ["ann-web"]
    assert (hidden["error"]["code"], hidden["id"]) == ("forbidden", 1)
    assert denied["error"]["code"] == "forbidden"


def test_right_that_is_taken_away_ends_what_is_open_within_a_second(run: Callable[..., Server]) -> None:
    server = run(login=True)
    server.create("web")
    tried = []
    for number in range(TRIES):
        tried.append(take_rights(server, f"guest{number}"))
        if max(tried[-1]) < 1:
            return
    pytest.fail(f"It took too long each time: {tried}")


def take_rights(server: Server, name: str) -> tuple[float, float]:
    """Shut somebody out, and end their login; return how long what they have open outlives either, in seconds."""
    caller = {"X-Caller": name}
    follow = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/timeline/follow?after=0", headers={**caller, "Accept": NDJSON}
    )
    with (
        server.connect(additional_headers=caller) as live,
        urllib.request.urlopen(follow, timeout=PATIENCE) as lines,
    ):
        say(live, subscribe="services")
        hear_until(live, lambda items: len(items) == 1)
        assert lines.readline()
        began = time.monotonic()

        server.ask("GET", "/whoami", X_Shut_Out=name)
        while "error" not in (ended := hear(live)):
            pass
        while lines.readline():
            pass
        taken = time.monotonic() - began

        began = time.monotonic()
        server.ask("GET", "/whoami", X_Log_Out=name)
        with pytest.raises(ConnectionClosed) as closed:
            hear(live)
        logged_out = time.monotonic() - began

    assert (ended["topic"], ended["error"]["code"]) == ("services", "forbidden")
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "Log in again.")
    return taken, logged_out


def test_connections_beyond_the_limit_are_refused(run: Callable[..., Server]) -> None:
    server = run(CRANE_SERVER_LIVE_CONNECTIONS="1")
    with server.connect() as first:
        with pytest.raises(InvalidStatus) as refused, server.connect():
            pass
        say(first, subscribe="nodes")
        assert hear(first)["topic"] == "nodes"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=PATIENCE) as answer:
            assert b"\ncrane_live_connections 1.0\n" in answer.read()

    assert refused.value.response.status_code == 503
    assert json.loads(refused.value.response.body)["code"] == "live-full"


def test_request_for_no_websocket_is_told_so(run: Callable[..., Server]) -> None:
    server = run()

    with pytest.raises(urllib.error.HTTPError) as refused:
        server.ask("GET", "/live")
    with refused.value as answer:
        assert (answer.code, json.load(answer)["code"]) == (426, "upgrade-required")


def test_server_that_stops_says_so_and_need_not_wait(run: Callable[..., Server]) -> None:
    tried = []
    for _ in range(TRIES):
        tried.append(stop(run()))
        if tried[-1] < 3:
            return
    pytest.fail(f"It took too long each time: {tried}")


def stop(server: Server) -> float:
    """Stop a server; return how long who is connected is not told of it, in seconds."""
    with server.connect() as client:
        say(client, subscribe="nodes")
        hear(client)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            hear_until(client, lambda items: False)
        told = time.monotonic() - began

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "The server stops.")
    assert server.process.wait(PATIENCE) == 0
    return told


def test_example_of_the_page_works(run: Callable[..., Server], tmp_path: Path) -> None:
    server = run()
    server.create("web")
    assert EXAMPLE is not None
    (tmp_path / "follow.py").write_text(EXAMPLE[1])
    command = [sys.executable, str(tmp_path / "follow.py"), f"ws://127.0.0.1:{server.port}/api/v1/live"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert any(line == "web 1/1\n" for line in program.stdout)
            server.create("api")
            assert any(line == "api 1/1, web 1/1\n" for line in program.stdout)
        finally:
            program.kill()


def large(name: str) -> dict[str, Any]:
    """Return the spec of a service that takes long to send."""
    template = {"ContainerSpec": {"Image": "nginx", "Labels": {"text": "x" * 500_000}}}
    return {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 0}}}


def slow_client(port: int) -> socket.socket:
    """Open the live socket and read nothing any more."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def masked(message: dict[str, Any]) -> bytes:
    """Return a short message as a client sends it; the mask is zero."""
    text = json.dumps(message).encode()
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text
