"""The scheduler that only thinks places tasks as the Swarm's does."""

from __future__ import annotations

from collections import Counter

from crane_core.engine.scheduling import Scheduler, with_availability
from tests.core.engine.making import machine, reserve, service_json, snapshot_of, task_json


def place(snapshot, service="s", count=1, changed=None, leaving=()):
    """Return how many tasks each node gets, and why the others wait."""
    placed = Scheduler(snapshot, changed or {}, leaving).place(snapshot.services[service], count)
    return dict(Counter(node.id for node in placed.nodes)), placed.why


def web(**template):
    return service_json("s", name="web", TaskTemplate=template)


def test_tasks_go_first_where_the_service_has_fewest_then_where_fewest_tasks_are():
    present = [task_json("t1", "s", NodeID="a"), task_json("t2", "o", NodeID="b"), task_json("t3", "o", NodeID="b")]
    snapshot = snapshot_of([machine("a"), machine("b"), machine("c")], [web(), service_json("o")], present)

    assert place(snapshot, count=1) == ({"c": 1}, "")
    assert place(snapshot, count=2) == ({"b": 1, "c": 1}, "")
    assert place(snapshot, count=5) == ({"a": 1, "b": 2, "c": 2}, "")


def test_what_is_placed_takes_room_from_what_comes_after():
    heavy = web(**reserve(MemoryBytes=3 * 1024**3))
    snapshot = snapshot_of([machine("a"), machine("b")], [heavy])

    scheduler = Scheduler(snapshot, {}, ())
    first = scheduler.place(snapshot.services["s"], 2)
    second = scheduler.place(snapshot.services["s"], 1)

    assert sorted(node.id for node in first.nodes) == ["a", "b"]
    assert second.nodes == []
    assert second.why == "no suitable node: all 2 have less than 3 GiB of memory left to reserve"


def test_a_node_that_is_to_be_drained_gets_nothing_and_what_leaves_it_takes_no_room():
    snapshot = snapshot_of(
        [machine("a"), machine("b")], [web(Placement={"MaxReplicas": 1})], [task_json("t", "s", NodeID="a")]
    )
    drained = {"a": with_availability(snapshot.nodes["a"], "drain")}

    assert place(snapshot, changed=drained, leaving=["t"]) == ({"b": 1}, "")
    assert place(snapshot, leaving=["t"], count=2) == ({"a": 1, "b": 1}, "")


def test_preferences_spread_over_the_values_of_a_label_before_nodes_are_compared():
    nodes = [machine("a", labels={"zone": "n"}), machine("b", labels={"zone": "n"}), machine("c", labels={"zone": "s"})]
    spread = {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}
    snapshot = snapshot_of(nodes, [web(Placement=spread)])

    assert place(snapshot, count=4) == ({"a": 1, "b": 1, "c": 2}, "")


def test_a_branch_without_room_leaves_its_share_to_the_others():
    nodes = [machine("a", labels={"zone": "n"}, cpus=4), machine("b", labels={"zone": "s"}, cpus=1)]
    spread = {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}
    snapshot = snapshot_of(nodes, [web(Placement=spread, **reserve(NanoCPUs=10**9))])

    assert place(snapshot, count=4) == ({"a": 3, "b": 1}, "")
    assert place(snapshot, count=9)[0] == {"a": 4, "b": 1}


def test_preferences_go_inside_one_another_and_what_is_no_label_is_passed_over():
    def of(id_, zone, rack):
        return machine(id_, labels={"zone": zone}, rack=rack)

    nodes = [of("a", "n", "1"), of("b", "n", "2"), of("c", "n", "2"), of("d", "s", "1")]
    descriptors = ("node.labels.zone", "node.hostname", "engine.labels.rack")
    spread = {"Preferences": [{"Spread": {"SpreadDescriptor": each}} for each in descriptors]}
    snapshot = snapshot_of(nodes, [web(Placement=spread)])

    assert place(snapshot, count=8) == ({"a": 2, "b": 1, "c": 1, "d": 4}, "")


def test_a_missing_driver_keeps_a_task_away():
    def of(id_, *names):
        made = machine(id_)
        made["Description"]["Engine"]["Plugins"] = [{"Type": "Volume", "Name": name} for name in names]
        return made

    mount = {"Type": "volume", "Source": "data", "VolumeOptions": {"DriverConfig": {"Name": "rexray"}}}
    snapshot = snapshot_of(
        [of("a", "local"), of("b", "local", "rexray:latest")], [web(ContainerSpec={"Mounts": [mount]})]
    )

    assert place(snapshot, count=2) == ({"b": 2}, "")


def test_why_tasks_wait_is_told_as_of_any_service():
    snapshot = snapshot_of([machine("a"), machine("b")], [web(Placement={"Constraints": ["node.labels.ssd==true"]})])

    assert place(snapshot) == ({}, "no suitable node: all 2 lack label ssd=true")
