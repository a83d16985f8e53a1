"""Rolling updates: replacing a service's tasks a few at a time, and judging whether to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crane_core.testing.placement import meets_constraints
from crane_core.testing.records import NodeRecord, ServiceRecord, Store, TaskRecord

if TYPE_CHECKING:
    from crane_core.testing.lives import Lives

SECOND = 10**9
DEFAULT_MONITOR = 5.0


class Rollouts:
    """The updates that are going on, at most one a service."""

    def __init__(self, store: Store, lives: Lives, reconcile: Callable[[ServiceRecord], None]) -> None:
        self._store = store
        self._lives = lives
        self._reconcile = reconcile
        self._going: dict[str, Rollout] = {}

    def start(self, service: ServiceRecord) -> None:
        """Begin to replace the tasks that no longer fit the spec; an earlier update ends where it is."""
        self.stop(service)
        outdated = [task for task in service.live_tasks() if not task.ended and self.is_outdated(task)]
        rolling_back = (service.body.get("UpdateStatus") or {}).get("State") == "rollback_started"
        if not outdated and not rolling_back:
            return
        rollout = Rollout(self, self._store, self._lives, service, outdated, rolling_back)
        self._going[service.id] = rollout
        rollout.start()

    def stop(self, service: ServiceRecord) -> None:
        """End the update of a service where it is."""
        if rollout := self._going.pop(service.id, None):
            rollout.stopped = True

    def ended(self, service: ServiceRecord) -> None:
        """Forget an update that came to its end."""
        self._going.pop(service.id, None)

    def roll_back(self, service: ServiceRecord) -> None:
        """Put the previous spec back in place of the one that failed."""
        service.body["Spec"] = service.body.pop("PreviousSpec")
        self._reconcile(service)

    def task_runs(self, task: TaskRecord) -> None:
        """Tell the update that a task has started."""
        if rollout := self._going.get(task.service.id):
            rollout.task_runs(task)

    def task_ended(self, task: TaskRecord) -> None:
        """Tell the update that a task has ended."""
        if rollout := self._going.get(task.service.id):
            rollout.task_ended(task)

    def is_outdated(self, task: TaskRecord) -> bool:
        """Tell whether a task does not fit its service's spec any more."""
        return is_outdated(task, self._store.nodes.find(task.node_id) if task.node_id else None)

    def is_replacing(self, task: TaskRecord) -> bool:
        """Tell whether an update is busy with the slot of this task."""
        rollout = self._going.get(task.service.id)
        return rollout is not None and task.slot in rollout.replacing


