"""Plans of stacks: what they say, and that nothing happens before they are applied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crane_core.contributions import RegistryLogin
from crane_core.orchestration.plans.store import Plans
from crane_core.testing.behaviours import Missing, Runs
from crane_core.testing.plugins import make_plugin

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
BOTH = "services: {web: {image: 'nginx:1'}, db: {image: 'redis:7'}}"
CONFIG = "services: {web: {image: 'nginx:1', configs: [app]}}\nconfigs: {app: {content: %s}}"
SECRET = "services: {web: {image: 'nginx:1', secrets: [key]}}\nsecrets: {key: {file: ./key}}"


def attached(content: str) -> dict[str, Any]:
    return {"./key": {"content": content}}


def changes(plan: dict[str, Any]) -> dict[str, str]:
    return {f"{change['kind']} {change['name']}": change["action"] for change in plan["changes"]}


def change_of(plan: dict[str, Any], name: str) -> dict[str, Any]:
    return next(change for change in plan["changes"] if change["name"] == name)


def test_plan_of_a_new_stack_creates_everything_and_changes_nothing(plan, swarm):
    made = plan()

    assert changes(made) == {"network shop_default": "create", "service shop_web": "create"}
    assert made["summary"] == {"create": 2, "update": 0, "remove": 0, "keep": 0, "restarts": 0}
    assert (made["stack"], made["by"], made["violations"]) == ("shop", "local", [])
    assert swarm.writes == []


def test_plan_tells_an_update_field_by_field_and_what_restarts(deploy, plan):
    deploy("services: {web: {image: 'nginx:1', environment: {TAG: a}, deploy: {replicas: 2}}}")

    made = plan("services: {web: {image: 'nginx:2', environment: {TAG: b}, deploy: {replicas: 2}}}")

    change = change_of(made, "shop_web")
    assert (change["action"], change["restarts"], change["image"]) == ("update", 2, "nginx:2")
    fields = {field["path"]: (field["old"], field["new"]) for field in change["fields"]}
    assert fields["/TaskTemplate/ContainerSpec/Image"] == ("nginx:1", "nginx:2")
    assert fields["/TaskTemplate/ContainerSpec/Env/TAG"] == ("a", "b")


def test_scaling_in_a_file_restarts_nothing(deploy, plan):
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 2}}}")

    change = change_of(plan("services: {web: {image: 'nginx:1', deploy: {replicas: 3}}}"), "shop_web")

    assert [field["path"] for field in change["fields"]] == ["/Mode/Replicated/Replicas"]
    assert change["restarts"] == 0


def test_what_the_file_no_longer_names_is_kept_and_said(deploy, plan):
    deploy(BOTH)

    change = change_of(plan(), "shop_db")

    assert change["action"] == "keep"
    assert "prune" in change["reason"]
    assert change["reason_code"] == "no-longer-named"


def test_what_the_file_no_longer_names_is_removed_with_prune(deploy, plan, swarm):
    deploy(BOTH)

    made = plan(prune=True)
    deploy(prune=True)

    assert changes(made)["service shop_db"] == "remove"
    assert swarm.services == ["shop_web"]


def test_pruned_service_gives_its_port_to_the_one_that_follows_it(deploy, swarm):
    deploy("services: {old: {image: 'nginx:1', ports: ['80:80']}}")

    answer = deploy("services: {new: {image: 'nginx:1', ports: ['80:80']}}", prune=True)

    assert [(step["action"], step["name"], step["state"]) for step in answer.json["steps"]][:2] == [
        ("remove", "shop_old", "done"),
        ("create", "shop_new", "done"),
    ]
    assert swarm.services == ["shop_new"]


def test_port_moves_from_one_service_to_another(deploy, swarm):
    deploy("services: {b: {image: 'nginx:1', ports: ['80:80']}}")

    answer = deploy("services: {a: {image: 'nginx:1', ports: ['80:80']}, b: {image: 'nginx:1', ports: ['81:80']}}")

    assert [(step["action"], step["name"], step["state"]) for step in answer.json["steps"]] == [
        ("update", "shop_b", "done"),
        ("create", "shop_a", "done"),
    ]
    assert swarm.services == ["shop_a", "shop_b"]


def test_paused_update_goes_on_when_its_file_is_deployed_again(deploy, plan, swarm):
    file = "services: {web: {image: 'shop:%d', deploy: {replicas: 2}}}"
    deploy(file % 1)
    swarm.images["shop:2"] = Missing()
    deploy(file % 2)
    assert swarm.service("shop_web")["UpdateStatus"]["State"] == "paused"

    swarm.images["shop:2"] = Runs()
    made = plan(file % 2)
    again = deploy(file % 2)

    assert [(change["action"], change["restarts"]) for change in made["changes"] if change["kind"] == "service"] == [
        ("update", 1)
    ]
    assert again.json["steps"][0]["state"] == "done"
    assert swarm.service("shop_web")["UpdateStatus"]["State"] == "completed"


def test_changed_config_becomes_a_new_version_and_one_update(deploy, plan, swarm):
    deploy(CONFIG % "one")

    made = plan(CONFIG % "two")
    deploy(CONFIG % "two")

    assert changes(made)["config shop_app.2"] == "create"
    assert change_of(made, "shop_web")["restarts"] == 1
    assert swarm.configs == ["shop_app", "shop_app.2"]
    used = swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Configs"]
    assert [reference["ConfigName"] for reference in used] == ["shop_app.2"]


def test_former_content_of_a_config_is_found_again(deploy, plan):
    deploy(CONFIG % "one")
    deploy(CONFIG % "two")

    made = plan(CONFIG % "one")

    assert changes(made)["config shop_app"] == "keep"
    assert changes(made)["service shop_web"] == "update"


def test_unused_version_of_a_config_is_pruned_once_no_rollback_needs_it(deploy, swarm):
    for content in ("one", "two", "three"):
        deploy(CONFIG % content, prune=True)

    deploy(CONFIG % "three", prune=True)

    assert swarm.configs == ["shop_app.2", "shop_app.3"]


def test_unchanged_secret_is_recognised_though_the_engine_never_shows_it(deploy, plan, swarm):
    deploy(SECRET, attachments=attached("hush"))

    made = plan(SECRET, attachments=attached("hush"))

    assert set(changes(made).values()) == {"keep"}
    assert swarm.secrets == ["shop_key"]


def test_changed_secret_becomes_a_new_version(deploy, plan):
    deploy(SECRET, attachments=attached("hush"))

    made = plan(SECRET, attachments=attached("louder"))

    assert changes(made)["secret shop_key.2"] == "create"
    assert changes(made)["service shop_web"] == "update"


class TestImages:
    """Which content an image's tag stands for."""

    def test_digest_is_looked_up_and_pinned_as_docker_writes_it(self, deploy, swarm):
        swarm.digests["nginx:latest"] = ONE

        deploy("services: {web: {image: nginx}}", resolve_image="always")

        image = swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        assert image == f"nginx:latest@{ONE}"

    def test_plan_tells_the_old_and_the_new_digest(self, deploy, plan, swarm):
        swarm.digests["nginx:1"] = ONE
        deploy(resolve_image="always")
        swarm.digests["nginx:1"] = TWO

        change = change_of(plan(resolve_image="always"), "shop_web")

        assert change["fields"] == [
            {
                "path": "/TaskTemplate/ContainerSpec/Image",
                "old": f"nginx:1@{ONE}",
                "new": f"nginx:1@{TWO}",
            }
        ]

    def test_unknown_digest_keeps_what_runs_and_warns(self, deploy, plan, swarm):
        swarm.digests["nginx:1"] = ONE
        deploy(resolve_image="always")
        del swarm.digests["nginx:1"]

        made = plan(resolve_image="always")

        assert set(changes(made).values()) == {"keep"}
        assert [warning["detail"] for warning in made["warnings"]] == [
            "The digest of nginx:1 is unknown (no such host), so each node takes what the tag means to it."
        ]

    def test_one_warning_names_all_services_of_an_image(self, plan):
        made = plan("services: {a: {image: 'nginx:1'}, b: {image: 'nginx:1'}}", resolve_image="always")

        assert len(made["warnings"]) == 1
        assert "shop_a and shop_b" in made["warnings"][0]["detail"]

    @pytest.mark.parametrize("resolve", ["changed", "never"])
    def test_moved_tag_changes_nothing_unless_it_is_looked_up(self, deploy, plan, swarm, resolve):
        swarm.digests["nginx:1"] = ONE
        deploy(resolve_image="always")
        swarm.digests["nginx:1"] = TWO

        assert set(changes(plan(resolve_image=resolve)).values()) == {"keep"}

    def test_another_tag_is_never_taken_for_the_one_that_runs(self, deploy, plan, client, swarm):
        deploy()
        client.post("/api/v1/services/shop_web/image", json={"image": "nginx:2", "resolve_image": "never"})

        made = plan(resolve_image="changed")

        assert change_of(made, "shop_web")["image"] == "nginx:1"
        assert changes(made)["service shop_web"] == "update"


