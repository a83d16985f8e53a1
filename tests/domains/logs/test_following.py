"""Logs that are followed: through new tasks, ends, failures and returns, each line once."""

from __future__ import annotations

import queue

import pytest

from crane_core.logs.follower import Follower
from crane_core.logs.logs import Logs
from crane_core.logs.origins import Subject, find_origins
from tests.domains.logs.conftest import THREE, wait_for_threads


def container_of(swarm, task):
    """Return the id of the container of a task."""
    return next(each.container_id for each in swarm.store.tasks if each.id == task)


def test_past_comes_first_then_what_is_printed(deploy, follow, swarm, tasks):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    swarm.print(one, "before\n")

    log = follow("services/shop_web")
    log.line("before")
    swarm.print(one, "after\n")
    log.line("after")
    swarm.print(two, "of another\n")
    log.line("of another")

    assert log.lines == ["before", "after", "of another"]


def test_nothing_of_the_past_is_told_to_who_wants_none(deploy, follow, swarm, tasks):
    deploy()
    [task] = tasks("shop_web")
    swarm.print(task, "one\ntwo\n")

    log = follow("services/shop_web", tail="0")
    log.state("shop_web.1", "following")
    swarm.print(task, "three\n")
    log.line("three")

    assert log.lines == ["three"]


def test_several_readers_share_one_stream(client, deploy, follow, swarm, tasks, crane):
    deploy()
    [task] = tasks("shop_web")
    logs = [follow("services/shop_web") for _ in range(5)]
    for log in logs:
        log.state("shop_web.1", "following")

    swarm.print(task, "news\n")

    assert [log.line("news")["line"] for log in logs] == ["news"] * 5
    assert crane.room(Logs).streams == 1
    asked = [call for call in swarm.calls if call.path.endswith("/logs") and call.params.get("follow")]
    assert len(asked) == 1
    assert "crane_logs_streams 1.0" in client.get("/metrics").text


def test_tasks_that_appear_later_are_followed(deploy, follow, swarm, tasks, crane, settle):
    deploy()
    log = follow("services/shop_web")
    log.state("shop_web.1", "following")

    deploy(THREE)
    second = tasks("shop_web")[1]
    swarm.print(second, "I am new\n")

    assert log.line("I am new")["name"] == "shop_web.2"


def test_end_of_a_task_is_told_with_its_exit_code(deploy, follow, swarm, tasks):
    deploy()
    [task] = tasks("shop_web")
    log = follow("services/shop_web")
    log.state("shop_web.1", "following")
    swarm.print(task, "last words\n")

    deploy("services: {web: {image: 'nginx:2'}}")

    ended = log.state("shop_web.1", "ended")
    assert "last words" in log.lines
    assert (ended["task"], ended["exit_code"]) == (task, 137)


def test_stream_that_breaks_is_taken_up_without_losing_or_doubling_a_line(deploy, follow, swarm, tasks):
    deploy(THREE)
    ids = tasks("shop_web")
    log = follow("services/shop_web")
    for number in range(4):
        for slot, task in enumerate(ids, 1):
            swarm.print(task, f"{slot}.{number}\n")
        log.line(f"1.{number}")
        for node in ("node1", "node2", "node3"):
            swarm.break_streams(node)
        for slot, task in enumerate(ids, 1):
            swarm.print(task, f"{slot}.{number} while nobody reads\n")
    for task in ids:
        swarm.print(task, "end\n")
    for _ in ids:
        log.line("end")

    for slot in (1, 2, 3):
        expected = [text for n in range(4) for text in (f"{slot}.{n}", f"{slot}.{n} while nobody reads")]
        assert [line for line in log.lines if line.startswith(f"{slot}.")] == expected


def test_node_that_is_cut_off_is_told_and_the_rest_goes_on(deploy, follow, swarm, tasks, crane, look_at_nodes):
    deploy(THREE)
    node_of = {task["ID"]: task["NodeID"] for task in swarm.tasks("shop_web")}
    names = {node["ID"]: node["Description"]["Hostname"] for node in [each.body for each in swarm.store.nodes]}
    lost = next(task for task in tasks("shop_web") if names[node_of[task]] == "node3")
    kept = next(task for task in tasks("shop_web") if task != lost)
    log = follow("services/shop_web")
    for slot in (1, 2, 3):
        swarm.print(tasks("shop_web")[slot - 1], f"begin {slot}\n")
        log.line(f"begin {slot}")

    swarm.node_down("node3")
    look_at_nodes()
    gone = log.until(lambda told: "source" in told and told["source"]["state"] != "following")["source"]
    swarm.print(kept, "still here\n")
    log.line("still here")
    assert (gone["task"], gone["node"]) == (lost, "node3")

    swarm.print(lost, "printed alone\n")
    swarm.node_up("node3")
    look_at_nodes()
    log.line("printed alone")
    assert sorted(log.lines) == ["begin 1", "begin 2", "begin 3", "printed alone", "still here"]


