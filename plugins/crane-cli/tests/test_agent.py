"""crane agent: install, look, rotate, remove."""

from __future__ import annotations

import json

import pytest


def engine(node, identifier, via, address, error, agent):
    state = "never" if error else "fresh"
    return {
        "node": node, "node_id": identifier, "via": via, "state": state, "address": address, "error": error,
        "agent": agent,
    }  # fmt: skip


ENGINES = {
    "items": [
        engine("node1", "a", "socket", "unix:///s", "", "running"),
        engine("node2", "b", None, None, "There is no way.", "absent"),
    ],
    "total": 2,
    "sources": [],
}


def told(state, **more):
    return {
        "installed": True,
        "state": state,
        "image": "haproxy:3.2-alpine",
        "port": 5014,
        "error": "",
        "authority_ends": "2031-01-01T00:00:00Z",
        "certificate_ends": "2026-04-01T00:00:00Z",
        "client_ends": "2026-01-08T00:00:00Z",
        "nodes": [
            {"node": "node1", "node_id": "a", "state": "running", "current": False, "reachable": None, "error": ""},
            {"node": "node2", "node_id": "b", "state": "absent", "current": False, "reachable": None, "error": ""},
        ],
        **more,
    }


@pytest.fixture
def engines(server):
    server.plays("GET", "engines", ENGINES)


def test_status_shows_how_each_node_is_reached(crane, server, engines):
    server.plays("GET", "agent", told("settled"))

    result = crane("agent", "status")

    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["State:", "settled"] in lines
    assert lines[-2] == ["node1", "socket", "answers", "running", "(to", "be", "replaced)", "unix:///s"]
    assert lines[-1][:6] == ["node2", "-", "does", "not", "answer", "absent"]
    assert "There is no way." in result.stdout


def test_status_of_what_is_wrong_is_a_failure(crane, server, engines):
    server.plays("GET", "agent", told("stalled", error="The Swarm gave up."))

    result = crane("agent", "status")

    assert result.exit_code == 1
    assert "The Swarm gave up." in result.stderr


def test_status_before_it_is_installed_is_none(crane, server, engines):
    server.plays("GET", "agent", told("absent", installed=False, nodes=[]))

    assert crane("agent", "status").exit_code == 0


def test_program_gets_the_answer(crane, server):
    server.plays("GET", "agent", told("settled"))

    assert json.loads(crane("-o", "json", "agent", "status").stdout) == told("settled")


@pytest.mark.parametrize("command", ["install", "rotate"])
def test_it_is_waited_for_until_it_has_come_to_rest(crane, server, engines, pauses, command):
    server.plays("POST", "agent" if command == "install" else "agent/rotate", (202, told("rolling")))
    server.plays("GET", "agent", told("rolling"), told("settled"))

    result = crane("agent", command)

    assert result.exit_code == 0
    [asked] = server.sent("POST", "agent" if command == "install" else "agent/rotate")
    assert asked.query == {"wait": "20.0"}
    assert pauses == [1, 1]


def test_detached_it_is_not_waited_for(crane, server, engines):
    server.plays("POST", "agent", (202, told("rolling")))

    result = crane("agent", "install", "--detach")

    assert result.exit_code == 0
    assert server.sent("POST", "agent")[0].query == {"wait": "0"}


def test_what_takes_too_long_goes_on_and_nobody_knows(crane, server, engines):
    server.plays("POST", "agent", (202, told("rolling", error="node2: No such image")))
    server.plays("GET", "agent", told("rolling", error="node2: No such image"))

    result = crane("agent", "install", "--timeout", "22")

    assert result.exit_code == 3
    assert "No such image" in result.stderr


def test_agent_that_stalls_is_a_failure(crane, server, engines):
    server.plays("POST", "agent/rotate", (202, told("stalled", error="Make node2 active.")))

    result = crane("agent", "rotate")

    assert result.exit_code == 1
    assert "Make node2 active." in result.stderr


def test_removing_names_what_is_gone(crane, server):
    server.plays("DELETE", "agent", (204, {}))

    result = crane("agent", "rm")

    assert (result.exit_code, result.stdout) == (0, "crane-agent\n")


def test_refusal_is_told(crane, server):
    server.plays("DELETE", "agent", (409, {"code": "agent-absent", "detail": "The agent is not installed."}))

    result = crane("agent", "rm")

    assert result.exit_code == 1
    assert "The agent is not installed." in result.stderr


@pytest.mark.parametrize("arguments", [("install", "--timeout", "0"), ("rotate", "now"), ("reinstall",)])
def test_wrong_use_is_refused(crane, arguments):
    assert crane("agent", *arguments).exit_code == 2
