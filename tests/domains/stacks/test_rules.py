"""Rules of plugins and of the policy: they reach every way by which a service can be created or changed."""

from __future__ import annotations

import pytest

from crane_core.contributions import RegistryLogin, Violation
from crane_core.errors import Unauthenticated
from crane_core.security import Identity, Vote
from crane_core.testing.plugins import make_plugin

SOCKET = {"Type": "bind", "Source": "/var/run/docker.sock", "Target": "/s"}


def entry_points(client, body, image="nginx:2"):
    """Return each way to change the service ``shop_web``, and to create another one."""
    spec = {"Name": "new", "TaskTemplate": {"ContainerSpec": {"Image": image}}}
    return {
        "stack": lambda: client.put("/api/v1/stacks/shop", json=body(f"services: {{web: {{image: '{image}'}}}}")),
        "create": lambda: client.post("/api/v1/services", json=spec),
        "patch": lambda: client.patch("/api/v1/services/shop_web", json={"image": image}),
        "image": lambda: client.post("/api/v1/services/shop_web/image", json={"image": image}),
        "scale": lambda: client.post("/api/v1/services/shop_web/scale", json={"replicas": 3}),
        "force": lambda: client.post("/api/v1/services/shop_web/force"),
        "rollback": lambda: client.post("/api/v1/services/shop_web/rollback"),
        "stack rollback": lambda: client.post("/api/v1/stacks/shop/rollback"),
    }


WAYS = ["stack", "create", "patch", "image", "scale", "force", "rollback", "stack rollback"]


@pytest.fixture
def changed(deploy, swarm):
    """A service with a past: it ran ``nginx:0`` and runs ``nginx:1``."""
    deploy("services: {web: {image: 'nginx:0'}}")
    deploy("services: {web: {image: 'nginx:1'}}")
    return len(swarm.writes)


class TestRulesOfPlugins:
    """Hooks of deployments."""

    @pytest.fixture
    def seen(self):
        return []

    @pytest.fixture
    def strict(self):
        return []

    @pytest.fixture
    def crane_plugins(self, seen, strict):
        def crane_mutate_deployment(deployment):
            deployment.spec.setdefault("Labels", {})["mutated"] = "yes"

        def crane_validate_deployment(deployment):
            seen.append(
                (deployment.name, deployment.image, deployment.origin, deployment.spec["Labels"].get("mutated"))
            )
            return [Violation("/Labels", "Not today.")] if strict else []

        return [make_plugin("rules", crane_mutate_deployment, crane_validate_deployment)]

    @pytest.mark.parametrize("way", WAYS)
    def test_every_change_is_judged_and_refused(self, client, body, swarm, changed, seen, strict, way):
        strict.append(True)
        del seen[:]

        answer = entry_points(client, body)[way]()

        assert (answer.status_code, answer.json["code"]) == (422, "plan-refused"), answer.json
        assert answer.json["errors"][0]["detail"] == "Not today."
        assert len(swarm.writes) == changed
        assert seen

    @pytest.mark.parametrize("way", ["stack", "create", "patch", "image", "scale", "force"])
    def test_what_plugins_change_is_sent(self, client, body, swarm, changed, way):
        entry_points(client, body)[way]()

        name = "new" if way == "create" else "shop_web"
        assert swarm.service(name)["Spec"]["Labels"]["mutated"] == "yes"

    def test_rollback_is_judged_by_the_spec_that_it_returns_to(self, client, body, changed, seen):
        del seen[:]

        client.post("/api/v1/services/shop_web/rollback")

        assert seen == [("shop_web", "nginx:0", "rollback", "yes")]

    def test_same_mutation_twice_makes_no_difference(self, deploy, plan):
        deploy()

        assert {change["action"] for change in plan()["changes"]} == {"keep"}


