"""Logs as live topics: what one subscriber is sent."""

from __future__ import annotations

import json
import threading

import pytest

from crane_core.contributions import Subscriber
from crane_core.errors import CraneError, Invalid
from crane_core.live.hub import Hub
from crane_core.logs.logs import Logs
from crane_core.security import LOCAL, Identity
from crane_core.testing.plugins import make_plugin
from tests.domains.logs.conftest import THREE, wait_for_threads


class Subscribed:
    """A live topic, as a subscriber hears it."""

    def __init__(self, crane, app, topic, query, identity=LOCAL):
        self.crane = crane
        self.rung = threading.Event()
        found, parameters = crane.room(Hub).find_topic(topic)
        with app.app_context():
            self.feed = found.feed(Subscriber(crane, identity, topic, parameters, query, self.rung.set))
        self.lines, self.sources, self.told, self.lost = [], {}, [], 0

    def hear(self):
        """Take what there is."""
        while (message := self.feed.next(self.crane.rights.version)) is not None:
            told = json.loads(message)
            self.told.append(told)
            self.lines += told.get("lines", ())
            self.sources |= told.get("sources", {})
            self.lost += told.get("lost", 0)

    def until(self, accept):
        """Hear until something is so."""
        self.hear()
        while not accept():
            assert self.rung.wait(60), self.told
            self.rung.clear()
            self.hear()

    def next(self):
        """Return the next message; the bell may have rung for the one before."""
        while (message := self.feed.next(self.crane.rights.version)) is None:
            assert self.rung.wait(60)
            self.rung.clear()
        return message

    @property
    def texts(self):
        return [line[3] for line in self.lines]


@pytest.fixture
def crane_plugins():
    """A plugin that fails whenever it is to decide on somebody unlucky."""

    def crane_authorize(identity, action, target):
        if identity.name == "unlucky":
            raise RuntimeError("The plugin is broken.")

    return [make_plugin("broken", crane_authorize)]


@pytest.fixture
def subscribe(crane, crane_app):
    opened = []

    def act(topic, **query):
        opened.append(Subscribed(crane, crane_app, topic, query))
        return opened[-1]

    yield act
    for each in opened:
        each.feed.close()


def test_past_is_told_first_then_what_comes(deploy, swarm, tasks, subscribe):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    swarm.print(one, "before\n")
    log = subscribe("logs/services/shop_web")

    log.until(lambda: any(told.get("begun") for told in log.told))
    swarm.print(two, "after\n", "stderr")
    log.until(lambda: "after" in log.texts)

    assert log.texts == ["before", "after"]
    stamp, key, stream, _ = log.lines[-1]
    assert (log.sources[key]["name"], log.sources[key]["task"], stream) == ("shop_web.2", two, 2)
    assert stamp.endswith("Z")
    assert {told["topic"] for told in log.told} == {"logs/services/shop_web"}


def test_each_kind_has_a_topic(deploy, swarm, crane, tasks, subscribe):
    deploy()
    [task] = tasks("shop_web")
    container = crane.cache.snapshot().get_task(task).container_id
    swarm.print(task, "hello\n")

    named = ("tasks/shop_web.1", "containers/shop_web.1")
    for topic in ("stacks/shop", f"tasks/{task}", f"containers/{container}", *named):
        log = subscribe(f"logs/{topic}", tail="1")
        log.until(lambda log=log: "hello" in log.texts)


def test_lines_are_chosen(deploy, swarm, tasks, subscribe):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    log = subscribe("logs/services/shop_web", grep="^a", task="1")
    log.until(lambda: any(told.get("begun") for told in log.told))

    for task in (one, two):
        swarm.print(task, "abc\nbcd\n")
    swarm.print(one, "a the end\n")
    log.until(lambda: "a the end" in log.texts)

    assert log.texts == ["abc", "a the end"]


def test_who_asks_for_the_same_is_sent_the_same_bytes(deploy, swarm, tasks, subscribe):
    deploy()
    logs = [subscribe("logs/services/shop_web") for _ in range(2)]
    for log in logs:
        log.until(lambda log=log: any(told.get("begun") for told in log.told))
    swarm.print(tasks("shop_web")[0], "news\n")

    first, second = (log.next() for log in logs)

    assert first is second is not None


