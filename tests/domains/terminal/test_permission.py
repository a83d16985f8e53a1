"""Who may open a terminal, where, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.cluster.terminal.operations import Sessions
from crane_core.cluster.terminal.tickets import Tickets
from crane_core.context import Crane
from crane_core.events import Event
from crane_core.testing import MemorySwarm
from tests.domains.terminal.conftest import SPEC, Rights
from tests.terminals import Refused, Sitter, sit_down_inside

Sit = Callable[..., Sitter]
Order = Callable[..., Any]
WEB = "/api/v1/services/shop_web/terminal"


@pytest.fixture
def crane_settings() -> dict[str, Any]:
    return {"terminal.most_each": 3}


def refused(client: FlaskClient, path: str, secret: str, **headers: str) -> tuple[int, str]:
    """Return how a handshake is refused."""
    with pytest.raises(Refused) as refusal:
        sit_down_inside(client, path, secret, **headers)
    return refusal.value.status, refusal.value.problem["code"]


def test_task_of_a_service_is_chosen_by_slot_name_or_id(web: str, order: Order, swarm: MemorySwarm) -> None:
    [task] = swarm.tasks(web)

    for wanted in ("1", "shop_web.1", task["ID"], task["ID"][:6]):
        assert order("services/shop_web", task=wanted).json["task"] == task["ID"]
    # A number is a slot, whatever ids begin with it.
    missing = order("services/shop_web", task="9")
    assert (missing.status_code, missing.json["detail"]) == (404, "There is no task 9: there are shop_web.1.")


def test_ticket_opens_once(client: FlaskClient, web: str, order: Order) -> None:
    ticket = order("services/shop_web").json
    assert ticket["address"] == WEB
    assert (ticket["node"], ticket["service"], ticket["seconds"]) == ("node1", "shop_web", 10.0)

    sit_down_inside(client, WEB, ticket["ticket"]).until_printed("/ # ").drop()

    assert refused(client, WEB, ticket["ticket"]) == (403, "unknown-ticket")


def test_ticket_is_too_old_after_ten_seconds(client: FlaskClient, web: str, order: Order, crane: Crane) -> None:
    secret = order("services/shop_web").json["ticket"]
    tickets = crane.room(Tickets)
    clock = tickets.clock
    tickets.clock = lambda: clock() + 10

    assert refused(client, WEB, secret) == (403, "unknown-ticket")


def test_ticket_is_good_for_who_asked_and_what_they_named_only(
    client: FlaskClient, web: str, order: Order, swarm: MemorySwarm
) -> None:
    [task] = swarm.tasks(web)

    first, second = (order("services/shop_web").json["ticket"] for _ in range(2))

    assert refused(client, WEB, first, **{"X-Caller": "bob"}) == (403, "unknown-ticket")
    assert refused(client, f"/api/v1/tasks/{task['ID']}/terminal", second) == (403, "unknown-ticket")
    # Whoever showed them, they are used up.
    assert refused(client, WEB, first) == (403, "unknown-ticket")
    assert refused(client, WEB, second) == (403, "unknown-ticket")


def test_terminal_is_not_opened_without_a_ticket(client: FlaskClient, web: str) -> None:
    assert refused(client, WEB, "guessed") == (403, "unknown-ticket")
    assert client.get(WEB).status_code == 426
    assert client.get(WEB, headers={"Upgrade": "websocket"}).json["code"] == "no-ticket"


def test_terminal_is_come_back_to_by_who_opened_it_only(client: FlaskClient, web: str, sit: Sit) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")
    opened = sitter.message("opened")
    again = f"{WEB}?session={opened['session']}"

    assert refused(client, again, "guessed") == (403, "unknown-terminal")
    assert refused(client, again, opened["secret"], **{"X-Caller": "bob"}) == (403, "unknown-terminal")
    assert refused(client, f"{again}&seen=-1", opened["secret"]) == (422, "invalid")
    assert refused(client, f"{WEB}?session=0000", opened["secret"]) == (403, "unknown-terminal")
    sitter.type("echo mine\r")
    sitter.until_printed("\r\nmine\r\n").drop()


def test_page_of_another_site_opens_nothing(client: FlaskClient, web: str, order: Order) -> None:
    for origin in ("http://evil.example.com", "http://localhost:8080", "null"):
        secret = order("services/shop_web").json["ticket"]
        assert refused(client, WEB, secret, Origin=origin) == (403, "cross-site")

    secret = order("services/shop_web").json["ticket"]
    sit_down_inside(client, WEB, secret, Origin="http://localhost").until_printed("/ # ").drop()


def test_right_is_demanded_for_the_ticket_and_for_the_socket(
    client: FlaskClient, web: str, order: Order, rights: Rights
) -> None:
    secret = order("services/shop_web").json["ticket"]
    rights.denied["ann"] = {"service:exec"}

    assert order("services/shop_web").status_code == 403
    assert refused(client, WEB, secret) == (403, "forbidden")


def test_terminal_ends_when_the_right_is_taken_away(
    client: FlaskClient, web: str, sit: Sit, rights: Rights, crane: Crane
) -> None:
    sitter = sit("services/shop_web").until_printed("/ # ")
    opened = sitter.message("opened")

    rights.denied["ann"] = {"service:exec"}
    crane.rights.changed()

    assert sitter.until_closed() == (4003, {"code": "not-allowed"})
    assert sitter.message("ended")["detail"] == "You may not do service:exec any more: not today."
    rights.denied.clear()
    assert refused(client, f"{WEB}?session={opened['session']}", opened["secret"]) == (403, "unknown-terminal")


def test_container_of_no_stack_takes_a_right_of_its_own(
    client: FlaskClient, order: Order, swarm: MemorySwarm, rights: Rights, sit: Sit
) -> None:
    swarm.engine("node1").containers.add("stray")
    rights.denied["ann"] = {"container:exec-outside"}

    answer = order("containers/node1/stray")

    assert (answer.status_code, answer.json["action"]) == (403, "container:exec-outside")
    rights.denied.clear()
    sit("containers/node1/stray").until_printed("/ # ").drop()


@pytest.mark.parametrize("mount", ["/var/run/docker.sock", "/etc"])
def test_container_that_reaches_the_node_takes_policy_exceed(
    client: FlaskClient, swarm: MemorySwarm, crane: Crane, order: Order, rights: Rights, sit: Sit, mount: str
) -> None:
    bind = {"Type": "bind", "Source": mount, "Target": "/x"}
    spec = {**SPEC, "TaskTemplate": {"ContainerSpec": {"Mounts": [bind]}}}
    assert client.post("/api/v1/services", json=spec).status_code == 202
    swarm.settle()
    crane.watcher.look(full=True)
    rights.denied["ann"] = {"policy:exceed"}

    answer = order("services/shop_web")

    assert (answer.status_code, answer.json["code"]) == (403, "container-reaches-the-node")
    assert answer.json["errors"][0]["code"] == "host-mounts"
    rights.denied.clear()
    sit("services/shop_web").until_printed("/ # ").drop()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"privileged": True}, "/privileged"),
        ({"command": "sh"}, "/command"),
        ({"command": ["sh\0"]}, "/command/0"),
        ({"command": ["x"] * 257}, "/command"),
        ({"columns": 0}, "/columns"),
        ({"rows": 100_000}, "/rows"),
        ({"user": "root\n"}, "/user"),
        ({"working_directory": "/\0"}, "/working_directory"),
        ({"environment": {"A=B": "x"}}, "/environment/A=B/key"),
        ({"environment": {"A": "\0"}}, "/environment/A/value"),
        ({"comand": ["sh"]}, "/comand"),
    ],
)
def test_order_that_makes_no_sense_is_refused(web: str, order: Order, body: dict[str, Any], pointer: str) -> None:
    answer = order("services/shop_web", **body)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_what_is_not_there_or_does_not_run_is_told(
    client: FlaskClient, web: str, order: Order, swarm: MemorySwarm, crane: Crane
) -> None:
    [task] = swarm.tasks(web)

    assert order("services/gone").status_code == 404
    assert order("tasks/gone").status_code == 404
    assert order("containers/gone").status_code == 404
    assert order("services/shop_web", task="7").status_code == 404
    assert order("services/shop_web", task="1").status_code == 201
    assert order("services/shop_web", task=task["ID"]).status_code == 201

    client.post("/api/v1/services/shop_web/scale?wait=0", json={"replicas": 0})
    swarm.settle()
    crane.watcher.look(full=True)
    answer = order("services/shop_web")
    assert (answer.status_code, answer.json["code"]) == (409, "not-running")


def test_paused_container_is_to_go_on_first(web: str, order: Order, client: FlaskClient, swarm: MemorySwarm) -> None:
    [task] = swarm.tasks(web)
    name = task["Status"]["ContainerStatus"]["ContainerID"]
    assert client.post(f"/api/v1/containers/{name}/pause").status_code == 200

    answer = order("services/shop_web")

    assert (answer.status_code, answer.json["code"]) == (409, "not-running")
    assert "crane container unpause" in answer.json["detail"]


def test_node_that_does_not_answer_is_told(
    web: str, order: Order, client: FlaskClient, swarm: MemorySwarm, crane: Crane
) -> None:
    placement = {"Constraints": ["node.hostname==node2"]}
    client.post("/api/v1/services", json={"Name": "far", "image": "nginx:1", "TaskTemplate": {"Placement": placement}})
    swarm.settle()
    crane.watcher.look(full=True)
    swarm.node_down("node2")

    answer = order("services/far")

    assert answer.status_code == 503
    assert answer.json["code"] in ("engine-unavailable", "node-unreachable")
    assert "node2" in answer.json["detail"]


def test_caller_has_so_many_terminals_and_no_more(
    web: str, order: Order, sit: Sit, sessions: Sessions, client: FlaskClient
) -> None:
    sitters = [sit("services/shop_web") for _ in range(3)]
    for sitter in sitters:
        sitter.until_printed("/ # ")

    answer = order("services/shop_web")
    assert (answer.status_code, answer.json["code"]) == (429, "too-many-terminals")

    sitters[0].say(type="close")
    sitters[0].until_closed()
    assert order("services/shop_web").status_code == 201
    for sitter in sitters[1:]:
        sitter.drop()


def test_opening_and_closing_are_told_and_typing_never_is(
    web: str, sit: Sit, crane: Crane, events: list[Event]
) -> None:
    sitter = sit("services/shop_web", user="nobody").until_printed("/ # ")
    sitter.type("echo hunter2; exit 5\r")
    sitter.until_closed()
    sit("services/shop_web", command=["true", "--password", "hunter2"]).until_closed()

    crane.events.drain()
    told = [event for event in events if event.kind.startswith("terminal.")]
    assert [event.kind for event in told] == ["terminal.opened", "terminal.closed"] * 2
    opened, closed = told[0], told[1]
    assert (opened.by, opened.stack, opened.detail["command"]) == ("ann", "shop", "ash")
    assert (opened.detail["service"], opened.detail["node"], opened.detail["user"]) == ("shop_web", "node1", "nobody")
    assert (closed.detail["outcome"], closed.detail["exit_code"]) == ("exited", 5)
    assert closed.detail["seconds"] >= 0
    assert "hunter2" not in repr(told)