class TestRegistryLogins:
    """Credentials that plugins know."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_find_registry_login(image):
            return RegistryLogin("ghcr.io", "robot", "hush") if image.startswith("ghcr.io/") else None

        return [make_plugin("registryauth", crane_find_registry_login)]

    @pytest.mark.parametrize("way", ["stack", "create", "patch", "image", "scale", "force"])
    def test_credential_is_sent_along_with_every_change(self, deploy, client, body, swarm, way):
        deploy("services: {web: {image: 'ghcr.io/team/web:1'}}")
        before = len(swarm.calls)

        entry_points(client, body, image="ghcr.io/team/web:2")[way]()

        sent = [
            call.headers.get("X-Registry-Auth")
            for call in swarm.calls[before:]
            if call.method == "POST" and "/services/" in call.path
        ]
        assert sent
        assert all(sent)


FORBIDDEN = {
    "stack": lambda client, body: client.put(
        "/api/v1/stacks/shop", json=body("services: {web: {image: 'nginx:1', cap_add: [NET_ADMIN]}}")
    ),
    "create": lambda client, body: client.post(
        "/api/v1/services",
        json={"Name": "new", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", "CapabilityAdd": ["NET_ADMIN"]}}},
    ),
    "create in other letters": lambda client, body: client.post(
        "/api/v1/services",
        json={"Name": "new", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", "capabilityadd": ["NET_ADMIN"]}}},
    ),
    "patch": lambda client, body: client.patch(
        "/api/v1/services/shop_web", json={"TaskTemplate": {"ContainerSpec": {"Mounts": [SOCKET]}}}
    ),
    "patch of a network": lambda client, body: client.patch(
        "/api/v1/services/shop_web", json={"TaskTemplate": {"Networks": [{"Target": "host"}]}}
    ),
    "image": lambda client, body: client.post(
        "/api/v1/services/shop_web/image", json={"image": "evil.example.com/x:1"}
    ),
}


class TestPolicy:
    """What ``policy.forbid`` refuses."""

    @pytest.fixture
    def crane_settings(self):
        return {"policy.forbid": ["all"], "policy.allowed_registries": ["docker.io"]}

    @pytest.mark.parametrize("way", FORBIDDEN)
    def test_forbidden_is_refused_by_every_way(self, deploy, client, body, swarm, way):
        deploy()
        written = len(swarm.writes)

        answer = FORBIDDEN[way](client, body)

        assert (answer.status_code, answer.json["code"]) == (422, "plan-refused"), answer.json
        assert len(swarm.writes) == written

    def test_network_of_the_host_is_known_by_the_beginning_of_its_id(self, deploy, client, crane, swarm):
        deploy()
        host = crane.engine.inspect("network", "host")["Id"]

        for target in (host, host[:12]):
            networks = {"TaskTemplate": {"Networks": [{"Target": target}]}}
            answer = client.patch("/api/v1/services/shop_web", json=networks)
            assert (answer.status_code, answer.json["code"]) == (422, "plan-refused"), target

    @pytest.mark.parametrize("way", ["/services/web/rollback", "/stacks/shop/rollback"])
    def test_return_to_what_is_forbidden_by_now_is_refused(self, client, crane, swarm, way):
        spec = {
            "Name": "web",
            "Labels": {"com.docker.stack.namespace": "shop"},
            "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1", "Mounts": [SOCKET]}},
        }
        crane.engine.create("service", spec)
        live = crane.engine.inspect("service", "web")
        spec["TaskTemplate"]["ContainerSpec"] = {"Image": "nginx:1"}
        crane.engine.update("service", live["ID"], live["Version"]["Index"], spec)
        crane.watcher.look()
        written = len(swarm.writes)

        answer = client.post(f"/api/v1{way}")

        assert (answer.status_code, answer.json["code"]) == (422, "plan-refused")
        assert {error["pointer"] for error in answer.json["errors"]} == {
            "/services/web/TaskTemplate/ContainerSpec/Mounts/0"
        }
        assert len(swarm.writes) == written

    def test_violation_tells_the_line_of_the_file(self, client, body):
        answer = client.put(
            "/api/v1/stacks/shop", json=body("services:\n  web:\n    image: nginx\n    cap_add:\n      - NET_ADMIN\n")
        )

        [error] = answer.json["errors"]
        assert (error["pointer"], error["line"], error["file"]) == ("/services/web/cap_add", 4, "stack.yml")


class TestRights:
    """What somebody else may not do."""

    @pytest.fixture
    def lent(self):
        """Stacks that everybody may use for the time being."""
        return set()

    @pytest.fixture
    def crane_plugins(self, lent):
        def crane_authenticate(request):
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if token == "wrong":
                raise Unauthenticated("The token has expired.")
            return Identity(token) if token else None

        def crane_authorize(identity, action, target):
            if identity.name == "admin":
                return Vote.allow()
            own = {target.stack, target.name} & {identity.name, *lent}
            return Vote.allow() if own or (action in ("stack:read", "service:read") and not target.name) else None

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    @pytest.fixture
    def send(self, client):
        def act(method, path, who, **members):
            headers = {"Authorization": f"Bearer {who}"} if who else {}
            return client.open(
                f"/api/v1{path}", method=method, headers={**headers, **members.pop("headers", {})}, **members
            )

        return act

    def test_token_of_someone_else_changes_nothing(self, send, body, swarm):
        answers = [send("PUT", "/stacks/shop", who, json=body()).status_code for who in ("someone", "wrong", None)]

        assert answers == [403, 401, 401]
        assert swarm.writes == []

    def test_plan_of_someone_else_is_not_applied(self, send, body, swarm):
        made = send("POST", "/stacks/shop/plan", "shop", json=body()).json

        answer = send("POST", f"/plans/{made['id']}/apply", "someone")

        assert answer.status_code == 403
        assert swarm.writes == []
        assert send("POST", f"/plans/{made['id']}/apply", "shop").status_code == 202

    def test_lists_show_only_what_the_caller_may_see(self, send, body):
        for stack in ("shop", "blog"):
            assert send("PUT", f"/stacks/{stack}", "admin", json=body()).status_code == 202

        stacks = send("GET", "/stacks", "shop").json
        services = send("GET", "/services", "shop").json

        assert [row["name"] for row in stacks["items"]] == ["shop"]
        assert ([row["name"] for row in services["items"]], services["total"]) == (["shop_web"], 1)

    def test_list_is_another_when_the_rights_of_the_caller_are(self, send, body, lent):
        for stack in ("shop", "blog"):
            send("PUT", f"/stacks/{stack}", "admin", json=body())
        client_has = send("GET", "/services", "shop").headers["ETag"]

        def ask(who):
            return send("GET", "/services", who, headers={"If-None-Match": client_has})

        assert ask("shop").status_code == 304
        lent.add("blog")
        more = ask("shop")
        assert (more.status_code, more.json["total"]) == (200, 2)
        assert ask("someone").json["total"] == 1

    def test_values_that_look_secret_are_not_revealed_to_everybody(self, send, body):
        content = "services: {web: {image: nginx, environment: {DB_PASSWORD: hush}}}"
        send("PUT", "/stacks/shop", "admin", json=body(content))

        for path in ("/services/shop_web?reveal=true", "/stacks/shop/compose?reveal=true"):
            answer = send("GET", path, "someone")
            assert answer.status_code == 403
            assert "hush" not in answer.text
