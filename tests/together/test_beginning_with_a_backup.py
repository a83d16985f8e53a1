"""A new machine is given the backup of another one on the page of the first start, and everybody is back."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from crane_core.testing import MemorySwarm
from crane_core.testing.transport import serve
from tests.swarm.server import Server

SETUP_TOKEN = "the setup token of the tests"
ANN = {"name": "ann", "password": "velvet otter seventeen"}
PASSPHRASE = "correct horse battery"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """The address of an Engine in memory."""
    swarm, place, stop = MemorySwarm(nodes=1), tmp_path / "engine.sock", Event()
    listening = serve(swarm, str(place))
    clock = Thread(target=swarm.run, args=(stop,))
    clock.start()
    yield f"unix://{place}"
    stop.set()
    clock.join()
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def machine(engine: str, tmp_path: Path) -> Iterator[Any]:
    """Start servers that have nothing in common but the Engine."""
    running: list[Server] = []

    def start(name: str) -> Server:
        (tmp_path / name).mkdir()
        server = Server(engine, tmp_path / name, CRANE_AUTH_SETUP_TOKEN=SETUP_TOKEN)
        running.append(server)
        return server.start()

    yield start
    for server in running:
        server.stop()


def back_up(directory: Path) -> bytes:
    """Make a backup of a server that runs."""
    (directory / "passphrase").write_text(PASSPHRASE)
    subprocess.run(
        [Path(sys.executable).with_name("crane-server"), "db", "backup", "backup", "--passphrase-file", "passphrase"],
        cwd=directory,
        env={"CRANE_SERVER_DATA_DIRECTORY": str(directory / "data"), "CRANE_ENGINE_URL": "unix:///nowhere"},
        check=True,
        timeout=120,
    )
    return (directory / "backup").read_bytes()


def send(server: Server, backup: bytes) -> tuple[int, Any]:
    """Send a backup as the page of the first start does."""
    fields = f'--limit\r\nContent-Disposition: form-data; name="passphrase"\r\n\r\n{PASSPHRASE}\r\n'
    fields += '--limit\r\nContent-Disposition: form-data; name="file"; filename="crane.backup"\r\n\r\n'
    request = urllib.request.Request(
        f"{server.url}/api/v1/auth/restore",
        fields.encode() + backup + b"\r\n--limit--\r\n",
        {"Content-Type": "multipart/form-data; boundary=limit", "Crane-Setup-Token": SETUP_TOKEN},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, json.load(answer)


def test_everybody_is_back_after_one_form(machine: Any, tmp_path: Path) -> None:
    old = machine("old")
    assert old.ask("POST", "/auth/setup", {"token": SETUP_TOKEN, **ANN})[0] == 201
    backup = back_up(tmp_path / "old")
    old.stop()
    new = machine("new")
    assert new.ask("POST", "/auth/login", ANN)[0] == 401

    assert send(new, backup) == (202, {"restarting": True})

    new.until(lambda: new.ask("GET", "/auth/state")[1].get("set_up"), "the server is back, with an administrator")
    status, login = new.ask("POST", "/auth/login", ANN)
    assert (status, login["account"]["name"]) == (200, "ann")
    kinds = {line["kind"] for line in new.ask("GET", "/timeline?limit=1000")[1]["items"]}
    assert "user.created" in kinds, "what happened there is known here"
