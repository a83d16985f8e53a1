"""What somebody may do who was given a role on one stack: there everything of it, elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from crane_core.context import Crane

Ask = Callable[..., TestResponse]
Root = Callable[..., Any]
SPEC = {"name": "extra", "image": "nginx:1"}
WEB = {"files": [{"name": "stack.yml", "content": "services: {web: {image: 'nginx:2'}}"}], "resolve_image": "never"}
STACK = "com.docker.stack.namespace"
SERVICE = "com.docker.swarm.service.id"


@pytest.fixture
def two_stacks(people: Any, deploy: Any, root: Root, look: Any) -> None:
    """Two stacks, a service in none, bob as operator of one stack and vera as its viewer."""
    deploy("shop", "bank")
    root("POST", "/services", {"name": "lone", "image": "nginx:1"})
    look()
    people(bob="operator@shop", vera="viewer@shop", max="operator")


def names(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json["items"]]


@pytest.mark.usefixtures("two_stacks")
@pytest.mark.parametrize("name", ["bob", "vera"])
def test_lists_hold_what_is_in_the_own_stack(ask: Ask, name: str) -> None:
    assert names(ask(name, "GET", "/stacks")) == ["shop"]
    assert names(ask(name, "GET", "/services")) == ["shop_web"]
    tasks = ask(name, "GET", "/tasks").json["items"]
    assert {task["service"] for task in tasks} == {"shop_web"}
    operations = ask(name, "GET", "/operations").json["items"]
    assert {operation["stack"] for operation in operations} == {"shop"}


@pytest.mark.usefixtures("two_stacks")
def test_nothing_of_the_whole_server_is_open_to_who_has_a_stack(ask: Ask) -> None:
    for path in ("/nodes", "/plugins", "/settings", "/database", "/users", "/groups", "/roles", "/grants"):
        assert ask("bob", "GET", path).status_code == 403, path
    held = set(ask("bob", "GET", "/whoami").json["actions"])
    assert {"service:create", "stack:update", "task:read", "live:read"} <= held
    assert not {"policy:exceed", "node:read", "plugin:read", "grant:create", "service:reveal"} & held


@pytest.mark.usefixtures("two_stacks")
def test_own_stack_can_be_changed_by_its_operator(ask: Ask, look: Any) -> None:
    assert ask("bob", "PUT", "/stacks/shop", WEB).status_code in (200, 202)
    look()
    assert ask("bob", "POST", "/services/shop_web/scale", {"replicas": 2}).status_code in (200, 202)
    look()
    plan = ask("bob", "POST", "/stacks/shop/plan", WEB)
    assert plan.status_code == 201
    assert ask("vera", "GET", f"/plans/{plan.json['id']}").status_code == 200
    assert ask("vera", "POST", f"/plans/{plan.json['id']}/apply").status_code == 403
    assert ask("bob", "POST", f"/plans/{plan.json['id']}/apply").status_code in (200, 202)
    assert ask("vera", "PUT", "/stacks/shop", WEB).status_code == 403
    assert ask("vera", "GET", "/services/shop_web").status_code == 200


@pytest.mark.usefixtures("two_stacks")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/stacks/bank", None),
        ("GET", "/stacks/bank/services", None),
        ("GET", "/stacks/bank/compose", None),
        ("PUT", "/stacks/bank", WEB),
        ("PUT", "/stacks/new", WEB),
        ("POST", "/stacks/bank/plan", WEB),
        ("POST", "/stacks/bank/rollback", None),
        ("DELETE", "/stacks/bank", None),
        ("GET", "/services/bank_web", None),
        ("GET", "/services/nowhere", None),
        ("PATCH", "/services/bank_web", {"replicas": 2}),
        ("POST", "/services/bank_web/scale", {"replicas": 2}),
        ("POST", "/services/bank_web/image", {"image": "nginx:2"}),
        ("POST", "/services/bank_web/force", None),
        ("POST", "/services/bank_web/rollback", None),
        ("DELETE", "/services/bank_web", None),
        ("DELETE", "/services/lone", None),
        ("PATCH", "/services/lone", {"replicas": 2}),
        ("POST", "/services", SPEC),
        ("POST", "/services?plan=true", SPEC),
        ("POST", "/services", {**SPEC, "Labels": {STACK: "bank"}}),
        ("PATCH", "/services/shop_web", {"Labels": {STACK: "bank"}}),
        ("PATCH", "/services/shop_web", {"Labels": {STACK: None}}),
    ],
)
def test_nothing_else_can_be_seen_or_changed(ask: Ask, crane: Crane, method: str, path: str, body: Any) -> None:
    before = {service.name: service.version for service in crane.cache.snapshot().services.values()}

    answer = ask("bob", method, path, body)

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), answer.text
    crane.watcher.look(full=True)
    assert {service.name: service.version for service in crane.cache.snapshot().services.values()} == before
    # The operator of everything may.
    if path != "/services/nowhere" and "rollback" not in path:
        assert ask("max", method, path, body).status_code < 300


@pytest.mark.usefixtures("two_stacks")
def test_service_in_the_own_stack_can_be_made(ask: Ask, look: Any) -> None:
    made = ask("bob", "POST", "/services", {**SPEC, "Labels": {STACK: "shop"}})

    assert made.status_code in (200, 202), made.text


@pytest.mark.usefixtures("two_stacks")
def test_plan_of_somebody_else_is_not_applied(ask: Ask) -> None:
    plan = ask("max", "POST", "/services?plan=true", SPEC).json["id"]
    other = ask("max", "POST", "/stacks/bank/plan", WEB).json["id"]

    for made in (plan, other):
        assert ask("bob", "GET", f"/plans/{made}").status_code == 403
        assert ask("bob", "POST", f"/plans/{made}/apply").status_code == 403


@pytest.mark.usefixtures("two_stacks")
def test_stack_takes_over_nothing_of_another(ask: Ask, crane: Crane) -> None:
    """The name of a service is made of two, so that shop_web could be of shop, and bank_web of a stack ba."""
    content = "services: {web: {image: 'nginx:1', deploy: {labels: {com.docker.stack.namespace: bank}}}}"
    answer = ask("bob", "PUT", "/stacks/shop", {**WEB, "files": [{"name": "stack.yml", "content": content}]})
    crane.watcher.look(full=True)

    assert answer.status_code in (200, 202, 403, 422)
    assert crane.cache.snapshot().get_service("shop_web").stack == "shop"


@pytest.mark.usefixtures("two_stacks")
def test_return_to_a_spec_of_another_stack_is_refused(ask: Ask, look: Any) -> None:
    """An admin has moved the service from the one stack to the other."""
    ask("max", "PATCH", "/services/bank_web", {"Labels": {STACK: "shop"}})
    look()
    assert names(ask("bob", "GET", "/services")) == ["bank_web", "shop_web"]

    answer = ask("bob", "POST", "/services/bank_web/rollback")

    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "belongs-to-another")
    assert "in the stack bank" in answer.json["errors"][0]["detail"]


def test_pattern_covers_stacks_of_its_names(ask: Ask, people: Any, deploy: Any) -> None:
    deploy("shop-test", "shop", "bank")
    people(ann="viewer@shop-*", eve="viewer@*")

    assert names(ask("ann", "GET", "/stacks")) == ["shop-test"]
    assert names(ask("eve", "GET", "/stacks")) == ["bank", "shop", "shop-test"]
    assert ask("eve", "GET", "/nodes").status_code == 403


def test_one_deny_wins(ask: Ask, people: Any, teams: Any, deploy: Any) -> None:
    deploy("shop", "bank")
    people(ann="admin", bob="operator -operator@bank", eve="viewer -viewer")
    teams(auditors="-operator@shop: bob")

    assert ask("bob", "GET", "/stacks/bank").status_code == 403
    assert names(ask("bob", "GET", "/stacks")) == []
    denied = ask("bob", "GET", "/stacks/shop").json["detail"]
    assert "bob is denied operator on the stack shop by the group auditors" in denied
    assert ask("eve", "GET", "/stacks").status_code == 403


def test_node_is_granted_by_its_name(ask: Ask, root: Root, people: Any, crane: Crane) -> None:
    people(ann="")
    [node, *_] = [item["name"] for item in root("GET", "/nodes")["items"]]
    assert ask("ann", "GET", "/nodes").status_code == 403
    root("POST", "/grants", {"role": "viewer", "account": "ann", "scope": "node", "on": node})

    assert names(ask("ann", "GET", "/nodes")) == [node]
    assert ask("ann", "GET", "/services").status_code == 403


def test_what_concerns_no_object_is_granted_by_a_role_of_ones_own(ask: Ask, root: Root, people: Any) -> None:
    root("POST", "/roles", {"name": "watcher", "actions": ["health:read", "plugin:read"]})
    people(ann="watcher", bob="viewer", eve="watcher@*")

    assert "checks" in ask("ann", "GET", "/health").json
    assert "checks" not in ask("bob", "GET", "/health").json
    assert "checks" not in ask("eve", "GET", "/health").json
    assert ask("ann", "GET", "/plugins").status_code == 200
    assert ask("eve", "GET", "/plugins").status_code == 403


# --- Limits of a token --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_stacks")
def test_limits_narrow_what_was_granted(ask: Ask) -> None:
    reading = {"actions": ["service:read"]}
    assert names(ask("max", "GET", "/services", limits=reading)) == ["bank_web", "lone", "shop_web"]
    assert ask("max", "GET", "/stacks", limits=reading).status_code == 403
    assert ask("max", "DELETE", "/services/lone", limits=reading).status_code == 403

    shop = {"stacks": ["sho*"]}
    assert names(ask("max", "GET", "/services", limits=shop)) == ["shop_web"]
    assert ask("max", "GET", "/nodes", limits=shop).status_code == 403
    assert ask("max", "GET", "/services/bank_web", limits=shop).status_code == 403
    assert ask("max", "POST", "/services/shop_web/scale", {"replicas": 2}, limits=shop).status_code in (200, 202)
    assert ask("max", "POST", "/services", SPEC, limits=shop).status_code == 403
    refused = ask("max", "DELETE", "/services/lone", limits=shop).json["detail"]
    assert "the token that was sent is not for this stack" in refused


@pytest.mark.usefixtures("two_stacks")
def test_limits_give_nothing(ask: Ask) -> None:
    assert ask("bob", "GET", "/nodes", limits={"actions": ["node:read"]}).status_code == 403
    assert ask("bob", "GET", "/services/bank_web", limits={"stacks": ["bank"]}).status_code == 403


# --- Labels -------------------------------------------------------------------------------------------------------


@pytest.fixture
def labelled(people: Any, teams: Any, root: Root, look: Any) -> None:
    """A service in no stack that the group qa may read and the group dev may change; ann is in both, bob in qa."""
    people(ann="", bob="", dave="", admin="admin")
    teams(qa=": ann bob", dev=": ann dave")
    labels = {"crane.reserved.permissions.qa.r": "true", "crane.reserved.permissions.dev.w": "true"}
    root("POST", "/services", {"name": "lone", "image": "nginx:1", "Labels": labels})
    root("POST", "/services", {"name": "other", "image": "nginx:1"})
    look()


@pytest.mark.usefixtures("labelled")
def test_label_grants_to_a_group(ask: Ask, look: Any) -> None:
    for name in ("ann", "bob", "dave"):
        assert names(ask(name, "GET", "/services")) == ["lone"]
        assert {task["service"] for task in ask(name, "GET", "/tasks").json["items"]} == {"lone"}
        assert ask(name, "GET", "/services/other").status_code == 403
        assert ask(name, "GET", "/stacks").status_code == 403
    assert ask("bob", "POST", "/services/lone/scale", {"replicas": 2}).status_code == 403
    scaled = ask("dave", "POST", "/services/lone/scale", {"replicas": 2})
    assert scaled.status_code in (200, 202)
    assert ask("bob", "GET", f"/operations/{scaled.json['id']}").status_code == 200
    assert ask("ann", "POST", "/services", SPEC).status_code == 403


@pytest.mark.usefixtures("labelled")
def test_label_lets_nobody_make_a_service(ask: Ask) -> None:
    labels = {"crane.reserved.permissions.dev.w": "true"}

    assert ask("dave", "POST", "/services", {**SPEC, "Labels": labels}).status_code == 403


@pytest.mark.usefixtures("labelled", "two_stacks_for_labels")
@pytest.mark.parametrize("given", ["true", "false"])
@pytest.mark.parametrize("entry", ["create", "update", "deploy", "plan", "rollback", "remove"])
def test_who_may_not_grant_changes_no_label_that_grants(ask: Ask, look: Any, entry: str, given: str) -> None:
    label = "crane.reserved.permissions.qa.w"
    content = f"services: {{web: {{image: 'nginx:1', deploy: {{labels: {{{label}: '{given}'}}}}}}}}"
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
    if entry == "rollback":
        ask("admin", "PATCH", "/services/shop_web", {"Labels": {label: given}})
        look()
        ask("admin", "PATCH", "/services/shop_web", {"Labels": {label: None}})
        look()
    entries: dict[str, tuple[str, str, Any]] = {
        "create": ("POST", "/services", {**SPEC, "Labels": {STACK: "shop", label: given}}),
        "update": ("PATCH", "/services/shop_web", {"Labels": {label: given}}),
        "deploy": ("PUT", "/stacks/shop", body),
        "plan": ("POST", "/stacks/shop/plan", body),
        "rollback": ("POST", "/services/shop_web/rollback", None),
        "remove": ("PATCH", "/services/lone", {"Labels": {"crane.reserved.permissions.qa.r": None}}),
    }
    name = "dave" if entry == "remove" else "bert"

    answer = ask(name, *entries[entry])

    if entry == "plan":
        assert [found["code"] for found in answer.json["violations"]] == ["permission-label"]
    else:
        assert answer.status_code == 422, answer.text
        assert [found["code"] for found in answer.json["errors"]] == ["permission-label"]
    assert ask("admin", *entries[entry]).status_code < 300


@pytest.fixture
def two_stacks_for_labels(people: Any, deploy: Any) -> None:
    """A stack with an operator who may not grant."""
    deploy("shop")
    people(bert="operator@shop")


# --- What is on a node --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_stacks")
def test_container_is_a_matter_of_its_stack_and_of_its_node(ask: Ask, root: Root, people: Any, swarm: Any) -> None:
    by_hand = swarm.engine("node1").containers.add("by-hand", Labels={STACK: "shop", SERVICE: "gone"})
    swarm.engine("node2").containers.add("other")
    people(ann="", eve="viewer")
    root("POST", "/grants", {"role": "operator", "account": "ann", "scope": "node", "on": "node1"})
    root("POST", "/grants", {"role": "viewer", "account": "eve", "effect": "deny", "scope": "node", "on": "node1"})

    def seen(name: str) -> set[tuple[str, str | None]]:
        items = ask(name, "GET", "/containers").json["items"]
        return {(each["node"], each["stack"]) for each in items}

    # What calls itself of the stack, and is not of a service of it, is not its operator's.
    assert {stack for _, stack in seen("bob")} == {"shop"}
    assert ask("bob", "GET", f"/containers/{by_hand}").status_code == 403
    assert {node for node, _ in seen("ann")} == {"node1"}
    assert ask("ann", "POST", "/containers/by-hand/pause").status_code == 200
    assert ask("ann", "POST", "/containers/other/pause").status_code == 403
    assert "node1" not in {node for node, _ in seen("eve")}
    assert ("node2", None) in seen("eve")
    assert ask("eve", "POST", "/containers/other/pause").status_code == 403


@pytest.mark.usefixtures("two_stacks")
def test_prune_takes_only_what_one_may_remove(ask: Ask, swarm: Any) -> None:
    for name, stack in (("shop_data", "shop"), ("bank_data", "bank")):
        swarm.engine("node1").volumes.add(name, Labels={STACK: stack})

    preview = ask("bob", "GET", "/volumes/prune?all=true").json
    assert [[each["name"] for each in node["items"]] for node in preview["nodes"] if node["items"]] == [["shop_data"]]
    assert ask("max", "POST", "/volumes/prune", {"token": preview["token"]}).status_code == 404
    assert ask("vera", "POST", "/volumes/prune", {"token": preview["token"]}).status_code == 403
    assert ask("bob", "POST", "/volumes/prune", {"token": preview["token"]}).json["count"] == 1
    assert ask("bob", "DELETE", "/volumes/node1/bank_data").status_code == 403
