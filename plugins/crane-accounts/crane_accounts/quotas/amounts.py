"""What services ask for: how many tasks, and how much each of them may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.engine.cache import Snapshot
from crane_core.engine.parts import ServiceSpec

NANO = 1_000_000_000


@dataclass(frozen=True)
class Amount:
    """What one service asks for.

    :param tasks: How many tasks it has at a time; of a global one, one on each node.
    :param nano_cpus: The limit of each in billionths of a processor; 0 for none.
    :param memory: The limit of each in bytes; 0 for none.
    """

    tasks: int = 0
    nano_cpus: int = 0
    memory: int = 0

    @property
    def all_nano_cpus(self) -> int:
        """What its tasks may take together, in billionths of a processor."""
        return self.tasks * self.nano_cpus

    @property
    def all_memory(self) -> int:
        """What its tasks may take together, in bytes."""
        return self.tasks * self.memory


NOTHING = Amount()


@dataclass(frozen=True)
class Sum:
    """What several services ask for together; those without a limit count for nothing in it."""

    tasks: int = 0
    nano_cpus: int = 0
    memory: int = 0


def add_up(amounts: Iterable[Amount]) -> Sum:
    """Add up what services ask for."""
    tasks = nano_cpus = memory = 0
    for amount in amounts:
        tasks += amount.tasks
        nano_cpus += amount.all_nano_cpus
        memory += amount.all_memory
    return Sum(tasks, nano_cpus, memory)


def amount_of_spec(spec: Mapping[str, Any], nodes: int) -> Amount:
    """Return what a service's spec in the Engine's JSON asks for."""
    limits = (((spec.get("TaskTemplate") or {}).get("Resources") or {}).get("Limits")) or {}
    mode: Mapping[str, Any] = spec.get("Mode") or {}
    if "Global" in mode or "GlobalJob" in mode:
        tasks = nodes
    elif "ReplicatedJob" in mode:
        job = mode["ReplicatedJob"] or {}
        tasks = _count(job.get("MaxConcurrent"))
    else:
        tasks = _count((mode.get("Replicated") or {}).get("Replicas"))
    return Amount(tasks, int(limits.get("NanoCPUs") or 0), int(limits.get("MemoryBytes") or 0))


def amount_of_live(spec: ServiceSpec, nodes: int) -> Amount:
    """Return what a service that runs asks for."""
    limits = spec.TaskTemplate.Resources.Limits if spec.TaskTemplate.Resources else None
    mode = spec.Mode
    if mode.Global is not None or mode.GlobalJob is not None:
        tasks = nodes
    elif mode.ReplicatedJob is not None:
        tasks = _count(mode.ReplicatedJob.MaxConcurrent)
    else:
        tasks = _count(mode.Replicated.Replicas if mode.Replicated else None)
    return Amount(tasks, limits.NanoCPUs if limits else 0, limits.MemoryBytes if limits else 0)


def _count(replicas: int | None) -> int:
    # The Swarm runs one where nothing is said.
    return 1 if replicas is None else replicas


def count_nodes(snapshot: Snapshot) -> int:
    """Return on how many nodes a global service may run."""
    return len(snapshot.nodes)
