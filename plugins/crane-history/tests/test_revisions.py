"""Revisions of stacks: what was deployed, how two of them differ, and the return to one."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

import pytest
from crane_database import sa, select, session
from crane_history.revisions import operations
from crane_history.revisions.models import RevisionRow
from crane_history.revisions.sealing import Seal
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.contributions import Deployment, Violation
from crane_core.orchestration.operations.operations import Operations
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing import MemorySwarm
from crane_core.testing.plugins import make_plugin

ONE = """\
services:
  web:
    image: nginx:1
    environment: {DB_PASSWORD: "${DB_PASSWORD}", MODE: "${MODE}", TOKEN: hunter2 of the file}
    secrets: [key]
    deploy: {update_config: {monitor: 1ms}}
secrets:
  key: {file: ./key.txt}
"""
TWO = ONE.replace("nginx:1", "nginx:2") + "  # and more\n"
FIRST = {"variables": {"DB_PASSWORD": "hunter2", "MODE": "slow"}, "attachments": {"./key.txt": {"content": "hunter2!"}}}
Deploy = Callable[..., TestResponse]
Stack = Callable[..., Any]


@pytest.fixture
def stack(client: FlaskClient) -> Stack:
    """Ask about the revisions of the stack ``shop``."""

    def act(path: str = "", status: int = 200, method: str = "GET", body: Any = None, **options: Any) -> Any:
        answer = client.open(f"/api/v1/stacks/shop/revisions{path}", method=method, json=body, **options)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    return act


@pytest.fixture
def two(deploy: Deploy, end: Callable[[Any], str]) -> None:
    """Two revisions of the stack ``shop``, which came to their verdict."""
    second = {**FIRST, "variables": {"DB_PASSWORD": "other secret", "MODE": "fast"}}
    assert [end(deploy(ONE, **FIRST).get_json()), end(deploy(TWO, **second).get_json())] == ["converged"] * 2


@pytest.fixture
def end(client: FlaskClient, crane: Crane) -> Callable[[Any], str]:
    """Wait for the end of an operation, and return its outcome."""

    def act(operation: Any) -> str:
        ended = client.get(f"/api/v1/operations/{operation['id']}?wait=60").get_json()
        # A step is over when all that it found was told.
        crane.room(Operations).step()
        crane.events.drain()
        return str(ended["verdict"]["outcome"])

    return act


def environment(swarm: MemorySwarm) -> list[str]:
    """Return the variables of the service as the Swarm has them."""
    return list(swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"])


def image(swarm: MemorySwarm) -> str:
    """Return the image of the service."""
    return str(swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])


@pytest.mark.usefixtures("two")
def test_each_deployment_is_a_revision_with_its_verdict(stack):
    listed = stack()

    assert [(row["id"], row["by"], row["outcome"]) for row in listed["items"]] == [
        ("shop@2", "local", "converged"),
        ("shop@1", "local", "converged"),
    ]
    assert listed["items"][1]["changed"] == "3 created"
    assert listed["items"][0]["changed"] == "1 updated"
    assert listed["items"][0]["ended_at"] is not None


@pytest.mark.usefixtures("two")
def test_revision_shows_no_secret(stack):
    shown = stack("/1")

    assert "hunter2" not in str(shown)
    assert shown["variables"] == {"DB_PASSWORD": "(hidden)", "MODE": "slow"}
    assert "TOKEN: (hidden)}" in shown["files"][0]["content"]
    assert shown["attachments"] == [{"path": "./key.txt", "bytes": 8}]
    assert shown["images"] == {"shop_web": "nginx:1"}
    assert [change["kind"] for change in shown["changes"]] == ["network", "secret", "service"]
    assert shown["verdict"]["outcome"] == "converged"


@pytest.mark.usefixtures("two")
def test_nothing_secret_is_in_the_database(crane_app):
    with crane_app.app_context(), session() as database:
        rows = database.execute(select(RevisionRow.__table__)).mappings().all()

    assert len(rows) == 2
    assert "hunter2" not in str(rows)
    assert "other secret" not in str(rows)


@pytest.mark.usefixtures("two")
def test_key_is_the_servers_alone_and_part_of_backups(crane):
    path = crane.data_directory / "history/seal.key"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    patterns = [files.pattern for _, files in crane.plugins.collect("crane_database_backup_files")]
    assert "history/seal.key" in patterns


@pytest.mark.usefixtures("two")
def test_difference_of_two_revisions_tells_files_and_variables(stack):
    told = stack("/diff?from=1&to=2")

    [file] = told["files"]
    assert file["diff"].splitlines()[:2] == ["--- stack.yml (shop@1)", "+++ stack.yml (shop@2)"]
    assert "-    image: nginx:1" in file["diff"]
    assert "+    image: nginx:2" in file["diff"]
    assert told["variables"] == [
        {"name": "DB_PASSWORD", "from": "(hidden)", "to": "(hidden)"},
        {"name": "MODE", "from": "slow", "to": "fast"},
    ]
    assert told["images"] == [{"name": "shop_web", "from": "nginx:1", "to": "nginx:2"}]
    assert (told["attachments"], told["options"]) == ([], [])
    assert stack("/diff?from=1") == told


def test_change_of_a_hidden_value_is_told_without_the_value(stack, deploy):
    deploy(ONE, **FIRST)
    deploy(ONE.replace("hunter2 of", "another of"), **{**FIRST, "attachments": {"./key.txt": {"content": "new"}}})

    told = stack("/diff?from=1&to=2")

    assert [(file["diff"], file["hidden_differs"]) for file in told["files"]] == [("", True)]
    assert told["attachments"] == [{"path": "./key.txt", "change": "changed"}]


@pytest.mark.usefixtures("two")
def test_rollback_deploys_the_revision_with_its_secrets(stack, swarm, settle, end):
    operation = stack("/1/rollback", 202, "POST", {})
    settle()

    assert image(swarm) == "nginx:1"
    assert environment(swarm) == ["DB_PASSWORD=hunter2", "MODE=slow", "TOKEN=hunter2 of the file"]
    assert end(operation) == "converged"
    latest = stack()["items"][0]
    assert (latest["number"], latest["same_as"], latest["operation"]) == (3, 1, operation["id"])


@pytest.mark.usefixtures("two")
def test_plan_of_a_rollback_changes_nothing_and_can_be_applied(stack, client, swarm, settle):
    planned = stack("/1/plan", 201, "POST", {})
    same = stack("/1/rollback?plan=true", 201, "POST", {})

    assert planned["summary"] == same["summary"]
    assert "hunter2" not in str(planned)
    assert image(swarm) == "nginx:2"
    assert client.post(f"/api/v1/plans/{planned['id']}/apply").status_code == 202
    settle()
    assert image(swarm) == "nginx:1"
    assert stack()["items"][0]["same_as"] == 1


def test_stack_that_was_removed_is_brought_back(stack, client, swarm, deploy, settle):
    deploy(ONE, **FIRST)
    client.delete("/api/v1/stacks/shop")
    settle()
    assert swarm.services == []

    stack("/1/rollback", 202, "POST", {})

    assert swarm.services == ["shop_web"]


def test_rollback_takes_the_images_that_the_tags_stood_for(stack, swarm, deploy, settle):
    old, new = (f"sha256:{digit * 64}" for digit in "ab")
    swarm.digests["nginx:1"] = old
    deploy(ONE, **FIRST, resolve_image="always")
    swarm.digests["nginx:1"] = new
    deploy(ONE, **FIRST, resolve_image="always")
    assert image(swarm) == f"nginx:1@{new}"

    stack("/1/rollback", 202, "POST", {})
    settle()

    assert image(swarm) == f"nginx:1@{old}"
    assert stack()["items"][0]["same_as"] == 2


def test_rollback_prunes_what_was_added_only_if_told_to(stack, swarm, deploy, settle):
    deploy(ONE, **FIRST)
    deploy(ONE.replace("secrets:\n  key:", "  more: {image: 'nginx:1'}\nsecrets:\n  key:"), **FIRST)

    stack("/1/rollback", 200, "POST", {})
    settle()
    assert swarm.services == ["shop_more", "shop_web"]

    stack("/1/rollback?prune=true", 202, "POST", {})
    settle()
    assert swarm.services == ["shop_web"]


def test_deployment_again_that_changes_nothing_is_no_revision(stack, deploy):
    deploy(ONE, **FIRST)
    deploy(ONE, **FIRST)

    assert [row["number"] for row in stack()["items"]] == [1]


@pytest.mark.usefixtures("two")
def test_revision_that_there_is_not_is_not_found(stack):
    for path, method in (("/3", "GET"), ("/99999999999999999999", "GET"), ("/3/rollback", "POST"), ("/3/plan", "POST")):
        assert stack(path, 404, method, {})["code"] == "revision-not-found", path
    assert stack("/diff?from=1&to=7", 404)["code"] == "revision-not-found"


def test_question_that_is_wrong_is_refused(stack, client):
    for query in ("", "?from=x", "?from=0", "?from=1&to=-1", "?from=99999999999", "?from=1&with=2"):
        assert stack(f"/diff{query}", 422)["code"] == "invalid", query
    assert stack("/1/rollback?prune=maybe", 422, "POST", {})["code"] == "invalid"
    assert stack("/1/rollback", 422, "POST", {"logins": 1})["code"] == "invalid"
    for query in ("sort=by", "q=%00", "outcome=%00", "state=x"):
        assert client.get(f"/api/v1/stack-revisions?{query}").status_code == 422, query


@pytest.mark.usefixtures("two")
def test_revision_sealed_with_another_key_is_not_deployed(stack, crane, crane_app):
    (crane.data_directory / "history/seal.key").unlink()
    crane._rooms.pop(Seal)

    problem = stack("/1/rollback", 409, "POST", {})

    assert problem["code"] == "revision-sealed"
    assert "Put the file history/seal.key back" in problem["detail"]
    assert stack("/1")["variables"]["MODE"] == "slow"


@pytest.mark.usefixtures("two")
def test_revision_that_was_altered_is_not_deployed(stack, crane_app):
    with crane_app.app_context(), session() as database:
        first, second = database.scalars(select(RevisionRow).order_by(RevisionRow.number)).all()
        # A revision of somebody else in its place.
        first.sealed = second.sealed
        database.commit()

    assert stack("/1/rollback", 409, "POST", {})["code"] == "revision-sealed"


@pytest.mark.usefixtures("two")
def test_list_of_all_stacks_is_filtered_and_paged(client, deploy):
    def ask(query: str) -> list[str]:
        return [row["id"] for row in client.get(f"/api/v1/stack-revisions?{query}").get_json()["items"]]

    assert ask("") == ["shop@2", "shop@1"]
    assert ask("limit=1&offset=1") == ["shop@1"]
    assert ask("outcome=converged&by=local&q=SHO") == ["shop@2", "shop@1"]
    assert ask("outcome=failed") == ask("by=ann") == ask("q=%25") == []


def test_revisions_are_as_many_as_wanted_and_count_on(crane_app, crane, stack, deploy):
    for number in range(1, 4):
        deploy(ONE.replace("nginx:1", f"nginx:{number}"), **FIRST)
    with crane_app.app_context():
        operations._forget_old("shop", 2)
    assert [row["number"] for row in stack()["items"]] == [3, 2]

    deploy(ONE, **FIRST)

    assert stack()["items"][0]["number"] == 4


def test_number_that_another_server_took_is_not_given_twice(crane_app, crane, stack, deploy, monkeypatch):
    deploy(ONE, **FIRST)
    with crane_app.app_context(), session() as database:
        database.execute(sa.update(RevisionRow).values(number=2))
        database.commit()
    deploy(TWO, **FIRST)

    assert [row["number"] for row in stack()["items"]] == [3, 2]


class TestWithRules:
    """What a plugin forbids is forbidden for a rollback too, and who may not see a stack sees no revision of it."""

    @pytest.fixture
    def crane_plugins(self, crane_plugins: list[Plugin]) -> list[Plugin]:
        self.forbidden: set[str] = set()

        def crane_authenticate(request: Any) -> Identity:
            return Identity(request.headers.get("X-Name", "root"))

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
            allowed = identity.name == "root" or (action == "stack:read" and target.name in ("", "blog"))
            return Vote.allow() if allowed else None

        def crane_validate_deployment(deployment: Deployment) -> list[Violation]:
            found = deployment.image in self.forbidden
            return [Violation("/TaskTemplate", f"{deployment.image} is not to be used.")] if found else []

        hooks = (crane_authenticate, crane_authorize, crane_validate_deployment)
        return [*crane_plugins, make_plugin("rules", *hooks)]

    @pytest.mark.usefixtures("two")
    def test_rollback_goes_through_the_rules(self, stack: Stack, swarm: MemorySwarm) -> None:
        self.forbidden.add("nginx:1")

        problem = stack("/1/rollback", 422, "POST", {})

        assert problem["code"] == "plan-refused"
        assert image(swarm) == "nginx:2"

    @pytest.mark.usefixtures("two")
    def test_stranger_sees_and_does_nothing(self, stack: Stack, client: FlaskClient) -> None:
        stranger = {"X-Name": "ann"}
        for path, method in (("", "GET"), ("/1", "GET"), ("/diff?from=1", "GET"), ("/1/plan", "POST")):
            assert stack(path, 403, method, {}, headers=stranger)["code"] == "forbidden"
        assert stack("/1/rollback", 403, "POST", {}, headers=stranger)["code"] == "forbidden"
        assert client.get("/api/v1/stack-revisions", headers=stranger).get_json()["total"] == 0
        assert client.get("/api/v1/stack-revisions").get_json()["total"] == 2


def test_hook_crane_operation_keeps_nothing_of_other_changes(stack, deploy, client, settle):
    deploy(ONE, **FIRST)
    client.patch("/api/v1/services/shop_web/scale", json={"replicas": 2})
    client.post("/api/v1/stacks/shop/rollback")
    settle()

    assert [row["number"] for row in stack()["items"]] == [1]
