"""Stacks: what runs under one name, whoever deployed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import msgspec

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Config, Network, Secret, Service, time_key
from crane_core.orchestration.errors import StackNotFound
from crane_core.orchestration.operations.authors import Authors
from crane_core.orchestration.plans.model import Change, Kind, Plan
from crane_core.orchestration.services.operations import Condition, plan_rollback, present_service, state_of
from crane_core.orchestration.stacks.formats.export import Export, to_compose
from crane_core.security import Identity

JSON = dict[str, Any]
StackCondition = Literal["converged", "updating", "paused", "degraded", "empty"]
# What is said of a stack if it is so of any of its services; the first counts.
_TROUBLES: tuple[Literal["updating", "paused", "degraded"], ...] = ("updating", "paused", "degraded")


class StackRows:
    """The room of one server that keeps the list of stacks until something of a stack changes."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._version = ""
        self._rows: list[JSON] = []

    def read(self, snapshot: Snapshot) -> list[JSON]:
        """Return a row for each stack; one without services is what a removal left behind."""
        version = version_of(self._crane, snapshot)
        if version != self._version:
            _, authors = self._crane.room(Authors).read()
            objects = (snapshot.networks, snapshot.configs, snapshot.secrets)
            owners = (each.stack for kind in objects for each in kind.values())
            names = dict.fromkeys([*snapshot.stacks, *(owner for owner in owners if owner)])
            self._rows = [summarise(name, snapshot.services_of(name), authors) for name in names]
            self._version = version
        return self._rows


def version_of(crane: Crane, snapshot: Snapshot) -> str:
    """Return what changes whenever the list of stacks may."""
    versions = snapshot.versions
    authored, _ = crane.room(Authors).read()
    return ".".join(str(versions[kind]) for kind in ("services", "networks", "configs", "secrets")) + f".{authored}"


def summarise(name: str, services: Sequence[Service], authors: Mapping[str, str]) -> JSON:
    """Return what a stack is in figures, and who last changed it.

    :param authors: The names of callers by stack.
    """
    states = Counter(state_of(service) for service in services)
    return {
        "name": name,
        "services": len(services),
        "services_converged": states["converged"] + states["rolled-back"],
        "tasks_running": sum(service.tasks_running for service in services),
        "tasks_desired": sum(service.tasks_desired for service in services),
        "state": _state(states),
        "updated_at": max((service.UpdatedAt for service in services), default="", key=time_key),
        "updated_by": authors.get(name),
    }


def _state(states: Counter[Condition]) -> str:
    if not states:
        return "empty"
    worst: tuple[Condition, ...] = ("updating", "paused", "degraded")
    return next((state for state in worst if states[state]), "converged")


def show_stack(crane: Crane, snapshot: Snapshot, name: str) -> JSON:
    """Return everything that belongs to a stack.

    :raises StackNotFound: when nothing does.
    """
    owned = {
        kind: [each for each in getattr(snapshot, kind).values() if each.stack == name]
        for kind in ("networks", "configs", "secrets")
    }
    services = sorted(snapshot.services_of(name), key=lambda service: service.name)
    if not services and not any(owned.values()):
        snapshot.demand_read()
        raise StackNotFound(f"There is no stack {name}.")
    _, authors = crane.room(Authors).read()
    return {
        **summarise(name, services, authors),
        "services_total": len(services),
        "services": [present_service(crane, snapshot, service) for service in services],
        **{
            kind: [{"id": each.id, "name": each.name} for each in sorted(objects, key=lambda each: each.name)]
            for kind, objects in owned.items()
        },
        "sources": crane.cache.sources(),
    }


def require_stack(snapshot: Snapshot, name: str) -> None:
    """Go on only if a stack has services.

    :raises StackNotFound: when it has none.
    :raises EngineUnavailable: while nothing is known of the Swarm.
    """
    snapshot.demand_read()
    if not snapshot.services_of(name):
        raise StackNotFound(f"There is no stack {name}.")


def plan_removal(crane: Crane, identity: Identity, name: str, timeout: float | None = None) -> Plan:
    """Plan the removal of a stack: its services, then its secrets, configs and networks.

    :raises StackNotFound: when nothing belongs to it.
    """

    def make(identity: Identity) -> Plan:
        snapshot = crane.watcher.fresh()
        changes = [Change("service", each.name, "remove", each.id, each.version) for each in snapshot.services_of(name)]
        objects: tuple[tuple[Kind, Collection[Config | Secret | Network]], ...] = (
            ("secret", snapshot.secrets.values()),
            ("config", snapshot.configs.values()),
            ("network", snapshot.networks.values()),
        )
        for kind, live in objects:
            changes += [Change(kind, each.name, "remove", each.id) for each in live if each.stack == name]
        if not changes:
            raise StackNotFound(f"There is no stack {name}.")
        seen = {f"{change.kind} {change.name}": str(change.id) for change in changes}
        return Plan("stack.remove", name, name, identity, changes, remake=make, timeout=timeout, seen=seen)

    return make(identity)


def plan_stack_rollback(crane: Crane, identity: Identity, name: str, timeout: float | None = None) -> Plan:
    """Plan the return of all services of a stack to their specs from before the last change of each."""
    snapshot = crane.watcher.fresh()
    require_stack(snapshot, name)
    return plan_rollback(crane, identity, [service.name for service in snapshot.services_of(name)], name, name, timeout)


def export_stack(crane: Crane, name: str, *, reveal: bool) -> Export:
    """Give a stack back as a Compose file, with notes on what that file cannot say.

    :param reveal: Whether values that look secret stand in the file; they become variables otherwise.
    """
    snapshot = crane.watcher.fresh()
    require_stack(snapshot, name)
    services = snapshot.services_of(name)
    raw = [crane.engine.inspect("service", service.id) for service in services]
    used = {
        reference.ConfigID
        for service in services
        for reference in service.spec.TaskTemplate.ContainerSpec.Configs or ()
    }
    attached = {network.Target for service in services for network in service.spec.TaskTemplate.Networks or ()}
    return to_compose(
        name,
        raw,
        [crane.engine.inspect("network", network_id) for network_id in sorted(attached) if network_id],
        [crane.engine.inspect("config", config_id) for config_id in sorted(used) if config_id],
        [msgspec.to_builtins(secret) for secret in snapshot.secrets.values()],
        reveal=reveal,
    )
