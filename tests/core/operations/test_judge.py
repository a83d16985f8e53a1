"""How a service is judged from what the copy of the Swarm says at each look."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.engine.snapshot import Snapshot, Source
from crane_core.orchestration.operations.judge import Patience, Witness, judge, spec_fingerprint
from crane_core.orchestration.operations.model import ServiceProgress, Track
from tests.core.engine.making import node_json, nodes, service_json, services, task_json, tasks

SECOND = 1_000_000_000
PATIENCE = Patience(attempts=3, pending_seconds=15, stalled_seconds=300)
MISSING = {"Status": {"State": "rejected", "Err": "No such image: shop/web:2"}, "DesiredState": "shutdown"}
UNPLACED = {"Status": {"State": "pending", "Err": "no suitable node (3 nodes not available for new tasks)"}}


class Looking:
    """Looks at one service; the copy is read in whole between any two looks, unless said otherwise."""

    def __init__(self, **track: Any) -> None:
        self.track = Track("web", "s", **track)
        self.witness = Witness(begun=0.0)
        self._read = 0

    def see(
        self,
        at: float,
        service: dict[str, Any] | None,
        *its: dict[str, Any],
        newer: bool = True,
        down: str = "",
        unknown: str = "",
    ) -> ServiceProgress:
        """Look at the copy of a moment."""
        self._read += newer
        snapshot = Snapshot(
            services={one.id: one for one in services(service)} if service else {},
            tasks={"s": tuple(tasks(*its))},
            nodes={one.id: one for one in nodes(*(_node(name, down, unknown) for name in ("n1", "n2")))},
            source=Source("engine", "fresh", float(self._read)),
        )
        return judge(self.track, self.witness, snapshot, at, PATIENCE)


def _node(name: str, down: str, unknown: str) -> dict[str, Any]:
    return node_json(name, Status={"State": {down: "down", unknown: "unknown"}.get(name, "ready")})


def web(version: int = 2, desired: int = 1, update: str = "", message: str = "", **spec: Any) -> dict[str, Any]:
    body = service_json("s", version, desired, desired, "web", **spec)
    return {**body, "UpdateStatus": {"State": update, "Message": message}} if update else body


def task(id_: str, state: str = "running", slot: int = 1, **more: Any) -> dict[str, Any]:
    return task_json(id_, "s", state=state, Slot=slot, NodeID="n1", **more)


def failed(id_: str, code: int = 1) -> dict[str, Any]:
    status = {"State": "failed", "Err": f"task: non-zero exit ({code})"}
    return task(id_, Status={**status, "ContainerStatus": {"ContainerID": "c", "ExitCode": code}})


def test_new_service_converges_when_its_tasks_have_run_for_as_long_as_the_swarm_watches_them():
    looking = Looking(stable_seconds=5)
    looking.see(0, web(), task("t1", "starting"))
    looking.see(1, web(), task("t1"))

    assert looking.see(5.9, web(), task("t1")).state == "stabilising"
    assert looking.see(6, web(), task("t1")).state == "converged"


def test_update_that_the_swarm_calls_completed_converges_at_once():
    looking = Looking(before=["old"], restarts=True)
    looking.see(0, web(3, update="updating"), task("old"))
    looking.see(1, web(4, update="completed"), task("new"))

    assert looking.see(1.3, web(4, update="completed"), task("new")).state == "converged"


def test_paused_update_waits_for_the_task_that_it_was_paused_for():
    looking = Looking(before=["old"], restarts=True)
    looking.see(0, web(3, update="updating"), task("old"))

    between = looking.see(1, web(4, update="paused"), task("old"), newer=False)
    after = looking.see(1.3, web(4, update="paused"), task("new", **MISSING))

    assert between.state == "progressing"
    assert (after.state, after.code) == ("paused", "image-missing")
    assert after.message.startswith("The update was paused: The image")


def test_paused_update_whose_task_is_forgotten_says_what_the_swarm_says():
    looking = Looking(before=["old"], restarts=True)
    paused = web(4, update="paused", message="update paused due to failure or early termination of task x")
    looking.see(0, paused, task("old"))

    progress = looking.see(1, paused, task("old"))

    assert (progress.state, progress.code) == ("paused", "paused")
    assert "early termination of task x" in progress.message


@pytest.mark.parametrize(("asked", "state"), [(True, "converged"), (False, "rolled-back")])
def test_completed_rollback_is_a_success_only_if_it_was_asked_for(asked, state):
    looking = Looking(before=["old"], restarts=True, rollback=asked)
    looking.see(0, web(4, update="rollback_completed"), task("new"))

    assert looking.see(1, web(4, update="rollback_completed"), task("new")).state == state


@pytest.mark.parametrize(("asked", "named"), [(True, []), (False, ["new"])])
def test_update_that_is_rolled_back_still_names_what_it_failed_with(asked, named):
    looking = Looking(before=["old"], restarts=True, rollback=asked)
    looking.see(0, web(update="updating"), failed("new"))

    progress = looking.see(1, web(4, update="rollback_started"), failed("new"), task("back"))

    assert [failing.task for failing in progress.failing] == named


def test_service_fails_after_a_number_of_attempts_at_one_place():
    looking = Looking()
    looking.see(0, web(), failed("t1"))
    looking.see(1, web(), failed("t1"), failed("t2"))

    progress = looking.see(2, web(), failed("t1"), failed("t2"), failed("t3"))

    assert (progress.state, progress.code) == ("failed", "exits")
    assert "exit status 1" in progress.message
    assert "3 attempts failed" in progress.message
    assert progress.failing[0].count == 3


def test_attempts_that_the_swarm_forgot_still_count():
    looking = Looking()
    for second, name in enumerate(("t1", "t2", "t3", "t4")):
        progress = looking.see(second, web(), failed(name))

    assert progress.failing[0].count == 4
    assert progress.state == "failed"


def test_attempts_from_before_the_change_do_not_count():
    looking = Looking(before=["t1", "t2", "t3"], restarts=True)
    looking.see(0, web(), failed("t1"), failed("t2"), failed("t3"))

    assert looking.see(1, web(), failed("t1"), failed("t2"), failed("t3")).state == "progressing"


def test_failures_of_an_update_that_the_swarm_watches_are_left_to_the_swarm():
    looking = Looking(before=["old"], restarts=True)
    many = [failed(f"t{number}") for number in range(5)]
    looking.see(0, web(update="updating"), *many)

    assert looking.see(1, web(update="updating"), *many).state == "progressing"


def test_service_that_failed_at_first_must_run_for_longer():
    looking = Looking(stable_seconds=1)
    looking.see(0, web(), failed("t1"))
    looking.see(1, web(), failed("t1"), task("t2"))

    assert looking.see(10.9, web(), failed("t1"), task("t2")).state == "stabilising"
    assert looking.see(11, web(), failed("t1"), task("t2")).state == "converged"


def test_task_of_a_service_that_ends_well_has_failed():
    looking = Looking()
    ended = [task(f"t{number}", "complete") for number in range(3)]
    looking.see(0, web(), *ended)

    progress = looking.see(1, web(), *ended)

    assert (progress.state, progress.code) == ("failed", "ends")


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        ({"Condition": "none"}, failed("t1")),
        ({"Condition": "on-failure"}, task("t1", "complete")),
    ],
)
def test_task_that_is_never_started_again_fails_the_service_at_once(policy, end):
    looking = Looking()
    service = web(TaskTemplate={"RestartPolicy": policy})
    looking.see(0, service, end)

    assert looking.see(1, service, end).state == "failed"


def test_service_fails_when_no_node_takes_a_task_for_too_long():
    looking = Looking()
    service = web(TaskTemplate={"Placement": {"Constraints": ["node.labels.ssd==true"]}})
    looking.see(0, service, task("t1", **UNPLACED))
    waiting = looking.see(14.9, service, task("t1", **UNPLACED))
    progress = looking.see(15, service, task("t1", **UNPLACED))

    assert waiting.state == "progressing"
    assert "Waiting for a node" in waiting.message
    assert (progress.state, progress.code) == ("failed", "no-suitable-node")
    assert "all 2 lack label ssd=true" in progress.message


def test_nothing_is_concluded_while_a_new_leader_has_not_heard_from_every_node():
    looking = Looking(stable_seconds=5)
    looking.see(0, web(), task("t1", **UNPLACED))
    looking.see(20, web(), task("t1", **UNPLACED), unknown="n2")

    assert looking.see(34, web(), task("t1", **UNPLACED)).state == "progressing"
    assert looking.see(35, web(), task("t1", **UNPLACED)).code == "no-suitable-node"


def test_time_without_the_engine_does_not_count_as_waiting_for_a_node():
    looking = Looking()
    looking.see(0, web(), task("t1", **UNPLACED))
    looking.see(1, web(), task("t1", **UNPLACED))
    looking.witness.interrupt(100)

    assert looking.see(100, web(), task("t1", **UNPLACED)).state == "progressing"


def test_somebody_elses_change_ends_it():
    looking = Looking(sent=spec_fingerprint(services(web(2))[0]))
    looking.see(0, web(3, Labels={"a": "b"}), task("t1"))

    progress = looking.see(1, web(3, Labels={"a": "b"}), task("t1"))

    assert (progress.state, progress.code) == ("failed", "superseded")


def test_removed_service_ends_it():
    progress = Looking().see(0, None)

    assert (progress.state, progress.code) == ("failed", "removed")


def test_service_in_which_nothing_moves_times_out():
    looking = Looking()
    looking.see(0, web(), task("t1", "preparing"))
    assert looking.see(299, web(), task("t1", "preparing")).state == "progressing"

    progress = looking.see(300, web(), task("t1", "preparing"))

    assert (progress.state, progress.code) == ("timed-out", "stalled")


def test_update_that_waits_for_a_node_that_is_down_names_it():
    looking = Looking(before=["old"], restarts=True)
    lost = task("new", "assigned", DesiredState="shutdown") | {"NodeID": "n2"}
    looking.see(0, web(update="updating"), lost, task("t2", "preparing"), down="n2")
    looking.see(69.9, web(update="updating"), lost, task("t2", "preparing"), down="n2")

    progress = looking.see(70, web(update="updating"), lost, task("t2", "preparing"), down="n2")

    assert (progress.state, progress.code) == ("timed-out", "node-lost")
    assert "on the node host-n2" in progress.message


def test_service_of_no_replicas_converges_at_once():
    looking = Looking()
    looking.see(0, web(desired=0))

    assert looking.see(0.3, web(desired=0)).state == "converged"


def test_global_service_is_not_believed_to_have_no_tasks_at_first():
    looking = Looking(stable_seconds=5)
    service = {**web(desired=0), "Spec": {"Name": "web", "Mode": {"Global": {}}}}
    looking.see(0, service)

    assert looking.see(0.3, service).state == "stabilising"
    late = looking.see(5.3, service)
    assert (late.state, late.message) == ("converged", "No task is to run: no node is meant to have one.")


def test_job_converges_when_all_its_tasks_have_completed():
    looking = Looking()
    job = {**web(), "Spec": {"Name": "web", "Mode": {"ReplicatedJob": {"TotalCompletions": 2}}}}
    looking.see(0, job, task("t1", "complete"), task("t2", slot=2))
    assert looking.see(1, job, task("t1", "complete"), task("t2", slot=2)).message == "1 of 2 completed, 1 at work."

    progress = looking.see(2, job, task("t1", "complete"), task("t2", "complete", slot=2))

    assert (progress.state, progress.message) == ("converged", "2 tasks have completed.")


def test_unchanged_service_is_judged_at_the_first_look():
    assert Looking(starts=False).see(0, web(), task("t1")).state == "converged"
