"""An Engine joins by its endpoint over TLS and over ssh, is reached that way afterwards, and leaves no trace if not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crane_core.engine.pool import ENDPOINT_LABEL
from tests.lab import certificates
from tests.lab.certificates import Authority
from tests.lab.lab import Lab
from tests.lab.ssh import Sshd
from tests.swarm.server import Server
from tests.swarm.test_membership import is_member, names, outsider

__all__ = ["outsider"]

Start = Callable[..., Server]


@pytest.fixture
def start(swarm3: Lab, tmp_path: Path) -> Iterator[Start]:
    """Start a server with settings; it is stopped in the end."""
    running: list[Server] = []

    def act(**environment: str) -> Server:
        running.append(Server(swarm3.url, tmp_path / "server", **environment))
        (tmp_path / "server").mkdir()
        return running[-1].start()

    yield act
    for server in running:
        server.stop()


def is_reached(server: Server, via: str) -> bool:
    """Tell whether the server reaches node3's own Engine by a way."""
    rows = server.ask("GET", "/engines")[1]["items"]
    return any((row["node"], row["via"], row["state"]) == ("node3", via, "fresh") for row in rows)


def join(server: Server, lab: Lab, url: str, **more: Any) -> tuple[int, Any]:
    """Have node3 join by a URL, by which it is to be reached from then on."""
    labels = {ENDPOINT_LABEL: url}
    return server.ask(
        "POST", "/nodes", {"url": url, "labels": labels, "advertise_address": lab.node(3).address, **more}
    )


@pytest.fixture
def idle(swarm3: Lab) -> Iterator[str]:
    """A container on node3 that does nothing."""
    node, body = swarm3.node(3), {"Image": "lab/busybox:1", "Cmd": ["sleep", "1000"]}
    id_ = node.ask("POST", "/containers/create?name=idle", body)["Id"]
    node.ask("POST", f"/containers/{id_}/start")
    yield id_
    node.ask("DELETE", f"/containers/{id_}?force=true")


def send_to_the_end(server: Server, container: str) -> str:
    """Send something by the command line to a program that waits for its end; return what it printed."""
    command = [str(Path(sys.executable).with_name("crane")), "--server", server.url, "exec", "-i", container, "tac"]
    environment = {**os.environ, "CRANE_CLI_TOKEN": server.token}
    done = subprocess.run(command, env=environment, input="one\ntwo\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_nothing_happened(lab: Lab) -> None:
    """Make sure that node3 is in no Swarm, and that ours does not know it."""
    assert not is_member(lab)
    assert names(lab) == ["node1", "node2"]


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(swarm3: Lab, outsider: str, tmp_path: Path) -> Iterator[Authority]:
    """Who vouches for the Engine of node3, which lets in only those for whom it vouches."""
    node = swarm3.node(3)
    made = Authority("engines")
    node.stop()
    node.certificates = certificates.write(tmp_path / "node3", made, made.issue("node3", node.address))
    node.start()
    node.wait()
    yield made
    node.stop()
    node.certificates = None
    node.start()
    node.wait()


def texts(authority: Authority, by: Authority) -> dict[str, str]:
    """Return what is sent: the authority that the Engine is expected to be of, and a certificate issued by another."""
    pair = by.issue("crane")
    return {"ca": authority.certificate, "certificate": pair.certificate, "key": pair.key}


def test_engine_joins_over_tls_and_is_reached_by_it(
    swarm3: Lab, authority: Authority, start: Start, idle: str, tmp_path: Path
) -> None:
    files = certificates.write(tmp_path / "client", authority, authority.issue("crane"))
    named = {"CA": "ca", "CERTIFICATE": "cert", "KEY": "key"}
    server = start(**{f"CRANE_ENGINE_NODE_TLS_{part}": f"{files / name}.pem" for part, name in named.items()})
    url = f"tcp://{swarm3.node(3).address}:2376"

    status, node = join(server, swarm3, url, tls=texts(authority, authority))

    assert status == 201, node
    assert (node["name"], node["state"], node["role"]) == ("node3", "ready", "worker")
    assert is_member(swarm3)
    server.until(lambda: is_reached(server, "label"), "node3 is reached over TLS")
    assert send_to_the_end(server, idle) == "two\none\n"
    assert authority.certificate not in repr(node)


def test_certificate_of_somebody_else_leaves_no_trace(swarm3: Lab, authority: Authority, start: Start) -> None:
    server, url = start(), f"tcp://{swarm3.node(3).address}:2376"
    other = Authority("others")

    for sent, wanted in (
        (texts(authority, by=other), "give such a certificate, with its key"),
        (texts(other, by=authority), "Give the authority that signed its certificate"),
    ):
        status, problem = join(server, swarm3, url, tls=sent)

        assert (status, problem["code"]) == (503, "engine-unavailable"), problem
        assert wanted in problem["detail"]
        assert "PRIVATE KEY" not in repr(problem)
        assert_nothing_happened(swarm3)


def test_engine_that_wants_certificates_says_so(swarm3: Lab, authority: Authority, start: Start) -> None:
    status, problem = join(start(), swarm3, f"tcp://{swarm3.node(3).address}:2376")

    assert (status, problem["code"]) == (503, "engine-unavailable"), problem
    assert "over TLS" in problem["detail"]
    assert_nothing_happened(swarm3)


# --- ssh ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sshd(swarm3: Lab, outsider: str, tmp_path: Path) -> Iterator[Sshd]:
    """An sshd on node3."""
    running = Sshd(swarm3.node(3), tmp_path / "ssh").start()
    yield running
    running.stop()


def with_ssh(place: Path) -> dict[str, str]:
    """Return the environment in which a server finds an ssh."""
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def test_engine_joins_over_ssh_and_is_reached_by_it(swarm3: Lab, sshd: Sshd, start: Start, idle: str) -> None:
    server = start(**with_ssh(sshd.client()))

    status, node = join(server, swarm3, sshd.url)

    assert status == 201, node
    assert (node["name"], node["state"], node["role"]) == ("node3", "ready", "worker")
    assert is_member(swarm3)
    server.until(lambda: is_reached(server, "label"), "node3 is reached over ssh")
    assert send_to_the_end(server, idle) == "two\none\n"


@pytest.mark.parametrize(
    ("key", "trusts", "wanted"),
    [("stranger", True, "authorized_keys"), ("known", False, "known_hosts")],
    ids=["a key that the node does not know", "a node whose key is not known"],
)
def test_wrong_key_leaves_no_trace(swarm3: Lab, sshd: Sshd, start: Start, key: str, trusts: bool, wanted: str) -> None:
    status, problem = join(start(**with_ssh(sshd.client(key, trusts=trusts))), swarm3, sshd.url)

    assert (status, problem["code"]) == (503, "engine-unavailable")
    assert wanted in problem["detail"]
    assert_nothing_happened(swarm3)
