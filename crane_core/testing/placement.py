"""Where a task may run: the scheduler's filters, and its own words for why no node is good enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from crane_core.testing.records import ENDED, NodeRecord, ServiceRecord, TaskRecord

if TYPE_CHECKING:
    from crane_core.testing.records import Store

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


class Placement:
    """Find a node for a task, or say why there is none."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # In the scheduler's order: a node is counted under the first filter that it does not pass.
        self._filters: Sequence[tuple[Callable[[NodeRecord, TaskRecord], bool], str]] = (
            (self._is_available, "{nodes} not available for new tasks"),
            (self._has_resources, "insufficient resources on {nodes}"),
            (self._has_plugins, "missing plugin on {nodes}"),
            (
                lambda node, task: meets_constraints(node, task.body["Spec"]),
                "scheduling constraints not satisfied on {nodes}",
            ),
            (self._has_platform, "unsupported platform on {nodes}"),
            (self._has_host_ports, "host-mode port already in use on {nodes}"),
            (self._has_room_for_replica, "max replicas per node limit exceed"),
        )

    def find(self, task: TaskRecord) -> NodeRecord | str:
        """Return the node with the fewest tasks that fits, or the scheduler's explanation."""
        candidates = [node for node in self._store.nodes if not task.node_id or node.id == task.node_id]
        failed: dict[str, int] = {}
        fitting = []
        for node in candidates:
            reason = next((words for passes, words in self._filters if not passes(node, task)), None)
            if reason is None:
                fitting.append(node)
            else:
                failed[reason] = failed.get(reason, 0) + 1
        if fitting:
            return min(fitting, key=lambda node: self._load(node, task.service))
        reasons = sorted(failed.items(), key=lambda item: -item[1])
        told = "; ".join(words.format(nodes=f"{n} node" if n == 1 else f"{n} nodes") for words, n in reasons)
        return told if task.node_id else f"no suitable node ({told})" if told else "no suitable node"

    def _load(self, node: NodeRecord, service: ServiceRecord) -> tuple[int, int]:
        own = sum(task.node_id == node.id and task.wanted for task in service.tasks.values())
        return own, len(self._on(node))

    @staticmethod
    def _on(node: NodeRecord) -> Sequence[TaskRecord]:
        """Return the tasks that take up room on a node."""
        return [task for task in node.tasks.values() if task.state not in ENDED]

    @staticmethod
    def _is_available(node: NodeRecord, task: TaskRecord) -> bool:
        return node.ready and node.availability == "active"

    def _has_resources(self, node: NodeRecord, task: TaskRecord) -> bool:
        wanted = _reservations(task)
        if not any(wanted.values()):
            return True
        resources = node.body["Description"]["Resources"]
        free = {"NanoCPUs": resources.get("NanoCPUs", 0), "MemoryBytes": resources.get("MemoryBytes", 0)}
        for generic in resources.get("GenericResources") or ():
            discrete = generic.get("DiscreteResourceSpec") or {}
            free[discrete.get("Kind", "")] = discrete.get("Value", 0)
        for other in self._on(node):
            if other is not task:
                for kind, amount in _reservations(other).items():
                    free[kind] = free.get(kind, 0) - amount
        return all(amount <= free.get(kind, 0) for kind, amount in wanted.items() if amount)

    @staticmethod
    def _has_plugins(node: NodeRecord, task: TaskRecord) -> bool:
        plugins = {
            plugin["Name"] for plugin in node.body["Description"]["Engine"]["Plugins"] if plugin["Type"] == "Volume"
        }
        for mount in task.body["Spec"].get("ContainerSpec", {}).get("Mounts") or ():
            driver = ((mount.get("VolumeOptions") or {}).get("DriverConfig") or {}).get("Name", "")
            if mount.get("Type") == "volume" and driver and driver not in plugins:
                return False
        return True

    @staticmethod
    def _has_platform(node: NodeRecord, task: TaskRecord) -> bool:
        platforms = (task.body["Spec"].get("Placement") or {}).get("Platforms") or ()
        has = node.body["Description"]["Platform"]
        return not platforms or any(
            platform.get("OS", "") in ("", has["OS"])
            and _ARCHITECTURES.get(arch := platform.get("Architecture", ""), arch) in ("", has["Architecture"])
            for platform in platforms
        )

    def _has_host_ports(self, node: NodeRecord, task: TaskRecord) -> bool:
        wanted = host_ports(task.service.spec)
        if not wanted:
            return True
        return not any(wanted & host_ports(other.service.spec) for other in self._on(node) if other is not task)

    @staticmethod
    def _has_room_for_replica(node: NodeRecord, task: TaskRecord) -> bool:
        most = (task.body["Spec"].get("Placement") or {}).get("MaxReplicas", 0)
        there = sum(
            other.node_id == node.id and other.wanted for other in task.service.tasks.values() if other is not task
        )
        return not most or task.service.is_global or there < most


def host_ports(spec: dict[str, Any]) -> set[tuple[str, int]]:
    """Return the ports of the node itself that a service asks for."""
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    return {
        (port["Protocol"], port["PublishedPort"])
        for port in ports
        if port.get("PublishMode") == "host" and port.get("PublishedPort")
    }


def meets_constraints(node: NodeRecord, task_spec: dict[str, Any]) -> bool:
    """Tell whether a node meets all placement constraints of a task."""
    constraints = (task_spec.get("Placement") or {}).get("Constraints") or ()
    return all(_meets(node, constraint) for constraint in constraints)


def parse_constraint(constraint: str) -> tuple[str, str, str] | None:
    """Split a constraint into what, operator and value; None when it has no operator."""
    for operator in ("==", "!="):
        what, found, value = constraint.partition(operator)
        if found:
            return what.strip(), operator, value.strip()
    return None


def _meets(node: NodeRecord, constraint: str) -> bool:
    parsed = parse_constraint(constraint)
    if parsed is None:
        return False
    what, operator, value = parsed
    description = node.body["Description"]
    lowered = what.lower()
    if lowered.startswith("node.labels."):
        actual = node.labels.get(what[len("node.labels.") :], "")
    elif lowered.startswith("engine.labels."):
        actual = (description["Engine"].get("Labels") or {}).get(what[len("engine.labels.") :], "")
    else:
        known = {
            "node.id": node.id,
            "node.hostname": node.name,
            "node.role": str(node.spec["Role"]),
            "node.ip": str(node.body["Status"]["Addr"]),
            "node.platform.os": str(description["Platform"]["OS"]),
            "node.platform.arch": str(description["Platform"]["Architecture"]),
        }
        if lowered not in known:
            return False
        actual = known[lowered]
    return (actual.lower() == value.lower()) == (operator == "==")


def _reservations(task: TaskRecord) -> dict[str, int]:
    reserved = (task.body["Spec"].get("Resources") or {}).get("Reservations") or {}
    wanted = {"NanoCPUs": reserved.get("NanoCPUs", 0), "MemoryBytes": reserved.get("MemoryBytes", 0)}
    for generic in reserved.get("GenericResources") or ():
        if discrete := generic.get("DiscreteResourceSpec"):
            wanted[discrete["Kind"]] = discrete["Value"]
    return wanted
