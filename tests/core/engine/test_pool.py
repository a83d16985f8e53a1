"""The pool: which way leads to a node's Engine, who answers there, and what becomes of those that do not."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import requests
from flask import Flask
from urllib3 import HTTPResponse

from crane_core.app import create_app, stop
from crane_core.context import Crane
from crane_core.engine.disk import DiskUsage
from crane_core.engine.inventory import DOUBTED_SECONDS, Inventory
from crane_core.engine.link import MOST_OF_ONE, WATCHED_SECONDS, Endpoint, NodeUnreachable
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.pool import ENDPOINT_LABEL, Pool
from crane_core.engine.records import Node
from crane_core.engine.transport import TlsFiles
from crane_core.errors import SetupError
from crane_core.testing.objects import make_node
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter, find_memory_endpoint
from crane_core.testing.waiting import PATIENT_SECONDS, until


@pytest.fixture
def swarm() -> MemorySwarm:
    return MemorySwarm(nodes=3)


@pytest.fixture
def crane(swarm: MemorySwarm, tmp_path: Path) -> Iterator[Crane]:
    """A server whose loops do not run, so that nobody asks nodes but the test."""
    app = create_app({"server.data_directory": str(tmp_path)}, environ={}, plugins=(), transport=MemoryAdapter(swarm))
    crane: Crane = app.extensions["crane"]
    crane.room(Pool).add_finder(lambda each: find_memory_endpoint(swarm, each))
    crane.room(Pool).patience = PATIENT_SECONDS
    crane.watcher.look()
    yield crane
    stop(app)


@pytest.fixture
def running(crane_app: Flask) -> Crane:
    """A server whose loops run."""
    found: Crane = crane_app.extensions["crane"]
    return found


@pytest.fixture
def pool(crane: Crane) -> Pool:
    return crane.room(Pool)


def node(crane: Crane, name: str) -> Node:
    return crane.cache.snapshot().get_node(name)


def settle(pool: Pool) -> None:
    """Look at every node once, as if it were due."""
    for link in pool.links():
        if link.due is not None:
            link.due = float("-inf")
    for look in pool.look():
        look.result(PATIENT_SECONDS)


def test_the_servers_own_node_is_reached_by_its_own_socket(crane: Crane, pool: Pool) -> None:
    assert pool.get("node1") is crane.engine
    link = pool.link("node1")
    assert link.endpoint is not None
    assert link.endpoint.via == "socket"


def test_each_other_node_is_reached_by_its_own_engine(crane: Crane, pool: Pool) -> None:
    told = {name: pool.get(name).info()["Swarm"]["NodeID"] for name in ("node2", "node3")}

    assert told == {name: node(crane, name).id for name in ("node2", "node3")}
    assert {source["name"]: source["state"] for source in pool.sources()}["node3"] == "fresh"


def test_an_engine_of_another_node_is_not_asked_anything(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    pool.add_finder(lambda each: replace(find_memory_endpoint(swarm, node(crane, "node3")), url="unix://x"), first=True)

    with pytest.raises(NodeUnreachable, match="and not that of node2"):
        pool.get("node2")
    assert pool.link("node2").source.state == "never"


def test_a_node_that_joined_anew_is_told_from_what_is_left_of_it(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    now = node(crane, "node2")
    left = make_node(swarm.store, 2, role="worker")
    crane.watcher.refresh(nodes=[left.id])
    pool.add_finder(lambda each: replace(find_memory_endpoint(swarm, now), url="unix://x"), first=True)

    with pytest.raises(NodeUnreachable, match=f"joined the Swarm anew, as {now.id}.*crane node rm {left.id}"):
        pool.get(left.id)


def test_a_node_without_a_way_says_how_to_make_one(swarm: MemorySwarm, pool: Pool) -> None:
    pool._finders.clear()

    with pytest.raises(NodeUnreachable, match="crane agent install"):
        pool.get("node2")


def test_a_node_that_is_gone_is_told_at_once_and_found_again(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    pool.get("node2")
    swarm.node_down("node2")
    settle(pool)
    asked = len(swarm.calls)

    with pytest.raises(NodeUnreachable, match="No route to host"):
        pool.get("node2")

    assert len(swarm.calls) == asked
    assert pool.link("node2").source.state == "stale"
    swarm.node_up("node2")
    settle(pool)
    assert pool.get("node2").info()["Name"] == "node2"


def test_pauses_grow_until_it_answers(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    swarm.node_down("node2")
    link, now = pool.link("node2"), crane.cache.clock()
    link._clock = lambda: now
    pauses = []
    for _ in range(8):
        settle(pool)
        assert link.due is not None
        pauses.append(link.due - now)

    assert pauses[0] < 1
    assert 10 < pauses[-1] < 30


def test_several_are_asked_together_and_who_is_missing_is_named(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    swarm.node_down("node3")

    replies = pool.ask(crane.cache.snapshot().nodes.values(), lambda engine: engine.info()["Name"])

    assert {reply.node.name: reply.value for reply in replies} == {"node1": "node1", "node2": "node2", "node3": None}
    assert isinstance(next(reply.error for reply in replies if reply.node.name == "node3"), NodeUnreachable)


def test_who_does_not_answer_in_time_is_not_waited_for(crane: Crane, pool: Pool) -> None:
    go_on = threading.Event()

    replies = pool.ask([node(crane, "node2")], lambda engine: go_on.wait(PATIENT_SECONDS), patience=0.01)

    go_on.set()
    assert "did not answer within 0.01 s" in str(replies[0].error)


def test_who_was_waited_for_in_vain_is_looked_at_at_once(crane: Crane, pool: Pool) -> None:
    go_on = threading.Event()
    pool.get("node2")

    pool.ask([node(crane, "node2")], lambda engine: go_on.wait(PATIENT_SECONDS), patience=0.01)

    go_on.set()
    due = pool.link("node2").due
    assert due is not None
    assert due <= crane.cache.clock()


def test_who_is_watched_is_looked_at_soon_after_the_last_word(crane: Crane, pool: Pool) -> None:
    inventory, link = crane.room(Inventory), pool.link("node2")
    settle(pool)
    assert link.due is not None
    assert link.answered_at is not None
    assert link.due > link.answered_at + WATCHED_SECONDS

    inventory.read("images")

    assert link.due <= link.answered_at + WATCHED_SECONDS
    settle(pool)
    assert link.due > link.answered_at + WATCHED_SECONDS


def test_look_that_is_on_its_way_already_is_waited_for(crane: Crane, pool: Pool) -> None:
    go_on, link = threading.Event(), pool.link("node2")
    settle(pool)
    verify = link.verify
    link.verify = lambda again=False: go_on.wait(PATIENT_SECONDS) and verify(again)  # type: ignore[method-assign]
    link.due = float("-inf")

    [begun] = pool.look()
    [again] = pool.look()

    assert again is begun
    go_on.set()
    begun.result(PATIENT_SECONDS)
    assert pool.look() == []


def test_a_node_that_hangs_leaves_room_for_others(crane: Crane, pool: Pool) -> None:
    go_on = threading.Event()
    for _ in range(MOST_OF_ONE):
        pool.submit(pool.link("node2"), lambda engine: go_on.wait(PATIENT_SECONDS))

    [refused, answered] = pool.ask([node(crane, "node2"), node(crane, "node3")], lambda engine: engine.info()["Name"])

    go_on.set()
    assert f"has not answered {MOST_OF_ONE} requests" in str(refused.error)
    assert answered.value == "node3"


def test_those_who_wait_for_one_failure_do_not_each_ask_again(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    swarm.node_down("node2")
    link = pool.link("node2")
    with pytest.raises(NodeUnreachable):
        link.verify()
    asked = len(swarm.calls)

    with pytest.raises(NodeUnreachable, match="No route to host"):
        link.verify()

    assert len(swarm.calls) == asked


def test_a_way_that_cannot_be_taken_says_why(pool: Pool) -> None:
    def find(each: Node) -> Endpoint | None:
        raise NodeUnreachable(f"{each.name} is on the moon.")

    pool.add_finder(find, first=True)

    with pytest.raises(NodeUnreachable, match="node2 is on the moon"):
        pool.get("node2")


def test_other_certificates_for_the_same_way_are_taken_without_a_gap(
    crane: Crane, swarm: MemorySwarm, pool: Pool
) -> None:
    transport = find_memory_endpoint(swarm, node(crane, "node2")).transport
    shown = [TlsFiles("ca", "old", "key")]
    pool.add_finder(lambda each: Endpoint("tcp://a:1", "agent", shown[0], transport), first=True)
    before = pool.get("node2")
    shown[0] = TlsFiles("ca", "new", "key")

    link = pool.link("node2")

    assert link.answers
    assert pool.get("node2") is not before


def test_a_label_leads_to_a_node_but_not_to_files_of_this_machine(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    pool._finders.pop()
    swarm.label_node("node2", **{ENDPOINT_LABEL: "unix:///var/run/docker.sock"})
    swarm.label_node("node3", **{ENDPOINT_LABEL: "ssh://root@node3.example.com"})
    crane.watcher.look(full=True)

    assert pool.link("node2").endpoint is None
    assert pool.link("node3").endpoint == Endpoint("ssh://root@node3.example.com", "label")


def test_plain_tcp_is_not_spoken(crane: Crane, swarm: MemorySwarm, pool: Pool) -> None:
    pool._finders.pop()
    swarm.label_node("node2", **{ENDPOINT_LABEL: "tcp://10.0.0.2:2375"})
    crane.watcher.look(full=True)

    with pytest.raises(NodeUnreachable, match=r"engine\.node_tls_ca"):
        pool.get("node2")


@pytest.mark.parametrize("line", ["node2", "node2=http://10.0.0.2", "=tcp:"])
def test_a_malformed_endpoint_stops_the_server(line: str) -> None:
    with pytest.raises(SetupError, match="node=tcp://host:port"):
        create_app({"engine.node_endpoints": [line]}, environ={}, plugins=())


# What they list


@pytest.fixture
def inventory(crane: Crane) -> Inventory:
    return crane.room(Inventory)


def test_lists_of_all_nodes_name_each_of_them(swarm: MemorySwarm, inventory: Inventory) -> None:
    for name in ("node1", "node3"):
        swarm.engine(name).containers.add(f"by-hand-{name}")

    stock = inventory.read("containers")

    assert [(on.name, item["Names"]) for on, item in stock.items()] == [
        ("node1", ["/by-hand-node1"]),
        ("node3", ["/by-hand-node3"]),
    ]
    assert [(source["name"], source["state"]) for source in stock.sources] == [
        ("node1", "fresh"),
        ("node2", "fresh"),
        ("node3", "fresh"),
    ]


def test_a_node_that_is_gone_leaves_what_was_last_known(swarm: MemorySwarm, pool: Pool, inventory: Inventory) -> None:
    swarm.engine("node3").containers.add("left")
    before = inventory.read("containers")
    swarm.node_down("node3")
    settle(pool)
    inventory.note_change(next(on.id for on, _ in before.items()), "containers")

    stock = inventory.read("containers")

    assert [item["Names"] for _, item in stock.items()] == [["/left"]]
    [source] = [source for source in stock.sources if source["name"] == "node3"]
    assert (source["state"], "No route to host" in source["error"]) == ("stale", True)
    assert stock.version != before.version


def test_a_node_that_hangs_is_asked_once_and_not_waited_for_again(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory
) -> None:
    adapter = Hanging(swarm, "node2")
    pool.add_finder(lambda each: Endpoint("unix://hangs", "setting", transport=adapter), first=True)
    inventory.read("containers", patience=0.01)
    pool.link("node2").fail("It hangs.")

    stock = inventory.read("containers", patience=PATIENT_SECONDS)

    adapter.go_on.set()
    assert {source["name"]: source["state"] for source in stock.sources}["node2"] == "never"


def remove_node(crane: Crane, swarm: MemorySwarm, name: str) -> None:
    """Take a node out of the Swarm; its Engine goes on."""
    crane.engine.remove("node", node(crane, name).id, force=True)
    crane.watcher.look(full=True)


def test_nothing_is_kept_of_a_node_that_has_left_the_swarm(
    crane: Crane, swarm: MemorySwarm, inventory: Inventory
) -> None:
    inventory.read("containers")
    inventory.read("images")
    left, disk = node(crane, "node3"), crane.room(DiskUsage)
    assert disk.read([left])[left.id] is not None

    remove_node(crane, swarm, "node3")
    stock = inventory.read("containers")
    disk.read([])

    assert [source["name"] for source in stock.sources] == ["node1", "node2"]
    assert len(inventory) == 4
    assert disk.known(left.id) is None


def test_events_of_a_node_that_has_left_the_swarm_are_followed_no_more(
    crane: Crane, swarm: MemorySwarm, pool: Pool
) -> None:
    events, id_ = NodeEvents(crane), node(crane, "node3").id
    settle(pool)
    events.look()
    until(lambda: events.follows(id_))

    remove_node(crane, swarm, "node3")
    events.look()

    until(lambda: not events.follows(id_))
    events.close()


def test_nobody_is_followed_any_more_once_that_was_ended(crane: Crane, pool: Pool) -> None:
    events, told = NodeEvents(crane), list[str]()
    events.listen(lambda node_id, event: told.append(node_id))
    settle(pool)

    events.close()
    events.look()

    assert not events._starting
    assert told == []


def test_list_that_cannot_be_read_is_told_and_the_others_are_shown(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory
) -> None:
    find = {"node2": Endpoint("unix://odd", "setting", transport=Odd(swarm, "node2"))}
    pool.add_finder(lambda each: find.get(each.name), first=True)

    stock = inventory.read("volumes")

    assert {source["name"]: source["error"] for source in stock.sources if "error" in source} == {
        "node2": "What its Engine tells of its volumes cannot be read; the server's log has more.",
    }


class Odd(MemoryAdapter):
    """A node's Engine that answers JSON of another shape than is promised."""

    def send(self, request, *arguments, **named):  # type: ignore[no-untyped-def]
        answer = super().send(request, *arguments, **named)
        if "/volumes" in str(request.url):
            answer.raw = HTTPResponse(io.BytesIO(b'["odd"]'), status=200, preload_content=False)
        return answer


