"""What a node has, what is set aside on it for its tasks, and what they may use of it at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crane_core.engine.parts import GenericResource, ResourceAmount
from crane_core.engine.records import Node, Task


@dataclass(frozen=True)
class Amount:
    """An amount of resources: billionths of a processor, bytes, and generic resources by their kind."""

    nano_cpus: int = 0
    memory_bytes: int = 0
    generic: tuple[tuple[str, int], ...] = ()

    def less(self, other: Amount) -> Amount:
        """Return what is left when another amount is taken away; less than nothing where more was taken."""
        left = dict(self.generic)
        for kind, count in other.generic:
            left[kind] = left.get(kind, 0) - count
        return Amount(
            self.nano_cpus - other.nano_cpus, self.memory_bytes - other.memory_bytes, tuple(sorted(left.items()))
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as answers have it, with whole processors."""
        return {"cpus": self.nano_cpus / 1e9, "memory_bytes": self.memory_bytes, "generic": dict(self.generic)}


@dataclass(frozen=True)
class Capacity:
    """What a node has, and what of it is promised.

    :param total: What the node has.
    :param reserved: What is set aside for its tasks.
    :param limited: What those of its tasks that have a limit may use together; that may be more than there is.
    :param unlimited_tasks: How many of its tasks may use any amount of memory.
    """

    total: Amount
    reserved: Amount
    limited: Amount
    unlimited_tasks: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as answers have it, with what is free to reserve."""
        return {
            "total": self.total.to_json(),
            "reserved": self.reserved.to_json(),
            "limited": self.limited.to_json(),
            "free": self.total.less(self.reserved).to_json(),
            "unlimited_tasks": self.unlimited_tasks,
        }


def capacity_of(node: Node, tasks: Iterable[Task]) -> Capacity:
    """Return what a node has and what is promised of it; tasks that have ended take nothing."""
    alive = [task.Spec.Resources for task in tasks if not task.ended]
    known = [resources for resources in alive if resources is not None]
    limits = [resources.Limits for resources in known if resources.Limits is not None]
    return Capacity(
        _add([node.Description.Resources]),
        _add(resources.Reservations for resources in known if resources.Reservations is not None),
        _add(limits),
        len(alive) - sum(limit.MemoryBytes > 0 for limit in limits),
    )


def count_generic(amounts: Iterable[ResourceAmount]) -> Counter[str]:
    """Count generic resources by their kind."""
    counted: Counter[str] = Counter()
    for amount in amounts:
        for resource in amount.GenericResources or ():
            kind, count = _read_generic(resource)
            counted[kind] += count
    return counted


def _add(amounts: Iterable[ResourceAmount]) -> Amount:
    listed = list(amounts)
    return Amount(
        sum(amount.NanoCPUs for amount in listed),
        sum(amount.MemoryBytes for amount in listed),
        tuple(sorted(count_generic(listed).items())),
    )


def _read_generic(resource: GenericResource) -> tuple[str, int]:
    if resource.NamedResourceSpec is not None:
        return resource.NamedResourceSpec.Kind, 1
    discrete = resource.DiscreteResourceSpec
    return (discrete.Kind, discrete.Value) if discrete is not None else ("", 0)
