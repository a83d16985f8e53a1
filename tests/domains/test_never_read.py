"""A server that has never read its Swarm: it does not say that there is nothing, because it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from crane_core import app as application
from crane_core import cli
from crane_core.errors import EngineUnavailable

LISTS = ("nodes", "services", "tasks", "stacks", "networks", "containers", "images", "volumes", "events", "engines")
STATS = ("services", "stacks", "nodes", "tasks", "containers")
ONE = (
    "nodes/x",
    "nodes/x/tasks",
    "services/x",
    "tasks/x",
    "stacks/x",
    "networks/x",
    "secrets/x",
    "configs/x",
    "containers/x",
    "containers/node1/x",
    "images/x",
    "volumes/x",
    "agent",
    "containers/prune",
    "images/prune",
    "volumes/prune",
)


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Flask]:
    """A server whose Engine has never answered."""
    settings = {"server.data_directory": str(tmp_path / "crane"), "engine.url": f"unix://{tmp_path}/none.sock"}
    app = application.create_app(settings, environ={}, plugins=())
    with pytest.raises(EngineUnavailable):
        app.extensions["crane"].watcher.look()
    yield app
    application.stop(app)


@pytest.fixture
def client(unread: Flask) -> FlaskClient:
    return unread.test_client(use_cookies=False)


@pytest.mark.parametrize("path", [*LISTS, *(f"stats/{kind}" for kind in STATS)])
def test_an_empty_list_says_that_nothing_was_read(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")

    assert answer.json["items"] == []
    [source] = answer.json["sources"]
    assert (source["name"], source["state"]) == ("engine", "never")
    assert "none.sock" in source["error"]


@pytest.mark.parametrize("path", ONE)
def test_who_looks_something_up_is_told_that_nothing_is_known(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/api/v1/{path}")

    assert (answer.status_code, answer.json["code"]) == (503, "engine-unavailable")
    assert "it has not been read yet: The Docker Engine at unix://" in answer.json["detail"]


def test_an_image_is_not_pulled_on_nodes_that_are_not_known(client: FlaskClient) -> None:
    answer = client.post("/api/v1/images/pull", json={"image": "nginx"})

    assert (answer.status_code, answer.json["code"]) == (503, "engine-unavailable")


def test_before_the_first_reading_somebody_is_asked_to_try_again(tmp_path: Path) -> None:
    app = application.create_app({"server.data_directory": str(tmp_path)}, environ={}, plugins=())

    answer = app.test_client().get("/api/v1/services/web")

    application.stop(app)
    assert (answer.status_code, answer.json["detail"]) == (
        503,
        "The Swarm has not been read yet: try again in a moment.",
    )


def test_the_doctor_calls_nothing_well_that_it_did_not_look_at(client: FlaskClient) -> None:
    checks = {check["name"]: check for check in client.get("/api/v1/doctor").json["checks"]}

    unknown = {name for name, check in checks.items() if check["state"] == "unknown"}
    # The server itself is looked at, and is not well.
    assert unknown | {"disks", "server"} == set(checks)
    for name in {*unknown, "disks"}:
        assert "not-answered" in [finding["code"] for finding in checks[name]["findings"]]
        assert all(finding["advice"] for finding in checks[name]["findings"])
    assert checks["server"]["state"] == "warning"


def test_the_doctor_of_the_command_line_looks_at_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRANE_SERVER_DATA_DIRECTORY", str(tmp_path / "crane"))
    monkeypatch.setenv("CRANE_ENGINE_URL", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("CRANE_PLUGINS_DISABLED", "auth,ldap")

    result = CliRunner().invoke(cli.server, ["doctor"])

    assert result.exit_code == 1
    assert "unknown  Nodes and their Engines" in result.output
    assert "Disk space" in result.output