class TestCredentials:
    """Whose credential an image is pulled with."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_find_registry_login(image):
            if image.startswith("ghcr.io/"):
                return RegistryLogin("ghcr.io", "robot", "hush", "the team's robot")
            return None

        return [make_plugin("registryauth", crane_find_registry_login)]

    def test_plan_names_the_credential_that_a_plugin_knows(self, plan):
        made = plan("services: {web: {image: 'ghcr.io/team/web:1'}, db: {image: 'redis:7'}}")

        assert change_of(made, "shop_web")["credential"] == "the team's robot"
        assert change_of(made, "shop_db")["credential"] is None

    def test_credential_of_the_caller_comes_before_that_of_plugins(self, plan):
        logins = {"ghcr.io": {"username": "ann", "password": "hush"}}

        made = plan("services: {web: {image: 'ghcr.io/team/web:1'}}", registry_logins=logins)

        assert change_of(made, "shop_web")["credential"] == "ann@ghcr.io"


class TestApplying:
    """Applying a plan by its id."""

    def test_plan_is_applied_by_its_id(self, plan, client, swarm):
        made = plan()

        answer = client.post(f"/api/v1/plans/{made['id']}/apply")

        assert answer.status_code == 202
        assert answer.json["plan_id"] == made["id"]
        assert swarm.services == ["shop_web"]

    def test_plan_can_be_read_again_before_and_after(self, plan, client):
        made = plan()

        assert client.get(f"/api/v1/plans/{made['id']}").json == made
        client.post(f"/api/v1/plans/{made['id']}/apply")
        read = client.get(f"/api/v1/plans/{made['id']}").json

        assert read["changes"] == made["changes"]
        assert read["applied_at"] is not None

    def test_plan_is_applied_once(self, plan, client, swarm):
        made = plan()
        client.post(f"/api/v1/plans/{made['id']}/apply")
        written = len(swarm.writes)

        answer = client.post(f"/api/v1/plans/{made['id']}/apply")

        assert (answer.status_code, answer.json["code"]) == (409, "plan-applied")
        assert len(swarm.writes) == written

    def test_outdated_plan_is_refused_with_the_new_one(self, deploy, plan, client, swarm):
        deploy()
        made = plan("services: {web: {image: 'nginx:2'}}")
        client.patch("/api/v1/services/shop_web", json={"Labels": {"team": "blue"}})
        written = len(swarm.writes)

        answer = client.post(f"/api/v1/plans/{made['id']}/apply")

        assert (answer.status_code, answer.json["code"]) == (409, "plan-outdated")
        assert len(swarm.writes) == written
        fresh = client.post(f"/api/v1/plans/{answer.json['plan']['id']}/apply")
        assert fresh.status_code == 202
        assert swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:2"

    def test_plan_is_outdated_by_an_object_that_appeared(self, plan, client, swarm):
        made = plan()
        swarm.make_network("shop_default", {})

        answer = client.post(f"/api/v1/plans/{made['id']}/apply")

        assert answer.json["code"] == "plan-outdated"
        assert swarm.services == []

    def test_version_that_only_counted_on_does_not_outdate_a_plan(self, deploy, plan, client, crane, swarm):
        deploy()
        made = plan("services: {web: {image: 'nginx:2'}}")
        live = crane.engine.inspect("service", "shop_web")
        crane.engine.update("service", live["ID"], live["Version"]["Index"], live["Spec"])

        assert client.post(f"/api/v1/plans/{made['id']}/apply").status_code == 202

    def test_plan_that_breaks_a_rule_is_shown_and_not_applied(self, plan, client, swarm):
        made = plan("services: {web: {image: 'nginx:1', networks: [gone]}}\nnetworks: {gone: {external: true}}")

        answer = client.post(f"/api/v1/plans/{made['id']}/apply")

        assert (answer.status_code, answer.json["code"]) == (422, "plan-refused")
        assert answer.json["errors"] == made["violations"]
        assert swarm.writes == []

    def test_expired_plan_is_forgotten(self, plan, client, crane, swarm):
        plans = crane.room(Plans)
        made = plans.get(plan()["id"])
        object.__setattr__(made, "created_at", made.created_at - timedelta(hours=1, seconds=1))

        answer = client.post(f"/api/v1/plans/{made.id}/apply")

        assert (answer.status_code, answer.json["code"]) == (404, "plan-not-found")
        assert swarm.services == []

    def test_unknown_plan_is_told_so(self, client):
        assert client.get("/api/v1/plans/0000").json["code"] == "plan-not-found"

    def test_applied_plan_keeps_no_content_of_secrets(self, plan, client, crane):
        made = plan(SECRET, attachments=attached("hush"))
        client.post(f"/api/v1/plans/{made['id']}/apply")

        kept = crane.room(Plans).get(made["id"])

        assert [change.body for change in kept.changes] == [None] * len(kept.changes)
