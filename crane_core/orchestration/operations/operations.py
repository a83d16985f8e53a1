"""Running operations: started by a plan, followed to their verdict, kept across restarts."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.errors import CraneError, EngineUnavailable, NotFound
from crane_core.events import Event
from crane_core.orchestration.errors import DeploymentInProgress, OperationNotFound
from crane_core.orchestration.operations.departure import find_remaining_tasks, say_remaining
from crane_core.orchestration.operations.health import find_health_output
from crane_core.orchestration.operations.journal import Journal
from crane_core.orchestration.operations.judge import Patience, Witness, judge
from crane_core.orchestration.operations.lateness import keep_late, release, say_kept
from crane_core.orchestration.operations.model import Operation, ServiceProgress, Step, Verdict, now
from crane_core.orchestration.operations.recovery import find_done, was_interrupted
from crane_core.orchestration.operations.sender import Sender, recognise
from crane_core.orchestration.operations.verdicts import (
    conclude,
    conclude_interrupted,
    conclude_left_over,
    conclude_refused,
    conclude_removed,
    conclude_timed_out,
)
from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.plans.store import refuse_violations

log = logging.getLogger(__name__)

MOST_ENDED = 500
HEARTBEAT_SECONDS = 15.0
# The least time between two states of an operation that a follower is told, unless it ended.
PACE_SECONDS = 0.25
# Whether removed tasks are gone is asked of the Engine, because the copy forgets tasks together with their service.
DEPARTURE_SECONDS = 0.5


@dataclass
class _Running:
    """What is kept of an operation only while it runs; times are seconds of the steady clock.

    :param plan: What is left to be sent; None once all is.
    :param remaining: What of the removed is still there, in words.
    """

    operation: Operation
    begun: float
    moved: float
    witnesses: dict[str, Witness] = field(default_factory=dict)
    attention: ExitStack = field(default_factory=ExitStack)
    plan: Plan | None = None
    departure_asked: float = float("-inf")
    remaining: list[str] = field(default_factory=list)


class Operations:
    """The room of one server that runs and remembers operations."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._journal = Journal(crane.data_directory / "operations")
        self._changed = threading.Condition()
        self._all: dict[str, Operation] = {}
        self._running: dict[str, _Running] = {}
        self._sending: dict[str, str] = {}
        # What another process left, until the Engine says which Swarm this is.
        self._left: list[Operation] = []
        self._stepping = threading.Lock()
        settings = crane.settings
        self._patience = Patience(
            attempts=settings["orchestration.failed_attempts"],
            pending_seconds=settings["orchestration.pending_seconds"],
            stalled_seconds=settings["orchestration.stalled_seconds"],
            lost_seconds=min(Patience.lost_seconds, settings["orchestration.stalled_seconds"]),
        )

    # Asking

    @property
    def revision(self) -> int:
        """A number that changes when any operation does."""
        return sum(operation.revision for operation in list(self._all.values())) + len(self._all)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all known operations."""
        return tuple(self._all)

    def all(self) -> list[Operation]:
        """Return all known operations, the newest first."""
        return sorted(self._all.values(), key=lambda operation: operation.created_at, reverse=True)

    def get(self, operation_id: str) -> Operation:
        """Return an operation.

        :raises OperationNotFound: when there is none.
        """
        if operation_id not in self._all:
            raise OperationNotFound(f"There is no operation {operation_id}; ended ones are forgotten after a while.")
        return self._all[operation_id]

    def wait(self, operation_id: str, seconds: float) -> Operation:
        """Wait until an operation has ended, for ``seconds`` at the most, and return it as it is then."""
        operation = self.get(operation_id)
        with self._changed:
            self._changed.wait_for(lambda: operation.ended, timeout=seconds)
        return operation

    def follow(self, operation_id: str) -> Iterator[dict[str, Any] | None]:
        """Yield an operation now and each time it changes, until it has ended; None when nothing did for a while.

        What changes faster than every ``PACE_SECONDS`` is yielded together.
        """
        operation = self.get(operation_id)
        told = -1

        def has_moved() -> bool:
            return operation.revision != told

        while True:
            with self._changed:
                moved = self._changed.wait_for(has_moved, timeout=HEARTBEAT_SECONDS)
                told, ended = operation.revision, operation.ended
                shown = operation.to_json() if moved else None
            yield shown
            if ended and moved:
                return
            with self._changed:
                self._changed.wait_for(lambda: operation.ended, timeout=PACE_SECONDS)

    # Starting

    def start(self, plan: Plan) -> Operation:
        """Carry out a plan; returns as soon as its changes are sent, or could not be.

        :raises DeploymentInProgress: while another operation sends changes of the same stack or service.
        :raises EngineUnavailable: when nothing could be begun.
        """
        operation = Operation(
            id=secrets.token_hex(8),
            kind=plan.kind,
            target=plan.target,
            stack=plan.stack,
            by=plan.identity.name,
            plan_id=plan.id,
            timeout=plan.timeout,
            steps=[Step(change.kind, change.name, change.action, late=change.late) for change in plan.effective],
            warnings=[warning.to_json() for warning in plan.warnings],
            swarm=self._read_swarm(),
        )
        with self._sending_alone(operation):
            at = self._clock()
            running = _Running(operation, begun=at, moved=at, plan=plan)
            self._all[operation.id] = operation
            self._running[operation.id] = running
            self._journal.write(operation)
            self._crane.plugins.notify("crane_operation", operation=operation, plan=plan)
            self._emit("operation.started", operation, changes=[change.to_json() for change in plan.effective])
            self._send(running)
        self.step()
        return operation

    @contextmanager
    def _sending_alone(self, operation: Operation) -> Iterator[None]:
        """Let nobody else send changes of the same stack or service meanwhile."""
        key = operation.stack or operation.target
        with self._changed:
            if other := self._sending.get(key):
                raise DeploymentInProgress(
                    f"The operation {other} is changing {key} at this moment. Wait until it has sent its changes.",
                    operation=other,
                )
            self._sending[key] = operation.id
        try:
            yield
        finally:
            with self._changed:
                del self._sending[key]

    def _read_swarm(self) -> str:
        return str(self._crane.engine.swarm().get("ID", ""))

    def resume(self) -> None:
        """Read what another process left; it is taken up once the Engine has been read."""
        for operation in self._journal.read():
            self._all[operation.id] = operation
            if not operation.ended:
                operation.state = "unknown-yet"
            self._left.append(operation)

    def _take_up(self, snapshot: Snapshot) -> None:
        """Follow what another process had sent, and say what stands of what it had not sent."""
        try:
            swarm = self._read_swarm()
        except CraneError:
            return
        left, self._left = self._left, []
        for operation in left:
            if operation.swarm not in ("", swarm):
                # It stays in the journal, for a server that is pointed at that Swarm again.
                del self._all[operation.id]
            elif not operation.ended:
                self._take_up_one(operation, snapshot)
        self._forget_old()

    def _take_up_one(self, operation: Operation, snapshot: Snapshot) -> None:
        find_done(operation, snapshot)
        if was_interrupted(operation):
            self._end(operation, conclude_interrupted(operation))
            return
        at = self._clock()
        lived = (datetime.now(UTC) - datetime.fromisoformat(operation.created_at)).total_seconds()
        self._running[operation.id] = running = _Running(operation, begun=at - max(lived, 0.0), moved=at)
        self._attend(running)
        log.info("The operation %s (%s %s) is taken up again.", operation.id, operation.kind, operation.target)

    # Following

    def run(self, stop: threading.Event) -> None:
        """Follow all operations until told to stop."""
        version = -1
        while not stop.is_set():
            snapshot = self._crane.cache.wait_for_change(version, timeout=0.25 if self._running else 1.0)
            version = snapshot.version
            if not stop.is_set():
                self.step()

    def step(self) -> None:
        """Look once at every running operation."""
        with self._stepping:
            snapshot = self._crane.cache.snapshot()
            if self._left and snapshot.source.state == "fresh":
                self._take_up(snapshot)
            for running in list(self._running.values()):
                if running.operation.id in self._sending.values():
                    continue
                # An earlier copy may not know yet what was sent while others were looked at.
                self._step_one(running, self._crane.cache.snapshot())

    def _step_one(self, running: _Running, snapshot: Snapshot) -> None:
        operation = running.operation
        if snapshot.source.state != "fresh":
            self._lose(running)
            return
        if operation.state == "unknown-yet":
            self._find_again(running)
            snapshot = self._crane.cache.snapshot()
        if operation.ended or operation.state == "unknown-yet":
            return
        if running.plan is not None:
            # An unexpected error, which is in the log, ended the sending half way.
            self._end(operation, conclude_interrupted(operation))
            return
        at = self._clock()
        self._follow_departure(running, at)
        self._judge(running, snapshot, at)
        if verdict := self._conclude(running, at):
            self._end(operation, verdict)

    def _conclude(self, running: _Running, at: float) -> Verdict | None:
        """Conclude how an operation ended; None while it goes on."""
        operation = running.operation
        settled = all(progress.ended for progress in operation.services)
        if settled and release(operation):
            return None
        if settled and not running.remaining:
            return conclude_removed(operation) if operation.kind.endswith(".remove") else conclude(operation)
        if operation.timeout is not None and at - running.begun >= operation.timeout:
            return conclude_timed_out(operation, f"It took longer than {operation.timeout:g} s.")
        if not settled or not running.remaining:
            return None
        if not operation.departing and at - running.moved >= self._patience.pending_seconds:
            return conclude_left_over(operation)
        if at - running.moved >= self._patience.stalled_seconds:
            return conclude_timed_out(operation, f"Still there: {', '.join(running.remaining)}.")
        return None

    def _judge(self, running: _Running, snapshot: Snapshot, at: float) -> None:
        operation = running.operation
        seen = {progress.id: progress for progress in operation.services}
        recognise(operation, snapshot)
        if any(not track.sent and not (track.id in seen and seen[track.id].ended) for track in operation.tracks):
            # The copy is older than what was sent: reading it back failed, or the service was removed since.
            try:
                snapshot = self._crane.watcher.look()
            except CraneError:
                return
            recognise(operation, snapshot)
        judged = []
        for track in operation.tracks:
            known = seen.get(track.id)
            if known is not None and known.ended:
                judged.append(known)
                continue
            witness = running.witnesses.setdefault(track.id, Witness(begun=at, moved=at))
            progress = judge(track, witness, snapshot, at, self._patience)
            if progress.code == "unhealthy":
                self._add_health_output(progress, witness)
            judged.append(progress)
        if judged != operation.services:
            running.moved = at
            self._update(operation, services=judged)

    def _add_health_output(self, progress: ServiceProgress, witness: Witness) -> None:
        failed = [task for attempts in witness.failed.values() for task in attempts.values()]
        if printed := find_health_output(self._crane, failed):
            progress.message += f" The check said: {printed}"

    def _send(self, running: _Running) -> None:
        """Send the plan of an operation, or what is left of it."""
        operation, plan = running.operation, running.plan
        if plan is None:
            return
        sender = Sender(self._crane, operation, plan, lambda: self._note_step(operation))
        try:
            failed = sender.send()
        except EngineUnavailable as error:
            log.warning("The Engine went away during the operation %s: %s", operation.id, error.detail)
            self._update(operation, state="unknown-yet")
            self._journal.write(operation)
            return
        running.plan = None
        if failed is not None:
            self._end(operation, conclude_refused(operation, failed))
            return
        self._attend(running)
        self._update(operation, state="following")
        self._journal.write(operation)

    def _note_step(self, operation: Operation) -> None:
        self._journal.write(operation)
        self._update(operation)

    def _attend(self, running: _Running) -> None:
        running.attention.enter_context(self._crane.watcher.attend([track.id for track in running.operation.tracks]))

    def _lose(self, running: _Running) -> None:
        if running.operation.state != "unknown-yet":
            self._update(running.operation, state="unknown-yet")
            self._journal.write(running.operation)

    def _find_again(self, running: _Running) -> None:
        """Go on after the Engine is back; the time without it does not count as time in which nothing moved."""
        running.moved = self._clock()
        for witness in running.witnesses.values():
            witness.interrupt(running.moved)
        if running.plan is None:
            self._update(running.operation, state="following")
            self._journal.write(running.operation)
            return
        try:
            with self._sending_alone(running.operation):
                running.plan = running.plan.remake(running.plan.identity)
                # What was allowed before need not be allowed any more.
                refuse_violations(running.plan)
                self._send(running)
        except (EngineUnavailable, DeploymentInProgress):
            return
        except CraneError as error:
            self._end(running.operation, conclude_refused(running.operation, error))

    def _follow_departure(self, running: _Running, at: float) -> None:
        """Note what of the removed is still there, and remove what was still in use a moment ago."""
        operation = running.operation
        waiting = [
            step for step in operation.steps if step.state == "pending" and step.action == "remove" and not step.late
        ]
        if not waiting and not operation.departing:
            running.remaining = []
            return
        if at - running.departure_asked < DEPARTURE_SECONDS:
            return
        running.departure_asked = at
        try:
            running.remaining = self._read_departing(running, at)
            running.remaining += [step.name for step in waiting if not self._retry_removal(running, step, at)]
        except CraneError:
            # Asked again at the next look; when the Engine is gone, the copy says so.
            running.remaining = ["tasks"]

    def _read_departing(self, running: _Running, at: float) -> list[str]:
        operation = running.operation
        if not operation.departing:
            return []
        if tasks := find_remaining_tasks(self._crane, operation.stack, operation.departing):
            return [say_remaining(tasks)]
        running.moved = at
        self._update(operation, departing=[])
        return []

    def _retry_removal(self, running: _Running, step: Step, at: float) -> bool:
        """Remove an object by its name; returns whether it is gone."""
        try:
            self._crane.engine.remove(step.kind, step.name)
        except NotFound:
            pass
        except EngineUnavailable:
            raise
        except CraneError as error:
            step.error = error.detail
            return False
        step.state, step.error = "done", None
        running.moved = at
        self._update(running.operation)
        self._crane.watcher.refresh(**{f"{step.kind}s": [step.name]})
        operation, detail = running.operation, {"operation": running.operation.id}
        self._crane.emit(
            Event(f"{step.kind}.removed", step.name, stack=operation.stack, by=operation.by, detail=detail)
        )
        return True

    # Ending and keeping

    def _end(self, operation: Operation, verdict: Verdict) -> None:
        if running := self._running.pop(operation.id, None):
            running.attention.close()
        keep_late(operation)
        verdict = replace(verdict, cause=verdict.cause + say_kept(operation))
        self._update(operation, state="ended", verdict=verdict, ended_at=now())
        self._journal.write(operation)
        shown = operation.to_json()["verdict"]
        self._emit("operation.ended", operation, outcome=verdict.outcome, code=verdict.code, verdict=shown)
        if operation.stack and operation.kind.startswith("stack."):
            done = "stack.removed" if operation.kind == "stack.remove" else "stack.deployed"
            self._emit(done, operation, outcome=verdict.outcome)
        log.info("The operation %s (%s %s) ended: %s.", operation.id, operation.kind, operation.target, verdict.outcome)
        self._forget_old()

    def _update(self, operation: Operation, **members: Any) -> None:
        with self._changed:
            for name, value in members.items():
                setattr(operation, name, value)
            operation.revision += 1
            self._changed.notify_all()

    def _emit(self, kind: str, operation: Operation, **detail: Any) -> None:
        self._crane.emit(
            Event(
                kind,
                operation.target,
                id=operation.id,
                stack=operation.stack,
                by=operation.by,
                detail={"operation": operation.id, "kind": operation.kind, **detail},
            )
        )

    def _forget_old(self) -> None:
        ended = [operation for operation in self.all() if operation.ended]
        for operation in ended[MOST_ENDED:]:
            del self._all[operation.id]
            self._journal.forget(operation.id)
