"""Stacks over HTTP: deployed, listed, shown, given back, rolled back and removed."""

from __future__ import annotations

import base64

import pytest
import yaml

from crane_core.security import Identity, Vote
from crane_core.testing.behaviours import Exits
from crane_core.testing.plugins import make_plugin

LABEL = "com.docker.stack.namespace"
CONFIG = "services: {web: {image: 'nginx:1', configs: [app]}}\nconfigs: {app: {file: ./app.conf}}"


def make_by_docker(crane, stack, service, **parts):
    """Make a service as ``docker stack deploy`` does."""
    image = parts.pop("image", "nginx:1")
    labels = {LABEL: stack, "com.docker.stack.image": image}
    container = {"Image": image, "Labels": {LABEL: stack}}
    spec = {
        "Name": f"{stack}_{service}",
        "Labels": labels,
        "TaskTemplate": {"ContainerSpec": container, **parts.pop("task", {})},
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {},
        **parts,
    }
    return crane.engine.create("service", spec)


class TestDeploying:
    """PUT /stacks/{name}."""

    def test_stack_is_created_in_the_order_in_which_its_parts_are_needed(self, deploy, swarm):
        answer = deploy(CONFIG, attachments={"./app.conf": {"content": "a = 1"}})

        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/api/v1/operations/{answer.json['id']}"
        created = [path for method, path in swarm.writes if method == "POST"]
        assert created == ["/networks/create", "/configs/create", "/services/create"]

    def test_deployed_stack_ends_converged(self, deploy, client):
        operation = deploy().json

        ended = client.get(f"/api/v1/operations/{operation['id']}?wait=60").json

        assert ended["verdict"]["outcome"] == "converged"

    def test_whoever_deployed_reads_what_they_deployed(self, client, body):
        client.put("/api/v1/stacks/shop", json=body())

        assert client.get("/api/v1/services/shop_web").json["image"] == "nginx:1"
        assert [row["name"] for row in client.get("/api/v1/stacks").json["items"]] == ["shop"]

    def test_unchanged_stack_sends_nothing(self, deploy, swarm):
        content, attachments = CONFIG, {"./app.conf": {"content": "a = 1"}}
        deploy(content, attachments=attachments)
        written = len(swarm.writes)

        answer = deploy(content, attachments=attachments)

        assert answer.json["steps"] == []
        assert swarm.writes[written:] == []

    def test_unchanged_service_is_not_touched_when_another_changes(self, deploy, swarm):
        deploy("services: {web: {image: 'nginx:1'}, db: {image: 'redis:7'}}")
        before = swarm.service("shop_db")["Version"]
        written = len(swarm.writes)

        deploy("services: {web: {image: 'nginx:2'}, db: {image: 'redis:7'}}")

        web = swarm.service("shop_web")["ID"]
        assert swarm.writes[written:] == [("POST", f"/services/{web}/update")]
        assert swarm.service("shop_db")["Version"] == before

    def test_attachment_in_base64_arrives_as_its_bytes(self, deploy, swarm, crane):
        content = base64.b64encode(b"\x00\xff").decode()

        deploy(CONFIG, attachments={"./app.conf": {"content": content, "encoding": "base64"}})

        assert crane.engine.inspect("config", "shop_app")["Spec"]["Data"] == content

    def test_plan_is_answered_where_only_a_plan_is_asked_for(self, client, body, swarm):
        answer = client.put("/api/v1/stacks/shop?plan=true", json=body())

        assert (answer.status_code, answer.json["summary"]["create"]) == (201, 2)
        assert swarm.writes == []

    def test_plain_network_of_the_swarm_is_taken_by_a_bundle(self, client, swarm):
        swarm.make_network("front", {})
        content = '{"Version": "0.1", "Services": {"web": {"Image": "nginx:1", "Networks": ["front"]}}}'
        files = {"files": [{"name": "shop.dab", "content": content}], "resolve_image": "never"}

        answer = client.post("/api/v1/stacks/shop/plan", json=files)

        assert answer.status_code == 201
        assert [change["kind"] for change in answer.json["changes"] if change["action"] == "create"] != []

    def test_network_that_differs_is_kept_and_said(self, deploy, plan):
        deploy()

        made = plan("services: {web: {image: 'nginx:1'}}\nnetworks: {default: {attachable: true}}")

        assert any("another attachable" in warning["detail"] for warning in made["warnings"])