def test_slow_subscriber_is_told_how_much_was_left_out(deploy, swarm, tasks, subscribe, crane, client):
    deploy()
    [task] = tasks("shop_web")
    log, quick = (subscribe("logs/services/shop_web", tail="0", timestamps=str(quick)) for quick in (False, True))
    for each in (log, quick):
        each.until(lambda each=each: any(told.get("begun") for told in each.told))
    [channel] = crane.room(Logs).channels
    channel.fan._most = 100_000
    for number in range(20):
        swarm.print(task, f"{number} {'x' * 10_000}\n" * 3)
        quick.until(lambda number=number: sum(text.startswith(f"{number} ") for text in quick.texts) == 3)

    log.until(lambda: log.texts and log.texts[-1].startswith("19 "))

    assert quick.lost == 0
    assert log.lost > 0
    assert log.lost + len(log.texts) == 60
    assert f"crane_logs_lines_lost_total {log.lost}.0" in client.get("/metrics").text


def test_rights_are_asked_for_each_service_of_a_stack(deploy, swarm, tasks, crane, crane_app):
    from crane_core.logs.origins import Subject
    from crane_core.logs.query import LogQuery, read_query
    from crane_core.logs.reading import Reading

    deploy("services: {web: {image: 'nginx:1'}, safe: {image: 'nginx:1'}}")
    swarm.print(tasks("shop_web")[0], "for all\n")
    swarm.print(tasks("shop_safe")[0], "for few\n")
    hidden = {crane.cache.snapshot().get_service("shop_safe").id}
    query = read_query(LogQuery().load({}))

    def texts():
        with Reading(crane, Subject("stack", "shop"), query, lambda ids: frozenset(hidden & set(ids))) as reading:
            batches = list(reading.past())
            kept = [entry for batch in batches for entry in reading.sieve.keep(batch.entries)]
        return {entry.line.text for entry in kept if hasattr(entry, "line")}, {entry.origin.service for entry in kept}

    assert texts() == ({"for all"}, {"shop_web"})
    hidden.clear()
    assert texts()[0] == {"for all", "for few"}


# The thread that reads it ends by it, and says so in the server's log.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_subscriber_is_told_of_a_plugin_that_fails(deploy, crane, crane_app):
    deploy()
    log = Subscribed(crane, crane_app, "logs/stacks/shop", {}, Identity("unlucky"))

    log.until(lambda: any("error" in told for told in log.told))
    log.feed.close()
    wait_for_threads()

    [error] = [told["error"] for told in log.told if "error" in told]
    assert error["detail"] == "The log cannot be read; the server's log says why."
    assert not any(told.get("begun") for told in log.told)


@pytest.mark.parametrize("query", [{"grep": "("}, {"tail": "many"}, {"until": "5m"}, {"speed": "2"}, {"since": "soon"}])
def test_what_nobody_understands_is_refused(deploy, subscribe, query):
    deploy()

    with pytest.raises(Invalid):
        subscribe("logs/services/shop_web", **query)


def test_what_is_not_there_has_no_topic(subscribe):
    with pytest.raises(CraneError, match="none"):
        subscribe("logs/services/none")


def test_task_that_there_is_not_is_told_with_those_there_are(deploy, subscribe):
    deploy()
    log = subscribe("logs/services/shop_web", task="99")

    log.until(lambda: any("error" in told for told in log.told))

    [error] = [told["error"] for told in log.told if "error" in told]
    assert error["detail"] == "There is no task 99: there are shop_web.1."


def test_last_subscriber_closes_the_stream(deploy, crane, subscribe):
    deploy()
    logs = [subscribe("logs/services/shop_web") for _ in range(2)]
    for log in logs:
        log.until(lambda log=log: any(told.get("begun") for told in log.told))
    [channel] = crane.room(Logs).channels

    logs[0].feed.close()
    assert list(crane.room(Logs).channels) == [channel]
    logs[1].feed.close()

    assert list(crane.room(Logs).channels) == []
    assert channel.fan.ended


def test_subscriber_that_comes_back_is_told_from_its_last_line_on(deploy, swarm, tasks, subscribe):
    deploy(THREE)
    one, two, _ = tasks("shop_web")
    swarm.print(one, "one\ntwo\n")
    first = subscribe("logs/services/shop_web")
    first.until(lambda: "two" in first.texts)
    first.feed.close()
    swarm.print(one, "three\n")

    again = subscribe("logs/services/shop_web", since=first.lines[-1][0])
    again.until(lambda: any(told.get("begun") for told in again.told))
    swarm.print(two, "four\n")
    again.until(lambda: "four" in again.texts)

    assert again.texts == ["two", "three", "four"]
