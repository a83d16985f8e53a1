"""crane quota: made, shown, changed and removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

SHOP: dict[str, Any] = {
    "name": "shop",
    "stack": "shop*",
    "description": "",
    "replicas": 20,
    "cpus": 8.0,
    "memory_bytes": None,
    "replicas_per_service": None,
    "services": 2,
    "used": {"replicas": 3, "cpus": 1.5, "memory_bytes": 2**29, "largest_service": 2},
    "unlimited": {"cpus": ["shop_\x1bdb"], "memory_bytes": []},
}


def test_quotas_are_listed_with_what_is_used(crane, server):
    server.plays("GET", "quotas", {"items": [SHOP], "total": 1})

    rows = crane("quota", "ls").stdout.splitlines()

    assert rows[0].split() == ["NAME", "STACKS", "REPLICAS", "CPUS", "MEMORY", "PER", "SERVICE"]
    assert rows[1].split() == ["shop", "shop*", "3", "of", "20", "1.5", "of", "8", "512", "MiB", "2"]
    assert crane("quota", "ls", "-q").stdout == "shop\n"


def test_quota_is_made(crane, server):
    server.plays("POST", "quotas", (201, SHOP))

    result = crane("quota", "create", "shop", "--stack", "shop*", "--replicas", "20", "--cpus", "8", "--memory", "1.5g")

    assert result.stdout == "shop\n"
    [sent] = server.sent("POST", "quotas")
    assert sent.body == {"name": "shop", "stack": "shop*", "replicas": 20, "cpus": 8.0, "memory_bytes": 1610612736}


def test_quota_of_everything_is_made(crane, server):
    server.plays("POST", "quotas", (201, SHOP))

    crane("quota", "create", "all", "--everything", "--replicas-per-service", "5", "--description", "For all.")

    [sent] = server.sent("POST", "quotas")
    assert sent.body == {"name": "all", "stack": None, "replicas_per_service": 5, "description": "For all."}


def test_limit_is_changed_and_another_taken_away(crane, server):
    server.plays("PATCH", "quotas/shop", SHOP)

    crane("quota", "update", "shop", "--replicas", "30", "--cpus", "none")

    [sent] = server.sent("PATCH", "quotas/shop")
    assert sent.body == {"replicas": 30, "cpus": None}


def test_quotas_are_removed(crane, server):
    server.plays("DELETE", "quotas/a", (204, b""))
    server.plays("DELETE", "quotas/b", (204, b""))

    assert crane("quota", "rm", "a", "b").stdout == "a\nb\n"


def test_quota_is_inspected(crane, server):
    server.plays("GET", "quotas/shop", SHOP)

    shown = crane("quota", "inspect", "shop").stdout

    assert "Processors: 1.5 of 8\n" in shown
    assert "Without a limit of processors: shop_" in shown
    assert "\x1b" not in shown
    assert json.loads(crane("quota", "inspect", "shop", "-o", "json").stdout) == SHOP


@pytest.mark.parametrize("arguments", [
    ("create", "shop", "--replicas", "3"),
    ("create", "shop", "--stack", "shop", "--everything", "--replicas", "3"),
    ("create", "shop", "--stack", "shop", "--replicas", "-3"),
    ("create", "shop", "--stack", "shop", "--replicas", "x"),
    ("create", "shop", "--stack", "shop", "--cpus", "x"),
    ("create", "shop", "--stack", "shop", "--memory", "x"),
    ("update", "shop"),
    ("rm",),
])  # fmt: skip
def test_wrong_use_is_refused(crane, server, arguments):
    assert crane("quota", *arguments).exit_code == 2
    assert server.requests == []
