"""Keeping the right number of tasks: replicas, one a node, jobs, restarts, history, and nodes that go away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crane_core.testing.placement import meets_constraints
from crane_core.testing.records import NetworkRecord, NodeRecord, ServiceRecord, Store, TaskRecord
from crane_core.testing.rollouts import SECOND, Rollouts

if TYPE_CHECKING:
    from crane_core.testing.lives import Lives

DEFAULT_RESTART_DELAY = 5.0
HISTORY = 5  # tasks that are remembered for each slot, the present one included


class Orchestrator:
    """Compare what services ask for with the tasks there are, and make up the difference."""

    def __init__(self, store: Store, lives: Lives) -> None:
        self._store = store
        self._lives = lives
        self.rollouts = Rollouts(store, lives, self.reconcile)
        self._moved: set[str] = set()

    def reconcile(self, service: ServiceRecord) -> None:
        """Make, replace and remove tasks after a service was created or changed."""
        if service.is_job:
            self._stop_earlier_iterations(service)
            self._reconcile_job(service)
            return
        service.restarts.clear()
        if service.is_global:
            self._reconcile_global(service)
        else:
            self._reconcile_replicas(service)
        self.rollouts.start(service)

    def remove(self, service: ServiceRecord) -> None:
        """Stop and forget all tasks of a service that is gone."""
        self.rollouts.stop(service)
        for task in list(service.tasks.values()):
            self._lives.want(task, "remove")

    def forget(self, task: TaskRecord) -> None:
        """Remove a task from the manager's memory."""
        self._lives.forget(task)

    def node_changed(self, node: NodeRecord) -> None:
        """Move tasks away from a node that is drained or down or no longer meets constraints; use one that is back."""
        usable = node.ready and node.availability != "drain"
        for task in list(node.tasks.values()):
            if task.ended or not task.wanted:
                continue
            if not usable:
                self._move_away(task, node)
            elif not meets_constraints(node, task.body["Spec"]):
                self._lives.reject(
                    task, "task rejected by constraint enforcer", "assigned node no longer meets constraints"
                )
        for service in self._store.services:
            if service.is_global and not service.is_job:
                self._reconcile_global(service)
            elif service.mode == "GlobalJob":
                self._reconcile_job(service)
        self._lives.place_soon()

    def task_runs(self, task: TaskRecord) -> None:
        """Take note that a task has started."""
        self.rollouts.task_runs(task)

    def task_ended(self, task: TaskRecord) -> None:
        """Restart what ended, as its restart policy says."""
        service = task.service
        if service.id not in self._store.services:
            self._lives.want(task, "remove")
            return
        self.rollouts.task_ended(task)
        if service.is_job:
            self._job_task_ended(task)
        elif task.desired == "running":
            self._restart(task)
        elif not task.wanted:
            self._start_waiting(task)
        self._tidy(service, task.slot)

    def attachments(self, service: ServiceRecord) -> list[dict[str, Any]]:
        """Return a task's attachments to its service's networks, each with an address of its own."""
        attached = []
        for network in networks_of(service, self._store):
            body = network.body
            spec = {
                "Name": body["Name"],
                "Labels": body["Labels"] or {},
                "DriverConfiguration": {"Name": body["Driver"]},
                **({"Attachable": True} if body["Attachable"] else {}),
                **({"Ingress": True} if body["Ingress"] else {}),
                "Scope": "swarm",
            }
            configs = body["IPAM"]["Config"] or []
            attached.append(
                {
                    "Network": {
                        "ID": network.id,
                        "Version": {"Index": 10},
                        "CreatedAt": body["Created"],
                        "UpdatedAt": body["Created"],
                        "Spec": spec,
                        "DriverState": {"Name": body["Driver"], "Options": body["Options"] or {}},
                        "IPAMOptions": {"Driver": {"Name": "default"}, "Configs": configs},
                    },
                    "Addresses": [network.next_address()],
                }
            )
        return attached

    def _reconcile_replicas(self, service: ServiceRecord) -> None:
        replicas = int(service.spec["Mode"]["Replicated"].get("Replicas", 1))
        slots: dict[int | str, list[TaskRecord]] = {}
        for task in service.live_tasks():
            slots.setdefault(task.slot, []).append(task)
        # The Engine gives up those first that do not run yet, then the youngest slots.
        order = sorted(slots, key=lambda slot: (all(task.state != "running" for task in slots[slot]), slot))
        for slot in order[replicas:]:
            for task in slots[slot]:
                self._lives.want(task, "remove")
        free = (slot for slot in range(1, replicas + len(slots) + 1) if slot not in slots)
        for _ in range(replicas - len(slots)):
            self._lives.create(service, next(free), "running")

    def _reconcile_global(self, service: ServiceRecord) -> None:
        covered = {task.slot: task for task in service.live_tasks()}
        for node in self._store.nodes:
            eligible = (
                node.ready and node.availability != "drain" and meets_constraints(node, service.spec["TaskTemplate"])
            )
            if eligible and node.id not in covered and node.availability == "active":
                self._lives.create(service, node.id, "running")
            elif not eligible and node.id in covered:
                self._lives.want(covered[node.id], "shutdown")

    def _restart(self, task: TaskRecord) -> None:
        """Replace a task that ended, unless its policy or the number of attempts forbids it."""
        service = task.service
        policy = service.spec["TaskTemplate"].get("RestartPolicy") or {}
        condition = policy.get("Condition", "any")
        superseded = any(
            other is not task and other.slot == task.slot and not other.ended and not self.rollouts.is_outdated(other)
            for other in service.live_tasks()
        )
        allowed = condition == "any" or (condition == "on-failure" and task.state != "complete")
        if superseded or not allowed or not self._may_try_again(task, policy):
            self._lives.want(task, "shutdown")
            return
        if service.is_global and not self._still_wanted(task):
            self._lives.want(task, "shutdown")
            return
        replacement = self._lives.create(service, task.slot, "ready")
        self._lives.want(task, "shutdown")
        self._store.agenda.after(_delay_of(policy), lambda: self._delay_over(replacement))

    def _still_wanted(self, task: TaskRecord) -> bool:
        node = self._store.nodes.find(str(task.slot))
        return node is not None and node.ready and node.availability != "drain"

    def _may_try_again(self, task: TaskRecord, policy: dict[str, Any]) -> bool:
        """Count a restart of a slot, within the window where there is one."""
        now, window = self._store.agenda.now, policy.get("Window", 0) / SECOND
        tried = task.service.restarts.setdefault(task.slot, [])
        recent = [moment for moment in tried if not window or moment > now - window]
        most = policy.get("MaxAttempts", 0)
        if most and len(recent) >= most:
            return False
        task.service.restarts[task.slot] = [*recent, now]
        return True

    def _delay_over(self, task: TaskRecord) -> None:
        """Let a task run that waited for the restart delay; it may have failed while it was prepared."""
        if task.id not in self._store.tasks or not task.wanted:
            return
        before = (other for other in task.service.tasks.values() if other.slot == task.slot and other is not task)
        if any(not other.ended and not other.wanted and self._is_reachable(other) for other in before):
            self._moved.add(task.id)  # The one before it is still stopping: it starts when that has ended.
        elif task.ended:
            self._lives.want(task, "running")
            self._restart(task)
        else:
            self._lives.want(task, "running")

    def _is_reachable(self, task: TaskRecord) -> bool:
        node = self._store.nodes.find(task.node_id) if task.node_id else None
        return node is not None and node.ready

    def _start_waiting(self, stopped: TaskRecord) -> None:
        """Start the replacement of a task that was moved away, now that it has stopped."""
        if self.rollouts.is_replacing(stopped):
            return
        for task in list(stopped.service.live_tasks()):
            if task.slot == stopped.slot and task.desired == "ready" and task.id in self._moved:
                self._moved.discard(task.id)
                self._lives.want(task, "running")

    def _move_away(self, task: TaskRecord, node: NodeRecord) -> None:
        service = task.service
        if service.is_global:
            if not service.is_job:
                self._lives.want(task, "shutdown")
            return
        if service.is_job:
            # As observed: the task of a job goes on on a drained node, until it ends.
            if not node.ready:
                self._lives.want(task, "shutdown")
                self._reconcile_job(service)
            return
        policy = service.spec["TaskTemplate"].get("RestartPolicy") or {}
        if policy.get("Condition") == "none":
            self._lives.want(task, "shutdown")
            return
        replacement = self._lives.create(service, task.slot, "ready")
        self._lives.want(task, "shutdown")
        if node.ready:
            self._moved.add(replacement.id)
            if task.ended:
                self._start_waiting(task)
        else:
            self._store.agenda.after(_delay_of(policy), lambda: self._delay_over(replacement))

    def _stop_earlier_iterations(self, service: ServiceRecord) -> None:
        for task in list(service.tasks.values()):
            if task.iteration != service.iteration and not task.ended:
                self._lives.want(task, "remove")

    def _reconcile_job(self, service: ServiceRecord) -> None:
        current = [task for task in service.tasks.values() if task.iteration == service.iteration]
        taken = {task.slot for task in current if task.state == "complete" or (task.wanted and not task.ended)}
        given_up = {slot for slot in service.restarts if self._is_exhausted(service, slot)}
        if service.mode == "GlobalJob":
            for node in self._store.nodes:
                eligible = node.ready and node.availability == "active"
                if (
                    eligible
                    and node.id not in taken | given_up
                    and meets_constraints(node, service.spec["TaskTemplate"])
                ):
                    self._lives.create(service, node.id, "complete")
            return
        mode = service.spec["Mode"]["ReplicatedJob"]
        running = sum(task.wanted and not task.ended for task in current)
        free = [slot for slot in range(mode["TotalCompletions"]) if slot not in taken | given_up]
        for slot in free[: max(0, mode["MaxConcurrent"] - running)]:
            self._lives.create(service, slot, "complete")

    def _is_exhausted(self, service: ServiceRecord, slot: int | str) -> bool:
        policy = service.spec["TaskTemplate"].get("RestartPolicy") or {}
        most = policy.get("MaxAttempts", 0)
        tried = service.restarts[slot]
        return bool(policy.get("Condition") != "none" and most and len(tried) > most)

    def _job_task_ended(self, task: TaskRecord) -> None:
        service = task.service
        if task.iteration != service.iteration:
            return
        if task.state == "complete":
            self._reconcile_job(service)
            return
        if not task.wanted:
            return
        # As observed: condition ``none`` keeps no job from trying again; only the number of attempts does.
        service.restarts.setdefault(task.slot, []).append(self._store.agenda.now)
        policy = service.spec["TaskTemplate"].get("RestartPolicy") or {}
        delay = 0.0 if policy.get("Condition") == "none" else _delay_of(policy)
        self._lives.want(task, "shutdown")
        self._store.agenda.after(delay, lambda: self._try_job_again(service, task.iteration))

    def _try_job_again(self, service: ServiceRecord, iteration: int) -> None:
        if service.id in self._store.services and service.iteration == iteration:
            self._reconcile_job(service)

    def _tidy(self, service: ServiceRecord, slot: int | str) -> None:
        """Forget the oldest ended tasks of a slot beyond what the Swarm keeps."""
        tasks = [task for task in service.tasks.values() if task.slot == slot]
        ended = [task for task in tasks if task.ended and (not task.wanted or task.desired == "complete")]
        for task in ended[: max(0, len(tasks) - HISTORY)]:
            if task.state != "complete" or not service.is_job:
                self._lives.forget(task)


def networks_of(service: ServiceRecord, store: Store) -> list[NetworkRecord]:
    """Return the networks that a service's tasks are attached to, the ingress network first where it is used."""
    spec = service.spec
    endpoint = spec.get("EndpointSpec") or {}
    networks: list[NetworkRecord] = []
    if any(port.get("PublishMode") == "ingress" for port in endpoint.get("Ports") or ()):
        networks += [network for network in store.networks if network.body["Ingress"]]
    targets = spec["TaskTemplate"].get("Networks") or spec.get("Networks") or ()
    networks += [network for attachment in targets if (network := store.networks.find(attachment["Target"]))]
    return [network for network in networks if network.body["Scope"] == "swarm"]


def _delay_of(policy: dict[str, Any]) -> float:
    return float(policy["Delay"]) / SECOND if "Delay" in policy else DEFAULT_RESTART_DELAY
