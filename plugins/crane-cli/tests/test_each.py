"""Several targets on one line, and what is asked before something goes."""

from __future__ import annotations

import json

import click
import click.testing
import pytest
from crane_cli.main import cli

REFUSED = (404, {"code": "not-found", "status": 404, "detail": "There is no such thing."})
REMOVALS = [
    (("secret", "rm"), "secrets/{}"),
    (("config", "rm"), "configs/{}"),
    (("network", "rm"), "networks/{}"),
    (("volume", "rm"), "volumes/{}"),
    (("node", "rm"), "nodes/{}"),
    (("recording", "rm"), "terminal-recordings/{}"),
    (("role", "rm"), "roles/{}"),
    (("user", "rm"), "users/{}"),
    (("group", "rm"), "groups/{}"),
    (("group", "take-out", "ops"), "groups/ops/members/{}"),
    (("grant", "rm"), "grants/{}"),
    (("quota", "rm"), "quotas/{}"),
    (("token", "rm", "-a"), "tokens/{}"),
]
ASKED = [
    *((command, "Remove the ") for command, _ in REMOVALS if command[1] == "rm" and command[0] != "volume"),
    (("volume", "rm"), "Remove a and all data there?"),
    (("image", "rm"), "Remove a on all nodes?"),
    (("stack", "rm"), "Remove the stack a?"),
    (("service", "rm"), "Remove the service a?"),
    (("agent", "rm"), "Remove the agent from all nodes?"),
    (("swarm", "rotate-ca"), "Replace the authority of the Swarm"),
    (("swarm", "tokens", "--rotate"), "Replace all join tokens?"),
    (("swarm", "unlock-key", "--rotate"), "Replace the key"),
]
NAMELESS = ("agent", "swarm")


@pytest.fixture
def terminal(monkeypatch):
    """Have the program believe that somebody sits at a terminal."""
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: True, raising=False)


def commands_below(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(("command", "path"), REMOVALS)
def test_a_refusal_does_not_keep_the_others_from_being_removed(crane, server, command, path):
    for name in ("a", "c"):
        server.plays("DELETE", path.format(name), (204, b""))
    server.plays("DELETE", path.format("b"), REFUSED)
    sure = () if command[1] == "take-out" else ("-y",)

    told = crane(*command, *sure, "a", "b", "c")

    assert (told.exit_code, told.stdout) == (1, "a\nc\n")
    assert "Error: b: There is no such thing." in told.stderr
    assert "1 of 3 failed" in told.stderr


def test_what_was_done_is_told_to_a_program_though_another_was_refused(crane, server):
    for name in ("a", "c"):
        server.plays("POST", f"containers/{name}/stop", {"id": name, "name": name})
        server.plays("DELETE", f"secrets/{name}", (204, b""))
        server.plays("GET", f"tasks/{name}", {"ID": name})
    for method, path in (("POST", "containers/b/stop"), ("DELETE", "secrets/b"), ("GET", "tasks/b")):
        server.plays(method, path, REFUSED)

    for command, member in (("container", "stop", "-y"), "id"), (("secret", "rm"), "name"), (("task", "inspect"), "ID"):
        told = crane(*command, "a", "b", "c", "-o", "json")
        assert told.exit_code == 1
        assert [each[member] for each in json.loads(told.stdout)] == ["a", "c"]


def test_every_node_is_changed_but_the_one_that_is_refused(crane, server):
    server.plays("PATCH", "nodes/node1", REFUSED)
    server.plays("PATCH", "nodes/node2", {"name": "node2"})

    told = crane("node", "promote", "node1", "node2")

    assert (told.exit_code, told.stdout) == (1, "node2\n")


def test_image_that_nobody_has_does_not_keep_the_next_from_going(crane, server):
    server.plays("DELETE", "images/a", REFUSED)
    server.plays("DELETE", "images/b", {"nodes": [{"node": "node1", "outcome": "failed", "why": "It is used."}]})
    server.plays("DELETE", "images/c", {"nodes": [{"node": "node1", "outcome": "removed"}]})

    told = crane("image", "rm", "-y", "a", "b", "c")

    assert (told.exit_code, told.stdout) == (1, "node1: removed\n")


def test_only_target_that_is_refused_keeps_its_exit_status(crane, server):
    server.plays("DELETE", "secrets/a", (422, {"code": "invalid", "status": 422, "detail": "No."}))

    told = crane("secret", "rm", "a")

    assert (told.exit_code, told.stderr) == (2, "Error: No.\n")


@pytest.mark.parametrize(("command", "question"), ASKED)
def test_somebody_at_a_terminal_is_asked_before_it_goes(crane, server, terminal, command, question):
    names = () if command[0] in NAMELESS else ("a",)

    told = crane(*command, *names, input="n\n")

    assert told.exit_code == 1
    assert question in told.stderr
    assert [request.method for request in server.requests if request.method != "GET"] == []


@pytest.mark.parametrize(("command", "path"), REMOVALS)
def test_scripts_and_who_is_sure_are_not_asked(crane, server, command, path):
    server.plays("DELETE", path.format("a"), (204, b""))
    sure = ("-y",) if command[0] == "volume" else ()

    told = crane(*command, *sure, "a")

    assert (told.exit_code, told.stdout, told.stderr) == (0, "a\n", "")


def test_every_command_that_removes_takes_yes():
    names = {"rm", "prune", "drain", "rotate-ca", "tokens", "unlock-key"}
    lacking = [
        " ".join(path)
        for path, command in commands_below(cli)
        if path[-1] in names and "-y" not in [opt for param in command.params for opt in param.opts]
    ]

    assert lacking == []
