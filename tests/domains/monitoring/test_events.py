"""Events over HTTP: lists, streams that are taken up again, and who sees what."""

from __future__ import annotations

import itertools
import json

import pytest

from crane_core.engine.node_events import NodeEvents
from crane_core.events import Event
from crane_core.live.hub import Hub
from crane_core.monitoring.feed.feed import Feed
from crane_core.security import Identity, Vote
from crane_core.testing.plugins import make_plugin
from crane_core.testing.waiting import until

EVENTS = "/api/v1/events"


def frames(answer, count):
    """Return the first events of a stream, without signs of life."""
    found = []
    for chunk in answer.response:
        for frame in chunk.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line and line[0] != ":")
            if "data" in lines:
                found.append((lines.get("id"), json.loads(lines["data"])))
        if len(found) >= count:
            break
    answer.close()
    return found


def test_a_deployment_is_told_by_crane_and_by_its_tasks(deploy, client, crane):
    deploy()
    crane.events.drain()

    items = client.get(f"{EVENTS}?limit=1000").json["items"]

    kinds = {(item["source"], item["kind"]) for item in items}
    assert {("crane", "operation.started"), ("crane", "service.created"), ("task", "task.running")} <= kinds
    assert [item["number"] for item in items] == sorted(item["number"] for item in items)
    [running] = [item for item in items if item["kind"] == "task.running"]
    assert (running["name"], running["stack"], running["service"]) == ("shop_web.1", "shop", "shop_web")
    assert running["node"].startswith("node")


def test_what_the_engines_tell_is_told(deploy, client, crane, swarm):
    deploy()
    node = crane.cache.snapshot().get_node("node2")
    nodes = crane.room(NodeEvents)
    until(lambda: nodes.follows(node.id))
    feed = crane.room(Feed)
    swarm.engine("node2").containers.add("tool")
    number = 0
    while not (found := client.get(f"{EVENTS}?kind=container&node=node2").json["items"]):
        feed.wait(number, 1)
        number = feed.last

    assert (found[0]["kind"], found[0]["name"], found[0]["source"]) == ("container.create", "tool", "node")


def test_what_the_manager_tells_is_told(deploy, client, crane):
    until(lambda: crane.watcher.listening)
    deploy()
    feed, number = crane.room(Feed), 0
    while not (found := client.get(f"{EVENTS}?source=swarm&kind=service.create").json["items"]):
        feed.wait(number, 1)
        number = feed.last

    assert (found[0]["name"], found[0]["stack"], found[0]["service"]) == ("shop_web", "shop", "shop_web")


def test_the_topic_has_the_last_events(deploy, crane, crane_app):
    deploy()
    crane.events.drain()
    topic, parameters = crane.room(Hub).find_topic("events")
    with crane_app.app_context():
        listing = topic.listing(crane, parameters)
        rows = list(listing.rows())

    assert [topic.key(row) for row in rows] == [row.cursor for row in rows]
    assert [row.number for row in rows] == sorted(row.number for row in rows)
    assert {row.target.stack for row in rows if row.draft.source == "task"} == {"shop"}


def test_pages_follow_each_other_without_a_hole(client, crane):
    cursor = client.get(EVENTS).json["cursor"]
    for number in range(25):
        crane.emit(Event("service.updated", f"s{number}", stack="shop"))
    crane.events.drain()

    seen = []
    while True:
        page = client.get(EVENTS, query_string={"after": cursor, "limit": 10, "stack": "shop"}).json
        cursor = page["cursor"]
        if not page["items"]:
            break
        seen += [item["name"] for item in page["items"]]

    assert seen == [f"s{number}" for number in range(25)]
    last = client.get(EVENTS, query_string={"limit": 5, "stack": "shop"}).json["items"]
    assert [item["name"] for item in last] == ["s20", "s21", "s22", "s23", "s24"]
    earlier = client.get(EVENTS, query_string={"limit": 5, "stack": "shop", "before": last[0]["cursor"]}).json["items"]
    assert [item["name"] for item in earlier] == ["s15", "s16", "s17", "s18", "s19"]


