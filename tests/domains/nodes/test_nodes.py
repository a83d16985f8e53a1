"""Nodes over HTTP."""

from __future__ import annotations


def test_nodes_are_listed_with_what_crane_knows(deploy, client):
    deploy("services: {web: {image: 'nginx:1', deploy: {mode: global}}}")

    listed = client.get("/api/v1/nodes").json

    rows = [(node["name"], node["role"], node["state"], node["tasks_running"]) for node in listed["items"]]
    assert rows == [
        ("node1", "manager", "ready", 1),
        ("node2", "worker", "ready", 1),
        ("node3", "worker", "ready", 1),
    ]
    assert listed["items"][0]["Description"]["Engine"]["EngineVersion"] == listed["items"][0]["engine_version"]


def test_planning_does_not_change_what_is_known_of_nodes(deploy, plan, client):
    deploy("services: {web: {image: 'nginx:1', deploy: {mode: global}}}")

    plan("services: {web: {image: 'nginx:1', deploy: {mode: global}}}")

    assert [node["tasks_running"] for node in client.get("/api/v1/nodes").json["items"]] == [1, 1, 1]


def test_nodes_are_filtered_and_sorted(client, crane, swarm):
    swarm.drain("node2")
    crane.watcher.look(full=True)

    def names(query):
        return [node["name"] for node in client.get(f"/api/v1/nodes{query}").json["items"]]

    assert names("?availability=drain") == ["node2"]
    assert names("?role=worker&sort=-name") == ["node3", "node2"]
    assert names("?q=DE1") == ["node1"]


def test_node_is_found_by_name_and_id(client):
    shown = client.get("/api/v1/nodes/node1").json

    assert client.get(f"/api/v1/nodes/{shown['ID']}").json["name"] == "node1"
    assert shown["leader"] is True


def test_unknown_node_is_told_so(client):
    assert client.get("/api/v1/nodes/none").status_code == 404


def test_unchanged_list_costs_a_304(client):
    etag = client.get("/api/v1/nodes").headers["ETag"]

    assert client.get("/api/v1/nodes", headers={"If-None-Match": etag}).status_code == 304
