"""Sending a plan to the Engine, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.errors import Outdated
from crane_core.errors import Conflict, CraneError, EngineUnavailable, NotFound
from crane_core.events import Event
from crane_core.orchestration.operations.judge import spec_fingerprint
from crane_core.orchestration.operations.model import Operation, Step, Track
from crane_core.orchestration.plans.model import Change, Plan, digest
from crane_core.orchestration.plans.references import by_name, with_ids

# A service's version also moves when the Swarm notes how an update fares, which is no reason to give up.
ATTEMPTS = 5


class Sender:
    """Sends one plan, and notes in its operation what was done.

    :param note: Called after each step, to keep it and to tell who follows.
    """

    def __init__(self, crane: Crane, operation: Operation, plan: Plan, note: Callable[[], None]) -> None:
        self._crane = crane
        self._operation = operation
        self._plan = plan
        self._note = note
        self._ids: dict[tuple[str, str], str] = dict(plan.existing)
        self._touched: dict[str, list[str]] = {"services": [], "networks": [], "configs": [], "secrets": []}

    def send(self) -> CraneError | None:
        """Make all changes in their order; returns the error that ended it, and leaves the rest undone.

        What cannot be removed because it is still in use stays pending: its users need a moment to go away.

        :raises EngineUnavailable: when the Engine went away; the steps that are left stay pending.
        """
        self._adopt_plan()
        failed: CraneError | None = None
        try:
            for change in self._plan.effective:
                step = self._step_of(change)
                if step.state != "pending" or step.late:
                    continue
                failed = self._make(change, step)
                self._note()
                if failed is not None:
                    self._skip_rest()
                    break
        finally:
            snapshot = self._crane.watcher.refresh(**self._touched)
        self._follow_unchanged()
        recognise(self._operation, snapshot)
        return failed

    def _adopt_plan(self) -> None:
        """Bring the operation's steps in line with the plan, which may have been made again after an interruption."""
        effective = {(change.kind, change.name): change for change in self._plan.effective}
        for step in self._operation.steps:
            # What was pending and need not be done any more was done by a call whose answer got lost.
            if step.state == "pending" and (step.kind, step.name) not in effective:
                step.state = "done"
        known = {(step.kind, step.name) for step in self._operation.steps}
        for change in effective.values():
            if (change.kind, change.name) not in known:
                self._operation.steps.append(Step(change.kind, change.name, change.action, late=change.late))
        snapshot = self._crane.cache.snapshot()
        self._ids.update({("configs", each.name): each.id for each in snapshot.configs.values()})
        self._ids.update({("secrets", each.name): each.id for each in snapshot.secrets.values()})

    def _step_of(self, change: Change) -> Step:
        return next(step for step in self._operation.steps if step.kind == change.kind and step.name == change.name)

    def _make(self, change: Change, step: Step) -> CraneError | None:
        try:
            match change.action:
                case "create":
                    self._create(change)
                case "update":
                    self._update(change)
                case "remove":
                    self._remove(change)
        except EngineUnavailable:
            raise
        except CraneError as error:
            if change.action == "remove" and change.kind != "service" and not isinstance(error, NotFound):
                step.error = error.detail
                return None
            if change.action == "remove" and isinstance(error, NotFound):
                step.state = "done"
                return None
            step.state, step.error = "failed", error.detail
            return error
        step.state, step.error = "done", None
        self._crane.emit(
            Event(
                f"{change.kind}.{_PAST[change.action]}",
                change.name,
                id=self._ids.get((f"{change.kind}s", change.name)) or change.id or "",
                stack=self._plan.stack,
                by=self._operation.by,
                detail={"operation": self._operation.id},
            )
        )
        return None

    def _create(self, change: Change) -> None:
        body = with_ids(change.body or {}, self._ids) if change.kind == "service" else dict(change.body or {})
        created = self._crane.engine.create(change.kind, body, registry_auth=change.login)
        self._ids[f"{change.kind}s", change.name] = created
        self._touched[f"{change.kind}s"].append(created)
        if change.kind == "service":
            self._operation.tracks.append(
                Track(change.name, created, stable_seconds=_stable_seconds(change.body or {}))
            )

    def _update(self, change: Change) -> None:
        if change.id is None or change.body is None:
            raise Conflict(f"The {change.kind} {change.name} cannot be updated: it does not exist.")
        self._touched[f"{change.kind}s"].append(change.id)
        if change.kind == "service":
            self._update_service(change, change.id, with_ids(change.body, self._ids))
        else:
            spec = self._crane.engine.inspect(change.kind, change.id)
            body = {**spec["Spec"], **change.body}
            self._crane.engine.update(change.kind, change.id, spec["Version"]["Index"], body)

    def _update_service(self, change: Change, service_id: str, body: Mapping[str, Any]) -> None:
        try:
            before = [task.id for task in self._crane.engine.tasks([service_id])]
            version = self._send_service(change, service_id, body)
        except NotFound as error:
            raise Conflict(
                f"Somebody removed the service {change.name} while this was on its way. Plan again."
            ) from error
        self._operation.tracks.append(
            Track(
                change.name,
                service_id,
                before=before,
                restarts=change.replaces,
                starts=change.starts,
                stable_seconds=_stable_seconds(body),
                version=version,
                rollback=change.rollback,
            )
        )

    def _send_service(self, change: Change, service_id: str, body: Mapping[str, Any]) -> int:
        """Send a spec, and return the version of the service that it replaced."""
        version = change.version or 0
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._crane.engine.update(
                    "service",
                    service_id,
                    version,
                    body,
                    registry_auth=change.login,
                    rollback=change.rollback,
                    registry_auth_from=None if change.login else "spec",
                )
                return version
            except Outdated:
                live = self._crane.engine.inspect("service", service_id)
                present = by_name(self._crane, self._crane.cache.snapshot(), live["Spec"])
                if attempt == ATTEMPTS or digest(present) != change.based_on:
                    raise Conflict(
                        f"Somebody changed the service {change.name} while this was on its way. Plan again.",
                    ) from None
                version = live["Version"]["Index"]
        raise AssertionError("The last attempt returns or raises.")

    def _remove(self, change: Change) -> None:
        if change.id is None:
            return
        self._touched[f"{change.kind}s"].append(change.id)
        if change.kind == "service":
            self._operation.departing.append(change.id)
        self._crane.engine.remove(change.kind, change.id)

    def _skip_rest(self) -> None:
        for step in self._operation.steps:
            if step.state == "pending":
                step.state = "skipped"

    def _follow_unchanged(self) -> None:
        """Follow the unchanged services of the plan too: they are part of its verdict."""
        tracked = {track.id for track in self._operation.tracks}
        for change in self._plan.changes:
            left_over = change.action == "keep" and change.reason is not None
            if change.kind == "service" and change.action == "keep" and not left_over and change.id not in tracked:
                self._operation.tracks.append(Track(change.name, change.id or "", starts=False))


def recognise(operation: Operation, snapshot: Snapshot) -> None:
    """Note how the services look that were sent, so that somebody else's change of them is noticed.

    Nothing is noted of a service that the copy does not know yet as it was sent.
    """
    for track in operation.tracks:
        service = snapshot.services.get(track.id)
        if not track.sent and service is not None and service.version > track.version:
            track.sent = spec_fingerprint(service)


_PAST = {"create": "created", "update": "updated", "remove": "removed"}


def _stable_seconds(spec: Mapping[str, Any]) -> float:
    """Return how long the Swarm itself watches a new task of this service; its default is 5 s."""
    return ((spec.get("UpdateConfig") or {}).get("Monitor") or 5_000_000_000) / 1e9
