"""Networks over HTTP: of the Swarm and of each node, made, shown, connected and removed."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.engine.pool import Pool
from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

FILE = """
services:
  web:
    image: 'nginx:1'
    ports: ['8080:80']
    networks: {front: {aliases: [shop]}, back: {}}
    deploy: {replicas: 2}
  db: {image: 'nginx:1', networks: [back]}
networks: {front: {attachable: true, driver_opts: {encrypted: ''}}, back: {internal: true}}
"""


@pytest.fixture
def events() -> list[Any]:
    """What plugins were told."""
    return []


@pytest.fixture
def crane_plugins(events: list[Any]) -> list[Plugin]:
    """A listener."""

    def crane_event(event: Any) -> None:
        events.append(event)

    return [make_plugin("listener", crane_event)]


@pytest.fixture
def shop(deploy: Any) -> None:
    """A stack of two services and two networks."""
    deploy(FILE)


def rows(client: Any, query: str = "") -> list[tuple[str, str | None]]:
    """Return the names of the listed networks with their nodes."""
    return [(row["name"], row["node"]) for row in client.get(f"/api/v1/networks{query}").json["items"]]


# --- Looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shop")
def test_networks_of_the_swarm_and_of_each_node_are_listed(client):
    listed = rows(client)

    assert [row for row in listed if row[1] is None] == [("ingress", None), ("shop_back", None), ("shop_front", None)]
    assert [row for row in listed if row[0] == "bridge"] == [
        ("bridge", "node1"),
        ("bridge", "node2"),
        ("bridge", "node3"),
    ]
    assert len(listed) == len(set(listed))


@pytest.mark.usefixtures("shop")
def test_networks_are_filtered_and_sorted(client):
    assert rows(client, "?stack=shop") == [("shop_back", None), ("shop_front", None)]
    assert rows(client, "?scope=swarm&sort=-services&limit=1") == [("shop_back", None)]
    assert {node for _, node in rows(client, "?scope=local&node=node2")} == {"node2"}
    assert {name for name, _ in rows(client, "?driver=null")} == {"none"}


@pytest.mark.usefixtures("shop")
def test_network_is_shown_with_what_crane_knows(client):
    shown = client.get("/api/v1/networks/shop_front").json

    assert (shown["stack"], shown["node"], shown["services"]) == ("shop", None, 1)
    assert (shown["encrypted"], shown["Attachable"], shown["predefined"]) == (True, True, False)
    assert shown["subnets"][0].startswith("10.0.")
    assert client.get("/api/v1/networks/ingress").json["predefined"] is True


def test_network_of_a_node_is_found_by_its_node_or_its_id(client):
    shown = client.get("/api/v1/networks/node2/bridge").json

    assert (shown["node"], shown["Scope"], shown["predefined"]) == ("node2", "local", True)
    assert client.get(f"/api/v1/networks/{shown['Id']}").json["node"] == "node2"
    ambiguous = client.get("/api/v1/networks/bridge")
    assert (ambiguous.status_code, ambiguous.json["code"]) == (422, "ambiguous")
    assert "node1/bridge, node2/bridge, node3/bridge" in ambiguous.json["detail"]


def test_unknown_network_is_told_so_and_which_nodes_were_not_asked(client, swarm, crane):
    assert client.get("/api/v1/networks/none-such").status_code == 404
    assert client.get("/api/v1/networks/node9/bridge").status_code == 404
    for method, path in (("GET", "/services"), ("GET", "/containers"), ("DELETE", "")):
        assert client.open(f"/api/v1/networks/none-such{path}", method=method).status_code == 404


@pytest.mark.usefixtures("shop")
def test_services_on_a_network_are_told_with_addresses_names_and_tasks(client):
    [member] = client.get("/api/v1/networks/shop_front/services").json["items"]

    assert (member["name"], sorted(member["aliases"])) == ("shop_web", ["shop", "web"])
    assert member["addresses"][0].startswith("10.0.")
    assert "/" not in member["addresses"][0]
    assert sorted(task["name"] for task in member["tasks"]) == ["shop_web.1", "shop_web.2"]
    assert all(task["node"] and task["addresses"] for task in member["tasks"])


@pytest.mark.usefixtures("shop")
def test_services_that_publish_ports_are_on_the_ingress_network(client):
    members = client.get("/api/v1/networks/ingress/services").json["items"]

    assert [member["name"] for member in members] == ["shop_web"]


@pytest.mark.usefixtures("shop")
def test_containers_on_a_network_are_told_by_the_nodes(client):
    listed = client.get("/api/v1/networks/shop_back/containers").json

    found = sorted((each["service"], each["state"]) for each in listed["items"])
    assert found == [("shop_db", "running"), ("shop_web", "running"), ("shop_web", "running")]
    assert all(each["addresses"] for each in listed["items"])
    assert {source["name"] for source in listed["sources"]} == {"engine", "node1", "node2", "node3"}


@pytest.mark.usefixtures("shop")
def test_unchanged_list_costs_a_304(client):
    etag = client.get("/api/v1/networks").headers["ETag"]

    assert client.get("/api/v1/networks", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.usefixtures("shop")
def test_graph_tells_which_service_is_on_which_network(client):
    graph = client.get("/api/v1/networks/graph").json
    names = {each["id"]: each["name"] for each in (*graph["services"], *graph["networks"])}

    edges = {(names[edge["service"]], names[edge["network"]]) for edge in graph["edges"]}

    assert edges == {
        ("shop_web", "shop_front"), ("shop_web", "shop_back"), ("shop_db", "shop_back"), ("shop_web", "ingress"),
    }  # fmt: skip
    [web] = [each for each in graph["services"] if each["name"] == "shop_web"]
    assert (web["ports"], web["stack"], web["tasks_running"]) == (["8080:80/tcp"], "shop", 2)
    assert all(each["driver"] == "overlay" for each in graph["networks"])


@pytest.mark.usefixtures("shop")
def test_unchanged_graph_costs_a_304(client):
    etag = client.get("/api/v1/networks/graph").headers["ETag"]

    assert client.get("/api/v1/networks/graph", headers={"If-None-Match": etag}).status_code == 304


# --- Making and removing ---------------------------------------------------------------------------------------------


def test_network_of_the_swarm_is_made(client, crane):
    sent = {
        "name": "front",
        "attachable": True,
        "encrypted": True,
        "labels": {"tier": "front"},
        "ipam": {"config": [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1", "reserved": {"router": "10.9.0.9"}}]},
    }

    answer = client.post("/api/v1/networks", json=sent)

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/networks/{answer.json['id']}"
    made = crane.engine.inspect("network", "front")
    assert (made["Driver"], made["Scope"], made["Attachable"], made["Labels"]) == (
        "overlay", "swarm", True, {"tier": "front"},
    )  # fmt: skip
    assert "encrypted" in made["Options"]
    assert made["IPAM"]["Config"] == [
        {"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1", "AuxiliaryAddresses": {"router": "10.9.0.9"}}
    ]


def test_network_of_one_node_is_made_and_removed_there(client, crane, events):
    made = client.post("/api/v1/networks", json={"name": "side", "driver": "bridge", "node": "node2"}).json

    assert (made["node"], made["Scope"]) == ("node2", "local")
    assert rows(client, "?q=side") == [("side", "node2")]
    assert client.delete("/api/v1/networks/node2/side").status_code == 204
    assert rows(client, "?q=side") == []
    crane.events.drain()
    told = [(event.kind, event.name, event.detail) for event in events if event.kind.startswith("network.")]
    assert told == [("network.created", "side", {"node": "node2"}), ("network.removed", "side", {"node": "node2"})]


@pytest.mark.parametrize(("sent", "pointer", "code"), [
    ({"ingress": True}, "/ingress", "ingress-network"),
    ({"node": "node2"}, "/node", "network-on-all-nodes"),
    ({"driver": "bridge"}, "/node", "node-missing"),
    ({"driver": "bridge", "node": "node2", "encrypted": True}, "/encrypted", "not-encryptable"),
])  # fmt: skip
def test_contradictions_are_refused_in_sentences(client, swarm, sent, pointer, code):
    answer = client.post("/api/v1/networks", json={"name": "front", **sent})

    assert (answer.status_code, answer.json["code"]) == (422, "network-refused")
    assert (pointer, code) in {(error["pointer"], error.get("code")) for error in answer.json["errors"]}
    assert swarm.writes == []


@pytest.mark.parametrize("sent", [
    {}, {"name": ""}, {"name": ["x"]}, {"name": "two words"}, {"name": "x", "driver": "none-such", "node": "node1"},
    {"name": "x", "labels": {"a": 1}}, {"name": "x", "ipam": {"config": [{}]}}, {"name": "x", "ipam": {"config": "10"}},
    {"name": "x", "attachable": "perhaps"}, {"name": "x", "colour": "blue"},
])  # fmt: skip
def test_bad_input_is_refused(client, sent):
    assert client.post("/api/v1/networks", json=sent).status_code in (404, 422)


def test_unknown_node_is_told_so(client):
    answer = client.post("/api/v1/networks", json={"name": "x", "driver": "bridge", "node": "node9"})

    assert answer.status_code == 404


def test_name_is_taken_once(client):
    client.post("/api/v1/networks", json={"name": "front"})

    answer = client.post("/api/v1/networks", json={"name": "front"})

    assert (answer.status_code, answer.json["code"]) == (409, "name-taken")


@pytest.mark.usefixtures("shop")
def test_network_in_use_is_not_removed_and_its_users_are_named(client, swarm):
    answer = client.delete("/api/v1/networks/shop_back")

    assert (answer.status_code, answer.json["code"]) == (409, "in-use")
    assert answer.json["detail"] == "The network shop_back is used by shop_db and shop_web."
    assert "shop_back" in swarm.networks


@pytest.mark.parametrize("name", ["ingress", "node1/bridge", "node2/host", "node3/none", "node1/docker_gwbridge"])
def test_networks_that_the_engine_made_stay(client, name):
    answer = client.delete(f"/api/v1/networks/{name}")

    assert (answer.status_code, answer.json["code"]) == (409, "predefined-network")


def test_unused_network_is_removed(client, swarm):
    client.post("/api/v1/networks", json={"name": "front"})

    assert client.delete("/api/v1/networks/front").status_code == 204
    assert swarm.networks == []


# --- Connecting ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lonely(swarm: Any) -> str:
    """A container of no service on node2."""
    return str(swarm.engine("node2").containers.add("lonely"))


def test_container_is_connected_and_taken_off(client, crane, lonely, events):
    client.post("/api/v1/networks", json={"name": "front", "attachable": True})

    sent = {"container": "lonely", "aliases": ["shop"], "ipv4_address": "10.0.1.77"}
    assert client.post("/api/v1/networks/front/connect", json=sent).status_code == 204

    [shown] = client.get("/api/v1/networks/front/containers").json["items"]
    [end] = crane.room(Pool).get("node2").container(lonely)["NetworkSettings"]["Networks"].values()
    assert "shop" in end["Aliases"]
    assert (shown["name"], shown["node"], shown["service"], shown["addresses"]) == (
        "lonely", "node2", None, ["10.0.1.77"],
    )  # fmt: skip
    assert client.post("/api/v1/networks/front/disconnect", json={"container": lonely}).status_code == 204
    assert client.get("/api/v1/networks/front/containers").json["items"] == []
    crane.events.drain()
    assert [event.kind for event in events if event.kind.endswith("connected")] == [
        "network.connected", "network.disconnected",
    ]  # fmt: skip


@pytest.mark.usefixtures("lonely")
def test_what_does_not_go_together_is_refused_in_sentences(client):
    client.post("/api/v1/networks", json={"name": "closed"})
    client.post("/api/v1/networks", json={"name": "side", "driver": "bridge", "node": "node1"})
    client.post("/api/v1/networks", json={"name": "near", "driver": "bridge", "node": "node2"})

    def ask(path: str) -> tuple[int, str, str]:
        answer = client.post(f"/api/v1/networks/{path}", json={"container": "lonely"})
        return answer.status_code, answer.json.get("code", ""), answer.json.get("detail", "")

    assert ask("closed/connect")[:2] == (409, "not-connectable")
    assert "not made attachable" in ask("closed/connect")[2]
    assert "is on node1, and the container lonely is on node2" in ask("node1/side/connect")[2]
    assert "is not on the network near" in ask("node2/near/disconnect")[2]
    client.post("/api/v1/networks/node2/near/connect", json={"container": "lonely"})
    assert "already" in ask("node2/near/connect")[2]
    assert client.delete("/api/v1/networks/node2/near").json["code"] == "in-use"


@pytest.mark.parametrize("sent", [
    {}, {"container": 7}, {"container": "lonely", "ipv4_address": "10.0.0"}, {"container": "lonely", "aliases": "a"},
    {"container": "lonely", "aliases": [""]}, {"container": "lonely", "ipv6_address": "10.0.0.1"},
])  # fmt: skip
@pytest.mark.usefixtures("lonely")
def test_bad_connections_are_refused(client, sent):
    client.post("/api/v1/networks", json={"name": "front", "attachable": True})

    assert client.post("/api/v1/networks/front/connect", json=sent).status_code == 422


def test_unknown_container_is_told_so(client):
    client.post("/api/v1/networks", json={"name": "front", "attachable": True})

    for verb in ("connect", "disconnect"):
        answer = client.post(f"/api/v1/networks/front/{verb}", json={"container": "none-such"})
        assert (answer.status_code, answer.json["code"]) == (404, "not-found")
