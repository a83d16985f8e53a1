from __future__ import annotations

import pytest

from crane_core.engine.placement import explain, fits, parse_constraint
from tests.core.engine.making import GIB, machine, reserve, service_json, services, snapshot_of, task_json


def _spec(ports=(), **template):
    (service,) = services(service_json("s", name="web", TaskTemplate=template, EndpointSpec={"Ports": list(ports)}))
    return service.spec


def _host_port(port, protocol="tcp"):
    return {"TargetPort": 80, "PublishedPort": port, "PublishMode": "host", "Protocol": protocol}


def test_each_node_is_counted_once_with_its_first_reason():
    spec = _spec(Placement={"Constraints": ["node.labels.ssd == true"]})
    snapshot = snapshot_of([machine("a"), machine("b", labels={"ssd": "no"}), machine("c", availability="drain")])

    assert explain(spec, snapshot) == "no suitable node: 2 of 3 lack label ssd=true, 1 is drained"


def test_one_reason_for_all_nodes_is_said_once():
    spec = _spec(Placement={"Constraints": ["node.labels.ssd == true"]})

    assert explain(spec, snapshot_of([machine("a"), machine("b")])) == "no suitable node: all 2 lack label ssd=true"
    assert explain(spec, snapshot_of([machine("a")])) == "no suitable node: the only node lacks label ssd=true"


def test_there_is_nothing_to_explain_where_a_node_fits():
    assert explain(_spec(), snapshot_of([machine("a"), machine("b", state="down")])) == ""


GPUS = [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}]
CASES = [
    ({}, {"state": "down"}, ["is down"]),
    ({}, {"state": "disconnected"}, ["is disconnected"]),
    ({}, {"state": "unknown"}, ["is not ready"]),
    ({}, {"availability": "pause"}, ["is paused"]),
    ({"Placement": {"Constraints": ["node.role==manager"]}}, {}, ["is no manager"]),
    ({"Placement": {"Constraints": ["node.role!=worker"]}}, {}, ["does not meet node.role!=worker"]),
    ({"Placement": {"Constraints": ["node.hostname==x"]}}, {}, ["is not called x"]),
    ({"Placement": {"Constraints": ["node.hostname==HOST-A"]}}, {}, []),
    ({"Placement": {"Constraints": ["node.id!=a"]}}, {}, ["does not meet node.id!=a"]),
    ({"Placement": {"Constraints": ["node.labels.a!=b"]}}, {"labels": {"a": "b"}}, ["has label a=b"]),
    ({"Placement": {"Constraints": ["node.labels.zone!=north"]}}, {}, []),
    ({"Placement": {"Constraints": ["engine.labels.disk==fast"]}}, {}, ["lacks engine label disk=fast"]),
    ({"Placement": {"Constraints": ["engine.labels.disk==fast"]}}, {"disk": "fast"}, []),
    ({"Placement": {"Constraints": ["node.platform.os==linux"]}}, {}, []),
    ({"Placement": {"Constraints": ["node.platform.arch==arm64"]}}, {}, ["does not meet node.platform.arch==arm64"]),
    ({"Placement": {"Constraints": ["node.ip==10.0.7.0/24"]}}, {}, []),
    ({"Placement": {"Constraints": ["node.ip!=10.0.7.1"]}}, {}, ["does not meet node.ip!=10.0.7.1"]),
    ({"Placement": {"Constraints": ["node.ip==nonsense"]}}, {}, ["does not meet node.ip==nonsense"]),
    ({"Placement": {"Platforms": [{"Architecture": "arm64", "OS": "linux"}]}}, {}, ["is not linux/arm64"]),
    ({"Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]}}, {}, []),
    (reserve(NanoCPUs=3 * 10**9), {}, ["has less than 3 CPUs left to reserve"]),
    (reserve(MemoryBytes=8 * GIB), {}, ["has less than 8 GiB of memory left to reserve"]),
    (reserve(GenericResources=GPUS), {}, ["has fewer than 2 gpu left"]),
    (reserve(NanoCPUs=2 * 10**9, MemoryBytes=4 * GIB), {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("template", "node", "reasons"), CASES)
def test_a_node_is_measured_by_what_the_scheduler_measures(template, node, reasons):
    snapshot = snapshot_of([machine("a", **node)])

    assert fits(_spec(**template), snapshot.nodes["a"], snapshot) == reasons


def test_all_reasons_of_one_node_are_told():
    spec = _spec(Placement={"Constraints": ["node.labels.ssd==true"]}, **reserve(NanoCPUs=9 * 10**9))
    snapshot = snapshot_of([machine("a", availability="drain")])

    assert len(fits(spec, snapshot.nodes["a"], snapshot)) == 3


def test_what_running_tasks_reserve_is_taken_and_what_ended_ones_did_is_not():
    reserved = {"Spec": reserve(NanoCPUs=10**9, MemoryBytes=GIB)}
    running = task_json("t1", "s", NodeID="a", **reserved)
    ended = task_json("t2", "s", NodeID="a", state="failed", **reserved)
    elsewhere = task_json("t3", "s", NodeID="b", **reserved)
    snapshot = snapshot_of([machine("a"), machine("b")], [service_json("s")], [running, ended, elsewhere])

    assert fits(_spec(**reserve(NanoCPUs=10**9)), snapshot.nodes["a"], snapshot) == []
    assert fits(_spec(**reserve(NanoCPUs=10**9 + 1)), snapshot.nodes["a"], snapshot)


def test_a_node_takes_no_more_replicas_than_allowed():
    spec = _spec(Placement={"MaxReplicas": 1})
    web = service_json("s", name="web")
    snapshot = snapshot_of([machine("a"), machine("b")], [web], [task_json("t", "s", NodeID="a")])

    assert fits(spec, snapshot.nodes["a"], snapshot) == ["runs 1 task of it, the most allowed"]
    assert fits(spec, snapshot.nodes["b"], snapshot) == []


def test_a_port_of_the_node_is_given_once():
    other = service_json("o", EndpointSpec={"Ports": [_host_port(8080)]})
    snapshot = snapshot_of([machine("a")], [other], [task_json("t", "o", NodeID="a")])

    assert fits(_spec([_host_port(8080)]), snapshot.nodes["a"], snapshot) == ["has port 8080/tcp taken"]
    assert fits(_spec([_host_port(8080, "udp")]), snapshot.nodes["a"], snapshot) == []
    assert fits(_spec([_host_port(8081)]), snapshot.nodes["a"], snapshot) == []


def test_what_is_no_constraint_is_left_to_the_engine():
    assert parse_constraint("node.labels.ssd") is None
