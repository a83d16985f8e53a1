"""Containers of all nodes: what is listed where a node does not answer, and what a key finds."""

from __future__ import annotations

import pytest

from crane_core.containers import container_of_task, find_container, list_containers, target_of
from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.errors import Ambiguous, NotFound
from crane_core.testing.contract import service
from crane_core.testing.swarm import MemorySwarm

STACK = {"com.docker.stack.namespace": "shop"}


@pytest.fixture
def swarm() -> MemorySwarm:
    return MemorySwarm(nodes=3)


@pytest.fixture
def web(crane: Crane, swarm: MemorySwarm) -> None:
    """The service shop_web, with a task on each node."""
    crane.engine.create("service", {**service("shop_web"), "Mode": {"Global": {}}, "Labels": STACK})
    swarm.settle()
    crane.watcher.look(full=True)


@pytest.mark.usefixtures("web")
def test_containers_of_tasks_and_others_are_listed_with_their_node(crane: Crane, swarm: MemorySwarm) -> None:
    swarm.engine("node2").containers.add("by-hand")

    containers, stock = list_containers(crane)

    found = {(each.node.name, each.service.name if each.service else each.name, each.stack) for each in containers}
    tasks = {(node, "shop_web", "shop") for node in ("node1", "node2", "node3")}
    assert found == {*tasks, ("node2", "by-hand", None)}
    assert {source["state"] for source in stock.sources} == {"fresh"}


@pytest.mark.usefixtures("web")
def test_container_of_a_task_is_listed_though_its_node_was_never_asked(crane: Crane, swarm: MemorySwarm) -> None:
    swarm.node_down("node3")

    containers, stock = list_containers(crane)

    [lost] = [each for each in containers if each.node.name == "node3"]
    assert (lost.item, lost.state, lost.fresh, lost.stack) == (None, "running", False, "shop")
    assert lost.name.startswith("shop_web.")
    assert [source["name"] for source in stock.sources if source["state"] != "fresh"] == ["node3"]


def test_key_finds_by_id_its_beginning_name_and_node(crane: Crane, swarm: MemorySwarm) -> None:
    id_ = swarm.engine("node2").containers.add("one")
    swarm.engine("node3").containers.add("one")

    assert find_container(crane, id_).node.name == "node2"
    assert find_container(crane, id_[:12]).id == id_
    assert find_container(crane, "node2/one").id == id_
    assert find_container(crane, f"node2/{id_[:8]}").id == id_
    with pytest.raises(Ambiguous, match="node2/one, node3/one"):
        find_container(crane, "one")


def test_container_made_a_moment_ago_is_found(crane: Crane, swarm: MemorySwarm) -> None:
    list_containers(crane)

    id_ = swarm.engine("node2").containers.add("new")

    assert find_container(crane, "new").id == id_


def test_what_is_not_found_may_be_on_a_node_that_does_not_answer(crane: Crane, swarm: MemorySwarm) -> None:
    swarm.node_down("node3")

    with pytest.raises(NotFound, match="no container web, unless it is on node3, which cannot be asked"):
        find_container(crane, "web")
    with pytest.raises(NotFound, match="no node nowhere"):
        find_container(crane, "nowhere/web")


def test_container_says_nothing_of_its_own_stack_where_a_service_made_it(crane: Crane, swarm: MemorySwarm) -> None:
    claims = {**STACK, "com.docker.swarm.service.id": "gone"}
    swarm.engine("node2").containers.add("orphan", Labels=claims)
    swarm.engine("node2").containers.add("by-hand", Labels=STACK)

    assert target_of(find_container(crane, "orphan")).stack is None
    assert target_of(find_container(crane, "by-hand")).stack == "shop"


@pytest.mark.usefixtures("web")
def test_list_stays_the_same_while_nothing_happens(crane: Crane) -> None:
    first, stock = list_containers(crane)
    for node in crane.cache.snapshot().nodes.values():
        crane.room(Pool).link(node.id)

    again, later = list_containers(crane)

    assert [each.item for each in first] == [each.item for each in again]
    assert stock.version == later.version


@pytest.mark.usefixtures("web")
def test_container_of_a_task_is_found_without_asking_its_node(crane: Crane, swarm: MemorySwarm) -> None:
    [task] = [each for each in crane.cache.snapshot().all_tasks() if each.NodeID == swarm.engine("node2").node.id]

    found = container_of_task(crane, task)

    assert found is not None
    assert (found.id, found.node.name, found.stack) == (task.container_id, "node2", "shop")