class Hanging(MemoryAdapter):
    """A node's Engine that answers who it is, and lists nothing before it is told to go on."""

    def __init__(self, swarm: MemorySwarm, node: str) -> None:
        super().__init__(swarm, node)
        self.go_on = threading.Event()
        self.answered = threading.Event()

    def send(self, request, *arguments, **named):  # type: ignore[no-untyped-def]
        if "/containers/json" in str(request.url):
            self.go_on.wait(PATIENT_SECONDS)
            self.answered.set()
        return super().send(request, *arguments, **named)


def test_nobody_waits_for_a_reading_that_others_waited_for_in_vain(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory
) -> None:
    adapter = Hanging(swarm, "node2")
    pool.add_finder(lambda each: Endpoint("unix://hangs", "setting", transport=adapter), first=True)
    inventory.read("containers", patience=0.01)
    inventory._clock = lambda: crane.cache.clock() + 60

    inventory.read("containers", [node(crane, "node2")], patience=PATIENT_SECONDS)

    assert not adapter.answered.is_set()
    adapter.go_on.set()


class Breaking(Hanging):
    """A node's Engine whose first list breaks off, and whose others hang."""

    broken = False

    def send(self, request, *arguments, **named):  # type: ignore[no-untyped-def]
        if "/containers/json" in str(request.url) and not self.broken:
            self.broken = True
            raise requests.ConnectionError("Connection reset by peer")
        return super().send(request, *arguments, **named)


