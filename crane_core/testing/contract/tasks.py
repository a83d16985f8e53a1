"""The contract: tasks, where they run, and why they do not."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.errors import EngineUnavailable, NotFound
from crane_core.testing.contract.asking import PORT, SECOND, STACK_LABEL, Contract, service

_UNPLACEABLE = {
    "constraint": ({"Placement": {"Constraints": ["node.labels.disk==ssd"]}}, "constraints not satisfied on 3 nodes"),
    "memory": ({"Resources": {"Reservations": {"MemoryBytes": 2**50}}}, "insufficient resources on 3 nodes"),
    "platform": ({"Placement": {"Platforms": [{"Architecture": "s390x", "OS": "linux"}]}}, "unsupported platform"),
}


class TasksContract(Contract):
    """Tasks: where they run, and why they do not."""

    def test_replicas_run_in_slots(self) -> None:
        self.start(service("web", replicas=3))

        tasks = self.tasks("web")

        assert sorted(task.Slot for task in tasks) == [1, 2, 3]
        assert len({task.NodeID for task in tasks}) == 3
        assert self.counts("web") == (3, 3, 0)

    def test_global_service_runs_once_on_each_node(self) -> None:
        self.engine.create("service", service("agent", Mode={"Global": {}}))

        self.swarm.until(lambda: self.counts("agent") == (3, 3, 0), "the agent runs on three nodes")

        assert {task.NodeID for task in self.tasks("agent")} == {node.ID for node in self.engine.nodes()}

    def test_scaling_down_forgets_tasks(self) -> None:
        self.start(service("web", replicas=3))

        self.change("web", lambda spec: spec.update(Mode={"Replicated": {"Replicas": 1}}))

        self.swarm.until(lambda: len(self.tasks("web")) == 1, "one task is left")

    @pytest.mark.parametrize("what", _UNPLACEABLE)
    def test_scheduler_says_why_no_node_is_good_enough(self, what: str) -> None:
        task, words = _UNPLACEABLE[what]
        self.engine.create("service", service("web", replicas=1, task=task))

        self.wait_for_error("web", "no suitable node (", words)

        assert self.states("web") == ["pending"]

    def test_scheduler_counts_each_node_under_its_own_reason(self) -> None:
        self._set_availability("node2", "drain")
        self.engine.create(
            "service", service("web", replicas=1, task={"Placement": {"Constraints": ["node.hostname==node2"]}})
        )

        self.wait_for_error("web", "constraints not satisfied on 2 nodes; 1 node not available for new tasks")

    def test_port_of_a_node_serves_one_task(self) -> None:
        ports = {"Ports": [{**PORT, "PublishMode": "host"}]}
        self.engine.create("service", service("web", replicas=4, EndpointSpec=ports))

        self.wait_for_error("web", "no suitable node (host-mode port already in use on 3 nodes)")
        self.swarm.until(lambda: self.counts("web")[0] == 3, "three tasks run")

    def test_replicas_on_a_node_are_limited(self) -> None:
        self.engine.create("service", service("web", replicas=4, task={"Placement": {"MaxReplicas": 1}}))

        self.wait_for_error("web", "max replicas per node limit exceed")
        self.swarm.until(lambda: self.counts("web")[0] == 3, "three tasks run")

    def test_missing_image_rejects_tasks(self) -> None:
        self.engine.create("service", service("web", "lab/web:none", replicas=1))

        self.wait_for_error("web", "No such image: lab/web:none")

        assert any(task.Status.State == "rejected" for task in self.tasks("web"))

    def test_exit_code_is_told_and_the_task_tried_again(self) -> None:
        self.engine.create("service", service("web", "lab/web:broken", replicas=1))

        self.wait_for_error("web", "task: non-zero exit (1)")
        self.swarm.until(lambda: len(self.tasks("web")) > 2, "it is tried again")

        failed = next(task for task in self.tasks("web") if task.Status.State == "failed")
        assert failed.Status.ContainerStatus is not None
        assert failed.Status.ContainerStatus.ExitCode == 1

    def test_attempts_are_limited(self) -> None:
        policy = {"Condition": "on-failure", "Delay": SECOND // 10, "MaxAttempts": 1}
        self.engine.create("service", service("web", "lab/web:broken", replicas=1, task={"RestartPolicy": policy}))

        self.swarm.until(
            lambda: [task.DesiredState for task in self.tasks("web")] == ["shutdown"] * 2, "it is given up"
        )

    def test_failing_healthcheck_ends_the_task_before_it_runs(self) -> None:
        self.engine.create("service", service("web", "lab/health:sick", replicas=1))

        self.wait_for_error("web", "unhealthy container")

        assert self.counts("web")[0] == 0

    def test_history_of_a_slot_is_limited(self) -> None:
        policy = {"Condition": "any", "Delay": SECOND // 10}
        self.engine.create("service", service("web", "lab/web:none", replicas=1, task={"RestartPolicy": policy}))
        seen: set[str] = set()

        def tried_often() -> bool:
            tasks = self.tasks("web")
            seen.update(task.ID for task in tasks)
            return len(seen) > 8 and len(tasks) <= 5

        self.swarm.until(tried_often, "old attempts are forgotten")

    def test_job_completes_as_often_as_asked(self) -> None:
        mode = {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 3}}
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)

        self.swarm.until(lambda: self.counts("job")[2] == 3, "the job is done")

        assert [task.Status.State for task in self.tasks("job")] == ["complete"] * 3

    def test_changed_job_runs_again(self) -> None:
        mode: dict[str, Any] = {"ReplicatedJob": {}}
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)
        self.swarm.until(lambda: self.counts("job")[2] == 1, "the job is done")

        self.change("job", lambda spec: spec["TaskTemplate"].update(ForceUpdate=1))

        status = self.engine.inspect("service", "job")["JobStatus"]
        assert status["JobIteration"] == {"Index": 1}
        self.swarm.until(lambda: self.counts("job")[2] == 1, "the job is done again")
        assert len(self.tasks("job")) == 2

    def test_failing_job_ends_after_its_attempts(self) -> None:
        policy = {"Condition": "on-failure", "Delay": SECOND // 10, "MaxAttempts": 1}
        mode: dict[str, Any] = {"ReplicatedJob": {}}
        spec = service("job", "lab/web:broken", task={"RestartPolicy": policy}, Mode=mode)
        self.engine.create("service", spec)

        self.swarm.until(
            lambda: [task.Status.State for task in self.tasks("job")] == ["failed", "failed"], "it is given up"
        )

        assert self.counts("job")[2] == 0

    def test_global_job_completes_on_each_node(self) -> None:
        policy = {"Condition": "on-failure"}
        spec = service("job", "lab/busybox:1", container={"Args": ["true"]}, task={"RestartPolicy": policy})
        self.engine.create("service", {**spec, "Mode": {"GlobalJob": {}}})

        self.swarm.until(lambda: self.counts("job")[2] == 3, "the job is done on three nodes")

        assert self.counts("job")[1] == 0

    def test_drained_node_hands_its_tasks_over(self) -> None:
        self.start(service("web", replicas=3))

        self._set_availability("node2", "drain")

        self.swarm.until(lambda: self._nodes_of("web") == {"node1", "node3"}, "node2 is empty")
        self.swarm.until(lambda: self.counts("web") == (3, 3, 0), "three tasks run elsewhere")

    def test_drained_node_keeps_jobs_and_hands_over_nothing_that_is_not_to_be_restarted(self) -> None:
        self.start(service("once", replicas=3, task={"RestartPolicy": {"Condition": "none"}}))
        job = service("job", container={"StopGracePeriod": 10**8})
        self.engine.create("service", {**job, "Mode": {"GlobalJob": {}}})
        self.swarm.until(lambda: self.counts("job")[0] == 3, "the job runs on three nodes")

        self._set_availability("node2", "drain")

        self.swarm.until(lambda: self._nodes_of("once") == {"node1", "node3"}, "node2 is empty")
        assert len(self.tasks("once")) == 3
        assert self.counts("job")[0] == 3

    def test_tasks_of_a_lost_node_run_elsewhere_and_stay_on_record(self) -> None:
        self.start(service("web", replicas=3))

        self.swarm.lose_node("node3")

        self.swarm.until(lambda: self._nodes_of("web") == {"node1", "node2"}, "node3 is given up")
        self.swarm.until(lambda: self.states("web") == ["running"] * 3, "three tasks run elsewhere")
        lost = next(task for task in self.tasks("web") if task.DesiredState == "shutdown")
        assert lost.Status.State == "running"
        assert self.counts("web") == (4, 3, 0)

    def test_removed_service_takes_its_tasks_along(self) -> None:
        labels = {STACK_LABEL: "shop"}
        self.start(service("web", Labels=labels, container={"Labels": labels}))
        filters = [f"{STACK_LABEL}=shop"]
        assert len(self.engine.tasks(label=filters)) == 2

        self.engine.remove("service", "web")

        # The Swarm decides about the tasks after it has answered.
        self.swarm.until(
            lambda: {task.DesiredState for task in self.engine.tasks(label=filters)} <= {"remove"},
            "the tasks are to be removed",
        )
        self.swarm.until(lambda: self.engine.tasks(label=filters) == [], "the tasks are gone")

    def test_output_of_a_failed_task_is_told(self) -> None:
        self.engine.create("service", service("web", "lab/web:broken", replicas=1))
        self.wait_for_error("web", "task: non-zero exit (1)")
        failed = next(task for task in self.tasks("web") if task.Status.State == "failed")

        output = self.engine.task_output(failed.ID)

        assert (output.content, output.cut, output.error) == (b"web: cannot start: no such option\n", False, "")
        assert self.engine.task_output(failed.ID, most=8).content == b" option\n"

    def test_output_of_a_task_that_was_forgotten_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            self.engine.task_output("0123456789abcdefghijklmno")

    def test_output_on_a_lost_node_is_not_waited_for(self) -> None:
        self.start(service("web", replicas=3))
        lost = next(node for node in self.engine.nodes() if node.name == "node3")
        task = next(task for task in self.tasks("web") if task.NodeID == lost.id)
        self.swarm.lose_node("node3")
        self.swarm.until(
            lambda: any(node.id == lost.id and node.Status.State == "down" for node in self.engine.nodes()),
            "node3 is given up",
        )

        try:
            said = self.engine.task_output(task.ID, timeout=2).error
        except EngineUnavailable as error:
            said = error.detail

        assert said

    def _nodes_of(self, name: str) -> set[str]:
        names = {node.ID: node.Description.Hostname for node in self.engine.nodes()}
        return {names[task.NodeID] for task in self.tasks(name) if task.DesiredState == "running" and task.NodeID}

    def _set_availability(self, name: str, availability: str) -> None:
        node = next(node for node in self.engine.nodes() if node.Description.Hostname == name)
        spec = self.engine.inspect("node", node.ID)["Spec"]
        self.engine.update("node", node.ID, node.Version.Index, {**spec, "Availability": availability})