class Rollout:
    """One update of one service."""

    def __init__(
        self,
        rollouts: Rollouts,
        store: Store,
        lives: Lives,
        service: ServiceRecord,
        outdated: list[TaskRecord],
        rolling_back: bool,
    ) -> None:
        self._rollouts, self._store, self._lives = rollouts, store, lives
        self._service = service
        self._rolling_back = rolling_back
        self._slots = sorted({task.slot for task in outdated}, key=str)
        self._total = len(self._slots)
        self._watched: dict[str, float] = {}
        self._failed: set[str] = set()
        self.replacing: dict[int | str, TaskRecord] = {}
        self.stopped = False
        config = service.spec.get("RollbackConfig" if rolling_back else "UpdateConfig") or {"Parallelism": 1}
        self._parallelism = int(config.get("Parallelism") or 0) or self._total
        self._delay = config.get("Delay", 0) / SECOND
        self._monitor = config.get("Monitor", 0) / SECOND or DEFAULT_MONITOR
        self._most_failures = float(config.get("MaxFailureRatio") or 0)
        self._action = (
            "pause"
            if rolling_back and config.get("FailureAction") == "rollback"
            else config.get("FailureAction", "pause")
        )
        self._start_first = config.get("Order") == "start-first"

    def start(self) -> None:
        """Begin with as many slots as may be replaced at once."""
        if not self._rolling_back:
            self._tell("updating", "update in progress", started=True)
        for _ in range(min(self._parallelism, self._total)):
            self._next()
        if not self._total:
            self._finish()

    def task_runs(self, task: TaskRecord) -> None:
        """Go on once the new task of a slot runs."""
        if self.replacing.get(task.slot) is task:
            self._watched[task.id] = self._store.agenda.now + self._monitor
            if self._start_first:
                for old in self._old_tasks(task):
                    self._lives.want(old, "shutdown")
            self._replaced(task)

    def task_ended(self, task: TaskRecord) -> None:
        """Count a new task that ended too early; start the new one when the old one has stopped."""
        replacement = self.replacing.get(task.slot)
        if replacement is task or self._watched.get(task.id, 0) >= self._store.agenda.now:
            if task.wanted and task.id not in self._failed:
                self._failed.add(task.id)
                if len(self._failed) > self._most_failures * self._total and self._action != "continue":
                    self._give_up(task)
                    return
            if replacement is task:
                self._replaced(task)
        elif (
            replacement is not None and not self._start_first and all(old.ended for old in self._old_tasks(replacement))
        ):
            self._lives.want(replacement, "running")

    def _old_tasks(self, new: TaskRecord) -> list[TaskRecord]:
        return [task for task in self._service.tasks.values() if task.slot == new.slot and task is not new]

    def _next(self) -> None:
        if self.stopped:
            return
        while self._slots:
            slot = self._slots.pop(0)
            old = [task for task in self._service.live_tasks() if task.slot == slot]
            if not old:
                continue
            if self._start_first:
                self.replacing[slot] = self._lives.create(self._service, slot, "running")
            else:
                new = self.replacing[slot] = self._lives.create(self._service, slot, "ready")
                for task in old:
                    self._lives.want(task, "shutdown")
                if all(task.ended for task in self._old_tasks(new)):
                    self._lives.want(new, "running")
            return
        if not self.replacing:
            self._store.agenda.after(self._monitor, self._finish)

    def _replaced(self, task: TaskRecord) -> None:
        del self.replacing[task.slot]
        self._store.agenda.after(self._delay if self._slots else 0, self._next)

    def _give_up(self, task: TaskRecord) -> None:
        self.stopped = True
        self._rollouts.ended(self._service)
        self.replacing.clear()
        if self._rolling_back:
            self._tell("rollback_paused", f"rollback paused due to failure or early termination of task {task.id}")
        elif self._action == "rollback" and "PreviousSpec" in self._service.body:
            self._service_rolls_back(task)
        else:
            self._tell("paused", f"update paused due to failure or early termination of task {task.id}")

    def _service_rolls_back(self, task: TaskRecord) -> None:
        new, old = (image_of(self._service.body[spec]) for spec in ("PreviousSpec", "Spec"))
        attributes = {"image.new": new, "image.old": old} if new != old else {}
        message = f"update rolled back due to failure or early termination of task {task.id}"
        # The status comes first: reconciling with the previous spec is what starts the rollback.
        self._tell("rollback_started", message, attributes=attributes)
        self._rollouts.roll_back(self._service)

    def _finish(self) -> None:
        if self.stopped or self.replacing or self._slots:
            return
        last = max(self._watched.values(), default=0.0)
        if last > self._store.agenda.now:
            self._store.agenda.after(last - self._store.agenda.now, self._finish)
            return
        self.stopped = True
        self._rollouts.ended(self._service)
        if self._rolling_back:
            self._tell("rollback_completed", "rollback completed", completed=True)
        else:
            self._tell("completed", "update completed", completed=True)

    def _tell(
        self,
        state: str,
        message: str,
        *,
        started: bool = False,
        completed: bool = False,
        attributes: dict[str, str] | None = None,
    ) -> None:
        """Set the service's update status and tell those who listen."""
        was: dict[str, Any] = self._service.body.get("UpdateStatus") or {}
        stamp = self._store.agenda.stamp()
        status = {"State": state, "StartedAt": stamp if started else was.get("StartedAt", stamp)}
        if completed:
            status["CompletedAt"] = stamp
        self._service.body["UpdateStatus"] = {**status, "Message": message}
        self._store.touch(self._service)
        states = {"updatestate.new": state, **({"updatestate.old": was["State"]} if "State" in was else {})}
        self._store.tell("service", "update", self._service, **(attributes or {}), **states)


def is_outdated(task: TaskRecord, node: NodeRecord | None) -> bool:
    """Tell whether a task was made from another spec than its service has now.

    Where only the placement changed, a task may stay as long as its node meets the new constraints.
    """
    made_from, wanted = task.made_from, task.service.template()
    if made_from == wanted:
        return False
    if node is not None and _but_placement(made_from) == _but_placement(wanted):
        return not meets_constraints(node, wanted["task"])
    return True


def _but_placement(template: dict[str, Any]) -> dict[str, Any]:
    return {**template, "task": {name: part for name, part in template["task"].items() if name != "Placement"}}


def image_of(spec: dict[str, Any]) -> str:
    """Return the image that a service's spec names."""
    return str((spec["TaskTemplate"].get("ContainerSpec") or {}).get("Image", ""))
