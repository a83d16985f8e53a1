"""Health and figures."""

from __future__ import annotations

import pytest

from crane_core.contributions import HealthCheck, HealthReport
from crane_core.security import Identity
from crane_core.testing.objects import make_node
from crane_core.testing.plugins import make_plugin


def figures(text):
    """Return the samples of an answer of /metrics by name and labels."""
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_healthy_server_says_so(client):
    answer = client.get("/api/v1/health")

    assert (answer.status_code, answer.json["state"]) == (200, "ok")
    assert set(answer.json["checks"]) >= {"engine", "plugins", "loops"}


def test_figures_tell_of_services_tasks_nodes_and_operations(deploy, client):
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 2}}}")

    read = figures(client.get("/metrics").text)

    assert read['crane_orchestration_service_running_tasks{service="shop_web",stack="shop"}'] == "2.0"
    assert read['crane_orchestration_service_desired_tasks{service="shop_web",stack="shop"}'] == "2.0"
    assert read['crane_orchestration_tasks{state="running"}'] == "2.0"
    assert read['crane_monitoring_nodes{availability="active",state="ready"}'] == "3.0"
    assert read["crane_monitoring_engine_reachable"] == "1.0"
    assert sum(float(count) for name, count in read.items() if name.startswith("crane_orchestration_operations{")) == 1


@pytest.fixture
def anew(crane, swarm):
    """A node that left and joined the Swarm anew: its old id, and its new one."""
    old = swarm.store.nodes.get("node3")
    new = make_node(swarm.store, 3, role="worker")
    tell_state(crane, swarm, old.id, "down")
    crane.watcher.refresh(nodes=[new.id])
    return old.id, new.id


def tell_state(crane, swarm, node_id, state):
    """Have the manager call a node something else."""
    node = swarm.store.nodes.get(node_id)
    node.body["Status"]["State"] = state
    swarm.store.touch(node)
    crane.watcher.refresh(nodes=[node_id])


def test_figures_tell_nodes_of_one_name_apart(client, anew):
    text = client.get("/metrics").text

    names = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names))
    old, new = anew
    ready = {name: value for name, value in figures(text).items() if "node_ready" in name}
    assert [ready[name] for name in ready if '"node3"' in name] == ["1.0"]
    assert [ready[name] for name in ready if old in name] == ["0.0"]
    assert client.get("/api/v1/nodes/node3").json["ID"] == new


def test_name_of_several_machines_stands_for_none_of_them(client, crane, swarm, anew):
    tell_state(crane, swarm, anew[0], "ready")

    refused = client.delete("/api/v1/nodes/node3?force=true")

    assert (refused.status_code, refused.json["code"]) == (422, "ambiguous")
    assert refused.json["detail"] == f"Several nodes are called node3: {', '.join(sorted(anew))}. Write its id."
    assert client.get("/api/v1/containers?node=node3").status_code == 200
    assert client.get(f"/api/v1/nodes/{anew[0]}").status_code == 200


class TestFailedCheck:
    """A check of a plugin that finds the server useless."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_health_checks():
            return [HealthCheck("disk", lambda: HealthReport("failed", "The disk is full."))]

        return [make_plugin("disk", crane_health_checks)]

    def test_load_balancers_are_told_by_the_status(self, client):
        answer = client.get("/api/v1/health")

        assert answer.status_code == 503
        assert answer.json["checks"]["disk"] == {"state": "failed", "detail": "The disk is full."}


class TestStrangers:
    """Whoever is not known."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_authenticate(request):
            return Identity("someone") if request.headers.get("Authorization") else None

        return [make_plugin("auth", crane_authenticate)]

    def test_they_are_told_the_state_and_no_more(self, client):
        assert client.get("/api/v1/health").json == {"state": "ok"}

    def test_they_read_no_figures(self, client):
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "x"}).status_code == 403