def test_nobody_waits_for_a_list_that_just_failed(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory
) -> None:
    adapter = Breaking(swarm, "node2")
    pool.add_finder(lambda each: Endpoint("unix://breaks", "setting", transport=adapter), first=True)
    [failed] = inventory.read("containers", [node(crane, "node2")]).sources
    assert "does not answer" in failed["error"]
    assert pool.link("node2").answers, "it has not been looked at since"
    failed_at = inventory._shelf(node(crane, "node2"), "containers").failed_at or 0.0
    inventory._clock = lambda: failed_at

    # The first begins to read it again, the second finds that reading on its way.
    for _ in range(2):
        [source] = inventory.read("containers", [node(crane, "node2")], patience=PATIENT_SECONDS).sources

        assert not adapter.answered.is_set()
        assert source["error"] == failed["error"]
    adapter.go_on.set()


@pytest.mark.parametrize("since", ["a while ago", "before it returned"])
def test_who_answers_again_is_waited_for_though_its_list_failed(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory, since: str
) -> None:
    adapter = Breaking(swarm, "node2")
    pool.add_finder(lambda each: Endpoint("unix://breaks", "setting", transport=adapter), first=True)
    [failed] = inventory.read("containers", [node(crane, "node2")]).sources
    assert failed["state"] == "never"
    adapter.go_on.set()
    if since == "a while ago":
        inventory._clock = lambda: crane.cache.clock() + DOUBTED_SECONDS + 1
    else:
        pool.link("node2").fail("It hangs.")
        settle(pool)

    [source] = inventory.read("containers", [node(crane, "node2")], patience=PATIENT_SECONDS).sources

    assert source["state"] == "fresh"


