"""Topics of objects and of what belongs to them: as the API tells of them, made anew only when they change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.errors import CraneError
from crane_core.live.board import Board
from crane_core.live.hub import Hub, Sights
from crane_core.orchestration.operations.model import Operation, Step
from crane_core.orchestration.operations.operations import Operations
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote, demand_on
from crane_core.testing.behaviours import Missing
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

JSON = dict[str, Any]
SHOP = """
services:
  web: {image: 'nginx:1', deploy: {replicas: 2, placement: {constraints: [node.hostname == node2]}}}
  log: {image: 'log:1', deploy: {mode: global, labels: {owner: bob}}}
"""


class Followed:
    """A topic as a subscriber sees it, and how often an item of it was made."""

    def __init__(self, crane: Crane, text: str) -> None:
        topic, parameters = crane.room(Hub).find_topic(text)
        self.made = 0

        def present(listing: Any, row: Any) -> Any:
            self.made += 1
            return listing.present(row)

        def read() -> Any:
            listing = topic.listing(crane, parameters)
            return replace(listing, present=lambda row: present(listing, row))

        self.board = Board(text, topic.action, read, topic.key)
        self.look()

    def look(self) -> dict[str, JSON]:
        """Look again; return the items by their keys."""
        self.board.refresh()
        return {key: json.loads(bytes(item.text)) for key, item in self.board.items.items()}


@pytest.fixture
def follow(crane: Crane) -> Callable[[str], Followed]:
    """Follow a topic."""
    return lambda text: Followed(crane, text)


@pytest.fixture
def refused(crane_app: Flask, crane: Crane, client: FlaskClient) -> Callable[[str], str | None]:
    """Subscribe to a topic; return the code of the error, None when it is not refused."""

    def subscribe(text: str) -> str | None:
        topic, parameters = crane.room(Hub).find_topic(text)
        with crane_app.test_request_context(environ_base=client.environ_base):
            try:
                demand_on(topic.action, next(iter(parameters.values())))
            except CraneError as error:
                return error.code
        return None

    return subscribe


def listed(client: FlaskClient, path: str, key: str = "ID") -> dict[str, JSON]:
    """Return the items of a list by their keys."""
    return {str(item[key]): item for item in client.get(f"/api/v1{path}").json["items"]}


def without_sources(shown: JSON) -> JSON:
    """Return an object without how fresh it is."""
    return {name: value for name, value in shown.items() if name != "sources"}


def test_node_is_told_as_the_api_shows_it(follow: Any, deploy: Any, client: FlaskClient) -> None:
    deploy(SHOP)
    shown = client.get("/api/v1/nodes/node2").json

    assert follow("nodes/node2").look() == {shown["ID"]: without_sources(shown)}
    assert follow(f"nodes/{shown['ID']}").look().keys() == {shown["ID"]}


def test_task_is_told_as_the_list_tells_of_it(follow: Any, deploy: Any, client: FlaskClient) -> None:
    deploy(SHOP)

    for id_, task in listed(client, "/tasks").items():
        assert follow(f"tasks/{id_}").look() == {id_: task}


def test_tasks_of_a_service_are_told_by_slot(follow: Any, deploy: Any, client: FlaskClient) -> None:
    deploy(SHOP)

    told = follow("services/shop_web/tasks").look()

    assert told == listed(client, "/services/shop_web/tasks", "slot")
    assert sorted(told) == ["1", "2"]


def test_tasks_of_a_global_service_are_told_by_node(follow: Any, deploy: Any, client: FlaskClient) -> None:
    deploy(SHOP)

    told = follow("services/shop_log/tasks").look()

    assert told.keys() == listed(client, "/nodes").keys()
    assert all(place["current"]["NodeID"] == node for node, place in told.items())


def test_earlier_attempts_stay_with_their_slot(follow: Any, deploy: Any, client: FlaskClient, settle: Any) -> None:
    deploy(SHOP)
    followed = follow("services/shop_web/tasks")

    client.post("/api/v1/services/shop_web/force")
    settle()

    told = followed.look()
    assert {slot: len(place["earlier"]) for slot, place in told.items()} == {"1": 1, "2": 1}
    assert told == listed(client, "/services/shop_web/tasks", "slot")


def test_tasks_of_a_stack_and_of_a_node_are_only_theirs(
    follow: Any, deploy: Any, client: FlaskClient, settle: Any
) -> None:
    deploy(SHOP)
    client.post("/api/v1/services", json={"name": "alone", "image": "nginx:1"})
    settle()

    assert follow("stacks/shop/tasks").look() == listed(client, "/stacks/shop/tasks")
    for node in ("node1", "node2"):
        assert follow(f"nodes/{node}/tasks").look() == listed(client, f"/tasks?node={node}")
    assert len(follow("stacks/shop/tasks").look()) == 5


@pytest.mark.parametrize(
    "topic", ["nodes", "nodes/node1", "tasks", "services/shop_web/tasks", "stacks/shop/tasks", "nodes/node2/tasks"]
)
def test_items_are_not_made_anew_while_something_else_changes(
    follow: Any, deploy: Any, client: FlaskClient, settle: Any, crane: Crane, topic: str
) -> None:
    deploy(SHOP)
    followed = follow(topic)
    made, version = followed.made, crane.cache.snapshot().version

    client.patch("/api/v1/services/shop_log", json={"Labels": {"owner": "ann"}})
    settle()
    followed.look()

    assert crane.cache.snapshot().version > version
    assert made > 0
    assert followed.made == made


def test_item_is_made_anew_when_it_changes(follow: Any, deploy: Any, swarm: MemorySwarm, settle: Any) -> None:
    deploy(SHOP)
    topics = {name: follow(name) for name in ("nodes/node2", "services/shop_web/tasks", "nodes/node2/tasks")}
    before = {name: followed.made for name, followed in topics.items()}

    swarm.drain("node2")
    settle()
    told = {name: followed.look() for name, followed in topics.items()}

    assert all(followed.made > before[name] for name, followed in topics.items())
    [node] = told["nodes/node2"].values()
    assert (node["availability"], node["tasks_running"]) == ("drain", 0)
    assert {place["node"] for place in told["services/shop_web/tasks"].values()} == {None}
    assert "running" not in {task["state"] for task in told["nodes/node2/tasks"].values()}


@pytest.mark.parametrize("topic", ["services/none/tasks", "nodes/none", "nodes/none/tasks", "tasks/none"])
def test_object_that_there_is_not_is_refused_and_listed_empty(follow: Any, refused: Any, topic: str) -> None:
    assert refused(topic) == "not-found"
    assert follow(topic).look() == {}


def test_tasks_of_a_stack_come_and_go_with_it(
    follow: Any, refused: Any, deploy: Any, client: FlaskClient, settle: Any
) -> None:
    followed = follow("stacks/shop/tasks")
    assert refused("stacks/shop/tasks") is None, "a deployment may make it"
    told = [followed.look()]

    deploy(SHOP)
    told.append(followed.look())
    client.delete("/api/v1/stacks/shop")
    settle()
    told.append(followed.look())

    assert [len(items) for items in told] == [0, 5, 0]


def test_object_that_is_gone_leaves_its_topics_empty(
    follow: Any, deploy: Any, client: FlaskClient, settle: Any
) -> None:
    deploy(SHOP)
    [task] = [task for task in listed(client, "/tasks").values() if task["name"] == "shop_web.1"]
    followed = [follow("services/shop_web/tasks"), follow("services/shop_web"), follow(f"tasks/{task['ID']}")]
    assert [len(each.look()) for each in followed] == [2, 1, 1]

    client.delete("/api/v1/services/shop_web")
    settle()

    assert [len(each.look()) for each in followed] == [0, 0, 0]


def test_error_in_a_task_is_told_with_its_credentials_hidden(follow: Any, deploy: Any, swarm: MemorySwarm) -> None:
    swarm.images["log:1"] = Missing("GET https://ann:hush@registry.example failed")
    deploy(SHOP)

    told = json.dumps([follow(topic).look() for topic in ("services/shop_log/tasks", "stacks/shop/tasks")])

    assert "ann:(hidden)@registry.example" in told
    assert "hush" not in told


@pytest.mark.parametrize(("topic", "key"), [("stacks", "shop"), ("stacks/shop", "shop")])
def test_stack_tells_who_changed_it_although_the_swarm_did_not_move(
    follow: Any, deploy: Any, crane: Crane, topic: str, key: str
) -> None:
    deploy(SHOP)
    followed, snapshot = follow(topic), crane.cache.snapshot()
    before = followed.look()[key]["updated_by"]

    steps = [Step("service", "shop_web", "update", "failed")]
    later = Operation("f" * 16, "stack.deploy", "shop", "shop", "ann", state="ended", steps=steps)
    crane.room(Operations)._all[later.id] = later

    assert (before, followed.look()[key]["updated_by"]) == ("local", "ann")
    assert crane.cache.snapshot().version == snapshot.version


class TestPermissions:
    """Each item is decided on besides the topic."""

    @pytest.fixture
    def crane_plugins(self) -> list[Plugin]:
        """Ann may see everything but what bob owns, and one node."""

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            if target.labels.get("owner") == "bob" or target.name == "node1":
                return Vote.deny("it is another's")
            return Vote.allow()

        def crane_authenticate(request: Request) -> Identity:
            return Identity("ann")

        return [make_plugin("owners", crane_authorize, crane_authenticate)]

    def test_caller_is_sent_the_items_that_they_may_see(self, follow: Any, deploy: Any, crane: Crane) -> None:
        deploy(SHOP)
        boards = {
            topic: follow(topic).board
            for topic in ("stacks/shop/tasks", "nodes/node2/tasks", "services/shop_log/tasks", "nodes/node1")
        }

        seen = {topic: Sights(crane).look(Identity("ann"), board) for topic, board in boards.items()}

        assert {topic: (len(board.items), len(seen[topic])) for topic, board in boards.items()} == {
            "stacks/shop/tasks": (5, 2),
            "nodes/node2/tasks": (3, 2),
            "services/shop_log/tasks": (3, 0),
            "nodes/node1": (1, 0),
        }

    @pytest.mark.parametrize("topic", ["services/shop_log/tasks", "nodes/node1", "nodes/node1/tasks"])
    def test_topic_of_what_the_caller_may_not_see_is_refused(self, refused: Any, deploy: Any, topic: str) -> None:
        deploy(SHOP)

        assert refused(topic) == "forbidden"
