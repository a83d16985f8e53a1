"""Services: what each is, and the specs that changes of them lead to. Every change patches the live spec."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from crane_core.context import Crane
from crane_core.engine import placement
from crane_core.engine.cache import Snapshot
from crane_core.engine.images import find_registry
from crane_core.engine.records import Service
from crane_core.errors import Conflict, Invalid, Violation
from crane_core.orchestration.errors import NothingToRollBack, NotScalable, ServiceExists
from crane_core.orchestration.operations.causes import explain_failure, say_running_of
from crane_core.orchestration.operations.judge import FAILED_STATES
from crane_core.orchestration.plans.model import Change, Plan, digest
from crane_core.orchestration.plans.references import by_name
from crane_core.orchestration.stacks.desired import IMAGE_LABEL
from crane_core.orchestration.stacks.diff import diff, restarts_tasks
from crane_core.orchestration.tasks.operations import by_place
from crane_core.redaction import HIDDEN, redact
from crane_core.security import Identity

JSON = dict[str, Any]
# The Swarm's own limit on names of services, and what they are made of.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


# --- Showing ------------------------------------------------------------------------------------------------------


class MaskedSpecs:
    """The room of one server that keeps specs with their secrets hidden, because hiding takes longer than showing."""

    def __init__(self, crane: Crane) -> None:
        self._known: dict[str, tuple[Service, msgspec.Raw, msgspec.Raw | None]] = {}

    def mask(self, snapshot: Snapshot, service: Service) -> tuple[msgspec.Raw, msgspec.Raw | None]:
        """Return spec and previous spec of a service as they may be shown."""
        known = self._known.get(service.id)
        if known is None or known[0].Version != service.Version:
            known = (service, _mask(service.Spec), _mask(service.PreviousSpec) if service.PreviousSpec else None)
            self._known[service.id] = known
            if len(self._known) > 2 * len(snapshot.services) + 100:
                self._known = {id_: kept for id_, kept in self._known.items() if id_ in snapshot.services}
        return known[1], known[2]


def _mask(raw: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(redact(msgspec.json.decode(raw))))


def present_service(crane: Crane, snapshot: Snapshot, service: Service, *, reveal: bool = False) -> JSON:
    """Return a service in Docker's shape, and what Crane knows of it beside that.

    :param reveal: Whether values that look secret are shown.
    """
    spec, previous = (service.Spec, service.PreviousSpec) if reveal else crane.room(MaskedSpecs).mask(snapshot, service)
    shown: JSON = {
        "ID": service.ID,
        "Version": service.Version,
        "CreatedAt": service.CreatedAt,
        "UpdatedAt": service.UpdatedAt,
        "Spec": spec,
    }
    for member, value in (
        ("PreviousSpec", previous),
        ("Endpoint", service.Endpoint),
        ("UpdateStatus", service.UpdateStatus),
        ("ServiceStatus", service.ServiceStatus),
        ("JobStatus", service.JobStatus),
    ):
        if value is not None:
            shown[member] = value
    state = state_of(service)
    shown.update(
        name=service.name,
        stack=service.stack,
        mode=service.mode,
        image=service.image,
        ports=service.ports,
        state=state,
        why=None if state == "converged" else why(snapshot, service),
        tasks_running=service.tasks_running,
        tasks_desired=service.tasks_desired,
        tasks_completed=service.tasks_completed,
    )
    return shown


def state_of(service: Service) -> str:
    """Return how a service is: converged, updating, paused, rolled-back or degraded."""
    match service.update_state:
        case "updating" | "rollback_started":
            return "updating"
        case "paused" | "rollback_paused":
            return "paused"
        case "rollback_completed" if service.settled:
            return "rolled-back"
    return "converged" if service.settled else "degraded"


def why(snapshot: Snapshot, service: Service) -> str | None:
    """Say in words why a service is not as it should be; None when nothing is known."""
    waiting, failed = None, None
    for current, earlier in by_place(snapshot.tasks_of(service.id)):
        if current.state == "pending" and current.error:
            waiting = current
        for task in (current, *earlier):
            if task.state in FAILED_STATES and (failed is None or task.Status.Timestamp > failed[0].Status.Timestamp):
                failed = (task, sum(each.state in FAILED_STATES for each in (current, *earlier)))
    if waiting is not None:
        return placement.explain(service.spec, snapshot) or waiting.error
    if service.update_state == "rollback_completed" and service.settled and service.UpdateStatus is not None:
        return f"The last update was rolled back: {service.UpdateStatus.Message}."
    if failed is not None:
        return explain_failure(*failed, snapshot).text
    if service.is_job:
        return None
    return say_running_of(service.tasks_running, service.tasks_desired)


# --- Changing -----------------------------------------------------------------------------------------------------


def require(spec: JSON | None, name: str) -> JSON:
    """Return a copy of a live spec to be changed."""
    if spec is None:
        raise Conflict(f"There is no service {name} any more.")
    return copy.deepcopy(spec)


def wish_new(spec: Mapping[str, Any]) -> Callable[[JSON | None], JSON]:
    """Wish for a new service.

    :param spec: In the Engine's shape, or with ``name`` and ``image`` instead of a task template.
    """

    def wish(live: JSON | None) -> JSON:
        if live is not None:
            raise ServiceExists(f"A service called {live['Name']} exists already.")
        return _checked(_expand(spec))

    return wish


def wish_patched(name: str, patch: Mapping[str, Any]) -> Callable[[JSON | None], JSON]:
    """Wish for a service whose spec is patched: members replace, null removes (JSON merge patch, RFC 7396)."""

    def wish(live: JSON | None) -> JSON:
        spec = require(live, name)
        _merge(spec, patch)
        if live is not None and spec.get("Name") != live["Name"]:
            raise Invalid(violations=[Violation("/Name", "A service cannot be renamed. Create it anew.")])
        return _checked(spec)

    return wish


def wish_scaled(name: str, replicas: int) -> Callable[[JSON | None], JSON]:
    """Wish for a number of tasks; for a job, of completions."""

    def wish(live: JSON | None) -> JSON:
        spec = require(live, name)
        mode = spec.get("Mode") or {"Replicated": {}}
        if "Replicated" in mode:
            spec["Mode"] = {"Replicated": {**(mode["Replicated"] or {}), "Replicas": replicas}}
        elif "ReplicatedJob" in mode:
            spec["Mode"] = {"ReplicatedJob": {**(mode["ReplicatedJob"] or {}), "TotalCompletions": replicas}}
        else:
            raise NotScalable(f"The service {name} runs once on each node, so it cannot be scaled.")
        return spec

    return wish


def wish_image(name: str, image: str) -> Callable[[JSON | None], JSON]:
    """Wish for another image."""

    def wish(live: JSON | None) -> JSON:
        spec = require(live, name)
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
        if IMAGE_LABEL in (spec.get("Labels") or {}):
            spec["Labels"][IMAGE_LABEL] = image
        return _checked(spec)

    return wish


def wish_forced(name: str) -> Callable[[JSON | None], JSON]:
    """Wish for new tasks although nothing changed."""

    def wish(live: JSON | None) -> JSON:
        spec = require(live, name)
        spec["TaskTemplate"]["ForceUpdate"] = (spec["TaskTemplate"].get("ForceUpdate") or 0) + 1
        return spec

    return wish


def plan_rollback(crane: Crane, identity: Identity, names: list[str], target: str, stack: str | None) -> Plan:
    """Plan the return of services to the specs that the Engine kept from before.

    :param names: Those that have no earlier spec are left alone, unless none has one.
    """

    def make() -> Plan:
        snapshot = crane.watcher.fresh()
        services = [snapshot.get_service(name) for name in names]
        changes = [_rollback_of(crane, snapshot, service) for service in services]
        if not any(change.action == "update" for change in changes):
            raise NothingToRollBack(f"{target} has no earlier spec to return to.")
        kind = "stack.rollback" if stack == target else "service.rollback"
        seen = {f"service {change.name}": change.based_on for change in changes}
        return Plan(kind, target, stack, identity, changes, remake=make, seen=seen)

    return make()


def _rollback_of(crane: Crane, snapshot: Snapshot, service: Service) -> Change:
    present = by_name(crane, snapshot, msgspec.json.decode(service.Spec))
    if service.PreviousSpec is None:
        return Change("service", service.name, "keep", service.id, service.version, digest(present))
    previous = by_name(crane, snapshot, msgspec.json.decode(service.PreviousSpec))
    replaces = restarts_tasks(present, previous)
    return Change(
        "service",
        service.name,
        "update",
        service.id,
        service.version,
        digest(present),
        body=present,
        fields=tuple(diff(present, previous)),
        restarts=service.tasks_running if replaces else 0,
        replaces=replaces,
        starts=True,
        image=str(previous["TaskTemplate"]["ContainerSpec"].get("Image", "")),
        rollback=True,
    )


def plan_removal(crane: Crane, identity: Identity, name: str) -> Plan:
    """Plan the removal of one service."""

    def make() -> Plan:
        service = crane.watcher.fresh().get_service(name)
        change = Change("service", service.name, "remove", service.id, service.version)
        return Plan("service.remove", service.name, service.stack, identity, [change], remake=make)

    return make()


def _expand(spec: Mapping[str, Any]) -> JSON:
    """Return a full spec from one that may be written in few words."""
    expanded = copy.deepcopy(dict(spec))
    if "name" in expanded:
        expanded["Name"] = expanded.pop("name")
    if "image" in expanded:
        expanded.setdefault("TaskTemplate", {}).setdefault("ContainerSpec", {})["Image"] = expanded.pop("image")
    if "replicas" in expanded:
        expanded["Mode"] = {"Replicated": {"Replicas": expanded.pop("replicas")}}
    return expanded


def _checked(spec: JSON) -> JSON:
    violations = [*_wrong_shape(spec)]
    name = spec.get("Name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        violations.append(
            Violation("/Name", "A name has 1 to 63 letters, digits, hyphens, dots and underscores, not at its edges.")
        )
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    image = container.get("Image")
    if not isinstance(image, str) or find_registry(image) is None:
        violations.append(Violation("/TaskTemplate/ContainerSpec/Image", "Name an image, as in nginx:1.27."))
    for index, variable in enumerate(container.get("Env") or ()):
        if isinstance(variable, str) and variable.partition("=")[2] == HIDDEN:
            detail = "This is what is shown instead of a hidden value. Send the value itself, or leave Env out."
            violations.append(Violation(f"/TaskTemplate/ContainerSpec/Env/{index}", detail))
    if violations:
        raise Invalid("The service cannot be like this; each thing wrong is named.", violations=violations)
    return spec


_KNOWN = ("Name", "Labels", "TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig", "Networks", "EndpointSpec")


def _wrong_shape(spec: JSON) -> list[Violation]:
    found = [
        Violation(f"/{member}", f"There is no {member}; there are {', '.join(_KNOWN)}.")
        for member in spec
        if member not in _KNOWN
    ]
    for member in ("Labels", "TaskTemplate", "Mode", "UpdateConfig", "RollbackConfig", "EndpointSpec"):
        if spec.get(member) is not None and not isinstance(spec[member], dict):
            found.append(Violation(f"/{member}", "This must be an object."))
            spec[member] = {}
    template = spec.get("TaskTemplate") or {}
    if template.get("ContainerSpec") is not None and not isinstance(template["ContainerSpec"], dict):
        found.append(Violation("/TaskTemplate/ContainerSpec", "This must be an object."))
        template["ContainerSpec"] = {}
    return found


def _merge(target: JSON, patch: Mapping[str, Any]) -> None:
    for member, value in patch.items():
        if value is None:
            target.pop(member, None)
        elif isinstance(value, Mapping):
            inner = target.get(member)
            target[member] = inner = dict(inner) if isinstance(inner, Mapping) else {}
            _merge(inner, value)
        else:
            target[member] = copy.deepcopy(value)