class TestStacksOfTheDockerProgram:
    """Stacks that ``docker stack deploy`` made."""

    def test_they_are_listed_like_any_other(self, crane, client, swarm):
        make_by_docker(crane, "old", "web")
        swarm.settle()
        crane.watcher.look(full=True)

        [row] = client.get("/api/v1/stacks").json["items"]

        assert (row["name"], row["services"], row["state"], row["updated_by"]) == ("old", 1, "converged", None)
        assert client.get("/api/v1/stacks/old").json["updated_by"] is None

    def test_the_same_file_changes_nothing_but_what_docker_noted(self, crane, client, body, swarm):
        network = swarm.make_network("old_default", {LABEL: "old"})
        platforms = {"Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]}}
        networks = {"Networks": [{"Target": network.id, "Aliases": ["web"]}]}
        make_by_docker(crane, "old", "web", image="nginx:1", task={**platforms, **networks})

        made = client.post("/api/v1/stacks/old/plan", json=body()).json

        assert {change["action"] for change in made["changes"]} == {"keep"}, made["changes"]

    def test_platforms_of_an_image_go_with_it(self, crane, client, body, swarm):
        platforms = {"Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]}}
        make_by_docker(crane, "old", "web", task=platforms)
        crane.watcher.look()

        client.post("/api/v1/services/old_web/image", json={"image": "nginx:2", "resolve_image": "never"})

        assert not swarm.service("old_web")["Spec"]["TaskTemplate"]["Placement"].get("Platforms")


class TestReading:
    """GET /stacks and what is below it."""

    def test_list_tells_figures_and_where_they_come_from(self, deploy, client):
        deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 2}}, db: {image: 'redis:7'}}")

        listed = client.get("/api/v1/stacks").json

        [row] = listed["items"]
        assert (row["services"], row["services_converged"], row["tasks_running"], row["tasks_desired"]) == (2, 2, 3, 3)
        assert [(source["name"], source["state"]) for source in listed["sources"]] == [("engine", "fresh")]

    def test_unchanged_list_costs_a_304(self, deploy, client):
        deploy()
        etag = client.get("/api/v1/stacks").headers["ETag"]

        again = client.get("/api/v1/stacks", headers={"If-None-Match": etag})
        deploy("services: {web: {image: 'nginx:2'}}")
        changed = client.get("/api/v1/stacks", headers={"If-None-Match": etag})

        assert (again.status_code, again.data, changed.status_code) == (304, b"", 200)

    def test_stacks_are_sorted_filtered_and_paged(self, client, body, settle, swarm):
        swarm.images["broken:1"] = Exits(1)
        for name in ("beta", "alpha", "gamma"):
            image = "broken:1" if name == "gamma" else "nginx:1"
            client.put(f"/api/v1/stacks/{name}", json=body(f"services: {{web: {{image: '{image}'}}}}"))
        settle()

        def names(query):
            return [row["name"] for row in client.get(f"/api/v1/stacks{query}").json["items"]]

        assert names("") == ["alpha", "beta", "gamma"]
        assert names("?sort=-name&limit=1&offset=1") == ["beta"]
        assert names("?q=ALP") == ["alpha"]
        assert names("?state=degraded") == ["gamma"]

    def test_stack_that_left_only_a_network_is_listed_as_empty(self, client, crane, swarm):
        swarm.make_network("old_default", {LABEL: "old"})
        crane.watcher.look(full=True)

        [row] = client.get("/api/v1/stacks").json["items"]

        assert (row["name"], row["services"], row["state"]) == ("old", 0, "empty")

    def test_stack_is_shown_with_all_that_belongs_to_it(self, deploy, client):
        deploy(CONFIG, attachments={"./app.conf": {"content": "a = 1"}})

        shown = client.get("/api/v1/stacks/shop").json

        assert [service["name"] for service in shown["services"]] == ["shop_web"]
        assert [network["name"] for network in shown["networks"]] == ["shop_default"]
        assert [config["name"] for config in shown["configs"]] == ["shop_app"]
        assert shown["secrets"] == []

    def test_services_and_tasks_of_a_stack_are_only_its_own(self, deploy, client, settle):
        deploy()
        client.post("/api/v1/services", json={"name": "alone", "image": "nginx:1"})
        settle()

        services = client.get("/api/v1/stacks/shop/services").json["items"]
        tasks = client.get("/api/v1/stacks/shop/tasks").json["items"]

        assert [service["name"] for service in services] == ["shop_web"]
        assert [task["service"] for task in tasks] == ["shop_web"]

    @pytest.mark.parametrize("path", ["", "/services", "/tasks", "/compose"])
    def test_unknown_stack_is_told_so(self, client, path):
        answer = client.get(f"/api/v1/stacks/none{path}")

        assert (answer.status_code, answer.json["code"]) == (404, "stack-not-found")


