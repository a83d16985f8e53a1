"""What a dashboard shows: nodes, services that are not as they should be and why, the busiest, and the last events."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crane_core.context import Crane
from crane_core.engine.parts import ResourceAmount
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node, Service, Task
from crane_core.engine.snapshot import Snapshot
from crane_core.http import Listing
from crane_core.monitoring.feed.routes import find_newest
from crane_core.monitoring.stats.operations import Row, find_rows, present_row
from crane_core.security import Identity, Target, decider, may_everything

MOST_TROUBLED = 20
MOST_BUSY = 5
MOST_EVENTS = 20
# What is shown of a service that is not as it should be.
_MEMBERS = ("name", "stack", "state", "why", "why_code", "tasks_running", "tasks_desired")
# The worst first.
_TROUBLE = ("degraded", "paused", "rolled-back", "updating")


@dataclass(frozen=True)
class _Services:
    """How services fare, as far as somebody may see them."""

    total: int
    converged: int
    troubled: Sequence[Mapping[str, Any]]
    running: int
    desired: int
    tasks: Mapping[str, int]


class Dashboard:
    """The room of one server that keeps what it worked out until the Swarm changes."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._lock = threading.Lock()
        self._kept: tuple[int, _Services] | None = None

    def show(self, identity: Identity) -> dict[str, Any]:
        """Return what somebody may see of how the Swarm fares."""
        crane = self._crane
        crane.watcher.note_interest()
        snapshot = crane.cache.snapshot()
        nodes = _visible(crane, identity, "node:read", snapshot.nodes.values(), _node_target)
        services = self._find_services(identity, snapshot)
        return {
            "nodes": _show_nodes(crane, snapshot, nodes),
            "services": {"total": services.total, "converged": services.converged, "troubled": services.troubled},
            "tasks": {"running": services.running, "desired": services.desired, "by_state": services.tasks},
            "busiest": {
                "nodes": _find_busiest(crane, identity, "node", lambda row: row.cpu_percent),
                "services": _find_busiest(crane, identity, "service", lambda row: row.get("cpu")),
            },
            "events": [entry.text for entry in find_newest(crane, identity, MOST_EVENTS)],
            "sources": [*crane.cache.sources(), *crane.room(Pool).sources()],
        }

    def _find_services(self, identity: Identity, snapshot: Snapshot) -> _Services:
        if not may_everything(identity):
            return _count_services(self._crane, identity, snapshot)
        with self._lock:
            if self._kept is None or self._kept[0] != snapshot.version:
                self._kept = (snapshot.version, _count_services(self._crane, identity, snapshot))
            return self._kept[1]


def _visible(
    crane: Crane, identity: Identity, action: str, items: Iterable[Any], target: Callable[[Any], Target]
) -> list[Any]:
    if may_everything(identity):
        return list(items)
    decide_on = decider(crane, identity, action)
    return [item for item in items if decide_on(target(item)).allows]


def _node_target(node: Node) -> Target:
    return Target("node", node.name, node.id, labels=node.labels)


# --- Nodes --------------------------------------------------------------------------------------------------------


def _show_nodes(crane: Crane, snapshot: Snapshot, nodes: Sequence[Node]) -> dict[str, Any]:
    managers = [node for node in nodes if node.role == "manager"]
    reachable = [node for node in managers if node.ManagerStatus and node.ManagerStatus.Reachability == "reachable"]
    ready = [node for node in nodes if node.state == "ready"]
    rows = find_rows(crane, "node")
    measured = [node for node in ready if (row := rows.get(node.id)) is not None and row.fresh]
    used = [rows[node.id] for node in measured]
    return {
        "total": len(nodes),
        "ready": len(ready),
        "by_state": dict(sorted(Counter(node.state for node in nodes).items())),
        "managers": len(managers),
        "managers_reachable": len(reachable),
        "not_ready": sorted(node.name for node in nodes if node.state != "ready"),
        "capacity": _amount(node.Description.Resources for node in ready),
        "reserved": _amount(_reservations(snapshot, ready)),
        "used": {
            "cpus": _sum(row.get("cpu") for row in used),
            "memory_bytes": _sum(row.get("memory") for row in used),
            # How many of the nodes that are ready this is the sum of, and what those have.
            "nodes": len(used),
            "capacity": _amount(node.Description.Resources for node in measured),
        },
    }


def _reservations(snapshot: Snapshot, nodes: Iterable[Node]) -> Iterable[ResourceAmount]:
    for node in nodes:
        for task in snapshot.tasks_on(node.id):
            if task.Spec.Resources and task.Spec.Resources.Reservations and _occupies(task):
                yield task.Spec.Resources.Reservations


def _occupies(task: Task) -> bool:
    return not task.ended and task.desired_state in ("ready", "running")


def _amount(amounts: Iterable[ResourceAmount]) -> dict[str, float]:
    listed = list(amounts)
    return {
        "cpus": sum(amount.NanoCPUs for amount in listed) / 1e9,
        "memory_bytes": sum(amount.MemoryBytes for amount in listed),
    }


def _sum(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return round(sum(known), 4) if known else None


# --- Services -----------------------------------------------------------------------------------------------------


def _count_services(crane: Crane, identity: Identity, snapshot: Snapshot) -> _Services:
    """Count services and tasks, and say why those are in trouble that are."""
    listing = find_listing(crane, "services")
    if listing is None:
        return _Services(0, 0, (), 0, 0, {})
    services: list[Service] = _visible(crane, identity, "service:read", listing.rows(), listing.target)
    states = {service.id: str(listing.fields["state"](service)) for service in services}
    troubled = [service for service in services if states[service.id] != "converged"]
    troubled.sort(key=lambda service: (_TROUBLE.index(states[service.id]), service.name))
    return _Services(
        len(services),
        len(services) - len(troubled),
        [_show_troubled(listing, service) for service in troubled[:MOST_TROUBLED]],
        sum(service.tasks_running for service in services),
        sum(service.tasks_desired for service in services),
        dict(sorted(Counter(task.state for each in services for task in snapshot.tasks_of(each.id)).items())),
    )


def find_listing(crane: Crane, topic: str) -> Listing[Any] | None:
    """Return the list that a topic tells of; what it knows is not known here a second time."""
    listing = next((each.listing for each in crane.topics if each.name == topic), None)
    return listing(crane, {}) if listing is not None else None


def _show_troubled(listing: Listing[Any], service: Service) -> dict[str, Any]:
    shown = listing.present(service)
    return {"id": service.id, **{member: shown.get(member) for member in _MEMBERS}}


# --- The busiest --------------------------------------------------------------------------------------------------


def _find_busiest(
    crane: Crane, identity: Identity, kind: Any, figure: Callable[[Row], float | None]
) -> list[dict[str, Any]]:
    rows = [row for row in find_rows(crane, kind).values() if row.fresh and figure(row) is not None]
    rows.sort(key=lambda row: -(figure(row) or 0.0))
    visible = _visible(crane, identity, f"{kind}:read", rows, lambda row: row.target)
    return [present_row(crane, row) for row in visible[:MOST_BUSY]]