def test_engine_that_sends_what_cannot_be_read_is_told_and_asked_again(deploy, follow, swarm, tasks):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    log = follow("services/shop_web")
    log.following(3)

    swarm.printed.garble(container_of(swarm, one))
    broken = log.state("shop_web.1", "unreachable")
    swarm.print(two, "still here\n")
    log.line("still here")
    swarm.print(one, "readable again\n")
    log.line("readable again")

    assert "4294967295 bytes" in broken["reason"]
    assert log.lines == ["still here", "readable again"]


@pytest.mark.parametrize("failure", [OSError, ValueError])
def test_failure_of_one_container_is_told_and_it_is_followed_again(deploy, swarm, tasks, crane, failure):
    deploy()
    [task] = tasks("shop_web")
    failures, texts, told = [failure("no")], queue.Queue(), queue.Queue()

    def put(origin, lines):
        if failures:
            raise failures.pop()
        for line in lines:
            texts.put(line.text)

    [origin] = find_origins(crane, Subject("task", task))
    follower = Follower(crane, origin, put, lambda _, condition: told.put(condition), late=False, since="")
    follower.start()
    assert told.get(timeout=60).state == "following"
    swarm.print(task, "swallowed\n")
    assert told.get(timeout=60).state == "unreachable"
    assert told.get(timeout=60).state == "following"
    swarm.print(task, "heard\n")

    assert texts.get(timeout=60) == "heard"
    follower.close()


# The thread ends by it, and says so in the server's log.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_failure_that_nobody_expected_is_told_too(deploy, swarm, tasks, crane):
    deploy()
    [task] = tasks("shop_web")
    told = queue.Queue()

    def put(origin, lines):
        raise RuntimeError("Nobody expects this.")

    [origin] = find_origins(crane, Subject("task", task))
    follower = Follower(crane, origin, put, lambda _, condition: told.put(condition), late=False, since="")
    follower.start()
    assert told.get(timeout=60).state == "following"
    swarm.print(task, "news\n")

    assert told.get(timeout=60).state == "unreachable"
    wait_for_threads()


def test_managers_pass_on_what_nodes_without_a_way_print(deploy, follow, swarm, tasks, crane):
    from crane_core.engine.pool import Pool

    crane.room(Pool)._finders.clear()
    deploy(THREE)
    log = follow("services/shop_web")

    for slot, task in enumerate(tasks("shop_web"), 1):
        swarm.print(task, f"from {slot}\n")
    # On a busy machine one of them may be read later than the others are waited for.
    log.until(lambda _: {"from 1", "from 2", "from 3"} <= set(log.lines))

    vias = {told["source"]["name"]: told["source"]["via"] for told in log.seen if "source" in told}
    assert sorted(vias.values()) == ["node", "swarm", "swarm"]


def test_filters_hold_for_what_comes(deploy, follow, swarm, tasks):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    log = follow("services/shop_web", task="2", grep="^yes", stream="stdout")

    swarm.print(one, "yes, but of another\n")
    swarm.print(two, "no\n")
    swarm.print(two, "yes, but an error\n", "stderr")
    swarm.print(two, "yes\n")
    log.line("yes")

    assert log.lines == ["yes"]


def test_container_that_is_started_again_is_followed_again(client, follow, swarm, crane):
    engine = swarm.engine("node2")
    id_ = engine.containers.add("by-hand")
    swarm.print(id_, "first life\n")
    log = follow("containers/by-hand")
    log.line("first life")

    engine.containers.own[id_]["State"] |= {"Running": False, "Status": "exited", "ExitCode": 3}
    swarm.printed.end(id_)
    assert log.state("by-hand", "ended")["exit_code"] == 3
    engine.containers.own[id_]["State"] |= {"Running": True, "Status": "running"}
    swarm.printed.begin(id_, terminal=False)
    swarm.print(id_, "second life\n")
    engine.tell("container", "start", id_, {"name": "by-hand"})

    log.line("second life")
    assert log.lines == ["first life", "second life"]


def test_service_that_is_not_ready_is_waited_for(client, body, follow, swarm, crane, tasks, settle):
    content = "services: {web: {image: 'nginx:1', deploy: {placement: {constraints: ['node.labels.ssd==true']}}}}"
    client.put("/api/v1/stacks/shop", json=body(content))
    settle()
    log = follow("services/shop_web")

    assert "no suitable node" in log.state("shop_web.1", "waiting")["reason"] or log.seen
    swarm.label_node("node2", ssd="true")
    settle()
    swarm.print(tasks("shop_web")[0], "at last\n")

    assert log.line("at last")["name"] == "shop_web.1"