class TestAuthors:
    """Who last changed a stack."""

    @pytest.fixture
    def crane_plugins(self):
        """Callers are called as they say."""

        def crane_authenticate(request):
            return Identity(request.headers["X-Name"])

        def crane_authorize(identity, action, target):
            return Vote.allow()

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    @pytest.fixture
    def ask(self, client, settle):
        """Send a request as somebody, and let the Swarm come to rest."""

        def act(name, method, path, **options):
            answer = client.open(f"/api/v1{path}", method=method, headers={"X-Name": name}, **options)
            assert answer.status_code in (200, 201, 202), answer.text
            settle()
            return answer.json

        return act

    @pytest.fixture
    def authors(self, ask):
        """Return who last changed each stack, as the list tells."""
        return lambda query="": {
            row["name"]: row["updated_by"] for row in ask("ann", "GET", f"/stacks{query}")["items"]
        }

    def test_who_deployed_or_changed_a_service_last_is_told(self, ask, authors, body):
        ask("ann", "PUT", "/stacks/shop", json=body())
        ask("eve", "PUT", "/stacks/blog", json=body())
        told = [authors()]
        ask("bob", "POST", "/services/shop_web/scale", json={"replicas": 2})
        ask("eve", "PUT", "/stacks/shop?plan=true", json=body())
        told.append(authors())

        assert told == [{"blog": "eve", "shop": "ann"}, {"blog": "eve", "shop": "bob"}]
        assert list(authors("?sort=updated_by")) == ["shop", "blog"]
        assert ask("ann", "GET", "/stacks/shop")["updated_by"] == "bob"

    def test_list_is_sent_again_when_somebody_else_changed_a_stack(self, ask, client, body):
        ask("ann", "PUT", "/stacks/shop", json=body())
        headers = {"X-Name": "ann"}
        headers["If-None-Match"] = client.get("/api/v1/stacks", headers=headers).headers["ETag"]

        again = client.get("/api/v1/stacks", headers=headers).status_code
        ask("bob", "POST", "/services/shop_web/force")

        assert (again, client.get("/api/v1/stacks", headers=headers).status_code) == (304, 200)

    def test_change_that_was_refused_tells_nothing(self, ask, authors, client, body):
        ask("ann", "PUT", "/stacks/shop", json=body())

        refused = client.put("/api/v1/stacks/shop", json=body("services: {web: {imag: x}}"), headers={"X-Name": "bob"})

        assert (refused.status_code, authors()) == (422, {"shop": "ann"})


class TestGivingBack:
    """GET /stacks/{name}/compose."""

    def test_stack_given_back_changes_nothing_when_it_is_deployed(self, deploy, client, plan):
        deploy("services: {web: {image: 'nginx:1', ports: ['8080:80'], deploy: {replicas: 2}}}")

        given = client.get("/api/v1/stacks/shop/compose").json

        assert yaml.safe_load(given["content"])["services"]["web"]["image"] == "nginx:1"
        assert {change["action"] for change in plan(given["content"])["changes"]} == {"keep"}

    def test_file_itself_is_given_to_who_accepts_yaml(self, deploy, client):
        deploy()

        answer = client.get("/api/v1/stacks/shop/compose", headers={"Accept": "application/yaml"})

        assert answer.mimetype == "application/yaml"
        assert yaml.safe_load(answer.text)["services"]["web"]["image"] == "nginx:1"

    def test_secret_looking_value_becomes_a_variable_unless_revealed(self, deploy, client):
        deploy("services: {web: {image: 'nginx:1', environment: {DB_PASSWORD: hush}}}")

        hidden = client.get("/api/v1/stacks/shop/compose").json
        revealed = client.get("/api/v1/stacks/shop/compose?reveal=true").json

        assert "hush" not in hidden["content"]
        assert hidden["notes"] != []
        assert "hush" in revealed["content"]


