"""crane secret and crane config: made, listed, shown, rotated and removed; contents come from files only."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

KEY: dict[str, Any] = {
    "ID": "abcdefghijklmnopqrstuvwxy",
    "Version": {"Index": 7},
    "CreatedAt": "2026-01-01T00:00:00Z",
    "Spec": {"Name": "shop_key", "Labels": {"tier": "front"}},
    "name": "shop_\x1bkey",
    "stack": "shop",
    "services": 2,
}
USERS = {
    "items": [
        {"id": "1", "name": "shop_web", "stack": "shop", "files": [{"Name": "server.key"}], "former": False},
        {"id": "2", "name": "shop_api", "stack": "shop", "files": [], "former": True},
    ],
    "total": 2,
}
KINDS = ("secret", "config")


def encode(content: bytes) -> str:
    """Return a content as it is sent."""
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_listed(crane, server, kind):
    other = {**KEY, "name": "other", "stack": None, "services": 0}
    server.plays("GET", f"{kind}s", {"items": [KEY, other], "total": 2})

    rows = crane(kind, "ls").stdout.splitlines()

    assert rows[0].split() == ["ID", "NAME", "STACK", "SERVICES", "CREATED"]
    assert rows[1].split()[:4] == ["abcdefghijkl", "shop_\\x1bkey", "shop", "2"]
    assert len(crane(kind, "ls", "--filter", "stack=shop").stdout.splitlines()) == 2
    assert crane(kind, "ls", "-q", "--filter", "label=tier=front").stdout.split() == [KEY["ID"]] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_of_a_file(crane, server, kind, tmp_path):
    server.plays("POST", f"{kind}s", (201, KEY))
    (tmp_path / "key").write_bytes(b"\x00hush")

    result = crane(kind, "create", "key", str(tmp_path / "key"), "-l", "tier=front", "--stack", "shop")

    assert result.exit_code == 0
    [sent] = server.sent("POST", f"{kind}s")
    labels = {"tier": "front", "com.docker.stack.namespace": "shop"}
    assert sent.body == {"name": "key", "labels": labels, "template": False, "data": encode(b"\x00hush")}


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_of_standard_input(crane, server, kind):
    server.plays("POST", f"{kind}s", (201, KEY))

    crane(kind, "create", "key", input=b"hush")

    [sent] = server.sent("POST", f"{kind}s")
    assert sent.body["data"] == encode(b"hush")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_content_is_said_before_anything_is_sent(crane, server, kind, tmp_path):
    assert crane(kind, "create", "key", input=b"").exit_code == 1
    assert crane(kind, "create", "key", str(tmp_path / "none")).exit_code == 2
    assert crane(kind, "create", "key", "-l", "=x", input=b"a").exit_code == 2
    assert crane(kind, "rotate", "key", str(tmp_path)).exit_code == 2
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_shown_with_its_users(crane, server, kind):
    server.plays("GET", f"{kind}s/shop_key", KEY)
    server.plays("GET", f"{kind}s/shop_key/services", USERS)

    shown = crane(kind, "inspect", "shop_key").stdout

    assert "Used by:  shop_web as server.key\n" in shown
    assert "Used by:  shop_api after a rollback\n" in shown
    assert json.loads(crane(kind, "inspect", "shop_key", "-o", "json").stdout)["users"] == USERS["items"]


def test_users_that_one_may_not_see_are_not_denied(crane, server):
    server.plays("GET", "secrets/shop_key", KEY)
    server.plays("GET", "secrets/shop_key/services", {"items": [], "total": 0})

    assert "no service that you may see" in crane("secret", "inspect", "shop_key").stdout


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_changed(crane, server, kind):
    server.plays("PATCH", f"{kind}s/key", KEY)

    crane(kind, "label", "key", "tier=front", "--rm", "old")

    [sent] = server.sent("PATCH", f"{kind}s/key")
    assert sent.body == {"labels": {"tier": "front", "old": None}}
    assert crane(kind, "label", "key").exit_code == 2


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_rotated_and_followed_to_its_verdict(crane, server, kind):
    verdict = {"outcome": "converged", "cause": "2 services converged.", "code": "converged", "services": []}
    ended = {"id": "7", "kind": f"{kind}.rotate", "target": "key", "state": "ended", "steps": [], "services": []}
    server.plays("POST", f"{kind}s/key/rotate", (200, {**ended, "verdict": verdict}))

    result = crane(kind, "rotate", "key", "--keep-old", "--timeout", "5m", input=b"new")

    assert result.exit_code == 0
    assert "2 services converged." in result.stdout
    [sent] = server.sent("POST", f"{kind}s/key/rotate")
    assert sent.body == {"keep_old": True, "data": encode(b"new")}
    assert float(sent.query["timeout"]) == 300


def test_rotation_is_planned(crane, server):
    changes = [{"kind": "secret", "name": "key.2", "action": "create", "fields": [], "reason": "It is new."}]
    server.plays("POST", "secrets/key/rotate", (201, {"id": "1", "target": "key", "changes": changes, "summary": {}}))

    result = crane("secret", "rotate", "key", "--dry-run", input=b"new")

    assert "+ secret key.2" in result.stdout
    [sent] = server.sent("POST", "secrets/key/rotate")
    assert sent.query["plan"] == "true"


@pytest.mark.parametrize("kind", KINDS)
def test_unused_ones_are_removed(crane, server, kind):
    server.plays("DELETE", f"{kind}s/a", (204, b""))
    server.plays("DELETE", f"{kind}s/b", (409, {"code": "in-use", "detail": "It is used by web."}))

    result = crane(kind, "rm", "a", "b")

    assert (result.exit_code, result.stdout) == (1, "a\n")
    assert "It is used by web." in result.stderr


def test_content_of_a_config_is_printed_byte_for_byte(crane, server):
    server.plays("GET", "configs/app/content", {"name": "app", "content": None, "data": encode(b"\xff\x1b[2Ja")})

    assert crane("config", "cat", "app").stdout_bytes == b"\xff\x1b[2Ja"
    assert crane("secret", "cat", "app").exit_code == 2
