"""The life of a task, from ``new`` to its end: what the scheduler and the nodes' agents do to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crane_core.testing.behaviours import Behaviour, Exits, Missing, Runs, Unhealthy
from crane_core.testing.placement import Placement
from crane_core.testing.printed import Printed
from crane_core.testing.records import RANK, NodeRecord, ServiceRecord, Store, TaskRecord

if TYPE_CHECKING:
    from crane_core.testing.orchestrator import Orchestrator


@dataclass(frozen=True)
class Pace:
    """How many seconds each step of a task takes."""

    schedule: float = 0.05
    prepare: float = 0.1
    start: float = 0.3
    stop: float = 0.2


class Lives:
    """Make tasks, place them, move them through their states, stop and forget them."""

    def __init__(
        self,
        store: Store,
        behaviour_of: Callable[[str], Behaviour],
        pace: Pace,
        containers: dict[str, dict[str, Any]],
        printed: Printed,
    ) -> None:
        self._store = store
        self._containers = containers
        self._printed = printed
        self._agenda = store.agenda
        self._placement = Placement(store)
        self._behaviour_of = behaviour_of
        self._pace = pace
        self._unplaced: dict[str, TaskRecord] = {}
        self._placing = False
        self.orchestrator: Orchestrator

    def create(self, service: ServiceRecord, slot: int | str, desired: str) -> TaskRecord:
        """Make the next task of a slot (a number, or for global services the id of a node)."""
        spec = {name: part for name, part in service.spec["TaskTemplate"].items() if name != "Runtime"}
        body: dict[str, Any] = {
            **self._store.meta(),
            "Labels": {},
            "Spec": spec,
            "ServiceID": service.id,
            "Status": {
                "Timestamp": self._agenda.stamp(),
                "State": "new",
                "Message": "created",
                "PortStatus": {},
            },
            "DesiredState": desired,
        }
        if isinstance(slot, str):
            body["NodeID"] = slot
        elif slot:
            body["Slot"] = slot
        if service.is_job:
            body["JobIteration"] = {"Index": service.iteration} if service.iteration else {}
        if attachments := self.orchestrator.attachments(service):
            body["NetworksAttachments"] = attachments
        task = TaskRecord(body, service, slot)
        service.tasks[task.id] = task
        service.tasks_changed()
        self._store.tasks.put(task)
        self._unplaced[task.id] = task
        self._then(task, self._pace.schedule, lambda: self._queue(task))
        return task

    def want(self, task: TaskRecord, desired: str) -> None:
        """Say what a task should be doing; it never goes back to something earlier."""
        if RANK[desired] <= RANK[task.desired]:
            return
        task.body["DesiredState"] = desired
        self._store.touch(task)
        if task.ended:
            if desired == "remove":
                self._agenda.after(self._pace.stop, lambda: self.forget(task))
        elif task.wanted:
            if task.state == "ready":
                self._then(task, 0, lambda: self._start(task))
        elif not task.node_id or task.id in self._unplaced:
            self._unplaced.pop(task.id, None)
            self._move(task, "shutdown", task.body["Status"]["Message"])
        elif self._node(task).reachable:
            self._then(task, self._pace.stop, lambda: self._stopped(task))

    def forget(self, task: TaskRecord) -> None:
        """Remove a task from the manager's memory."""
        task.step += 1
        self._unplaced.pop(task.id, None)
        self._printed.forget(task.container_id)
        if task.node_id in self._store.nodes:
            self._store.nodes.get(task.node_id).tasks.pop(task.id, None)
        self._store.tasks.drop(task)
        task.service.tasks.pop(task.id, None)
        task.service.tasks_changed()

    def reject(self, task: TaskRecord, message: str, error: str) -> None:
        """End a task from the manager's side."""
        self._move(task, "rejected", message, error=error)

    def resume(self, node: NodeRecord) -> None:
        """Let the agent of a node that came back do what it was told meanwhile."""
        for task in list(node.tasks.values()):
            if task.ended:
                continue
            if not task.wanted:
                self._then(task, self._pace.stop, lambda task=task: self._stopped(task))  # type: ignore[misc]
            elif task.state == "assigned":
                self._then(task, self._pace.prepare, lambda task=task: self._prepare(task))  # type: ignore[misc]

    def end_container(self, task: TaskRecord, code: int) -> None:
        """End the container of a task, as somebody does who stops or kills it on its node."""
        if not task.ended:
            self._exit(task, code)

    def place_soon(self) -> None:
        """Look for nodes again, because something became free or changed."""
        if self._unplaced and not self._placing:
            self._placing = True
            self._agenda.after(self._pace.schedule, self._place)

    def _queue(self, task: TaskRecord) -> None:
        self._move(task, "pending", "pending task scheduling")
        self.place_soon()

    def _place(self) -> None:
        self._placing = False
        for task in list(self._unplaced.values()):
            if task.state != "pending":
                continue
            found = self._placement.find(task)
            if isinstance(found, NodeRecord):
                del self._unplaced[task.id]
                task.body["NodeID"] = found.id
                found.tasks[task.id] = task
                self._move(task, "assigned", "scheduler assigned task to node")
                self._then(task, self._pace.prepare, lambda task=task: self._prepare(task))  # type: ignore[misc]
            elif task.body["Status"].get("Err") != found:
                self._move(task, "pending", "pending task scheduling", error=found)

    def _prepare(self, task: TaskRecord) -> None:
        if not self._node(task).reachable:
            return
        self._move(task, "preparing", "preparing")
        image = str(task.body["Spec"]["ContainerSpec"]["Image"])
        behaviour = self._behaviour_of(image)
        if isinstance(behaviour, Missing):
            tagged = image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
            error = behaviour.error or f"No such image: {tagged}"
            self._then(
                task, self._pace.prepare, lambda: self._move(task, "rejected", "preparing", error=error, container="")
            )
        else:
            self._then(task, self._pace.prepare, lambda: self._prepared(task))

    def _prepared(self, task: TaskRecord) -> None:
        self._move(task, "ready", "prepared")
        if task.desired != "ready":
            self._then(task, 0, lambda: self._start(task))

    def _start(self, task: TaskRecord) -> None:
        if not self._node(task).reachable:
            return
        container = self._store.new_id(64, "0123456789abcdef")
        self._move(task, "starting", "starting", container=container)
        behaviour = self._behaviour_of(str(task.body["Spec"]["ContainerSpec"]["Image"]))
        self._printed.begin(container, terminal=bool(task.body["Spec"]["ContainerSpec"].get("TTY")))
        if printed := getattr(behaviour, "prints", ""):
            self._printed.add(container, printed)
        if self._node(task).spec["Role"] == "manager":
            self._containers[container] = _describe(container, behaviour, self._agenda.stamp())
        if isinstance(behaviour, Unhealthy) and not behaviour.after:
            self._then(task, self._pace.start + behaviour.checking, lambda: self._unhealthy(task))
        else:
            healthy_after = behaviour.healthy_after if isinstance(behaviour, Runs) else 0.0
            self._then(task, self._pace.start + healthy_after, lambda: self._run(task, behaviour))

    def _run(self, task: TaskRecord, behaviour: Behaviour) -> None:
        ports = [
            port
            for port in (task.service.spec.get("EndpointSpec") or {}).get("Ports") or ()
            if port.get("PublishMode") == "host"
        ]
        task.body["Status"]["PortStatus"] = {"Ports": ports} if ports else {}
        self._move(task, "running", "started", pid=1000 + self._store.index % 30000)
        if isinstance(behaviour, Exits):
            self._then(task, behaviour.after, lambda: self._end(task, behaviour))
        elif isinstance(behaviour, Unhealthy):
            self._then(task, behaviour.after + behaviour.checking, lambda: self._unhealthy(task))

    def _end(self, task: TaskRecord, behaviour: Exits) -> None:
        if behaviour.out_of_memory:
            self._containers.setdefault(task.container_id, {}).setdefault("State", {})["OOMKilled"] = True
        self._exit(task, behaviour.code)

    def _exit(self, task: TaskRecord, code: int) -> None:
        if code == 0:
            self._move(task, "complete", "finished")
        else:
            self._move(task, "failed", "started", error=f"task: non-zero exit ({code})", exit_code=code)

    def _unhealthy(self, task: TaskRecord) -> None:
        message = "started" if task.state == "running" else "starting"
        error = "task: non-zero exit (137): dockerexec: unhealthy container"
        self._move(task, "failed", message, error=error, exit_code=137)

    def _stopped(self, task: TaskRecord) -> None:
        self._move(task, "shutdown", "shutdown", exit_code=137 if task.body["Status"].get("ContainerStatus") else None)

    def _move(
        self,
        task: TaskRecord,
        state: str,
        message: str,
        *,
        error: str = "",
        container: str | None = None,
        pid: int = 0,
        exit_code: int | None = None,
    ) -> None:
        """Set the status of a task; what ended is handed to the orchestrator."""
        was = task.body["Status"]
        status = {"Timestamp": self._agenda.stamp(), "State": state, "Message": message}
        if error:
            status["Err"] = error
        if container is not None or "ContainerStatus" in was:
            known = (was.get("ContainerStatus") or {}).get("ContainerID", "") if container is None else container
            status["ContainerStatus"] = {"ContainerID": known, "PID": pid, "ExitCode": exit_code or 0}  # type: ignore[assignment]
        task.body["Status"] = {**status, "PortStatus": was["PortStatus"] if state == "running" else {}}
        task.step += 1
        self._store.touch(task)
        if task.ended:
            self._printed.end(task.container_id)
            self.orchestrator.task_ended(task)
            self.place_soon()
            if task.desired == "remove":
                self.forget(task)
        elif state == "running":
            self.orchestrator.task_runs(task)

    def _then(self, task: TaskRecord, seconds: float, act: Callable[[], None]) -> None:
        """Plan the next step of a task; whatever else moves it first takes its place."""
        task.step += 1
        step = task.step

        def act_unless_overtaken() -> None:
            if task.step == step and task.id in self._store.tasks and self._alive(task):
                act()

        self._agenda.after(seconds, act_unless_overtaken)

    def _alive(self, task: TaskRecord) -> bool:
        """Tell whether the agent that would act is there; before a node is chosen the manager acts itself."""
        return task.id in self._unplaced or not task.node_id or self._node(task).reachable

    def _node(self, task: TaskRecord) -> NodeRecord:
        return self._store.nodes.get(task.node_id)


def _describe(container: str, behaviour: Behaviour, stamp: str) -> dict[str, Any]:
    """Return what an Engine tells of a container of its own node, its healthcheck's last results included."""
    state: dict[str, Any] = {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": stamp}
    if isinstance(behaviour, Unhealthy):
        result = {"Start": stamp, "End": stamp, "ExitCode": 1, "Output": behaviour.output}
        state["Health"] = {"Status": "unhealthy", "FailingStreak": 3, "Log": [result] * 3}
    return {"Id": container, "Created": stamp, "State": state}
