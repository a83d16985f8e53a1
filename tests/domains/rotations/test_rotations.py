"""Rotations: a new version, one update of each service that uses the old one, then its removal."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from crane_core.orchestration.rotations.naming import next_name
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.behaviours import Exits
from crane_core.testing.plugins import make_plugin

LABEL = "com.docker.stack.namespace"
FILE = """
services:
  web:
    image: 'nginx:1'
    secrets: [{source: key, target: server.key, uid: '7', gid: '8', mode: 0400}, {source: key, target: again}, other]
    deploy: {replicas: 2}
  api: {image: 'nginx:1', secrets: [key]}
  idle: {image: 'nginx:1'}
secrets: {key: {file: ./key}, other: {file: ./other}}
"""
ATTACHED = {"key": {"content": "hush"}, "other": {"content": "other"}}


def references(swarm: Any, service: str) -> list[tuple[str, str]]:
    """Return the secrets of a service by name, with the files that they are."""
    container = swarm.service(service)["Spec"]["TaskTemplate"]["ContainerSpec"]
    return [(each["SecretName"], each["File"]["Name"]) for each in container["Secrets"]]


def ended(client: Any, settle: Any, answer: Any) -> dict[str, Any]:
    """Let an operation come to its end."""
    assert answer.status_code in (200, 202), answer.json
    settle()
    found: dict[str, Any] = client.get(f"/api/v1/operations/{answer.json['id']}?wait=60").json
    assert found["state"] == "ended"
    return found


@pytest.fixture
def shop(deploy: Any) -> None:
    """A stack with a secret that two of its services use."""
    deploy(FILE, attachments=ATTACHED)


@pytest.mark.usefixtures("shop")
def test_secret_is_rotated_with_one_update_of_each_service(client, swarm, settle):
    files = swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"]
    before = len(swarm.writes)

    operation = ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    assert operation["kind"] == "secret.rotate"
    assert operation["verdict"]["outcome"] == "converged"
    assert swarm.secrets == ["shop_key.2", "shop_other"]
    assert base64.b64decode(swarm.secret_data("shop_key.2")) == b"new"
    assert references(swarm, "shop_web") == [
        ("shop_key.2", "server.key"), ("shop_key.2", "again"), ("shop_other", "other"),
    ]  # fmt: skip
    assert references(swarm, "shop_api") == [("shop_key.2", "key")]
    after = swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"]
    assert [each["File"] for each in after] == [each["File"] for each in files]
    updates = [path for method, path in swarm.writes[before:] if path.startswith("/services/")]
    assert len(updates) == 2


@pytest.mark.usefixtures("shop")
def test_labels_stay_so_that_the_new_version_belongs_to_the_stack(client, crane, settle):
    ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    assert crane.engine.inspect("secret", "shop_key.2")["Spec"]["Labels"][LABEL] == "shop"


@pytest.mark.usefixtures("shop")
def test_next_deployment_goes_on_from_the_rotated_version(client, deploy, plan, settle):
    ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    made = plan(FILE, attachments={**ATTACHED, "key": {"content": "new"}})

    assert {change["action"] for change in made["changes"]} == {"keep"}


def test_config_is_rotated(client, deploy, swarm, crane, settle):
    deploy(
        "services: {web: {image: 'nginx:1', configs: [app]}}\nconfigs: {app: {file: ./app}}",
        attachments={"app": {"content": "a"}},
    )

    ended(client, settle, client.post("/api/v1/configs/shop_app/rotate", json={"data": "Yg=="}))

    assert swarm.configs == ["shop_app.2"]
    assert crane.engine.inspect("config", "shop_app.2")["Spec"]["Data"] == "Yg=="
    [reference] = swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Configs"]
    assert reference["ConfigName"] == "shop_app.2"


def test_unused_secret_is_just_replaced(client, swarm, settle):
    client.post("/api/v1/secrets", json={"name": "key", "content": "a", "template": True})

    operation = ended(client, settle, client.post("/api/v1/secrets/key/rotate", json={"content": "b"}))

    assert operation["verdict"]["outcome"] == "converged"
    assert swarm.secrets == ["key.2"]
    assert client.get("/api/v1/secrets/key.2").json["Spec"]["Templating"] == {"Name": "golang"}


@pytest.mark.usefixtures("shop")
def test_old_version_is_there_until_every_service_has_converged(client, swarm, crane):
    answer = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"})

    assert "shop_key" in swarm.secrets
    assert [(step["name"], step["state"]) for step in answer.json["steps"] if step["late"]] == [("shop_key", "pending")]


@pytest.mark.usefixtures("shop")
def test_old_version_stays_when_a_service_fails_and_that_is_told(client, swarm, settle):
    swarm.images["nginx:1"] = Exits(3)

    operation = ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    assert operation["verdict"]["outcome"] in ("paused", "failed")
    assert operation["verdict"]["cause"].endswith("The secret shop_key was kept.")
    assert operation["verdict"]["created"] == ["secret shop_key.2"]
    [late] = [step for step in operation["steps"] if step["late"]]
    assert (late["state"], late["error"]) == ("skipped", "It was kept, because not every service converged.")
    assert "shop_key" in swarm.secrets


@pytest.mark.usefixtures("shop")
def test_old_version_is_kept_when_asked_to(client, swarm, settle):
    sent = {"content": "new", "keep_old": True}

    operation = ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json=sent))

    assert operation["verdict"]["outcome"] == "converged"
    assert swarm.secrets == ["shop_key", "shop_key.2", "shop_other"]


@pytest.mark.usefixtures("shop")
def test_another_rotation_waits_for_the_first(client, swarm, settle):
    first = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"})

    second = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "newer"})
    removal = client.delete("/api/v1/secrets/shop_key")

    assert [(each.status_code, each.json["code"]) for each in (second, removal)] == [(409, "in-use")] * 2
    assert "moved from shop_key to another version already" in second.json["detail"]
    assert swarm.secrets == ["shop_key", "shop_key.2", "shop_other"]
    assert ended(client, settle, first)["verdict"]["outcome"] == "converged"
    assert ended(client, settle, client.post("/api/v1/secrets/shop_key.2/rotate", json={"content": "newer"}))
    assert swarm.secrets == ["shop_key.3", "shop_other"]


@pytest.mark.usefixtures("shop")
def test_what_services_return_to_when_an_update_fails_stays(client, swarm, settle):
    swarm.images["nginx:1"] = Exits(3)
    ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    again = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "newer"})

    assert (again.status_code, again.json["code"]) == (409, "in-use")
    assert "shop_key" in swarm.secrets


@pytest.mark.usefixtures("shop")
def test_rotation_is_planned_and_applied(client, swarm, settle):
    plan = client.post("/api/v1/secrets/shop_key/rotate?plan=true", json={"content": "new"})

    assert plan.status_code == 201
    actions = {(change["kind"], change["name"]): change["action"] for change in plan.json["changes"]}
    assert actions == {
        ("secret", "shop_key.2"): "create",
        ("service", "shop_api"): "update",
        ("service", "shop_web"): "update",
        ("secret", "shop_key"): "remove",
    }
    assert plan.json["summary"]["restarts"] == 3
    assert "shop_key.2" not in swarm.secrets

    operation = ended(client, settle, client.post(f"/api/v1/plans/{plan.json['id']}/apply"))

    assert operation["verdict"]["outcome"] == "converged"
    assert swarm.secrets == ["shop_key.2", "shop_other"]


@pytest.mark.usefixtures("shop")
def test_plan_is_outdated_when_another_service_took_to_the_secret(client, crane, swarm):
    plan = client.post("/api/v1/secrets/shop_key/rotate?plan=true", json={"content": "new"}).json
    live = crane.cache.snapshot().get_secret("shop_key")
    target = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}
    container = {"Secrets": [{"SecretID": live.id, "SecretName": "shop_key", "File": target}]}
    client.patch("/api/v1/services/shop_idle", json={"TaskTemplate": {"ContainerSpec": container}})

    answer = client.post(f"/api/v1/plans/{plan['id']}/apply")

    assert (answer.status_code, answer.json["code"]) == (409, "plan-outdated")
    assert "shop_idle" in {change["name"] for change in answer.json["plan"]["changes"]}


@pytest.mark.usefixtures("shop")
def test_same_content_is_no_rotation(client, swarm):
    before = swarm.secrets

    answer = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "hush"})

    assert (answer.status_code, answer.json["code"]) == (409, "same-content")
    assert swarm.secrets == before


@pytest.mark.parametrize("sent", [
    {}, {"content": ""}, {"content": "a", "data": "YQ=="}, {"data": "?"}, {"content": 1},
    {"content": "a", "keep_old": 7}, {"content": "a", "name": "x"},
])  # fmt: skip
@pytest.mark.usefixtures("shop")
def test_bad_input_is_refused(client, swarm, sent):
    before = swarm.secrets

    assert client.post("/api/v1/secrets/shop_key/rotate", json=sent).status_code == 422
    assert swarm.secrets == before


@pytest.mark.usefixtures("shop")
def test_removal_is_told_as_an_event(client, crane, settle, events):
    ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}))

    crane.events.drain()
    told = [(event.kind, event.name) for event in events if event.kind.startswith("secret.")]
    assert told[-2:] == [("secret.created", "shop_key.2"), ("secret.removed", "shop_key")]


@pytest.mark.parametrize(("name", "taken", "wanted"), [
    ("key", ["key"], "key.2"),
    ("key", ["key", "key.2"], "key.3"),
    ("key.2", ["key", "key.2", "key.7", "key.x", "keys.9"], "key.8"),
    ("tls.1", ["tls.1"], "tls.1.2"),
    ("a" * 64, ["a" * 64], "a" * 62 + ".2"),
    ("a" * 61 + "--x", ["a" * 61 + "--x"], "a" * 61 + ".2"),
    ("a" * 62 + ".9", ["a" * 62 + ".9"], "a" * 61 + ".10"),
    ("a" * 64, ["a" * 64, "a" * 62 + ".2"], "a" * 62 + ".3"),
])  # fmt: skip
def test_next_version_has_a_name_that_the_swarm_takes(name, taken, wanted):
    assert next_name(name, taken) == wanted


# --- Rights ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def events() -> list[Any]:
    """What plugins were told."""
    return []


@pytest.fixture
def crane_plugins(events: list[Any]) -> list[Plugin]:
    """A listener; and callers who may do everything to the stack of their name, the admin to all."""

    def crane_event(event: Any) -> None:
        events.append(event)

    def crane_authenticate(request: Any) -> Identity:
        return Identity(request.headers.get("X-Name", "admin"))

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        own = target.stack == identity.name or (not target.name and not target.id and target.stack is None)
        return Vote(identity.name == "admin" or own, "it is not theirs")

    return [make_plugin("rights", crane_event, crane_authenticate, crane_authorize)]


SHARED = """
services: {other: {image: 'nginx:1', secrets: [x]}}
secrets: {x: {external: true, name: shop_key}}
"""


@pytest.mark.usefixtures("shop")
def test_whose_it_is_rotates_it(client, settle):
    mine = {"X-Name": "shop"}

    ended(client, settle, client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}, headers=mine))


@pytest.mark.usefixtures("shop")
def test_who_may_not_change_a_user_of_it_does_not_rotate_it(client, body, swarm):
    client.put("/api/v1/stacks/bank", json=body(SHARED))
    swarm.settle()
    mine = {"X-Name": "shop"}

    for query in ("", "?plan=true"):
        answer = client.post(f"/api/v1/secrets/shop_key/rotate{query}", json={"content": "new"}, headers=mine)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert "shop_key.2" not in swarm.secrets


@pytest.mark.usefixtures("shop")
def test_plan_of_somebody_else_is_applied_only_by_who_may_change_the_users(client, body, swarm):
    client.put("/api/v1/stacks/bank", json=body(SHARED))
    swarm.settle()
    plan = client.post("/api/v1/secrets/shop_key/rotate?plan=true", json={"content": "new"}).json

    answer = client.post(f"/api/v1/plans/{plan['id']}/apply", headers={"X-Name": "shop"})

    assert answer.status_code == 403
    assert "shop_key.2" not in swarm.secrets


@pytest.mark.usefixtures("shop")
def test_secret_of_another_stack_is_not_rotated(client, swarm):
    answer = client.post("/api/v1/secrets/shop_key/rotate", json={"content": "new"}, headers={"X-Name": "bank"})

    assert answer.status_code == 403
    assert "shop_key.2" not in swarm.secrets
