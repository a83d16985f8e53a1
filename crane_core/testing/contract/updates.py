"""The contract: rolling updates, pauses and rollbacks."""

from __future__ import annotations

from crane_core.testing.contract.asking import UPDATE, Contract, service


class UpdatesContract(Contract):
    """Rolling updates, pauses and rollbacks."""

    def test_update_replaces_every_task_and_completes(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE))

        self.use_image("web", "lab/web:v2")

        self.swarm.until(lambda: self.update_state("web") == "updating", "the update is going on")
        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")
        running = [task for task in self.tasks("web") if task.DesiredState == "running"]
        assert [task.Spec.ContainerSpec.Image for task in running] == ["lab/web:v2"] * 2
        assert [task.Status.State for task in self.tasks("web") if task not in running] == ["shutdown"] * 2

    def test_update_that_starts_first_runs_more_tasks_than_desired(self) -> None:
        self.start(service("web", replicas=1, UpdateConfig={**UPDATE, "Order": "start-first"}))
        seen: list[int] = []

        self.use_image("web", "lab/web:v2")

        def complete() -> bool:
            seen.append(
                len([state for state in (task.DesiredState for task in self.tasks("web")) if state == "running"])
            )
            return self.update_state("web") == "completed"

        self.swarm.until(complete, "the update is complete")
        assert max(seen) == 2

    def test_failing_update_pauses_and_names_the_task(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")
        status = self.find("web").UpdateStatus
        assert status is not None
        words, _, task_id = status.Message.rpartition(" ")
        assert words == "update paused due to failure or early termination of task"
        assert task_id in {task.ID for task in self.tasks("web")}
        assert "lab/web:v1" in {
            task.Spec.ContainerSpec.Image for task in self.tasks("web") if task.DesiredState == "running"
        }

    def test_failing_update_rolls_back(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "rollback"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "rollback_completed", "the rollback is complete")
        self.swarm.until(lambda: self.states("web") == ["running"] * 2, "both tasks run again")
        after = self.engine.inspect("service", "web")
        assert after["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v1"
        assert "PreviousSpec" not in after
        assert after["UpdateStatus"]["Message"] == "rollback completed"

    def test_missing_image_pauses_the_update(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))

        self.use_image("web", "lab/web:none")

        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")
        self.wait_for_error("web", "No such image: lab/web:none")

    def test_failures_may_be_ignored(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "continue"}))

        self.use_image("web", "lab/web:broken")

        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")

    def test_update_that_finds_no_node_goes_on_for_ever(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE))

        self.change("web", lambda spec: spec["TaskTemplate"].update(Placement={"Constraints": ["node.labels.a==b"]}))

        self.wait_for_error("web", "no suitable node")
        assert self.update_state("web") == "updating"

    def test_paused_update_is_mended_by_the_next(self) -> None:
        self.start(service("web", UpdateConfig={**UPDATE, "FailureAction": "pause"}))
        self.use_image("web", "lab/web:broken")
        self.swarm.until(lambda: self.update_state("web") == "paused", "the update is paused")

        self.use_image("web", "lab/web:v2")

        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")
        self.swarm.until(lambda: self.counts("web") == (2, 2, 0), "both tasks run")

    def test_rollback_by_hand_exchanges_the_specs(self) -> None:
        self.start(service("web", UpdateConfig=UPDATE, RollbackConfig=UPDATE))
        self.use_image("web", "lab/web:v2")
        self.swarm.until(lambda: self.update_state("web") == "completed", "the update is complete")

        self.change("web", lambda spec: None, rollback=True)

        rolling = self.engine.inspect("service", "web")
        assert rolling["UpdateStatus"]["State"] == "rollback_started"
        assert rolling["UpdateStatus"]["Message"] == "manually requested rollback"
        assert rolling["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v1"
        assert rolling["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "lab/web:v2"
        self.swarm.until(lambda: self.update_state("web") == "rollback_completed", "the rollback is complete")
