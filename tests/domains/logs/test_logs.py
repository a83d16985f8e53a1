"""Logs over HTTP: what containers of all nodes print, as one log."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from crane_core.logs.origins import Subject, find_origins
from tests.domains.logs.conftest import NDJSON, THREE


def objects(answer):
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line.strip()]


def lines(answer):
    return [told["line"] for told in objects(answer) if "line" in told]


@pytest.fixture
def printed(deploy, swarm, tasks):
    """Three tasks on three nodes that took turns to print."""
    deploy(THREE)
    ids = tasks("shop_web")
    for number in range(4):
        for slot, id_ in enumerate(ids, 1):
            swarm.advance(0.5)
            swarm.print(id_, f"{slot}: line {number}\n", "stderr" if number % 2 else "stdout")
    return ids


def test_log_of_a_service_is_in_the_order_of_time(client, printed):
    answer = client.get("/api/v1/services/shop_web/logs")

    assert answer.mimetype == "text/plain"
    assert answer.text.splitlines() == [
        f"shop_web.{slot} | {slot}: line {number}" for number in range(4) for slot in (1, 2, 3)
    ]
    assert answer.headers["Cache-Control"] == "no-store"


def test_objects_say_where_lines_come_from(client, printed):
    told = objects(client.get("/api/v1/services/shop_web/logs?tail=1", headers=NDJSON))

    [line] = [each for each in told if "line" in each]
    assert line["name"] == "shop_web.3"
    assert line["stream"] == "stderr"
    assert line["task"] == printed[2]
    assert line["node"].startswith("node")
    assert line["time"].endswith("Z")
    assert {each["source"]["state"] for each in told if "source" in each} == {"running"}


def test_server_sent_events_carry_the_same(client, printed):
    answer = client.get("/api/v1/services/shop_web/logs?tail=1", headers={"Accept": "text/event-stream"})

    assert answer.mimetype == "text/event-stream"
    told = [json.loads(each.removeprefix("data: ")) for each in answer.text.split("\n\n") if each]
    assert told[-1]["line"] == "3: line 3"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tail=2", ["2: line 3", "3: line 3"]),
        ("tail=0", []),
        ("task=2", [f"2: line {number}" for number in range(4)]),
        ("task=shop_web.2&stream=stderr", ["2: line 1", "2: line 3"]),
        ("task=2&grep=line [01]", ["2: line 0", "2: line 1"]),
        ("task=2&grep=LINE.[01]&ignore_case=true&invert=true", ["2: line 2", "2: line 3"]),
        ("task=2&grep=LINE", []),
        ("since=9999999999", []),
        ("until=1", []),
    ],
)
def test_lines_are_chosen(client, printed, query, expected):
    assert lines(client.get(f"/api/v1/services/shop_web/logs?{query}", headers=NDJSON)) == expected


def test_moments_limit_what_is_read(client, printed):
    told = objects(client.get("/api/v1/services/shop_web/logs?task=1", headers=NDJSON))
    times = [each["time"] for each in told if "line" in each]

    answer = client.get(f"/api/v1/services/shop_web/logs?task=1&since={times[1]}&until={times[2]}", headers=NDJSON)

    assert lines(answer) == ["1: line 1", "1: line 2"]


def test_task_is_chosen_by_the_beginning_of_its_id(client, printed):
    assert len(lines(client.get(f"/api/v1/services/shop_web/logs?task={printed[0][:8]}", headers=NDJSON))) == 4


def test_stack_task_and_container_have_logs(client, crane, printed):
    container = crane.cache.snapshot().get_task(printed[1]).container_id

    assert len(lines(client.get("/api/v1/stacks/shop/logs", headers=NDJSON))) == 12
    for path in (f"tasks/{printed[1]}", f"containers/{container[:10]}"):
        assert lines(client.get(f"/api/v1/{path}/logs", headers=NDJSON)) == [f"2: line {n}" for n in range(4)]


def test_task_is_known_by_the_name_that_lists_tell(client, printed):
    for key in ("shop_web.2", f"shop_web.2.{printed[1][:5]}"):
        for path in (f"tasks/{key}/logs", f"containers/{key}/logs", f"services/shop_web/logs?task={key}"):
            assert lines(client.get(f"/api/v1/{path}", headers=NDJSON)) == [f"2: line {number}" for number in range(4)]


def test_timestamps_stand_before_text(client, printed):
    [line] = client.get("/api/v1/services/shop_web/logs?tail=1&timestamps=true").text.splitlines()

    assert line.startswith("2026-01-01T00:")
    assert line.endswith("Z shop_web.3 | 3: line 3")


def test_container_of_no_service_has_a_log(client, swarm, crane):
    id_ = swarm.engine("node2").containers.add("by-hand")
    swarm.print(id_, "hello\n")

    assert client.get("/api/v1/containers/by-hand/logs").text == "hello\n"
    assert client.get("/api/v1/containers/node2/by-hand/logs").text == "hello\n"


def test_terminal_and_long_lines_are_read(client, deploy, swarm, tasks):
    deploy("services: {web: {image: 'nginx:1', tty: true}, plain: {image: 'nginx:1'}}")
    long = "x" * 40_000
    for service in ("web", "plain"):
        swarm.print(tasks(f"shop_{service}")[0], f"short\n{long}\nend\n", "stderr")

        told = objects(client.get(f"/api/v1/services/shop_{service}/logs", headers=NDJSON))
        assert [each["line"] for each in told if "line" in each] == ["short", long, "end"]


def test_node_that_does_not_answer_is_named(client, printed, swarm, crane, look_at_nodes):
    told = objects(client.get("/api/v1/services/shop_web/logs", headers=NDJSON))
    where = {each["name"]: each["node"] for each in told if "line" in each}
    gone = next(name for name, node in where.items() if node == "node3")
    swarm.node_down("node3")
    swarm.advance(20)
    crane.watcher.look(full=True)
    look_at_nodes()

    told = objects(client.get("/api/v1/services/shop_web/logs", headers=NDJSON))

    missing = [each["source"] for each in told if "source" in each and each["source"]["state"] == "unreachable"]
    assert [(each["name"], each["node"]) for each in missing] == [(gone, "node3")]
    assert missing[0]["reason"]
    assert len([each for each in told if "line" in each]) == 8
    assert "--- " + gone in client.get("/api/v1/services/shop_web/logs").text


def test_managers_pass_on_what_nodes_without_a_way_print(client, printed, crane):
    from crane_core.engine.pool import Pool

    crane.room(Pool)._finders.clear()

    told = objects(client.get("/api/v1/services/shop_web/logs?until=9999999999", headers=NDJSON))

    assert len([each for each in told if "line" in each]) == 12


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("grep=(", "/grep"),
        ("grep=(?=a)", "/grep"),
        ("grep=(a{1000}){1000}", "/grep"),
        ("grep=" + "a" * 1001, "/grep"),
        ("tail=-1", "/tail"),
        ("tail=1e3", "/tail"),
        ("tail=100001", "/tail"),
        ("tail=\uff19", "/tail"),
        ("since=yesterday", "/since"),
        ("since=999999999999", "/since"),
        ("until=2026-13-01T00:00:00Z", "/until"),
        ("until=2026-13-01T00:00:00.000000000Z", "/until"),
        ("stream=both", "/stream"),
        ("follow=perhaps", "/follow"),
        ("tial=3", "/tial"),
    ],
)
def test_what_nobody_understands_is_refused(client, printed, query, pointer):
    answer = client.get(f"/api/v1/services/shop_web/logs?{query}")

    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize("query", ["task=99", "task=zzz", "task=99&follow=true", "task=shop_web"])
@pytest.mark.parametrize("path", ["services/shop_web", "stacks/shop"])
def test_task_that_there_is_not_is_told_with_those_there_are(client, printed, path, query):
    answer = client.get(f"/api/v1/{path}/logs?{query}")

    assert answer.status_code == 404
    assert answer.json["detail"].endswith(": there are shop_web.1, shop_web.2, shop_web.3.")


def test_number_is_a_slot_and_never_the_beginning_of_an_id(client, printed, crane):
    [origin] = find_origins(crane, Subject("task", printed[0]))

    assert not replace(origin, task=f"123{origin.task[3:]}").answers_to("123")
    assert origin.answers_to("1")


@pytest.mark.parametrize("path", ["stacks/none", "services/none", "tasks/none", "containers/none"])
def test_what_is_not_there_has_no_log(client, path):
    assert client.get(f"/api/v1/{path}/logs").status_code == 404


def test_pattern_that_takes_other_engines_for_ever_takes_this_one_no_time(client, deploy, swarm, tasks):
    deploy()
    swarm.print(tasks("shop_web")[0], "a" * 100_000 + "\n")

    assert lines(client.get("/api/v1/services/shop_web/logs?grep=(a%2B)%2B$b", headers=NDJSON)) == []


def test_requests_that_read_logs_are_limited(client, printed, crane):
    from crane_core.logs.logs import Logs

    crane.room(Logs).most = 0

    answer = client.get("/api/v1/services/shop_web/logs")

    assert (answer.status_code, answer.json["code"]) == (503, "too-many-log-readers")
    crane.room(Logs).most = 1
    for _ in range(3):
        assert client.get("/api/v1/services/shop_web/logs").status_code == 200
