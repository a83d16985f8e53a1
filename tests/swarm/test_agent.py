"""The agent on real Engines: it leads to each node, lets in nobody else, and is replaced without an interruption."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crane_core.cluster.agent.certificates import Issued, issue_for_agent
from crane_core.engine.agent import SERVER_NAME
from crane_core.engine.client import Engine
from crane_core.engine.execs import Program, execute
from crane_core.engine.transport import TlsFiles
from crane_core.errors import EngineUnavailable
from tests.lab.lab import Lab
from tests.swarm.conftest import Reached

PORT = 5014


@pytest.fixture
def through(reached: Reached) -> Iterator[Callable[..., Engine]]:
    """Make an Engine that is reached through the agent of a node."""
    made = []

    def make(number: int, tls: TlsFiles | None = None) -> Engine:
        url = f"tcp://{reached.lab.node(number).address}:{PORT}"
        made.append(Engine(url, tls or reached.tls(), 20))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def talking(reached: Reached) -> Iterator[str]:
    """A container on node 2 that says something every tenth of a second."""
    node = reached.lab.node(2)
    body = {"Image": "lab/busybox:1", "Cmd": ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"]}
    id_ = node.ask("POST", "/containers/create?name=talking", body)["Id"]
    node.ask("POST", f"/containers/{id_}/start")
    yield id_
    node.ask("DELETE", f"/containers/{id_}?force=true")


def read_until(stream: Any, wanted: bytes) -> bytes:
    """Read from a stream until something has come."""
    came = b""
    while wanted not in came:
        came += next(stream)
    return came


def test_each_node_is_reached_by_its_agent_and_the_own_one_by_its_socket(reached: Reached) -> None:
    assert {name: row["via"] for name, row in reached.engines.items()} == {
        "node1": "socket",
        "node2": "agent",
        "node3": "agent",
    }
    assert {row["agent"] for row in reached.engines.values()} == {"running"}


def test_everything_of_an_engine_goes_through_it(through: Callable[..., Engine], talking: str) -> None:
    engine = through(2)

    assert engine.info()["Name"] == "node2"
    assert "/talking" in [name for each in engine.read_json("/containers/json") for name in each["Names"]]
    logs = engine.stream(f"/containers/{talking}/logs", stdout=True, follow=True, tail=0)
    read_until(logs, b"line")
    logs.close()
    stats = engine.stream(f"/containers/{talking}/stats")
    read_until(stats, b'"memory_stats"')
    stats.close()
    exec_ = engine.send(
        "POST", f"/containers/{talking}/exec", {"AttachStdin": True, "AttachStdout": True, "Cmd": ["cat"]}
    )
    raw = engine.hijack(f"/exec/{exec_['Id']}/start", {"Detach": False, "Tty": False})
    raw.send(b"there and back\n")
    assert b"there and back" in (raw.read(10) or b"")
    raw.close()


def test_program_is_told_the_end_of_its_input(through: Callable[..., Engine], talking: str) -> None:
    sent = bytes(range(256)) * 20_000
    run = execute(through(2), talking, Program(("cat",), tty=False))

    def send() -> None:
        run.send(sent)
        run.end_input()

    sender = threading.Thread(target=send)
    sender.start()
    came = b"".join(data for pieces in iter(lambda: run.read(10), []) for _, data in pieces or ())
    sender.join(10)

    assert came == sent
    assert run.exit_code() == 0


def greet(address: str, context: ssl.SSLContext | None) -> bytes:
    """Ask an agent as somebody who may not; return what it says."""
    with socket.create_connection((address, PORT), timeout=5) as plain:
        opened = plain if context is None else context.wrap_socket(plain, server_hostname=SERVER_NAME)
        try:
            opened.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return opened.recv(1000)
        finally:
            opened.close()


def stranger(certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def test_nobody_without_the_certificate_hears_a_word(reached: Reached, tmp_path: Path) -> None:
    address = reached.lab.node(2).address
    signer = Path(reached.tls().ca).with_suffix(".key")
    authority = Issued(Path(reached.tls().ca).read_bytes(), signer.read_bytes(), datetime.now(UTC))
    # What somebody would steal from one agent, to reach another.
    leaf = issue_for_agent(authority, datetime.now(UTC))
    stolen = tmp_path / "stolen.pem"
    stolen.write_bytes(leaf.certificate + leaf.key)
    for context in (None, stranger(), stranger(stolen)):
        try:
            assert greet(address, context) == b""
        except (ssl.SSLError, ConnectionError):
            continue


def test_container_on_an_overlay_hears_nothing(reached: Reached) -> None:
    lab = reached.lab
    lab.ask("POST", "/networks/create", {"Name": "shared", "Driver": "overlay", "Attachable": True})
    ask = f"printf 'GET /_ping HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {lab.node(2).address} {PORT}; echo over"
    try:
        said = lab.docker("run", "--rm", "--network", "shared", "lab/busybox:1", "sh", "-c", ask)
    finally:
        lab.wait_until(lambda: lab.ask("DELETE", "/networks/shared") is None, "the network is gone")

    assert said.strip() == "over"


def test_rotation_interrupts_nobody_and_leaves_the_old_certificate_worthless(
    reached: Reached, through: Callable[..., Engine], talking: str, tmp_path: Path
) -> None:
    old = reached.tls()
    kept = TlsFiles(*(shutil.copy(path, tmp_path) for path in (old.ca, old.cert, old.key)), SERVER_NAME)
    logs = through(2, kept).stream(f"/containers/{talking}/logs", stdout=True, follow=True, tail=0)
    read_until(logs, b"line")
    failures: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            failures.extend(row["error"] for row in reached.engines.values() if row["state"] != "fresh")

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        rotated = reached.client.post("/api/v1/agent/rotate?wait=120").json
    finally:
        over.set()
        watching.join(30)

    assert rotated["state"] == "settled", rotated
    assert failures == []
    assert reached.tls().cert != old.cert
    with pytest.raises(EngineUnavailable):
        through(2, kept).info()
    assert through(2).info()["Name"] == "node2"
    logs.close()


def test_agent_leaves_nothing_behind(lab3: Lab, reached: Reached) -> None:
    assert reached.client.delete("/api/v1/agent").status_code == 204

    try:
        assert [lab3.ask("GET", f"/{kind}") for kind in ("services", "secrets", "configs")] == [[], [], []]
        assert [path.name for path in reached.directory.iterdir()] == ["lock"]
        lab3.wait_until(lambda: "crane agent install" in reached.engines["node2"]["error"], "nothing leads to node2")
    finally:
        assert reached.client.post("/api/v1/agent?wait=60").json["state"] == "settled"
        lab3.wait_until(reached.all_answer, "each node is reached again")


def doctor(reached: Reached, check: str) -> dict[str, Any]:
    """Return what the doctor finds in one of its checks, by code."""
    report = reached.client.get("/api/v1/doctor?fresh=true").json
    findings = next(each["findings"] for each in report["checks"] if each["name"] == check)
    return {finding["code"]: finding for finding in findings}


def test_agents_measure_disks_and_links_for_the_doctor(reached: Reached) -> None:
    lab = reached.lab
    lab.resize_disk(free=0.5)
    try:
        # Another test may have had the agents replaced a moment ago.
        lab.wait_until(lambda: not doctor(reached, "disks"), "each agent measures its disk")
        assert doctor(reached, "mtu") == {}
        lab.resize_disk(free=0.06)
        lab.narrow(2, 1400)
        full, small = doctor(reached, "disks")["disk-full"], doctor(reached, "mtu")["overlay-too-large"]
    finally:
        lab.narrow(2)
        lab.resize_disk(free=0.9)

    assert full["severity"] == "warning"
    assert "GiB are free on node" in full["what"]
    assert small["where"] == "ingress"
    assert "the link of node2 to node1 carries 1400" in small["what"]
    assert small["advice"].endswith("com.docker.network.driver.mtu=1350.")
