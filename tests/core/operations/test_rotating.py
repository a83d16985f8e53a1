"""Rotations come to their end, whatever becomes of the Engine and of the server on the way."""

from __future__ import annotations

import re

import pytest

from crane_core.testing import MemorySwarm

FILE = """
services: {a: {image: 'nginx:1', secrets: [key]}, b: {image: 'nginx:1', secrets: [key]}}
secrets: {key: {file: k}}
"""


class Fragile(MemorySwarm):
    """A Swarm whose Engine goes away once, when a certain request comes: before it is answered, or after."""

    breaks_at = ""
    answers_first = False

    def handle(self, method, path, *given, **named):
        if not self.breaks_at or not re.search(self.breaks_at, f"{method} {path}"):
            return super().handle(method, path, *given, **named)
        self.breaks_at = ""
        if self.answers_first:
            super().handle(method, path, *given, **named)
        self.go_away()
        return super().handle(method, path, *given, **named)


def deployed(desk):
    """Have a stack of two services with a secret run."""
    attached = {"k": {"content": "old"}}
    assert desk.run(desk.deploy(FILE, attachments=attached)).verdict.outcome == "converged"


def rotate(desk):
    """Rotate the secret; returns the operation."""
    answer = desk.app.test_client().post("/api/v1/secrets/shop_key/rotate", json={"content": "new"})
    assert answer.status_code == 202, answer.json
    return desk.operations.get(answer.json["id"])


def used(swarm, service):
    """Return the names of the secrets of a service."""
    container = swarm.service(service)["Spec"]["TaskTemplate"]["ContainerSpec"]
    return [each["SecretName"] for each in container["Secrets"]]


@pytest.mark.parametrize("answers_first", [False, True])
@pytest.mark.parametrize(
    "request_", ["POST .*/secrets/create", "POST .*/services/.*/update", "DELETE .*/secrets/shop_key"]
)
def test_rotation_goes_on_when_the_engine_is_back(desk_at, request_, answers_first):
    swarm = Fragile()
    desk = desk_at(swarm)
    deployed(desk)
    swarm.breaks_at, swarm.answers_first = request_, answers_first

    operation = desk.run(rotate(desk), 10)
    assert operation.state == "unknown-yet"
    assert not swarm.breaks_at
    swarm.come_back()
    desk.run(operation)

    assert operation.verdict.outcome == "converged"
    assert {progress.name for progress in operation.services} == {"shop_a", "shop_b"}
    assert swarm.secrets == ["shop_key.2"]
    assert used(swarm, "shop_a") == used(swarm, "shop_b") == ["shop_key.2"]


def test_rotation_that_was_followed_goes_on_after_a_restart(swarm, desk, desk_at):
    deployed(desk)
    operation = rotate(desk)
    assert swarm.secrets == ["shop_key", "shop_key.2"]

    taken_up = desk_at(swarm)
    ended = taken_up.run(taken_up.operations.get(operation.id))

    assert ended.verdict.outcome == "converged"
    assert swarm.secrets == ["shop_key.2"]


def test_old_version_is_kept_when_it_takes_too_long(swarm, desk):
    deployed(desk)
    answer = desk.app.test_client().post("/api/v1/secrets/shop_key/rotate?timeout=1", json={"content": "new"})

    operation = desk.run(desk.operations.get(answer.json["id"]), 5)

    assert operation.verdict.outcome == "timed-out"
    assert "The secret shop_key was kept." in operation.verdict.cause
    assert swarm.secrets == ["shop_key", "shop_key.2"]


def test_old_version_that_somebody_began_to_use_meanwhile_stays_and_is_named(swarm, desk):
    deployed(desk)
    operation = rotate(desk)
    old = desk.crane.engine.inspect("secret", "shop_key")["ID"]
    target = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}
    container = {"Image": "nginx:1", "Secrets": [{"SecretID": old, "SecretName": "shop_key", "File": target}]}
    desk.crane.engine.create("service", {"Name": "late", "TaskTemplate": {"ContainerSpec": container}})

    desk.run(operation, 120)

    assert (operation.verdict.outcome, operation.verdict.code) == ("failed", "in-use")
    assert "in use by the following service: late" in operation.verdict.cause