def test_a_stream_is_taken_up_where_it_was_left(client, crane):
    crane.emit(Event("service.updated", "first", stack="shop"))
    crane.events.drain()
    [start] = client.get(f"{EVENTS}?name=first").json["items"]
    for name in ("second", "third"):
        crane.emit(Event("service.updated", name, stack="shop"))
    crane.events.drain()

    headers = {"Accept": "text/event-stream", "Last-Event-ID": start["cursor"]}
    answer = client.get(f"{EVENTS}?stack=shop", headers=headers)

    assert answer.mimetype == "text/event-stream"
    found = frames(answer, 2)
    assert [told["name"] for _, told in found] == ["second", "third"]
    assert [number for number, told in found] == [told["cursor"] for _, told in found]


def test_a_stream_begins_with_when_to_come_back(client):
    answer = client.get(EVENTS, headers={"Accept": "text/event-stream"})

    assert next(iter(answer.response)) == b"retry: 2000\n\n"
    answer.close()


def test_a_stream_of_lines_begins_with_what_is_kept_since_then(client, crane):
    crane.emit(Event("service.updated", "old", stack="shop"))
    crane.events.drain()

    answer = client.get(f"{EVENTS}?stack=shop&since=2020-01-01T00:00:00Z", headers={"Accept": "application/x-ndjson"})

    lines = (json.loads(line) for line in answer.response if line.strip())
    assert [each["name"] for each in itertools.islice(lines, 1)] == ["old"]
    answer.close()


def test_a_stream_until_a_moment_that_is_over_ends(client, crane):
    headers = {"Accept": "application/x-ndjson"}

    answer = client.get(f"{EVENTS}?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z", headers=headers)

    assert [line for line in answer.response if line.strip()] == []


def test_a_stream_from_before_a_restart_says_so(client):
    answer = client.get(EVENTS, headers={"Accept": "text/event-stream", "Last-Event-ID": "0badcafe-12"})

    [(_, told), *_] = frames(answer, 1)
    assert (told["kind"], told["detail"]["code"]) == ("events.lost", "server-restarted")


@pytest.mark.parametrize(
    "query",
    ["after=x", "before=x", "limit=0", "limit=1001", "limit=x", "since=now", "until=now", "colour=red", "after="],
)
def test_what_cannot_be_asked_is_refused(client, query):
    answer = client.get(f"{EVENTS}?{query}")

    assert answer.status_code == 422


def test_a_bad_cursor_is_refused_before_a_stream_begins(client):
    answer = client.get(EVENTS, headers={"Accept": "text/event-stream", "Last-Event-ID": "nonsense"})

    assert (answer.status_code, answer.json["code"]) == (422, "unknown-cursor")


def test_a_node_that_is_not_heard_any_more_is_told_once(client, crane, swarm):
    from crane_core.monitoring.feed.sources import Sources

    node = crane.cache.snapshot().get_node("node3")
    nodes, sources = crane.room(NodeEvents), crane.room(Sources)
    until(lambda: nodes.follows(node.id))
    sources.hear_node(node.id, None)
    nodes.close()
    until(lambda: not nodes.follows(node.id))
    sources.hear_node(node.id, None)

    lost = client.get(f"{EVENTS}?kind=events&node=node3").json["items"]
    assert [item["detail"]["code"] for item in lost] == ["node-unreachable"]


class TestOthers:
    """Somebody who may see one stack only."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_authenticate(request):
            return Identity("ann", "user" if "X-Name" in request.headers else "local")

        def crane_authorize(identity, action, target):
            return Vote.allow() if (action.endswith(":read") and target.stack in ("shop",)) or not target.name else None

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    def test_they_see_what_is_about_it(self, client, crane):
        for stack in ("shop", "other", None):
            crane.emit(Event("service.updated", f"web of {stack}", stack=stack))
        crane.events.drain()
        theirs = {"X-Name": "ann"}

        listed = client.get(EVENTS, headers=theirs).json["items"]
        headers = {**theirs, "Accept": "text/event-stream", "Last-Event-ID": f"{crane.room(Feed).epoch}-0"}
        streamed = frames(client.get(EVENTS, headers=headers), 1)

        assert {item["name"] for item in listed} == {"web of shop"}
        assert {told["name"] for _, told in streamed} == {"web of shop"}
        assert len(client.get(EVENTS).json["items"]) >= 3
