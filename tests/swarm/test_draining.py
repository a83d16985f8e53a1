"""What a drain is said to do beforehand is what a real one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from crane_core.cluster.nodes.draining import OUTCOMES, Fate, plan_availability
from crane_core.engine.cache import Cache
from crane_core.engine.client import Engine
from crane_core.engine.records import Task
from crane_core.engine.watch import Watcher
from crane_core.testing.contract import service
from tests.lab.lab import Lab

DRAINED = "node2"
QUICK = {"Condition": "any", "Delay": 10**8}
LASTS = {"Args": ["sleep", "600"], "StopGracePeriod": 10**8}
SPREAD = {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}]}
PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 18090, "PublishMode": "host"}
VOLUME = {"Type": "volume", "Source": "data", "Target": "/data"}
FOREIGN = {"Mode": "dnsrr"}


def placed(**placement: Any) -> dict[str, Any]:
    """Return the part of a service that says where it runs."""
    return {"task": {"Placement": placement, "RestartPolicy": QUICK}}


def job(name: str, mode: dict[str, Any]) -> dict[str, Any]:
    """Return a job that lasts."""
    return {**service(name, "lab/busybox:1", container=LASTS), "Mode": mode}


# By name, each of another kind; with what happens to its tasks on the node that is drained.
SERVICES: dict[str, dict[str, Any]] = {
    each["Name"]: each
    for each in (
        service("plain", replicas=6),
        service("uneven", replicas=4),
        service("labelled", replicas=2, **placed(Constraints=["node.labels.disk==ssd"])),
        service("pinned", replicas=2, **placed(Constraints=["node.hostname==node2"])),
        service("limited", replicas=3, **placed(MaxReplicas=1)),
        service("spread", replicas=4, **placed(**SPREAD)),
        service("ported", replicas=3, EndpointSpec={"Mode": "dnsrr", "Ports": [PORT]}),
        service("stored", replicas=1, container={"Mounts": [VOLUME]}, **placed(Constraints=["node.role==worker"])),
        service("never", replicas=3, task={"RestartPolicy": {"Condition": "none"}}),
        {**service("everywhere"), "Mode": {"Global": {}}},
        job("batch", {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}}),
        job("batch-everywhere", {"GlobalJob": {}}),
    )
}


@pytest.fixture
def watcher(swarm3: Lab) -> Iterator[Watcher]:
    """What reads the lab."""
    engine = Engine(swarm3.url)
    yield Watcher(engine, Cache())
    engine.close()


def greedy(watcher: Watcher) -> dict[str, Any]:
    """Return a service of which only one task has room on each node."""
    cpus = min(node.Description.Resources.NanoCPUs for node in watcher.look(full=True).nodes.values())
    return service("greedy", replicas=3, task={"Resources": {"Reservations": {"NanoCPUs": int(cpus * 0.6)}}})


def label(lab: Lab, name: str, **labels: str) -> None:
    """Give a node labels."""
    node = lab.ask("GET", f"/nodes/{_id(lab, name)}")
    lab.ask(
        "POST",
        f"/nodes/{node['ID']}/update?version={node['Version']['Index']}",
        {**node["Spec"], "Labels": labels},
    )


def drain(lab: Lab, name: str) -> None:
    """Drain a node."""
    node = lab.ask("GET", f"/nodes/{_id(lab, name)}")
    target = f"/nodes/{node['ID']}/update?version={node['Version']['Index']}"
    lab.ask("POST", target, {**node["Spec"], "Availability": "drain"})


def _id(lab: Lab, name: str) -> str:
    return next(str(each["ID"]) for each in lab.ask("GET", "/nodes") if each["Description"]["Hostname"] == name)


def test_drain_does_what_the_plan_said(swarm3: Lab, watcher: Watcher) -> None:
    for name, rack in (("node1", "a"), ("node2", "b"), ("node3", "b")):
        label(swarm3, name, rack=rack, **({} if name == "node1" else {"disk": "ssd"}))
    specs = [*SERVICES.values(), greedy(watcher)]
    for spec in specs:
        swarm3.ask("POST", "/services/create", {"EndpointSpec": FOREIGN, **spec})

    def calm() -> bool:
        snapshot = watcher.look(full=True)
        tasks = [task for task in snapshot.all_tasks() if task.desired_state in ("running", "complete", "ready")]
        settled = all(task.state == "running" for task in tasks)
        return settled and len(snapshot.services) == len(specs) and len(tasks) == 40

    swarm3.wait_until(calm, "all services run")
    before = watcher.look(full=True)
    fates = plan_availability(before, before.get_node(DRAINED), "drain")
    known = {task.id for task in before.all_tasks()}
    drain(swarm3, DRAINED)
    moved = {fate.task.id for fate in fates if fate.outcome != "stays"}
    swarm3.wait_until(lambda: all(_gone(watcher, id_) for id_ in moved), "the tasks of the drained node have stopped")
    swarm3.wait_until(calm_after(watcher, known), "what replaces them has come to rest")
    after = watcher.look(full=True)

    expected = {name: _expect(fates, name) for name in sorted({*SERVICES, "greedy"})}
    fresh = [task for task in after.all_tasks() if task.id not in known and not task.ended]
    names = {id_: each.name for id_, each in after.services.items()}
    nodes = {id_: each.name for id_, each in after.nodes.items()}
    happened = {
        name: Counter(nodes.get(task.NodeID, "pending") for task in fresh if names[task.ServiceID] == name)
        for name in expected
    }
    assert happened == expected
    assert set(OUTCOMES) == {fate.outcome for fate in fates}
    kept = {fate.task.id for fate in fates if fate.outcome == "stays"}
    assert all((found := after.find_task(id_)) is not None and found.state == "running" for id_ in kept)


def calm_after(watcher: Watcher, known: set[str]) -> Any:
    """Return what tells whether all tasks that were made since then run, or wait for want of a node."""

    def calm() -> bool:
        fresh = [task for task in watcher.look(full=True).all_tasks() if task.id not in known]
        return all(task.ended or _rests(task) for task in fresh)

    return calm


def _rests(task: Task) -> bool:
    return task.state == "running" or (task.state == "pending" and bool(task.error))


def _gone(watcher: Watcher, task_id: str) -> bool:
    found = watcher.look(full=True).find_task(task_id)
    return found is None or found.ended


def _expect(fates: list[Fate], name: str) -> Counter[str]:
    own = [fate for fate in fates if fate.service is not None and fate.service.name == name]
    return Counter(
        fate.node.name if fate.node is not None else "pending" for fate in own if fate.outcome in ("moves", "pending")
    )
