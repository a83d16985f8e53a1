"""Judging a service: from the copy of the Swarm to how far it is, and in the end whether it got there.

Pure but for what a :class:`Witness` remembers between two looks: the Swarm forgets failed attempts, and never says how
long something has been as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from crane_core.engine import placement
from crane_core.engine.cache import Snapshot
from crane_core.engine.records import ENDED_TASK_STATES, Service, Task
from crane_core.orchestration.operations.causes import (
    Cause,
    explain_failure,
    say_completed,
    say_nothing_to_run,
    say_running,
    say_running_of,
)
from crane_core.orchestration.operations.model import Failing, ServiceProgress, ServiceState, Track

FAILED_STATES = frozenset({"failed", "rejected", "orphaned"})
ROLLING_BACK = frozenset({"rollback_started", "rollback_paused", "rollback_completed"})
# A service whose tasks failed at first has to run for so long before it is believed to have got over it.
RELAPSE_SECONDS = 10.0
# How an update ends that did not get where it was meant to: in words, and as the state of a service.
_HALTS: dict[str | None, tuple[str, ServiceState]] = {
    "paused": ("paused", "paused"),
    "rollback_paused": ("rolled back, and the rollback was paused", "paused"),
    "rollback_completed": ("rolled back", "rolled-back"),
}


@dataclass(frozen=True)
class Patience:
    """How long something may go on before it counts as failed.

    :param attempts: Failed attempts at one place after which the service counts as failing for good.
    :param pending_seconds: How long a task may find no node.
    :param stalled_seconds: How long nothing may move.
    :param lost_seconds: How long an update may wait for a task on a node that is down. The Swarm gives such a task a
        minute to stop, and goes on; for one that never started it waits for ever.
    :param unnoticed_seconds: How long the Swarm may take to begin an update.
    """

    attempts: int = 3
    pending_seconds: float = 15.0
    stalled_seconds: float = 300.0
    lost_seconds: float = 70.0
    unnoticed_seconds: float = 10.0


@dataclass
class Witness:
    """What is remembered of one service between two looks; times are seconds of a steady clock.

    :param failed: The failed attempts at each place, the oldest first.
    :param version: The version of the service that was last seen, and when the copy had last been read in whole then.
    """

    begun: float
    moved: float = 0.0
    steady_since: float | None = None
    pending_since: float | None = None
    shape: object = None
    failed: dict[str, dict[str, Task]] = field(default_factory=dict)
    version: tuple[int, float | None] | None = None

    def interrupt(self, now: float) -> None:
        """Forget how long things have been as they are: nobody looked for a while."""
        self.moved, self.pending_since, self.steady_since = now, None, None


def judge(
    track: Track, witness: Witness, snapshot: Snapshot, now: float, patience: Patience = Patience()
) -> ServiceProgress:
    """Judge one service.

    :param now: Seconds of the steady clock that ``witness`` counts in.
    """
    progress = ServiceProgress(track.name, track.id)
    service = snapshot.services.get(track.id)
    if service is None:
        return _end(progress, Cause("removed", f"Somebody removed the service {track.name} meanwhile."))
    tasks = snapshot.tasks.get(track.id, ())
    before = frozenset(track.before)
    current = [task for task in tasks if task.id not in before]
    _count(progress, service, tasks, track, before)
    _remember(witness, progress, service, tasks, current, now)
    _time_waiting(witness, snapshot, tasks, now)
    progress.failing = list(_failing(witness, snapshot, tasks, undone=_is_undone(service, track)))
    if track.starts and not _tasks_are_newer(witness, service, snapshot):
        progress.state, progress.message = "progressing", _describe(progress, service, tasks)
        return progress
    return _decide(progress, track, witness, snapshot, service, tasks, now, patience)


def _tasks_are_newer(witness: Witness, service: Service, snapshot: Snapshot) -> bool:
    """Tell whether the tasks in the copy were read after the service was.

    A look reads services first and tasks then. In between the copy may say that an update was paused, and not yet
    which task it was paused for.
    """
    if witness.version is None or witness.version[0] != service.version:
        witness.version = (service.version, snapshot.source.read_at)
    return snapshot.source.read_at != witness.version[1]


def _decide(
    progress: ServiceProgress,
    track: Track,
    witness: Witness,
    snapshot: Snapshot,
    service: Service,
    tasks: Sequence[Task],
    now: float,
    patience: Patience,
) -> ServiceProgress:
    state = service.update_state
    failure = _worst(witness)
    if track.sent and spec_fingerprint(service) != track.sent and state not in ROLLING_BACK:
        return _end(progress, Cause("superseded", f"Somebody changed the service {track.name} again meanwhile."))
    if state in _HALTS and (state != "rollback_completed" or (track.restarts and not track.rollback)):
        how, outcome = _HALTS[state]
        return _end(progress, _halted(how, outcome, service, failure, snapshot), outcome)
    if service.is_job:
        return _judge_job(progress, witness, snapshot, service, tasks, now, patience)
    if _is_steady(progress, track, witness, service, tasks, now, patience):
        since = witness.steady_since = now if witness.steady_since is None else witness.steady_since
        # An update was watched by the Swarm itself before it called it completed.
        monitored = track.restarts and state == ("rollback_completed" if track.rollback else "completed")
        # A global service has no tasks at first either; one of no replicas never will.
        done = not track.starts or service.replicas == 0
        needed = max(track.stable_seconds, RELAPSE_SECONDS) if witness.failed else track.stable_seconds
        if monitored or done or now - since >= needed:
            progress.state = "converged"
            progress.message = (
                say_running(progress.running) if progress.desired else say_nothing_to_run(service.replicas)
            )
            return progress
        progress.state = "stabilising"
        progress.message = f"All tasks run; watching them for {needed:g} s."
        return progress
    witness.steady_since = None
    cause = _gives_up(witness, snapshot, service, tasks, failure, now, patience)
    if cause is not None:
        return _end(progress, cause)
    progress.state = "progressing"
    progress.message = _describe(progress, service, tasks)
    if now - witness.moved >= patience.lost_seconds and (lost := _find_lost_node(service, snapshot, tasks)):
        cause = Cause(
            "node-lost",
            f"The update waits for a task on the node {lost}, which is down.",
            f"Start {lost} again, or force an update of the service: the Swarm then begins anew without that node.",
        )
        return _end(progress, cause, "timed-out")
    if now - witness.moved >= patience.stalled_seconds + _update_delay(service):
        cause = Cause(
            "stalled",
            f"Nothing has moved for {patience.stalled_seconds:g} s. "
            f"{say_running_of(progress.running, progress.desired)}",
            "Look at the tasks of the service, and at the nodes that they are on.",
        )
        return _end(progress, cause, "timed-out")
    return progress


def _count(
    progress: ServiceProgress, service: Service, tasks: Sequence[Task], track: Track, before: Collection[str]
) -> None:
    running = [task for task in tasks if task.state == "running" and task.desired_state == "running"]
    if service.is_job:
        iteration = service.JobStatus.JobIteration.Index if service.JobStatus and service.JobStatus.JobIteration else 0
        own = [task for task in tasks if (task.JobIteration.Index if task.JobIteration else 0) == iteration]
        progress.desired = progress.total = service.replicas if service.replicas is not None else service.tasks_desired
        progress.running = progress.updated = sum(task.state == "complete" for task in own)
        return
    progress.desired = progress.total = service.replicas if service.replicas is not None else service.tasks_desired
    progress.running = len(running)
    progress.updated = sum(not track.restarts or task.id not in before for task in running)


def _remember(
    witness: Witness,
    progress: ServiceProgress,
    service: Service,
    tasks: Sequence[Task],
    current: Iterable[Task],
    now: float,
) -> None:
    for task in current:
        if has_failed(task, service):
            witness.failed.setdefault(task.place, {})[task.id] = task
    shape = (
        progress.running,
        progress.updated,
        service.update_state,
        *sorted((task.id, task.state) for task in current),
    )
    if shape != witness.shape:
        witness.shape, witness.moved = shape, now


def _time_waiting(witness: Witness, snapshot: Snapshot, tasks: Iterable[Task], now: float) -> None:
    """Remember since when tasks have found no node.

    A manager that has just begun to lead calls every node unknown until it has heard from it, and gives none a task;
    within seconds each is ready or down (swarmkit: manager/dispatcher).
    """
    if not any(_waits_for_a_node(task) for task in tasks):
        witness.pending_since = None
    elif witness.pending_since is None or any(node.state == "unknown" for node in snapshot.nodes.values()):
        witness.pending_since = now


def _is_steady(
    progress: ServiceProgress,
    track: Track,
    witness: Witness,
    service: Service,
    tasks: Sequence[Task],
    now: float,
    patience: Patience,
) -> bool:
    if service.updating or progress.running != progress.desired:
        return False
    # Between an update and the moment the Swarm notices it, everything still looks as it did before.
    ended = "rollback_completed" if track.rollback else "completed"
    noticed = progress.updated == progress.total or service.update_state == ended
    # Where nothing had to be replaced the Swarm says nothing; where something had to, it did not notice.
    return noticed or (
        now - witness.begun >= patience.unnoticed_seconds and not any(is_outdated(task, service) for task in tasks)
    )


def is_outdated(task: Task, service: Service) -> bool:
    """Tell whether a task runs something else than its service says by now."""
    template = service.spec.TaskTemplate
    made_from = (task.image, task.Spec.ForceUpdate)
    return task.state == "running" and made_from != (template.ContainerSpec.Image, template.ForceUpdate)


def _judge_job(
    progress: ServiceProgress,
    witness: Witness,
    snapshot: Snapshot,
    service: Service,
    tasks: Sequence[Task],
    now: float,
    patience: Patience,
) -> ServiceProgress:
    if progress.desired and progress.running >= progress.desired:
        progress.state = "converged"
        progress.message = say_completed(progress.running)
        return progress
    cause = _gives_up(witness, snapshot, service, tasks, _worst(witness), now, patience)
    if cause is not None:
        return _end(progress, cause)
    progress.state = "progressing"
    working = sum(task.state == "running" for task in tasks)
    progress.message = f"{progress.running} of {progress.desired} completed, {working} at work."
    return progress


def _gives_up(
    witness: Witness,
    snapshot: Snapshot,
    service: Service,
    tasks: Sequence[Task],
    failure: tuple[Task, int] | None,
    now: float,
    patience: Patience,
) -> Cause | None:
    """Tell why nothing good can be expected any more; None while it can."""
    if witness.pending_since is not None and now - witness.pending_since >= patience.pending_seconds:
        waiting = next(task for task in tasks if _waits_for_a_node(task))
        return Cause(
            "no-suitable-node",
            placement.explain(service.spec, snapshot) or f"No node takes the task: {waiting.error}.",
            "Change the service's constraints or reservations, or give the Swarm a node that fits.",
        )
    if failure is None:
        return None
    task, count = failure
    # While an update with a rule for failures is on its way, the Swarm itself decides what becomes of it.
    decided_by_swarm = service.updating and not _continues_on_failure(service)
    if _gives_up_itself(service, task, count) or (count >= patience.attempts and not decided_by_swarm):
        return explain_failure(task, count, snapshot)
    return None


def _gives_up_itself(service: Service, task: Task, count: int) -> bool:
    """Tell whether the service's own restart policy allows no further attempt."""
    rules = service.spec.TaskTemplate.RestartPolicy
    if rules is None or service.updating:
        return False
    if rules.Condition == "none" or (rules.Condition == "on-failure" and task.state == "complete"):
        return True
    return bool(rules.MaxAttempts) and count > (rules.MaxAttempts or 0)