class TestRollingBack:
    """POST /stacks/{name}/rollback."""

    def test_every_changed_service_returns_to_what_it_was(self, deploy, client, settle, swarm):
        deploy("services: {web: {image: 'nginx:1'}, db: {image: 'redis:7'}}")
        deploy("services: {web: {image: 'nginx:2'}, db: {image: 'redis:7'}}")

        answer = client.post("/api/v1/stacks/shop/rollback")
        settle()

        assert [step["name"] for step in answer.json["steps"]] == ["shop_web"]
        assert swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:1"

    def test_stack_without_a_past_cannot_return_to_it(self, deploy, client):
        deploy()

        answer = client.post("/api/v1/stacks/shop/rollback")

        assert (answer.status_code, answer.json["code"]) == (409, "nothing-to-roll-back")


class TestRemoving:
    """DELETE /stacks/{name}."""

    def test_all_that_belongs_to_a_stack_is_removed(self, deploy, client, crane, swarm):
        deploy(CONFIG, attachments={"./app.conf": {"content": "a = 1"}})
        client.post("/api/v1/services", json={"name": "alone", "image": "nginx:1"})

        operation = client.delete("/api/v1/stacks/shop").json
        swarm.settle()
        ended = client.get(f"/api/v1/operations/{operation['id']}?wait=60").json

        assert ended["verdict"]["outcome"] == "converged"
        assert (swarm.services, swarm.networks, swarm.configs) == (["alone"], [], [])

    def test_plan_of_a_removal_changes_nothing(self, deploy, client, swarm):
        deploy()
        written = len(swarm.writes)

        made = client.delete("/api/v1/stacks/shop?plan=true").json

        assert made["summary"]["remove"] == 2
        assert len(swarm.writes) == written

    def test_unknown_stack_cannot_be_removed(self, client, swarm):
        assert client.delete("/api/v1/stacks/none").json["code"] == "stack-not-found"
        assert swarm.writes == []


def test_files_tell_what_must_be_sent_along(client, swarm):
    content = "services: {web: {image: 'nginx:${TAG:?say which}', configs: [app]}}\nconfigs: {app: {file: ./app.conf}}"

    told = client.post("/api/v1/stack-files/inspect", json={"files": [{"name": "stack.yml", "content": content}]}).json

    assert [(each["name"], each["required"], each["message"]) for each in told["variables"]] == [
        ("TAG", True, "say which")
    ]
    assert [(each["path"], each["kind"]) for each in told["paths"]] == [("./app.conf", "config")]
    assert swarm.writes == []


def test_files_tell_what_is_wrong_with_them_to_who_asks(client, swarm):
    def look(content, **options):
        body = {"files": [{"name": "stack.yml", "content": content}], **options}
        return client.post("/api/v1/stack-files/inspect", json=body).json

    wrong = look("services:\n  web:\n    image: nginx\n    imagee: x\n", check=True)
    fine = look("services: {web: {image: nginx, container_name: web}}", check=True)
    unasked = look("services: {web: {imagee: x}}")

    assert [(each["file"], each["line"]) for each in wrong["violations"]] == [("stack.yml", 4)]
    assert "image" in wrong["violations"][0]["detail"]
    assert (fine["violations"], len(fine["warnings"])) == ([], 1)
    assert (unasked["violations"], unasked["warnings"]) == ([], [])
    assert swarm.writes == []


def test_schema_of_stack_files_is_given_once(client, swarm):
    first = client.get("/api/v1/stack-files/schema")

    again = client.get("/api/v1/stack-files/schema", headers={"If-None-Match": first.headers["ETag"]})

    assert first.json["properties"]["services"]["additionalProperties"]["properties"]["image"]["type"] == "string"
    assert (again.status_code, again.data) == (304, b"")
    assert swarm.writes == []