class Late(MemoryAdapter):
    """A node's Engine whose first list is on its way until it is told to go on."""

    def __init__(self, swarm: MemorySwarm, node: str) -> None:
        super().__init__(swarm, node)
        self.sent = threading.Event()
        self.go_on = threading.Event()

    def send(self, request, *arguments, **named):  # type: ignore[no-untyped-def]
        answer = super().send(request, *arguments, **named)
        if "/containers/json" in str(request.url) and not self.sent.is_set():
            self.sent.set()
            self.go_on.wait(PATIENT_SECONDS)
        return answer


def test_who_asks_after_a_change_is_not_told_what_was_listed_before(
    crane: Crane, swarm: MemorySwarm, pool: Pool, inventory: Inventory
) -> None:
    adapter, node2 = Late(swarm, "node2"), node(crane, "node2")
    pool.add_finder(lambda each: Endpoint("unix://late", "setting", transport=adapter), first=True)
    inventory.read("containers", [node2], patience=0)
    assert adapter.sent.wait(PATIENT_SECONDS)
    swarm.engine("node2").containers.add("new")
    inventory.note_change(node2.id, "containers")
    wait = inventory._wait

    def answer_and_wait(*given, **named):  # type: ignore[no-untyped-def]
        adapter.go_on.set()
        return wait(*given, **named)

    inventory._wait = answer_and_wait  # type: ignore[method-assign]

    assert [item["Names"] for _, item in inventory.read("containers", [node2]).items()] == [["/new"]]


