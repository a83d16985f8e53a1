"""Operations are followed to their verdict, whatever becomes of the Engine and of the server."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import msgspec
import pytest

from crane_core.errors import EngineUnavailable, Violation
from crane_core.orchestration.operations.model import Step
from crane_core.testing import Exits, MemorySwarm, Unhealthy

WEB = "services: {web: {image: 'nginx:1', deploy: {replicas: 2}}}"
SICK = """\
services:
  web:
    image: 'nginx:2'
    deploy: {replicas: 2, placement: {constraints: ['node.hostname==node1']}, update_config: {failure_action: pause}}
"""


def test_deployment_converges(desk):
    operation = desk.run(desk.deploy(WEB))

    assert operation.verdict.outcome == "converged"
    assert operation.services[0].running == 2


def test_health_output_is_quoted_short_and_without_its_password(desk):
    desk.swarm.images["nginx:2"] = Unhealthy(output=f"password=hunter2 {'x' * 400}")
    desk.run(desk.deploy(WEB))

    operation = desk.run(desk.deploy(SICK))

    assert (operation.verdict.outcome, operation.verdict.code) == ("paused", "unhealthy")
    assert "The check said: password=(hidden) xxx" in operation.verdict.cause
    assert "hunter2" not in str(operation.to_json())
    assert len(operation.verdict.cause) < 700


def test_what_is_sent_while_others_are_looked_at_is_no_removed_service(desk_at):
    class Swarm(MemorySwarm):
        """Creates the service of the second stack only when the first operation is being looked at."""

        def handle(self, method, path, *given, **named):
            if path.endswith("/services/create") and armed.is_set() and not held.is_set():
                held.set()
                go_on.wait(60)
            # Whoever waits for an answer asks whether the Engine is there.
            elif held.is_set() and not go_on.is_set() and not path.endswith(("/_ping", "/info")):
                go_on.set()
                while desk.operations._sending:
                    time.sleep(0.001)
            return super().handle(method, path, *given, **named)

    armed, held, go_on, sent = threading.Event(), threading.Event(), threading.Event(), []
    desk = desk_at(Swarm())
    desk.run(desk.deploy(WEB))
    desk.remove()
    armed.set()
    body = {"files": [{"name": "stack.yml", "content": WEB}], "resolve_image": "never"}
    client = desk.app.test_client()
    sender = threading.Thread(target=lambda: sent.append(client.put("/api/v1/stacks/bank", json=body)))
    sender.start()
    assert held.wait(60)
    desk.swarm.advance(1)

    with desk.app.app_context():
        desk.operations.step()
    sender.join(60)

    assert go_on.is_set(), "the first operation asked the Engine"
    operation = desk.operations.get(sent[0].json["id"])
    assert not operation.ended, operation.verdict
    assert desk.run(operation).verdict.outcome == "converged"


def test_followers_are_told_each_step_as_it_is_made(desk_at):
    seen = []

    class Swarm(MemorySwarm):
        """Looks at what is told of the operation whenever something is created."""

        def handle(self, method, path, *given, **named):
            if path.endswith("/create"):
                (operation,) = desk.operations.all()
                seen.append((operation.revision, sum(step.state == "done" for step in operation.steps)))
            return super().handle(method, path, *given, **named)

    desk = desk_at(Swarm())
    desk.deploy("services: {a: {image: 'nginx:1'}, b: {image: 'nginx:1'}}")

    assert [done for _, done in seen] == [0, 1, 2]
    assert len({revision for revision, _ in seen}) == 3


def test_follower_who_was_slow_still_hears_the_verdict(desk):
    operation = desk.deploy(WEB)
    told = desk.operations.follow(operation.id)
    assert next(told)["state"] == "following"

    desk.run(operation)

    assert [state["verdict"]["outcome"] for state in told] == ["converged"]


def test_operation_of_a_killed_server_is_followed_by_the_next(swarm, desk, desk_at):
    operation = desk.deploy(WEB)

    taken_up = desk_at(swarm)

    assert taken_up.run(taken_up.operations.get(operation.id)).verdict.outcome == "converged"


def test_operation_is_left_alone_by_a_server_of_another_swarm(desk, desk_at):
    operation = desk.deploy(WEB)
    other = MemorySwarm()
    other.cluster.body["ID"] = "another"

    elsewhere = desk_at(other)
    assert [kept.id for kept in elsewhere.operations.all()] == []

    back = desk_at(desk.swarm)
    assert back.run(back.operations.get(operation.id)).verdict.outcome == "converged"


def test_operation_waits_for_the_engine_when_the_next_server_starts_without_it(swarm, desk, desk_at):
    operation = desk.deploy(WEB)
    swarm.go_away()

    taken_up = desk_at(swarm)
    assert taken_up.operations.get(operation.id).state == "unknown-yet"
    swarm.come_back()

    assert taken_up.run(taken_up.operations.get(operation.id)).verdict.outcome == "converged"


def test_interrupted_deployment_says_what_stands(swarm, desk, desk_at):
    operation = desk.deploy(WEB)
    operation.steps.append(Step("service", "shop_db", "create"))
    desk.keep(operation)

    verdict = desk_at(swarm).operations.get(operation.id).verdict

    assert (verdict.outcome, verdict.code) == ("failed", "interrupted")
    assert set(verdict.created) == {"network shop_default", "service shop_web"}
    assert "Not known to be done: service shop_db." in verdict.cause


def test_step_whose_answer_nobody_lived_to_hear_was_done(swarm, desk, desk_at):
    operation = desk.deploy(WEB)
    for step in operation.steps:
        step.state = "pending"
    operation.state, operation.tracks = "applying", []
    desk.keep(operation)

    taken_up = desk_at(swarm)
    ended = taken_up.run(taken_up.operations.get(operation.id))

    assert ended.verdict.outcome == "converged"
    assert [progress.name for progress in ended.services] == ["shop_web"]


def test_removal_that_was_followed_goes_on_after_a_restart(swarm, desk, desk_at):
    desk.run(desk.deploy(WEB))
    operation = desk.remove()
    assert not operation.ended

    taken_up = desk_at(swarm)
    ended = taken_up.run(taken_up.operations.get(operation.id))

    assert (ended.verdict.outcome, ended.verdict.code) == ("converged", "removed")
    assert (swarm.services, swarm.networks) == ([], [])


def test_operation_goes_on_when_the_engine_is_back(swarm, desk):
    operation = desk.deploy(WEB)
    swarm.go_away()
    desk.run(operation, 5)
    assert operation.state == "unknown-yet"
    swarm.come_back()

    assert desk.run(operation).verdict.outcome == "converged"


def test_nothing_begins_while_the_engine_is_away(swarm, desk):
    swarm.go_away()
    body = {"files": [{"name": "stack.yml", "content": WEB}], "resolve_image": "never"}

    answer = desk.app.test_client().put("/api/v1/stacks/shop", json=body)

    assert (answer.status_code, answer.json["code"]) == (EngineUnavailable.status, EngineUnavailable.code)
    assert desk.operations.all() == []


def test_service_that_is_removed_before_it_is_updated_fails_the_step(swarm, desk):
    desk.run(desk.deploy(WEB))
    plan = desk.plan(WEB.replace("nginx:1", "nginx:2"))
    swarm.handle("DELETE", "/services/shop_web")

    operation = desk.operations.start(plan)

    assert operation.steps[-1].state == "failed"
    assert "Somebody removed the service shop_web" in operation.verdict.cause


def test_operation_ends_after_its_time_out(desk):
    desk.swarm.images["nginx:1"] = Exits(1, after=1000)

    operation = desk.run(desk.deploy(WEB, timeout=2), 10)

    assert operation.verdict.outcome == "timed-out"
    assert "It took longer than 2 s." in operation.verdict.cause


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b'{"id": 1}', b"\xff"])
def test_journal_that_cannot_be_read_is_passed_over(swarm, desk, desk_at, tmp_path, content):
    operation = desk.run(desk.deploy(WEB))
    (tmp_path / "data/operations/00000000deadbeef.json").write_bytes(content)

    assert [kept.id for kept in desk_at(swarm).operations.all()] == [operation.id]


@pytest.mark.parametrize("members", [{"id": "../../elsewhere"}, {"created_at": "yesterday"}])
def test_journal_of_what_cannot_be_is_passed_over(swarm, desk, desk_at, tmp_path, members):
    operation = desk.run(desk.deploy(WEB))
    kept = {**operation.to_journal(), "id": "00000000deadbeef", **members}
    (tmp_path / "data/operations/00000000deadbeef.json").write_bytes(msgspec.json.encode(kept))

    assert [kept.id for kept in desk_at(swarm).operations.all()] == [operation.id]


def test_what_is_no_longer_allowed_is_not_sent_when_the_engine_is_back(swarm, desk):
    class LastWords(dict):
        """A body whose sending the Engine does not live to see."""

        def keys(self):
            swarm.go_away()
            return super().keys()

        # Without it a copy is made without a look at the keys.
        def __iter__(self):
            return super().__iter__()

    def remake(identity):
        desk.crane.watcher.fresh()
        return replace(plan, violations=[Violation("/services/web", "It is frozen.")])

    plan = desk.plan(WEB)
    cut_off = [replace(change, body=LastWords(change.body)) for change in plan.changes]
    operation = desk.operations.start(replace(plan, changes=cut_off, remake=remake))
    assert operation.state == "unknown-yet"
    swarm.come_back()

    desk.run(operation)

    assert (operation.verdict.outcome, operation.verdict.code) == ("failed", "plan-refused")
    assert "It is frozen." in operation.verdict.cause
    assert swarm.services == []


def test_journal_holds_no_password_of_a_health_check(desk, tmp_path):
    desk.swarm.images["nginx:2"] = Unhealthy(output="password=hunter2")
    desk.run(desk.deploy(WEB))
    desk.run(desk.deploy(SICK))

    files = list((tmp_path / "data/operations").glob("*.json"))

    assert len(files) == 2
    assert not any(b"hunter2" in file.read_bytes() for file in files)
