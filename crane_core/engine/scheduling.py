"""Where the Swarm's scheduler would put tasks, told beforehand.

It is done as the scheduler does it: a service's tasks are placed together; preferences split them over the values of
labels, as evenly as there is room; among nodes that fit, those with the fewest tasks of the service come first, then
those with the fewest tasks. Where the scheduler would choose at random, the name decides here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from crane_core.engine.parts import ServiceSpec, TaskSpec
from crane_core.engine.placement import explain_among, find_reasons, occupies
from crane_core.engine.records import Node, Service, Task
from crane_core.engine.snapshot import Snapshot


@dataclass(frozen=True)
class Placed:
    """Where the tasks of a service would go; ``why`` says why the others would wait."""

    nodes: Sequence[Node]
    why: str = ""


class Scheduler:
    """A scheduler that only thinks.

    :param snapshot: The Swarm to begin with.
    :param changed: Nodes that are otherwise than in the snapshot, by id, such as one that is to be drained.
    :param leaving: The ids of tasks that will be gone.
    """

    def __init__(self, snapshot: Snapshot, changed: Mapping[str, Node], leaving: Iterable[str]) -> None:
        self._snapshot = snapshot
        gone = frozenset(leaving)
        self._nodes = sorted(
            (changed.get(id_, node) for id_, node in snapshot.nodes.items()), key=lambda node: (node.name, node.id)
        )
        self._present = {
            node.id: [task for task in snapshot.tasks_on(node.id) if occupies(task) and task.id not in gone]
            for node in self._nodes
        }
        self._counts = {node_id: Counter(task.ServiceID for task in tasks) for node_id, tasks in self._present.items()}

    def place(self, service: Service, count: int) -> Placed:
        """Place so many tasks more of a service, and keep them in mind for what is placed after."""
        preferences = _spreads(service.spec)
        tree = _Branch()
        for node in self._nodes:
            tree.add(node, preferences, self._counts[node.id][service.id])
        placed: list[Node] = []
        self._split(service, count, tree, placed)
        why = ""
        if len(placed) < count:
            why = explain_among(service.spec, self._nodes, lambda node: self._present[node.id], self._snapshot)
        return Placed(placed, why)

    def _split(self, service: Service, count: int, branch: _Branch, placed: list[Node]) -> int:
        """Place tasks below a branch, as evenly as its own branches have room; return how many found a node."""
        if not branch.branches:
            return self._fill(service, count, branch.nodes, placed)
        done = 0
        in_use = branch.tasks
        full: set[str] = set()
        progress = True
        while done < count and len(full) < len(branch.branches) and progress:
            progress = False
            each, rest = divmod(in_use + count - done, len(branch.branches) - len(full))
            for value, inner in sorted(branch.branches.items()):
                if done == count or value in full or inner.tasks > each or (inner.tasks == each and not rest):
                    continue
                wanted = each - inner.tasks + bool(rest)
                # The counts stay as they were at the beginning, as they do in the scheduler.
                found = self._split(service, min(wanted, count - done), inner, placed)
                if found < wanted:
                    full.add(value)
                    in_use -= inner.tasks
                elif rest:
                    rest -= 1
                done += found
                progress = True
        return done

    def _fill(self, service: Service, count: int, nodes: Sequence[Node], placed: list[Node]) -> int:
        """Place tasks on some nodes: first until all have equally many of the service, then in turns."""
        order = sorted(
            (node for node in nodes if self._takes(service, node)), key=lambda node: self._load(service, node)
        )
        if not order:
            return 0
        full: set[int] = set()
        at = 0
        for done in range(1, count + 1):
            self._put(service, order[at % len(order)])
            placed.append(order[at % len(order)])
            if done == count:
                break
            if at + 1 >= len(order) or self._load(service, order[at + 1]) < self._load(service, order[at]):
                at += 1
            for _ in order:
                if at % len(order) not in full and self._takes(service, order[at % len(order)]):
                    break
                full.add(at % len(order))
                at += 1
            else:
                return done
        return count

    def _takes(self, service: Service, node: Node) -> bool:
        return next(find_reasons(service.spec, node, self._present[node.id], self._snapshot), None) is None

    def _load(self, service: Service, node: Node) -> tuple[int, int]:
        return self._counts[node.id][service.id], len(self._present[node.id])

    def _put(self, service: Service, node: Node) -> None:
        spec = TaskSpec(Resources=service.spec.TaskTemplate.Resources)
        version = service.Version
        self._present[node.id].append(Task("", version, ServiceID=service.id, NodeID=node.id, Spec=spec))
        self._counts[node.id][service.id] += 1


@dataclass
class _Branch:
    """The nodes that have the same values of the labels over which a service is spread."""

    tasks: int = 0
    nodes: list[Node] = field(default_factory=list)
    branches: dict[str, _Branch] = field(default_factory=dict)

    def add(self, node: Node, preferences: Sequence[tuple[str, str]], tasks: int) -> None:
        """Add a node, which has so many tasks of the service."""
        self.tasks += tasks
        if not preferences:
            self.nodes.append(node)
            return
        (kind, label), *rest = preferences
        labels = node.labels if kind == "node" else node.Description.Engine.Labels or {}
        self.branches.setdefault(labels.get(label, ""), _Branch()).add(node, rest, tasks)


def _spreads(spec: ServiceSpec) -> list[tuple[str, str]]:
    """Return the labels over which tasks are spread: of the node or of its Engine. What is none is passed over."""
    placement = spec.TaskTemplate.Placement
    found = []
    for preference in (placement.Preferences if placement is not None else None) or ():
        descriptor = preference.Spread.SpreadDescriptor if preference.Spread is not None else ""
        for prefix, kind in (("node.labels.", "node"), ("engine.labels.", "engine")):
            if descriptor.lower().startswith(prefix) and len(descriptor) > len(prefix):
                found.append((kind, descriptor[len(prefix) :]))
    return found


def with_availability(node: Node, availability: str) -> Node:
    """Return a node with another availability."""
    return msgspec.structs.replace(node, Spec=msgspec.structs.replace(node.Spec, Availability=availability))
