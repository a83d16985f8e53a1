"""The doctor over HTTP and on the command line of the server."""

from __future__ import annotations

import pytest

from crane_core.security import Identity
from crane_core.testing.plugins import make_plugin


def test_everything_is_looked_at(client):
    answer = client.get("/api/v1/doctor")

    checks = {check["name"]: check for check in answer.json["checks"]}
    assert set(checks) >= {
        "nodes",
        "managers",
        "certificates",
        "tokens",
        "clocks",
        "versions",
        "mtu",
        "ports",
        "disks",
        "updates",
        "server",
    }
    assert checks["nodes"]["state"] == "ok"
    assert [finding["code"] for finding in checks["managers"]["findings"]] == ["only-manager", "not-locked"]
    assert all(finding["what"].endswith(".") for check in checks.values() for finding in check["findings"])


def test_what_was_found_is_told_again_unless_it_is_to_be_fresh(client):
    first = client.get("/api/v1/doctor").json

    assert client.get("/api/v1/doctor").json == first
    assert client.get("/api/v1/doctor?fresh=true").status_code == 200
    assert client.get("/api/v1/doctor?fresh=perhaps").status_code == 422
    assert client.get("/api/v1/doctor?patience=900").status_code == 422


class TestOthers:
    @pytest.fixture
    def crane_plugins(self):
        def crane_authenticate(request):
            return Identity("someone")

        return [make_plugin("auth", crane_authenticate)]

    def test_who_may_not_is_refused(self, client):
        assert client.get("/api/v1/doctor").status_code == 403