def _continues_on_failure(service: Service) -> bool:
    config = service.spec.UpdateConfig
    return config is not None and config.FailureAction == "continue"


def _update_delay(service: Service) -> float:
    config = service.spec.UpdateConfig
    return (config.Delay or 0) / 1e9 if config is not None else 0.0


def _worst(witness: Witness) -> tuple[Task, int] | None:
    """Return the last failed attempt at the place where most have failed, and how many have."""
    if not witness.failed:
        return None
    attempts = max(witness.failed.values(), key=lambda attempts: (len(attempts), min(attempts)))
    return list(attempts.values())[-1], len(attempts)


def _is_undone(service: Service, track: Track) -> bool:
    """Tell whether the Swarm rolls back, or has rolled back, the update that is followed."""
    return track.restarts and not track.rollback and service.update_state in ROLLING_BACK


def _failing(witness: Witness, snapshot: Snapshot, tasks: Sequence[Task], undone: bool) -> Iterable[Failing]:
    """Name what does not run; once an update is undone, also what made the Swarm undo it."""
    well = {task.place for task in tasks if task.state in ("running", "complete") and task.desired_state != "shutdown"}
    for place, attempts in sorted(witness.failed.items()):
        if place in well and not undone:
            continue
        task = list(attempts.values())[-1]
        node = snapshot.nodes.get(task.NodeID)
        yield Failing(
            task.id, task.Slot or None, node.name if node else None, task.state, task.error or "", task.exit_code,
            len(attempts),
        )  # fmt: skip
    for task in tasks:
        if _waits_for_a_node(task):
            yield Failing(task.id, task.Slot or None, None, task.state, task.error or "", None, 0)


