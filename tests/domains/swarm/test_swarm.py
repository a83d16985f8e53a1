"""The Swarm as a whole over HTTP, and its secrets, which are shown to those alone who ask for them."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.events import Event
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

SWARM = "/api/v1/swarm"
PEM = "-----BEGIN {0}-----\nMIIB\n-----END {0}-----\n"


@pytest.fixture
def told() -> list[Event]:
    """The events that plugins were told of."""
    return []


@pytest.fixture
def crane_plugins(told: list[Event], crane_plugins: Any) -> list[Any]:
    """A plugin that listens."""

    def crane_event(event: Event) -> None:
        told.append(event)

    return [*crane_plugins, make_plugin("listener", crane_event)]


def heard(crane: Crane, told: list[Event], kind: str) -> list[Event]:
    """Return the events of a kind."""
    crane.events.drain()
    return [event for event in told if event.kind == kind]


def test_swarm_is_shown_without_its_secrets(client: FlaskClient) -> None:
    answer = client.get(SWARM)

    assert answer.status_code == 200
    shown = answer.json
    assert (shown["nodes"], shown["managers"], shown["majority"], shown["spare_managers"]) == (3, 1, 1, 0)
    assert (shown["task_history_limit"], shown["heartbeat_seconds"], shown["autolock"]) == (5, 5.0, False)
    assert shown["TLSInfo"]["TrustRoot"].startswith("-----BEGIN CERTIFICATE-----")
    assert "SWMTKN" not in answer.text
    assert "JoinTokens" not in shown


def test_only_what_is_named_is_changed(client: FlaskClient, swarm: MemorySwarm, crane: Crane, told: Any) -> None:
    before = swarm.cluster.body["Spec"]

    answer = client.patch(SWARM, json={"task_history_limit": 2, "heartbeat_seconds": 2.5, "labels": {"a": "b"}})

    assert answer.status_code == 200, answer.json
    assert answer.json["task_history_limit"] == 2
    spec = swarm.cluster.body["Spec"]
    assert spec["Dispatcher"] == {"HeartbeatPeriod": 2_500_000_000}
    assert spec["Labels"] == {"a": "b"}
    assert spec["Raft"] == before["Raft"]
    [event] = heard(crane, told, "swarm.updated")
    assert event.detail == {"members": ["heartbeat_seconds", "labels", "task_history_limit"]}


def test_nothing_is_sent_where_nothing_changes(client: FlaskClient, swarm: MemorySwarm) -> None:
    assert client.patch(SWARM, json={"task_history_limit": 5}).status_code == 200
    assert swarm.writes == []


def test_change_of_an_old_version_is_refused(client: FlaskClient) -> None:
    etag = client.get(SWARM).headers["ETag"]
    changed = client.patch(SWARM, json={"task_history_limit": 1}, headers={"If-Match": etag})

    late = client.patch(SWARM, json={"task_history_limit": 2}, headers={"If-Match": etag})

    assert changed.status_code == 200
    assert (late.status_code, late.json["code"]) == (409, "outdated")


BAD = {
    "a negative limit": ("PATCH", "", {"task_history_limit": -1}, "/task_history_limit"),
    "a limit that is a text": ("PATCH", "", {"task_history_limit": "5"}, "/task_history_limit"),
    "no pause between heartbeats": ("PATCH", "", {"heartbeat_seconds": 0}, "/heartbeat_seconds"),
    "certificates of a minute": ("PATCH", "", {"certificate_expiry_seconds": 60}, "/certificate_expiry_seconds"),
    "a key that is no member": ("PATCH", "", {"autlock": True}, "/autlock"),
    "an unknown role": ("POST", "/join-tokens/rotate", {"roles": ["boss"]}, "/roles/0"),
    "no role": ("POST", "/join-tokens/rotate", {"roles": []}, "/roles"),
    "a certificate without a key": ("POST", "/ca/rotate", {"certificate": PEM.format("CERTIFICATE")}, "/key"),
    "a key without a certificate": ("POST", "/ca/rotate", {"key": PEM.format("PRIVATE KEY")}, "/certificate"),
    "a key that is none": (
        "POST",
        "/ca/rotate",
        {"certificate": PEM.format("CERTIFICATE"), "key": "t0psecret"},
        "/key",
    ),
    "no unlock key": ("POST", "/unlock", {}, "/unlock_key"),
    "a pool that is none": ("POST", "/init", {"address_pools": ["here"]}, "/address_pools/0"),
    "a port of others": ("POST", "/init", {"data_path_port": 80}, "/data_path_port"),
    "a role of a join command": ("GET", "/join-command?role=boss", None, "/role"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_makes_no_sense_is_named(client: FlaskClient, swarm: MemorySwarm, what: str) -> None:
    method, path, body, pointer = BAD[what]

    answer = client.open(f"{SWARM}{path}", method=method, json=body)

    assert answer.status_code == 422, answer.json
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert "t0psecret" not in answer.text
    assert swarm.writes == []


def test_tokens_are_shown_to_who_asks_for_them(client: FlaskClient) -> None:
    answer = client.get(f"{SWARM}/join-tokens")

    assert answer.json == {"worker": "SWMTKN-1-memory-worker", "manager": "SWMTKN-1-memory-manager"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_join_command_names_the_leader(client: FlaskClient) -> None:
    answer = client.get(f"{SWARM}/join-command?role=manager").json

    assert answer["command"] == "docker swarm join --token SWMTKN-1-memory-manager 10.99.0.1:2377"
    assert answer["addresses"] == ["10.99.0.1:2377"]


def test_one_token_is_replaced(client: FlaskClient, crane: Crane, told: list[Event]) -> None:
    answer = client.post(f"{SWARM}/join-tokens/rotate", json={"roles": ["worker"]})

    assert (answer.status_code, answer.text) == (204, "")
    tokens = client.get(f"{SWARM}/join-tokens").json
    assert tokens["worker"] != "SWMTKN-1-memory-worker"
    assert tokens["manager"] == "SWMTKN-1-memory-manager"
    [event] = heard(crane, told, "swarm.rotated")
    assert event.detail == {"what": ["worker-token"]}
    assert tokens["worker"] not in repr(told)


def test_unlock_key_is_there_while_managers_need_one(client: FlaskClient) -> None:
    without = client.get(f"{SWARM}/unlock-key")
    rotated = client.post(f"{SWARM}/unlock-key/rotate")
    client.patch(SWARM, json={"autolock": True})
    first = client.get(f"{SWARM}/unlock-key")
    client.post(f"{SWARM}/unlock-key/rotate")
    second = client.get(f"{SWARM}/unlock-key")

    assert (without.status_code, without.json["code"]) == (409, "not-locked")
    assert (rotated.status_code, rotated.json["code"]) == (409, "not-locked")
    assert first.json["unlock_key"].startswith("SWMKEY-1-")
    assert first.json != second.json
    assert second.headers["Cache-Control"] == "no-store"


def test_unlocking_what_is_not_locked_is_told_so(client: FlaskClient) -> None:
    answer = client.post(f"{SWARM}/unlock", json={"unlock_key": "SWMKEY-1-t0psecret"})

    assert answer.status_code == 409
    assert "t0psecret" not in answer.text


@pytest.fixture
def locked(client: FlaskClient, swarm: MemorySwarm) -> str:
    """The key that the manager waits for."""
    client.patch(SWARM, json={"autolock": True})
    swarm.cluster.lock()
    return swarm.cluster.unlock_key


@pytest.mark.parametrize("key", ["SWMKEY-1-t0psecret", "t0psecret"])
def test_wrong_key_is_told_at_its_field(client: FlaskClient, locked: str, key: str) -> None:
    answer = client.post(f"{SWARM}/unlock", json={"unlock_key": key})

    assert (answer.status_code, answer.json["code"]) == (422, "wrong-unlock-key")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/unlock_key"]
    assert "t0psecret" not in answer.text


def test_locked_swarm_is_told_apart_until_it_is_unlocked(client: FlaskClient, locked: str) -> None:
    answer = client.get(SWARM)

    assert (answer.status_code, answer.json["code"]) == (503, "swarm-locked")
    assert client.post(f"{SWARM}/unlock", json={"unlock_key": locked}).status_code == 204
    assert client.get(SWARM).json["autolock"] is True


def test_authority_is_replaced(client: FlaskClient, swarm: MemorySwarm, crane: Crane, told: list[Event]) -> None:
    before = client.get(SWARM).json["TLSInfo"]["TrustRoot"]
    answer = client.post(f"{SWARM}/ca/rotate", json={})
    own = {"certificate": PEM.format("CERTIFICATE"), "key": PEM.format("EC PRIVATE KEY").replace("MIIB", "t0psecret")}
    again = client.post(f"{SWARM}/ca/rotate", json=own)

    assert answer.status_code == 200, answer.json
    assert answer.json["TLSInfo"]["TrustRoot"] != before
    assert again.json["TLSInfo"]["TrustRoot"] == own["certificate"]
    assert swarm.cluster.body["Spec"]["CAConfig"]["ForceRotate"] == 2
    assert "t0psecret" not in again.text + client.get(SWARM).text + repr(told)
    assert [event.detail for event in heard(crane, told, "swarm.rotated")] == [{"what": ["certificates"]}] * 2


def test_swarm_is_not_made_twice(client: FlaskClient) -> None:
    answer = client.post(f"{SWARM}/init", json={})

    assert (answer.status_code, answer.json["code"]) == (409, "already-in-a-swarm")


class TestBeforeThereIsASwarm:
    """An Engine that is in no Swarm yet."""

    @pytest.fixture
    def swarm(self) -> MemorySwarm:
        """An Engine alone; the server is made before it is asked for the first time."""
        return MemorySwarm(nodes=1)

    def test_swarm_is_made(self, client: FlaskClient, swarm: MemorySwarm, crane: Crane, told: list[Event]) -> None:
        swarm.in_swarm = False
        refused = client.get(SWARM)

        answer = client.post(f"{SWARM}/init", json={"advertise_address": "10.0.0.1", "autolock": True})

        assert (refused.status_code, refused.json["code"]) == (502, "not-a-swarm-manager")
        assert answer.status_code == 201, answer.json
        assert client.get(SWARM).json["nodes"] == 1
        assert client.get(f"{SWARM}/unlock-key").status_code == 200
        [call] = [call for call in swarm.calls if call.path.endswith("/swarm/init")]
        assert b'"AdvertiseAddr":"10.0.0.1"' in (call.body or b"")
        assert [event.detail for event in heard(crane, told, "swarm.created")] == [
            {"node": answer.json["node_id"], "force": False}
        ]


class TestSomebodyWhoMayOnlyLook:
    """A caller who sees the Swarm, and no secret of it."""

    @pytest.fixture
    def crane_plugins(self) -> list[Any]:
        """A plugin that knows one caller and what they may."""

        def crane_authenticate(request: flask.Request) -> Identity:
            return Identity("vic")

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            return Vote(action == "swarm:read", "as the test says")

        return [make_plugin("people", crane_authenticate, crane_authorize)]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/join-tokens"),
            ("GET", "/join-command"),
            ("GET", "/unlock-key"),
            ("POST", "/join-tokens/rotate"),
            ("POST", "/unlock-key/rotate"),
            ("POST", "/ca/rotate"),
            ("POST", "/unlock"),
            ("POST", "/init"),
            ("PATCH", ""),
        ],
    )
    def test_secrets_and_changes_are_not_theirs(self, client: FlaskClient, method: str, path: str) -> None:
        answer = client.open(f"{SWARM}{path}", method=method, json={} if method != "GET" else None)

        assert answer.status_code == 403
        assert "SWM" not in answer.text
        assert client.get(SWARM).status_code == 200
