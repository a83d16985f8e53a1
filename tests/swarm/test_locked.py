"""A manager that was started anew and waits for the Swarm's key is unlocked through the server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server

UNLOCK = "unlock it with `crane swarm unlock`"
# Of the right form, and of another Swarm.
WRONG_KEY = "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8"


def restart_engine(lab: Lab) -> None:
    """Start the manager's Engine anew, and wait until it answers."""
    lab.stop_engine(1)
    lab.node(1).start()
    lab.node(1).wait()


def state(lab: Lab) -> str:
    """Return what the manager's Engine says of its part in the Swarm."""
    return str(lab.ask("GET", "/info")["Swarm"]["LocalNodeState"])


def is_encrypted(lab: Lab) -> bool:
    """Tell whether the manager will need the Swarm's key at its next start: it writes that down a little later."""
    return "ENCRYPTED" in (lab.node(1).data / "swarm/certificates/swarm-node.key").read_text()


@pytest.fixture
def key(swarm3: Lab, server: Server) -> Iterator[str]:
    """The key of a Swarm whose managers need one; none does afterwards."""
    status, shown = server.ask("PATCH", "/swarm", {"autolock": True})
    assert (status, shown["autolock"]) == (200, True), shown
    key = server.ask("GET", "/swarm/unlock-key")[1]["unlock_key"]
    yield key
    if state(swarm3) == "locked":
        swarm3.ask("POST", "/swarm/unlock", {"UnlockKey": key})
    swarm3.wait_until(lambda: server.ask("PATCH", "/swarm", {"autolock": False})[0] == 200, "no key is needed")
    swarm3.wait_until(lambda: not is_encrypted(swarm3), "the manager's own key lies open")
    # An Engine that was unlocked sometimes has no part in overlay networks until it starts the next time.
    swarm3.kill_node(1)
    swarm3.start_node(1)


@pytest.fixture
def locked(swarm3: Lab, server: Server, key: str) -> str:
    """The key of a Swarm whose only manager waits for it, which the server has noticed."""
    server.change("POST", "/services", {"name": "web", "image": "lab/web:v1"})
    restart_engine(swarm3)
    assert state(swarm3) == "locked"
    assert is_encrypted(swarm3)
    server.until(lambda: UNLOCK in sources(server)[0].get("error", ""), "the server knows that it is locked")
    return key


def sources(server: Server) -> Any:
    """Return where the list of services comes from."""
    return server.ask("GET", "/services")[1]["sources"]


def unlock(server: Server, key: str) -> subprocess.CompletedProcess[str]:
    """Unlock the manager by the command line, as a script does."""
    program = str(Path(sys.executable).with_name("crane"))
    environment = {**os.environ, "CRANE_CLI_SERVER": server.url, "CRANE_CLI_TOKEN": server.token}
    return subprocess.run(
        [program, "swarm", "unlock"], env=environment, input=f"{key}\n", capture_output=True, text=True, timeout=60
    )


def is_back(server: Server) -> bool:
    """Tell whether the server reads the Swarm again, and finds in it what was there before."""
    answer = server.ask("GET", "/services")[1]
    return answer["sources"][0]["state"] == "fresh" and [each["name"] for each in answer["items"]] == ["web"]


def test_locked_manager_is_told_of_everywhere(server: Server, locked: str) -> None:
    for method, path, body in (
        ("GET", "/swarm", None),
        ("GET", "/swarm/unlock-key", None),
        ("POST", "/services", {"name": "other", "image": "lab/web:v1"}),
    ):
        status, problem = server.ask(method, path, body)
        assert (status, problem["code"]) == (503, "swarm-locked"), (path, problem)
        assert UNLOCK in problem["detail"]
    # What was known before stays, with its age.
    [source] = sources(server)
    assert source["state"] == "stale"
    assert [each["name"] for each in server.ask("GET", "/services")[1]["items"]] == ["web"]


def test_manager_is_unlocked_with_its_key_alone(swarm3: Lab, server: Server, locked: str) -> None:
    for wrong in (WRONG_KEY, "nonsense"):
        status, problem = server.ask("POST", "/swarm/unlock", {"unlock_key": wrong})
        assert (status, problem["code"]) == (422, "wrong-unlock-key"), problem
        assert [each["pointer"] for each in problem["errors"]] == ["/unlock_key"]
        assert wrong not in repr(problem)
        assert state(swarm3) == "locked"

    status, answer = server.ask("POST", "/swarm/unlock", {"unlock_key": locked})

    assert status == 204, answer
    server.until(lambda: is_back(server), "the server reads the Swarm again")
    assert state(swarm3) == "active"


def test_manager_is_unlocked_by_the_command_line(swarm3: Lab, server: Server, locked: str) -> None:
    refused = unlock(server, WRONG_KEY)
    assert refused.returncode != 0
    assert WRONG_KEY not in refused.stdout + refused.stderr
    assert "not unlocked by this key" in refused.stderr
    assert state(swarm3) == "locked"

    done = unlock(server, locked)

    assert (done.returncode, done.stdout) == (0, "The manager takes part again.\n"), done.stderr
    server.until(lambda: is_back(server), "the server reads the Swarm again")


def test_server_that_starts_while_the_manager_is_locked_unlocks_it(swarm3: Lab, server: Server, locked: str) -> None:
    server.stop()
    server.start(reads=False)
    [source] = server.until(lambda: "error" in sources(server)[0] and sources(server), "the server tells why")
    assert (source["state"], UNLOCK in source["error"]) == ("never", True), source

    assert server.ask("POST", "/swarm/unlock", {"unlock_key": locked})[0] == 204

    server.until(lambda: is_back(server), "the server reads the Swarm")
