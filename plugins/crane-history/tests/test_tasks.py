"""Tasks on record: what is written down, what they printed, and why they died."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from crane_database import sa, select, session
from crane_history.tasks import operations
from crane_history.tasks.facts import find_facts, has_died, see
from crane_history.tasks.models import OutputRow, StateRow, TaskRow
from crane_history.tasks.outputs import Outputs
from crane_history.tasks.recorder import CAUSE_SECONDS, Recorder
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing import Exits, MemorySwarm, Unhealthy
from crane_core.testing.behaviours import Missing, Runs
from crane_core.testing.plugins import make_plugin
from crane_core.testing.transport import find_memory_endpoint

BROKEN = """
services:
  web:
    image: web:broken
    deploy: {restart_policy: {condition: none}, resources: {limits: {memory: 64M}}}
"""
LOOPING = BROKEN.replace("none", "any, delay: 1s")
# No other node's Engine is reached.
ON_MANAGER = BROKEN.replace("deploy: {", "deploy: {placement: {constraints: [node.role == manager]}, ")
Deploy = Callable[..., TestResponse]


@pytest.fixture
def write(crane_app: Flask, crane: Crane) -> Callable[[], None]:
    """Have everything written down that the server has seen, and the outputs taken."""

    def act() -> None:
        with crane_app.app_context():
            crane.room(Recorder).write()
            crane.room(Outputs).take()

    return act


@pytest.fixture
def broken(swarm: MemorySwarm, deploy: Deploy, write: Callable[[], None]) -> None:
    """A stack whose only task printed two lines and died."""
    swarm.images["web:broken"] = Exits(3, prints="starting\nDB_PASSWORD=hunter2 refused\n")
    deploy(BROKEN)
    write()


def ask(client: FlaskClient, path: str = "", status: int = 200) -> Any:
    """Ask the history of tasks."""
    answer = client.get(f"/api/v1/task-history{path}")
    assert answer.status_code == status, answer.text
    return answer.get_json()


def find(client: FlaskClient, path: str = "") -> list[dict[str, Any]]:
    """Return the tasks of a list."""
    return list(ask(client, path)["items"])


@pytest.mark.usefixtures("broken")
def test_task_that_died_is_on_record_with_its_states(client):
    [task] = find(client)

    assert (task["name"], task["stack"], task["state"], task["exit_code"]) == ("shop_web.1", "shop", "failed", 3)
    assert task["died"] is True
    assert task["cause_code"] == "exits"
    states = [state["state"] for state in ask(client, f"/{task['id']}/why")["states"]]
    assert states[0] == "new"
    assert states[-1] == "failed"


@pytest.mark.usefixtures("broken")
def test_why_tells_the_last_output_after_the_service_is_gone(client, swarm, crane, write):
    client.delete("/api/v1/stacks/shop")
    swarm.settle()
    crane.watcher.look(full=True)
    write()
    assert crane.cache.snapshot().tasks == {}

    told = ask(client, "/shop_web.1/why")

    assert "exit status 3" in told["cause"]["text"]
    assert told["output"]["text"] == "starting\nDB_PASSWORD=(hidden) refused\n"
    assert told["memory_limit"] == 64 * 2**20
    assert told["node"]["state"] == told["node"]["state_now"] == "ready"
    assert told["task"]["gone_at"] is not None


def test_earlier_attempts_in_the_same_place_are_told_beyond_what_the_swarm_remembers(
    client, swarm, crane, deploy, write
):
    swarm.images["web:broken"] = Exits(1)
    deploy(LOOPING)
    for _ in range(20):
        swarm.advance(1)
        crane.watcher.look(full=True)
    write()

    told = ask(client, "/shop_web/why")

    assert len(swarm.tasks("shop_web")) < len(told["attempts"])
    moments = [attempt["created_at"] for attempt in told["attempts"]]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.usefixtures("broken")
def test_task_is_found_by_id_beginning_of_id_place_and_service(client):
    [task] = find(client)

    for key in (task["id"], task["id"][:8], "shop_web.1", "shop_web"):
        assert ask(client, f"/{key}")["id"] == task["id"]


@pytest.mark.usefixtures("broken")
def test_task_that_is_not_on_record_is_not_found(client):
    for key in ("nope", "shop_web.2", "a%00b", "%25", "__", ".", "x" * 300):
        assert ask(client, f"/{key}/why", 404)["code"] == "not-found", key


def test_beginning_of_several_ids_is_ambiguous(client, crane_app, broken):
    with crane_app.app_context(), session() as database:
        known = database.scalars(select(TaskRow)).one()
        values = {column.key: getattr(known, column.key) for column in TaskRow.__table__.columns}
        database.add_all([TaskRow(**{**values, "id": f"zzz{number}"}) for number in range(2)])
        database.commit()

    problem = ask(client, "/zzz", 422)

    assert problem["code"] == "ambiguous"
    assert "zzz0, zzz1" in problem["detail"]


FOUND = {
    "service=shop_web": 1,
    "service=other": 0,
    "stack=shop": 1,
    "node=elsewhere": 0,
    "state=failed,rejected": 1,
    "state=running": 0,
    "exit_code=3": 1,
    "exit_code=4": 0,
    "died=true": 1,
    "died=false": 0,
    "since=2020-01-01T00:00:00Z": 1,
    "since=1577836800": 1,
    "until=9999d": 0,
    "since=2099-01-01T00:00:00Z": 0,
    "until=2020-01-01T00:00:00": 0,
    "q=WEB": 1,
    "q=%25": 0,
}
WRONG = (
    "exit_code=x",
    "exit_code=99999999999999999999",
    "since=soon",
    "since=2h&until=3h",
    "sort=size",
    "servce=x",
    "service=a%00b",
)


@pytest.mark.usefixtures("broken")
def test_list_is_filtered(client):
    assert {query: ask(client, f"?{query}")["total"] for query in FOUND} == FOUND


def test_query_that_is_wrong_is_refused(client):
    for query in WRONG:
        assert ask(client, f"?{query}", 422)["code"] == "invalid", query


def test_list_is_given_in_pages_and_once(client, swarm, deploy, write):
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 5}}}")
    write()

    pages = [ask(client, f"?limit=2&offset={offset}&sort=name") for offset in (0, 2, 4)]

    assert {page["total"] for page in pages} == {5}
    assert len({task["id"] for page in pages for task in page["items"]}) == 5
    answer = client.get("/api/v1/task-history?limit=2")
    again = client.get("/api/v1/task-history?limit=2", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_task_that_runs_has_not_died(client, deploy, write):
    deploy("services: {web: {image: 'nginx:1'}}")
    write()

    told = ask(client, "/shop_web.1/why")

    assert told["cause"]["code"] == "alive"
    assert told["output"] is None


def test_task_that_was_replaced_was_stopped(client, deploy, write):
    deploy("services: {web: {image: 'nginx:1'}}")
    write()
    first = find(client)[0]["id"]
    deploy("services: {web: {image: 'nginx:2'}}")
    write()

    assert ask(client, f"/{first}/why")["cause"]["code"] == "stopped"


def test_image_that_is_missing_is_the_cause(client, swarm, deploy, write):
    swarm.images["web:broken"] = Missing()
    deploy(BROKEN)
    write()

    told = ask(client, "/shop_web.1/why")

    assert told["cause"]["code"] == "image-missing"
    assert told["output"] is None


def test_health_check_output_is_told(client, swarm, deploy, write):
    swarm.images["web:broken"] = Unhealthy(output="token=abc123 is wrong")
    deploy(ON_MANAGER)
    write()

    told = ask(client, "/shop_web.1/why")

    assert told["cause"]["code"] == "unhealthy"
    assert told["health"] == "token=(hidden) is wrong"


def test_container_killed_for_want_of_memory_is_told(client, swarm, crane, crane_app, deploy, write):
    swarm.images["web:broken"] = Exits(137, out_of_memory=True)
    deploy(ON_MANAGER)
    write()

    told = ask(client, "/shop_web.1/why")

    assert told["out_of_memory"] is True
    assert told["cause"]["code"] == "out-of-memory"

    # The Swarm knows nothing of it, whatever else it tells of the task later.
    [task] = crane.cache.snapshot().all_tasks()
    newer = msgspec.structs.replace(task, Version=type(task.Version)(task.version + 1), DesiredState="remove")
    with crane_app.app_context():
        crane.room(Recorder).write_batch([see(crane.cache.snapshot(), newer)])
    told = ask(client, "/shop_web.1/why")
    assert (told["task"]["desired_state"], told["cause"]["code"]) == ("remove", "out-of-memory")


def test_want_of_memory_is_known_of_any_node_that_is_reached(client, swarm, crane, deploy, write):
    swarm.images["web:broken"] = Exits(137, out_of_memory=True)
    crane.room(Pool).add_finder(lambda node: find_memory_endpoint(swarm, node))
    deploy(ON_MANAGER.replace("node.role == manager", "node.hostname == node2"))
    write()

    assert ask(client, "/shop_web.1/why")["cause"]["code"] == "out-of-memory"


@pytest.mark.parametrize(("exit_code", "cause"), [(137, "out-of-memory"), (0, "ends")])
def test_want_of_memory_is_known_where_the_engine_tells_of_it_late(
    client, swarm, crane, deploy, write, exit_code, cause
):
    swarm.images["web:broken"] = Exits(exit_code)
    deploy(ON_MANAGER)
    write()
    assert ask(client, "/shop_web.1/why")["cause"]["code"] != "out-of-memory"
    [task] = swarm.tasks("shop_web")
    attributes = {"com.docker.swarm.task.id": task["ID"], "name": "shop_web.1"}

    told = {"Type": "container", "Action": "oom", "Actor": {"ID": "c" * 64, "Attributes": attributes}}
    crane.room(Recorder).note_node_event(task["NodeID"], told)
    write()

    said = ask(client, "/shop_web.1/why")
    assert (said["cause"]["code"], bool(said["out_of_memory"])) == (cause, cause == "out-of-memory")


def test_container_that_wants_memory_again_and_again_is_written_once(crane, crane_app, deploy, write, monkeypatch):
    deploy(ON_MANAGER)
    write()
    recorder, asked = Recorder(crane), []
    monkeypatch.setattr(recorder, "_write_cause", lambda task_id, cause: asked.append(task_id))
    attributes = {"com.docker.swarm.task.id": "t1"}
    for _ in range(1000):
        recorder.note_node_event("n1", {"Type": "container", "Action": "oom", "Actor": {"Attributes": attributes}})

    with crane_app.app_context():
        recorder.write()

    assert asked == ["t1"]


@pytest.mark.parametrize(
    ("way", "sent", "done"),
    [
        ("stop", {"timeout": 0}, "stopped"),
        ("kill", {"signal": "KILL"}, "killed"),
        ("kill", {"signal": "TERM"}, None),
        ("", {}, "removed"),
    ],
)
def test_who_ended_a_task_by_hand_is_named(client, settle, deploy, write, way, sent, done):
    deploy(ON_MANAGER.replace("none", "any").replace("web:broken", "nginx:1"))
    write()
    [task] = find(client)
    container = "/api/v1/containers/shop_web.1"
    acted = client.post(f"{container}/{way}", json=sent) if way else client.delete(f"{container}?force=true")
    assert acted.status_code == 200, acted.text
    settle()
    write()

    told = ask(client, f"/{task['id']}/why")

    by_hand = f"local {done} its container."
    assert (told["cause"]["text"] == by_hand, told["cause"]["code"] == "ended-by-hand") == (bool(done), bool(done))
    assert told["task"]["state"] in ("failed", "complete"), told["task"]
    assert (told["task"]["cause"] == by_hand) == bool(done)


def test_task_that_outlives_a_restart_dies_of_something_else_later(client, swarm, crane, settle, deploy, write):
    swarm.images["web:broken"] = Exits(3, after=600)
    deploy(ON_MANAGER)
    write()
    assert client.post("/api/v1/containers/shop_web.1/restart", json={"timeout": 0}).status_code == 200
    settle()
    write()
    assert ask(client, "/shop_web.1/why")["cause"]["code"] == "alive"

    clock, crane.cache.clock = crane.cache.clock, lambda: clock() + CAUSE_SECONDS
    write()
    swarm.advance(900)
    settle()
    write()

    assert ask(client, "/shop_web.1/why")["cause"]["code"] == "exits"


def test_who_removed_what_had_ended_already_did_not_end_it(client, settle, broken, write):
    [task] = find(client)
    removed = client.delete(f"/api/v1/containers/shop_web.1.{task['id']}")
    assert removed.status_code == 200, removed.text
    settle()
    write()

    assert ask(client, f"/{task['id']}/why")["cause"]["code"] == "exits"


def test_output_of_a_node_that_is_down_is_said_to_be_missing(client, swarm, crane, crane_app, deploy, write):
    swarm.images["web:broken"] = Runs(prints="lost\n")
    deploy(BROKEN)
    [task] = swarm.tasks("shop_web")
    node = next(node.name for node in swarm.store.nodes if node.id == task["NodeID"])
    # In one step: the server looks at its tasks all the time, and would still have it otherwise.
    swarm.node_down(node, exit_code=1)
    crane.watcher.look(full=True)
    write()

    output = ask(client, "/shop_web.1/why")["output"]

    assert output["text"] == ""
    assert "is not available" in output["error"]


def test_task_lost_with_its_node_is_said_to_be(client, swarm, crane, deploy, write):
    deploy("services: {web: {image: 'nginx:1', deploy: {placement: {constraints: [node.hostname == node3]}}}}")
    swarm.node_down("node3")
    swarm.advance(60)
    crane.watcher.look(full=True)
    write()

    told = ask(client, "/shop_web.1/why")

    assert told["cause"]["code"] == "node-silent"
    assert told["node"]["state"] == "down"


def test_task_whose_own_news_came_before_those_of_its_node_is_lost_all_the_same(swarm, crane, deploy):
    deploy("services: {web: {image: 'nginx:1', deploy: {placement: {constraints: [node.hostname == node3]}}}}")
    before = crane.cache.snapshot()
    swarm.node_down("node3")
    swarm.advance(60)
    crane.watcher.look(full=True)
    after = crane.cache.snapshot()
    halfway = dataclasses.replace(after, nodes=before.nodes, _indexes={})

    assert not any(has_died(fact) for fact in find_facts(before, halfway))
    assert [has_died(fact) for fact in find_facts(halfway, after)] == [True]


def test_output_is_cut_at_its_beginning_at_64_kib(client, swarm, deploy, write):
    swarm.images["web:broken"] = Exits(1, prints="x" * 50_000 + "\n" + "y" * 50_000 + "\nlast\n")
    deploy(BROKEN)
    write()

    output = ask(client, "/shop_web.1/why")["output"]

    assert output["cut"] is True
    assert len(output["text"]) == 64 * 1024
    assert output["text"].endswith("y\nlast\n")


def test_output_that_no_database_takes_is_made_harmless(client, swarm, deploy, write):
    swarm.images["web:broken"] = Exits(1, prints="a\x00b\n")
    deploy(BROKEN)
    write()

    assert ask(client, "/shop_web.1/why")["output"]["text"] == "a\ufffdb\n"


# --- What is written ----------------------------------------------------------------------------------------------


def test_two_servers_on_one_database_write_each_fact_once(crane_app, crane, broken, write):
    other = Recorder(crane)
    with crane_app.app_context():
        other.write()
        other.write()
        crane.room(Outputs).take()
        with session() as database:
            assert len(database.scalars(select(TaskRow)).all()) == 1
            assert len(database.scalars(select(OutputRow)).all()) == 1
            states = database.scalars(select(StateRow.state)).all()
    assert len(states) == len(set(states))


def test_older_version_of_a_task_is_never_written_over_a_newer_one(crane_app, crane, broken, client):
    snapshot = crane.cache.snapshot()
    [task] = snapshot.all_tasks()
    old = msgspec.structs.replace(task, Version=type(task.Version)(0), DesiredState="remove")
    with crane_app.app_context():
        crane.room(Recorder).write_batch([see(snapshot, old)])

    assert find(client)[0]["desired_state"] != "remove"


def test_server_that_starts_again_notices_what_happened_meanwhile(crane_app, crane, client, swarm, deploy, write):
    deploy("services: {web: {image: 'nginx:1'}}")
    write()
    with crane_app.app_context(), session() as database:
        database.execute(TaskRow.__table__.update().values(version=0, state="new"))
        known = database.scalars(select(TaskRow)).one()
        values = {column.key: getattr(known, column.key) for column in TaskRow.__table__.columns}
        database.add(TaskRow(**{**values, "id": "unseen", "slot": 2, "place": "2"}))
        database.commit()

    with crane_app.app_context():
        Recorder(crane).write()

    assert {task["id"] == "unseen": (task["state"], bool(task["gone_at"])) for task in find(client)} == {
        False: ("running", False),
        True: ("new", True),
    }


def test_change_is_kept_while_the_database_refuses_it(crane_app, crane, client, deploy):
    recorder = Recorder(crane)
    with crane_app.app_context():
        recorder.write()
        old = crane.cache.snapshot()
        deploy("services: {web: {image: 'nginx:1'}}")
        recorder.note(old, crane.cache.snapshot())
        waiting = recorder.waiting
        rename("history_task", "history_task_away")
        with pytest.raises(DBAPIError):
            recorder.write()
        assert recorder.waiting == waiting > 0

        rename("history_task_away", "history_task")
        recorder.write()

    assert recorder.waiting == 0
    assert [task["state"] for task in find(client)] == ["running"]


def rename(table: str, name: str) -> None:
    """Give a table another name."""
    with session() as database:
        database.execute(sa.text(f"ALTER TABLE {table} RENAME TO {name}"))
        database.commit()


def test_changes_that_come_faster_than_they_are_written_are_read_anew(crane_app, crane, client, deploy, monkeypatch):
    monkeypatch.setattr("crane_history.tasks.recorder.MOST_WAITING", 0)
    recorder = Recorder(crane)
    with crane_app.app_context():
        recorder.write()
        old = crane.cache.snapshot()
        deploy("services: {web: {image: 'nginx:1'}}")
        recorder.note(old, crane.cache.snapshot())

        recorder.write()

    assert recorder.missed == 1
    assert find(client)[0]["state"] == "running"


@pytest.mark.parametrize("room", [Recorder, Outputs])
def test_server_that_stops_waits_for_no_look_at_tasks(crane_app, crane, room):
    class Stop(threading.Event):
        """Comes while somebody waits for it."""

        def wait(self, timeout=None):
            self.set()
            return True

    with crane_app.app_context():
        room(crane).run(Stop())


# --- What is kept -------------------------------------------------------------------------------------------------


def test_outputs_of_a_service_are_as_many_as_wanted(crane_app, crane, swarm, deploy):
    outputs = Outputs(crane)
    outputs._per_service = 2
    swarm.images["web:broken"] = Exits(1, prints="again\n")
    deploy(LOOPING)
    with crane_app.app_context():
        for _ in range(10):
            swarm.advance(1)
            crane.watcher.look(full=True)
            crane.room(Recorder).write()
            snapshot = crane.cache.snapshot()
            outputs.want(see(snapshot, task) for task in snapshot.all_tasks() if task.state == "failed")
            outputs.take()
        with session() as database:
            # The newest are kept; the server's own loop, which keeps more, may have added some since.
            outputs._forget_old(next(iter(snapshot.services)))
            kept = database.scalars(select(OutputRow.content)).all()
    assert kept == ["again\n"] * 2


def test_old_tasks_are_forgotten_and_those_that_the_swarm_has_are_not(crane_app, crane, broken, client):
    def age(**values: Any) -> int:
        with session() as database:
            database.execute(sa.update(TaskRow).values(**values))
            database.commit()
        return operations.forget_old(crane)

    long_ago = datetime.now(UTC) - timedelta(days=1000)
    with crane_app.app_context():
        assert age(at=long_ago) == 0
        assert age(gone_at=long_ago) == 1
        with session() as database:
            assert [database.scalars(select(model)).all() for model in (TaskRow, StateRow, OutputRow)] == [[], [], []]
    assert find(client) == []


# --- Who may see it -----------------------------------------------------------------------------------------------


class TestOfSomebodyWhoMaySeeOneStack:
    """Somebody who may see the tasks of the stack shop, and no others."""

    @pytest.fixture
    def crane_plugins(self, crane_plugins: list[Plugin]) -> list[Plugin]:
        def crane_authenticate(request: Any) -> Identity:
            return Identity(request.headers.get("X-Name", "ann"))

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
            if identity.name == "root" or (action == "task:read" and (not target.name or target.stack == "shop")):
                return Vote.allow()
            return None

        return [*crane_plugins, make_plugin("rights", crane_authenticate, crane_authorize)]

    @pytest.fixture
    def both(self, client: FlaskClient, swarm: MemorySwarm, crane: Crane, write: Callable[[], None]) -> None:
        """The stacks shop and blog, of one task each, which died."""
        swarm.images["web:broken"] = Exits(1, prints="secret of the house\n")
        for name in ("shop", "blog"):
            body = {"files": [{"name": "stack.yml", "content": BROKEN}], "resolve_image": "never"}
            assert client.put(f"/api/v1/stacks/{name}", json=body, headers={"X-Name": "root"}).status_code == 202
        swarm.settle()
        crane.watcher.look(full=True)
        write()

    def test_list_has_their_stack_only(self, client: FlaskClient, both: None) -> None:
        answer = ask(client)

        assert [task["stack"] for task in answer["items"]] == ["shop"]
        assert answer["total"] == 1
        assert client.get("/api/v1/task-history", headers={"X-Name": "root"}).get_json()["total"] == 2

    def test_task_of_another_stack_is_refused(self, client: FlaskClient, both: None) -> None:
        assert ask(client, "/shop_web.1/why")["output"]["text"] == "secret of the house\n"
        assert ask(client, "/blog_web.1/why", 403)["code"] == "forbidden"
        assert ask(client, "/blog_web.1", 403)["code"] == "forbidden"