def _waits_for_a_node(task: Task) -> bool:
    return task.state == "pending" and bool(task.error) and task.desired_state not in ENDED_TASK_STATES


def has_failed(task: Task, service: Service) -> bool:
    """Tell whether a task ended that was to go on, or ended badly; a task of a job may end well."""
    return task.state in FAILED_STATES or (task.state == "complete" and not service.is_job)


def _halted(
    how: str, outcome: ServiceState, service: Service, failure: tuple[Task, int] | None, snapshot: Snapshot
) -> Cause:
    said = service.UpdateStatus.Message if service.UpdateStatus is not None else ""
    if failure is None:
        return Cause(outcome, f"The update was {how}: {said}.".replace(": .", "."), None)
    cause = explain_failure(*failure, snapshot)
    return Cause(cause.code, f"The update was {how}: {cause.text}", cause.advice)


def _find_lost_node(service: Service, snapshot: Snapshot, tasks: Sequence[Task]) -> str:
    """Return the name of a node that is down and has a task that never got as far as an update waits for."""
    if not service.updating:
        return ""
    nodes = (snapshot.nodes.get(task.NodeID) for task in tasks if not task.ended)
    return next((node.name for node in nodes if node is not None and node.state == "down"), "")


def _describe(progress: ServiceProgress, service: Service, tasks: Sequence[Task]) -> str:
    if service.update_state == "updating":
        return f"{progress.updated} of {progress.total} updated."
    if service.update_state == "rollback_started":
        return "Rolling back."
    waiting = next((task for task in tasks if _waits_for_a_node(task)), None)
    if waiting is not None:
        return f"{say_running_of(progress.running, progress.desired)} Waiting for a node: {waiting.error}."
    return say_running_of(progress.running, progress.desired)


def _end(progress: ServiceProgress, cause: Cause, state: ServiceState = "failed") -> ServiceProgress:
    progress.state = state
    progress.code, progress.message, progress.advice = cause.code, cause.text, cause.advice
    return progress


def spec_fingerprint(service: Service) -> str:
    """Return a fingerprint of a live service's spec; the Engine writes equal specs in the same bytes."""
    return hashlib.blake2b(bytes(service.Spec), digest_size=8).hexdigest()