def test_an_event_of_a_node_makes_its_list_be_read_again(running: Crane, swarm: MemorySwarm) -> None:
    inventory, events = running.room(Inventory), running.room(NodeEvents)
    heard = threading.Event()
    # The loop of a running server begins to follow; nothing is counted on before it does.
    events.listen(lambda node_id, event: heard.set() if event is not None else None)
    until(lambda: events.follows(node(running, "node2").id))
    inventory.read("containers")

    swarm.engine("node2").containers.add("new")

    assert heard.wait(PATIENT_SECONDS)
    assert [item["Names"] for _, item in inventory.read("containers").items()] == [["/new"]]


def test_an_event_of_a_tasks_container_has_the_tasks_of_its_service_read(running: Crane, swarm: MemorySwarm) -> None:
    events, expected = running.room(NodeEvents), list[str]()
    running.watcher.expect = lambda service_ids, seconds=0.0: expected.extend(service_ids)  # type: ignore[method-assign]
    spec = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1"}}}
    swarm.handle("POST", "/services/create", body=msgspec.json.encode(spec))
    swarm.settle()
    [task] = swarm.tasks("web")
    until(lambda: events.follows(task["NodeID"]))
    expected.clear()
    container = task["Status"]["ContainerStatus"]["ContainerID"]
    running.room(Pool).get(task["NodeID"]).send("POST", f"/containers/{container}/kill")

    until(lambda: expected)
    assert set(expected) == {task["ServiceID"]}
