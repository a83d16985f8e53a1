"""Services: what each is, and the specs that changes of them lead to. Every change patches the live spec."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec

from crane_core.context import Crane
from crane_core.contributions import Deployment
from crane_core.engine import placement
from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Service
from crane_core.errors import Conflict, Invalid, Violation
from crane_core.orchestration.deployments import Logins, judge_deployment
from crane_core.orchestration.errors import NothingToRollBack, NotScalable, ServiceExists
from crane_core.orchestration.operations.causes import Cause, explain_failure, say_running_of
from crane_core.orchestration.operations.judge import FAILED_STATES
from crane_core.orchestration.plans.belongings import Belongings
from crane_core.orchestration.plans.model import Change, Plan, digest
from crane_core.orchestration.plans.references import NetworkNames, by_name
from crane_core.orchestration.plans.services import live_spec
from crane_core.orchestration.services.restoring import is_hiding, restore
from crane_core.orchestration.services.specs import checked, expand, shaped
from crane_core.orchestration.stacks.desired import IMAGE_LABEL, STACK_LABEL
from crane_core.orchestration.stacks.diff import diff, force, restarts_tasks, settle
from crane_core.orchestration.tasks.operations import by_place
from crane_core.redaction import redact
from crane_core.security import Identity, Target, decide

JSON = dict[str, Any]
Condition = Literal["converged", "updating", "paused", "rolled-back", "degraded"]


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
    cause = None if state == "converged" else why(snapshot, service)
    shown.update(
        name=service.name,
        stack=service.stack,
        mode=service.mode,
        image=service.image,
        ports=service.ports,
        state=state,
        why=cause.text if cause else None,
        why_code=cause.code if cause else None,
        tasks_running=service.tasks_running,
        tasks_desired=service.tasks_desired,
        tasks_completed=service.tasks_completed,
    )
    return shown


def state_of(service: Service) -> Condition:
    """Return how a service is."""
    match service.update_state:
        case "updating" | "rollback_started":
            return "updating"
        case "paused" | "rollback_paused":
            return "paused"
        case "rollback_completed" if service.settled:
            return "rolled-back"
    return "converged" if service.settled else "degraded"


def why(snapshot: Snapshot, service: Service) -> Cause | None:
    """Say why a service is not as it should be; None when nothing is known."""
    waiting, failed = None, None
    for current, earlier in by_place(snapshot.tasks_of(service.id)):
        if current.state == "pending" and current.error:
            waiting = current
        for task in (current, *earlier):
            if task.state in FAILED_STATES and (failed is None or task.Status.Timestamp > failed[0].Status.Timestamp):
                failed = (task, sum(each.state in FAILED_STATES for each in (current, *earlier)))
    if waiting is not None:
        return Cause("no-suitable-node", placement.explain(service.spec, snapshot) or waiting.error or "")
    if service.update_state == "rollback_completed" and service.settled and service.UpdateStatus is not None:
        return Cause("rolled-back", f"The last update was rolled back: {service.UpdateStatus.Message}.")
    if failed is not None:
        return explain_failure(*failed, snapshot)
    if service.is_job:
        return None
    return Cause("tasks-missing", say_running_of(service.tasks_running, service.tasks_desired))


# --- Changing -----------------------------------------------------------------------------------------------------


def require(spec: JSON | None, name: str) -> JSON:
    """Return a live spec to be changed."""
    if spec is None:
        raise Conflict(f"There is no service {name} any more.")
    return spec


def wish_new(spec: Mapping[str, Any]) -> Callable[[JSON | None], JSON]:
    """Wish for a new service.

    :param spec: In the Engine's shape, or with ``name`` and ``image`` instead of a task template.
    """

    def wish(live: JSON | None) -> JSON:
        if live is not None:
            raise ServiceExists(f"A service called {live['Name']} exists already.")
        return checked(expand(spec))

    return wish


def wish_patched(crane: Crane, name: str, patch: Mapping[str, Any]) -> Callable[[JSON | None], JSON]:
    """Wish for a service whose spec is patched: members replace, null removes (JSON merge patch, RFC 7396).

    A hidden value that comes back as it was shown stays what it is.
    """

    def wish(live: JSON | None) -> JSON:
        before = require(live, name)
        spec = copy.deepcopy(before)
        _merge(spec, expand(patch))
        if spec.get("Name") != before["Name"]:
            detail = "A service cannot be renamed. Create it anew."
            raise Invalid(violations=[Violation("/Name", detail, code="not-renamable")])
        if is_hiding(spec):
            # Networks are shown by their ids, and are known by their names here.
            spec = restore(by_name(crane, crane.cache.snapshot(), shaped(spec)), before)
        return checked(spec, before)

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
    """Wish for another image, or for what its tag means by now."""

    def wish(live: JSON | None) -> JSON:
        before = require(live, name)
        spec = copy.deepcopy(before)
        spec["TaskTemplate"].setdefault("ContainerSpec", {})["Image"] = image
        if IMAGE_LABEL in (spec.get("Labels") or {}):
            spec["Labels"][IMAGE_LABEL] = image
        return checked(spec, before)

    return wish


def wish_forced(name: str) -> Callable[[JSON | None], JSON]:
    """Wish for new tasks although nothing changed."""

    def wish(live: JSON | None) -> JSON:
        return force(require(live, name))

    return wish


def plan_rollback(
    crane: Crane, identity: Identity, names: Sequence[str], target: str, stack: str | None, timeout: float | None = None
) -> Plan:
    """Plan the return of services to the specs that the Engine kept from before.

    :param names: Those that have no earlier spec are left alone.
    :raises NothingToRollBack: when none has one.
    """

    def make(identity: Identity) -> Plan:
        snapshot = crane.watcher.fresh()
        services = [snapshot.get_service(name) for name in names]
        together: list[Deployment] = []
        for service in services:
            if service.PreviousSpec is not None:
                previous = by_name(crane, snapshot, msgspec.json.decode(service.PreviousSpec))
                present = live_spec(crane, snapshot, service)
                # Plugins may not change it, because it is the Engine that takes it from its own memory.
                together.append(Deployment(previous, present, identity, service.stack, "rollback", together))
        planned = [_plan_return(crane, identity, snapshot, service, together) for service in services]
        changes = [change for change, _ in planned]
        if not any(change.action == "update" for change in changes):
            raise NothingToRollBack(f"{target} has no earlier spec to return to.")
        return Plan(
            "stack.rollback" if stack == target else "service.rollback",
            target,
            stack,
            identity,
            changes,
            remake=make,
            violations=[_at_service(change.name, found) for change, violations in planned for found in violations],
            timeout=timeout,
            seen={f"service {change.name}": change.based_on for change in changes},
        )

    return make(identity)


def _at_service(name: str, found: Violation) -> Violation:
    return replace(found, path=f"/services/{name}{found.pointer}")


def _plan_return(
    crane: Crane, identity: Identity, snapshot: Snapshot, service: Service, together: Sequence[Deployment]
) -> tuple[Change, list[Violation]]:
    """Plan the return of one service to its previous spec, and judge that spec by the rules of today."""
    present = live_spec(crane, snapshot, service)
    deployment = next((each for each in together if each.name == service.name), None)
    if deployment is None:
        return Change("service", service.name, "keep", service.id, service.version, digest(present)), []
    previous = copy.deepcopy(deployment.spec)
    violations = judge_deployment(crane, deployment, crane.room(NetworkNames).of_host(snapshot))
    violations += _refuse_place(crane, identity, service, (previous.get("Labels") or {}).get(STACK_LABEL) or None)
    violations += Belongings(crane, snapshot, identity).refuse(previous, service.stack)
    # An Engine 20.10 crashes when a rollback takes the placement away; an update to the same spec leaves an empty one.
    by_engine = _places(previous) or not _places(present)
    sent = previous if by_engine else settle(previous, present)
    replaces = restarts_tasks(present, sent)
    image = deployment.image
    change = Change(
        "service",
        service.name,
        "update",
        service.id,
        service.version,
        digest(present),
        body=present if by_engine else sent,
        fields=tuple(diff(present, previous)),
        restarts=service.tasks_running if replaces else 0,
        replaces=replaces,
        starts=True,
        image=image,
        login=Logins(crane).find(image),
        rollback=by_engine,
    )
    return change, violations


def _refuse_place(crane: Crane, identity: Identity, service: Service, stack: str | None) -> list[Violation]:
    """Object to the return of a service to a stack, or out of one, by who may not put it there."""
    if stack == service.stack:
        return []
    action, target = "service:update", Target("service", service.name)
    if stack is not None:
        action, target = "stack:update", Target("stack", stack, stack=stack)
    vote = decide(crane, identity, action, target)
    if vote.allows:
        return []
    where = f"in the stack {stack}" if stack else "in no stack"
    detail = f"Before its last change the service {service.name} was {where}, where you may not put it: {vote.reason}."
    return [Violation("/Labels", detail, code="belongs-to-another")]


def _places(spec: Mapping[str, Any]) -> bool:
    """Tell whether a spec says anything of placement, if only that there is nothing to say."""
    return (spec.get("TaskTemplate") or {}).get("Placement") is not None


def plan_removal(crane: Crane, identity: Identity, name: str, timeout: float | None = None) -> Plan:
    """Plan the removal of one service."""

    def make(identity: Identity) -> Plan:
        service = crane.watcher.fresh().get_service(name)
        change = Change("service", service.name, "remove", service.id, service.version)
        seen = {f"service {service.name}": service.id}
        return Plan(
            "service.remove", service.name, service.stack, identity, [change], remake=make, timeout=timeout, seen=seen
        )

    return make(identity)


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
