"""Managers: how many may be lost, and what must not be done to them.

Managers agree by majority: of three, two must answer. What would leave no such majority is refused here, with what to
do instead; the Engine refuses some of it too, in fewer words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crane_core.cluster.errors import LastManager, NodeNotDown, OwnManager, QuorumAtRisk, StillManager
from crane_core.engine.records import Node


@dataclass(frozen=True)
class Managers:
    """The managers of a Swarm.

    :param all: How many there are.
    :param reachable: How many of them answer.
    """

    all: int
    reachable: int

    @property
    def majority(self) -> int:
        """How many must answer for anything to be changed."""
        return self.all // 2 + 1

    @property
    def spare(self) -> int:
        """How many more may be lost; less than nothing where too many are lost already."""
        return self.reachable - self.majority


def count_managers(nodes: Iterable[Node]) -> Managers:
    """Count the managers among some nodes."""
    found = [node for node in nodes if node.role == "manager"]
    return Managers(len(found), sum(_answers(node) for node in found))


def _answers(node: Node) -> bool:
    return node.ManagerStatus is not None and node.ManagerStatus.Reachability == "reachable"


def check_demotion(node: Node, nodes: Iterable[Node], own_id: str) -> None:
    """Refuse to make a worker of a manager that is needed.

    :param nodes: All nodes, as they are now.
    :param own_id: The id of the node that this server speaks with.
    :raises LastManager: when there is no other one.
    :raises QuorumAtRisk: when too few of the others answer.
    :raises OwnManager: when the server would lose the Swarm.
    """
    others = [other for other in nodes if other.id != node.id]
    left = count_managers(others)
    if not left.all:
        raise LastManager(
            f"{node.name} is the only manager, and a Swarm needs one. Promote another node first, then demote it."
        )
    if left.spare < 0:
        raise QuorumAtRisk(
            f"Without {node.name}, {left.reachable} of {left.all} managers would answer, and {left.majority} must for "
            "anything to be changed. Bring a manager back, or promote a node that is up, first."
        )
    if node.id == own_id:
        raise OwnManager(
            f"This server speaks with the Swarm through {node.name}, which it could not do any more. Set engine.url to "
            "another manager first."
        )


def check_removal(node: Node, force: bool) -> None:
    """Refuse to remove a node that is needed, or up.

    :raises StillManager: when it is a manager.
    :raises NodeNotDown: when it is up, unless forced.
    """
    if node.role == "manager":
        raise StillManager(f"{node.name} is a manager. Demote it first, then remove it.")
    if node.state == "ready" and not force:
        raise NodeNotDown(
            f"{node.name} is up. Drain it and run `docker swarm leave` on it, which takes it down; or remove it with "
            "force, after which it does not know that it has left."
        )
