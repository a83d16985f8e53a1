"""Why no node takes a task: the scheduler's rules, told of each node in words.

The Swarm's scheduler says only how many nodes failed a kind of filter. From the same facts (labels, reservations,
ports, ...) this module says which constraint and how much is missing.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from crane_core.engine.capacity import count_generic
from crane_core.engine.parts import DriverChoice, PlatformName, ServiceSpec
from crane_core.engine.records import Node, Task
from crane_core.engine.snapshot import Snapshot

# The same processor has two names, one of the kernel's and one of Go's.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i386": "386", "i686": "386"}


@dataclass(frozen=True)
class Reason:
    """Why a node does not take a task, said of one node and of several."""

    one: str
    many: str


def explain(spec: ServiceSpec, snapshot: Snapshot) -> str:
    """Say why no node takes another task of a service; empty where one does.

    As in ``no suitable node: 2 of 3 lack label ssd=true, 1 drained``. Each node counts once, with what comes first.
    """
    return explain_among(spec, snapshot.nodes.values(), lambda node: _present(node, snapshot), snapshot)


def explain_among(
    spec: ServiceSpec, nodes: Iterable[Node], present: Callable[[Node], Iterable[Task]], snapshot: Snapshot
) -> str:
    """Say why none of some nodes takes another task of a service; empty where one does.

    :param present: Returns the tasks that take up room on a node.
    """
    counted: Counter[Reason] = Counter()
    for node in nodes:
        reason = next(find_reasons(spec, node, present(node), snapshot), None)
        if reason is None:
            return ""
        counted[reason] += 1
    return f"no suitable node: {_count(counted, counted.total())}" if counted else ""


def fits(spec: ServiceSpec, node: Node, snapshot: Snapshot) -> list[str]:
    """Return every reason why a node does not take another task of a service; none where it does."""
    return [reason.one for reason in find_reasons(spec, node, _present(node, snapshot), snapshot)]


def _count(counted: Counter[Reason], total: int) -> str:
    parts: list[str] = []
    for reason, count in counted.most_common():
        if count == total:
            return f"the only node {reason.one}" if total == 1 else f"all {total} {reason.many}"
        told = reason.one if count == 1 else reason.many
        parts.append(f"{count} of {total} {told}" if not parts else f"{count} {told}")
    return ", ".join(parts)


def find_reasons(spec: ServiceSpec, node: Node, present: Iterable[Task], snapshot: Snapshot) -> Iterator[Reason]:
    """Yield every reason why a node does not take another task of a service.

    :param present: The tasks that take up room on it.
    """
    present = list(present)
    yield from _check_state(node)
    yield from _check_constraints(spec, node)
    yield from _check_platform(spec, node)
    yield from _check_plugins(spec, node, snapshot)
    yield from _check_resources(spec, node, present)
    yield from _check_replicas(spec, present, snapshot)
    yield from _check_ports(spec, present, snapshot)


def occupies(task: Task) -> bool:
    """Tell whether a task takes up room on its node and is meant to go on doing so."""
    return not task.ended and task.desired_state in ("ready", "running", "complete")


def _present(node: Node, snapshot: Snapshot) -> list[Task]:
    return [task for task in snapshot.tasks_on(node.id) if occupies(task)]


def _check_state(node: Node) -> Iterator[Reason]:
    if node.state != "ready":
        told = "disconnected" if node.state == "disconnected" else "down" if node.state == "down" else "not ready"
        yield Reason(f"is {told}", f"are {told}")
    if node.availability == "drain":
        yield Reason("is drained", "are drained")
    elif node.availability == "pause":
        yield Reason("is paused", "are paused")


def _check_constraints(spec: ServiceSpec, node: Node) -> Iterator[Reason]:
    placement = spec.TaskTemplate.Placement
    for text in (placement.Constraints if placement is not None else None) or ():
        constraint = parse_constraint(text)
        if constraint is not None and not constraint.met_by(node):
            yield constraint.reason


@dataclass(frozen=True)
class Constraint:
    """A constraint of placement: a property of nodes, and the value that it must or must not have."""

    key: str
    equal: bool
    value: str

    def met_by(self, node: Node) -> bool:
        """Tell whether a node meets it. Values are compared without regard to the case of letters."""
        if self.key.lower() == "node.ip":
            return self._contains(node.address) == self.equal
        return any(self.value.lower() == value.lower() for value in self._read(node)) == self.equal

    @property
    def reason(self) -> Reason:
        """Why a node that does not meet it is not suitable."""
        kind, name = self._split_label()
        if kind:
            label = f"{kind} {name}={self.value}"
            return Reason(f"lacks {label}", f"lack {label}") if self.equal else Reason(f"has {label}", f"have {label}")
        told = f"{self.key}{'==' if self.equal else '!='}{self.value}"
        if self.key.lower() == "node.role" and self.equal:
            return Reason(f"is no {self.value}", f"are no {self.value}s")
        if self.key.lower() == "node.hostname" and self.equal:
            return Reason(f"is not called {self.value}", f"are not called {self.value}")
        return Reason(f"does not meet {told}", f"do not meet {told}")

    def _split_label(self) -> tuple[str, str]:
        for prefix, kind in (("node.labels.", "label"), ("engine.labels.", "engine label")):
            if self.key.lower().startswith(prefix):
                return kind, self.key[len(prefix) :]
        return "", ""

    def _read(self, node: Node) -> tuple[str, ...]:
        kind, name = self._split_label()
        if kind:
            labels = node.labels if kind == "label" else node.Description.Engine.Labels or {}
            return (labels.get(name, ""),)
        read = _PROPERTIES.get(self.key.lower())
        return (read(node),) if read is not None else ()

    def _contains(self, address: str) -> bool:
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(self.value, strict=False)
        except ValueError:
            return False


_PROPERTIES: Mapping[str, Callable[[Node], str]] = {
    "node.id": lambda node: node.id,
    "node.hostname": lambda node: node.Description.Hostname,
    "node.role": lambda node: node.role,
    "node.platform.os": lambda node: node.Description.Platform.OS,
    "node.platform.arch": lambda node: node.Description.Platform.Architecture,
}


def parse_constraint(text: str) -> Constraint | None:
    """Read a constraint as in ``node.labels.ssd == true``; None where it is none."""
    for operator in ("==", "!="):
        key, found, value = text.partition(operator)
        if found:
            return Constraint(key.strip(), operator == "==", value.strip())
    return None


def _check_platform(spec: ServiceSpec, node: Node) -> Iterator[Reason]:
    placement = spec.TaskTemplate.Placement
    platforms = (placement.Platforms if placement is not None else None) or ()
    if platforms and not any(_same_platform(wanted, node.Description.Platform) for wanted in platforms):
        names = " or ".join(sorted({_name_platform(wanted) for wanted in platforms}))
        yield Reason(f"is not {names}", f"are not {names}")


def _same_platform(wanted: PlatformName, given: PlatformName) -> bool:
    same_os = not wanted.OS or wanted.OS.lower() == given.OS.lower()
    return same_os and (not wanted.Architecture or _architecture(wanted) == _architecture(given))


def _architecture(platform: PlatformName) -> str:
    name = platform.Architecture.lower()
    return _ARCHITECTURES.get(name, name)


def _name_platform(platform: PlatformName) -> str:
    return "/".join(part for part in (platform.OS, _architecture(platform)) if part)


def _check_plugins(spec: ServiceSpec, node: Node, snapshot: Snapshot) -> Iterator[Reason]:
    """Look for the drivers of volumes, networks and logs that a task needs."""
    plugins = node.Description.Engine.Plugins
    if plugins is None:
        return
    has = {(plugin.Type.lower(), plugin.Name.removesuffix(":latest")) for plugin in plugins}
    for kind, name in _drivers(spec, snapshot):
        # An Engine that tells of no drivers for logs at all is one that does not tell.
        told = kind != "log" or any(of == kind for of, _ in has)
        if told and (kind, name.removesuffix(":latest")) not in has:
            yield Reason(f"lacks the {kind} driver {name}", f"lack the {kind} driver {name}")


def _drivers(spec: ServiceSpec, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for mount in spec.TaskTemplate.ContainerSpec.Mounts or ():
        driver = mount.VolumeOptions.DriverConfig if mount.VolumeOptions is not None else None
        if mount.Type == "volume" and _named(driver):
            yield "volume", _named(driver)
    for attached in spec.TaskTemplate.Networks or spec.Networks or ():
        if (network := snapshot.networks.get(attached.Target)) is not None and network.Driver:
            yield "network", network.Driver
    log = _named(spec.TaskTemplate.LogDriver)
    if log and log != "none":
        yield "log", log


def _named(driver: DriverChoice | None) -> str:
    return driver.Name if driver is not None else ""


def _check_resources(spec: ServiceSpec, node: Node, present: Iterable[Task]) -> Iterator[Reason]:
    resources = spec.TaskTemplate.Resources
    wanted = resources.Reservations if resources is not None else None
    if wanted is None:
        return
    reserved = [task.Spec.Resources.Reservations for task in present if task.Spec.Resources is not None]
    used = [one for one in reserved if one is not None]
    total = node.Description.Resources
    if wanted.NanoCPUs > total.NanoCPUs - sum(one.NanoCPUs for one in used):
        cpus = f"{wanted.NanoCPUs / 1e9:g} CPU{'' if wanted.NanoCPUs == 1_000_000_000 else 's'}"
        yield Reason(f"has less than {cpus} left to reserve", f"have less than {cpus} left to reserve")
    if wanted.MemoryBytes > total.MemoryBytes - sum(one.MemoryBytes for one in used):
        memory = f"{_name_bytes(wanted.MemoryBytes)} of memory"
        yield Reason(f"has less than {memory} left to reserve", f"have less than {memory} left to reserve")
    free = count_generic([total]) - count_generic(used)
    for kind, count in sorted(count_generic([wanted]).items()):
        if count > free[kind]:
            yield Reason(f"has fewer than {count} {kind} left", f"have fewer than {count} {kind} left")


def _name_bytes(count: int) -> str:
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:g} {unit}" if amount == int(amount) else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _check_replicas(spec: ServiceSpec, present: Iterable[Task], snapshot: Snapshot) -> Iterator[Reason]:
    placement = spec.TaskTemplate.Placement
    most = placement.MaxReplicas if placement is not None else 0
    service = snapshot.service_named(spec.Name)
    if most and service is not None and sum(task.ServiceID == service.id for task in present) >= most:
        tasks = "1 task" if most == 1 else f"{most} tasks"
        yield Reason(f"runs {tasks} of it, the most allowed", f"run {tasks} of it, the most allowed")


def _check_ports(spec: ServiceSpec, present: Iterable[Task], snapshot: Snapshot) -> Iterator[Reason]:
    wanted = set(_host_ports(spec))
    if not wanted:
        return
    taken: set[tuple[int, str]] = set()
    for service_id in {task.ServiceID for task in present}:
        if (service := snapshot.services.get(service_id)) is not None:
            taken.update(_host_ports(service.spec))
    for port, protocol in sorted(wanted & taken):
        yield Reason(f"has port {port}/{protocol} taken", f"have port {port}/{protocol} taken")


def _host_ports(spec: ServiceSpec) -> Iterator[tuple[int, str]]:
    for port in (spec.EndpointSpec.Ports if spec.EndpointSpec is not None else None) or ():
        if port.PublishMode == "host" and port.PublishedPort:
            yield port.PublishedPort, port.Protocol or "tcp"
