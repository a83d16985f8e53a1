"""Nobody gives away more than they hold, nor takes from who holds more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Root = Callable[..., Any]


@pytest.fixture
def company(people: Any, teams: Any, root: Root, deploy: Any) -> None:
    """An admin of everything, one of a stack, one who manages accounts, and somebody with nothing."""
    deploy("shop", "bank")
    manages = ["user:read", "user:update", "user:remove", "member:create", "member:remove", "group:create"]
    manages += ["role:create", "role:update", "group:remove", "group:read", "grant:create", "grant:remove"]
    root("POST", "/roles", {"name": "manager", "actions": manages})
    root("POST", "/roles", {"name": "scaler", "actions": ["service:read", "service:update"]})
    people(root="admin", ann="admin@shop", mia="manager viewer", eve="")
    teams(viewers="viewer:", operators="operator:", shop_team="operator@shop:", banned="-operator@shop: eve")


def code(answer: TestResponse) -> str | None:
    return (answer.json or {}).get("code") if answer.status_code >= 400 else None


@pytest.mark.usefixtures("company")
def test_admin_of_a_stack_gives_what_belongs_to_it(ask: Ask) -> None:
    for role in ("viewer", "operator", "admin", "scaler"):
        given = ask("ann", "POST", "/grants", {"role": role, "account": "eve", "scope": "stack", "on": "shop"})
        assert given.status_code == 201, given.text
        assert given.json["created_by"] == "ann"
    listed = ask("ann", "GET", "/grants").json["items"]
    assert {grant["on"] for grant in listed} == {"shop"}
    assert ask("ann", "DELETE", f"/grants/{given.json['id']}").status_code == 204


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    "where",
    [
        {},
        {"scope": "stack", "on": "bank"},
        {"scope": "stack", "on": "shop*"},
        {"scope": "stack", "on": "*"},
        {"scope": "node", "on": "*"},
        {"scope": "registry", "on": "shop"},
    ],
)
def test_admin_of_a_stack_gives_nothing_elsewhere(ask: Ask, where: Any) -> None:
    for effect in ("allow", "deny"):
        answer = ask("ann", "POST", "/grants", {"role": "viewer", "account": "eve", "effect": effect, **where})
        assert code(answer) == "forbidden", answer.text


@pytest.mark.usefixtures("company")
def test_grants_elsewhere_are_neither_seen_nor_removed(ask: Ask, root: Root) -> None:
    [grant] = root("GET", "/grants?group=viewers")["items"]

    assert ask("ann", "GET", f"/grants/{grant['id']}").status_code == 403
    assert ask("ann", "DELETE", f"/grants/{grant['id']}").status_code == 403


@pytest.mark.usefixtures("company")
def test_who_may_grant_gives_only_what_they_hold(ask: Ask) -> None:
    assert ask("mia", "POST", "/grants", {"role": "viewer", "account": "eve"}).status_code == 201
    assert ask("mia", "POST", "/grants", {"role": "manager", "account": "eve"}).status_code == 201
    for role in ("operator", "admin", "scaler"):
        answer = ask("mia", "POST", "/grants", {"role": role, "account": "mia"})
        assert code(answer) == "more-than-you-hold"
        assert answer.json["missing"]
    assert "service:update" in ask("mia", "POST", "/grants", {"role": "scaler", "account": "mia"}).json["missing"]


@pytest.mark.usefixtures("company")
def test_who_is_withheld_something_somewhere_cannot_give_it_everywhere(ask: Ask, root: Root) -> None:
    root("POST", "/grants", {"role": "viewer", "account": "mia", "effect": "deny", "scope": "stack", "on": "ba*"})

    for where in ({}, {"scope": "stack", "on": "*k"}):
        answer = ask("mia", "POST", "/grants", {"role": "viewer", "account": "eve", **where})
        assert code(answer) == "more-than-you-hold"
    where = {"scope": "stack", "on": "shop"}
    assert ask("mia", "POST", "/grants", {"role": "viewer", "account": "eve", **where}).status_code == 201


@pytest.mark.usefixtures("company")
def test_member_is_put_only_into_a_group_that_gives_no_more(ask: Ask) -> None:
    assert ask("mia", "POST", "/groups/viewers/members", {"name": "mia"}).status_code == 204
    for group in ("operators", "shop-team"):
        assert code(ask("mia", "POST", f"/groups/{group}/members", {"name": "mia"})) == "more-than-you-hold"


@pytest.mark.usefixtures("company")
def test_who_is_shut_out_is_let_in_only_by_who_could_give_as_much(ask: Ask, root: Root) -> None:
    [denied] = root("GET", "/grants?group=banned")["items"]
    answers = [
        ask("mia", "DELETE", "/groups/banned/members/eve"),
        ask("mia", "DELETE", "/groups/banned"),
        ask("mia", "DELETE", f"/grants/{denied['id']}"),
    ]

    assert [code(answer) for answer in answers] == ["more-than-you-hold"] * 3
    assert ask("ann", "DELETE", f"/grants/{denied['id']}").status_code == 204


@pytest.mark.usefixtures("company")
def test_role_that_is_granted_grows_only_by_what_one_holds(ask: Ask, root: Root) -> None:
    root("POST", "/grants", {"role": "scaler", "account": "mia", "scope": "stack", "on": "shop"})
    more = ["service:read", "service:update", "service:remove"]

    assert code(ask("mia", "PATCH", "/roles/scaler", {"actions": more})) == "more-than-you-hold"
    assert ask("mia", "PATCH", "/roles/scaler", {"actions": ["service:read"]}).status_code == 200
    assert ask("root", "PATCH", "/roles/scaler", {"actions": more}).status_code == 200


@pytest.mark.usefixtures("company")
def test_role_that_is_withheld_shrinks_only_by_what_one_holds(ask: Ask, root: Root) -> None:
    root("POST", "/grants", {"role": "scaler", "account": "mia", "effect": "deny"})

    assert code(ask("mia", "PATCH", "/roles/scaler", {"actions": []})) == "more-than-you-hold"


@pytest.mark.usefixtures("company")
def test_who_may_do_more_is_neither_changed_nor_removed(ask: Ask) -> None:
    for name in ("root", "ann"):
        assert code(ask("mia", "PATCH", f"/users/{name}", {"disabled": True})) == "more-than-you-hold"
        assert code(ask("mia", "DELETE", f"/users/{name}")) == "more-than-you-hold"
    assert ask("mia", "PATCH", "/users/eve", {"disabled": True}).status_code == 200
    assert ask("mia", "PATCH", "/users/mia", {"display_name": "Mia"}).status_code == 200
    assert ask("mia", "DELETE", "/users/eve").status_code == 204


@pytest.mark.usefixtures("company")
def test_admin_of_a_stack_cannot_shut_admins_out_of_it(ask: Ask, root: Root) -> None:
    root("POST", "/groups/viewers/members", {"name": "root"})
    shop = {"role": "admin", "effect": "deny", "scope": "stack", "on": "shop"}

    assert code(ask("ann", "POST", "/grants", {**shop, "account": "root"})) == "more-than-you-hold"
    assert code(ask("ann", "POST", "/grants", {**shop, "group": "viewers"})) == "more-than-you-hold"
    assert ask("ann", "POST", "/grants", {**shop, "account": "mia"}).status_code == 201


@pytest.mark.usefixtures("company")
def test_token_gives_no_more_than_it_is_for(ask: Ask) -> None:
    shop = {"stacks": ["shop"]}
    assert ask(
        "root", "POST", "/grants", {"role": "viewer", "account": "eve", "scope": "stack", "on": "shop"}, limits=shop
    ).status_code == 201  # fmt: skip
    assert ask("root", "POST", "/grants", {"role": "viewer", "account": "eve"}, limits=shop).status_code == 403
    few = {"actions": ["grant:create", "service:read"]}
    answer = ask("root", "POST", "/grants", {"role": "admin", "account": "eve"}, limits=few)
    assert code(answer) == "more-than-you-hold"


@pytest.mark.usefixtures("company")
def test_group_that_labels_grant_to_is_made_and_filled_by_who_may_grant_there(ask: Ask, root: Root, look: Any) -> None:
    root("PATCH", "/services/bank_web", {"Labels": {"crane.reserved.permissions.qa.w": "true"}})
    look()

    assert code(ask("mia", "POST", "/groups", {"name": "qa"})) is None  # who may grant everywhere may grant there
    root("POST", "/roles", {"name": "clerk", "actions": ["group:create", "member:create"]})
    root("POST", "/users", {"name": "tim"})
    root("POST", "/grants", {"role": "clerk", "account": "tim"})
    assert code(ask("tim", "POST", "/groups/qa/members", {"name": "tim"})) == "more-than-you-hold"
    root("DELETE", "/groups/qa")
    assert code(ask("tim", "POST", "/groups", {"name": "qa"})) == "more-than-you-hold"


@pytest.mark.usefixtures("company")
def test_rights_are_explained(ask: Ask, root: Root) -> None:
    root("POST", "/groups/shop-team/members", {"name": "eve"})
    root("DELETE", "/groups/banned/members/eve")
    asked = root("GET", "/rights?account=eve&kind=service&name=shop_web&action=service:update")

    assert asked["target"] == {"kind": "service", "name": "shop_web", "stack": "shop"}
    [right] = asked["rights"]
    assert right["allowed"] is True
    assert right["reason"] == "eve is operator on the stack shop by the group shop-team"
    assert [grant["text"] for grant in right["grants"]] == [right["reason"]]

    of_stack = root("GET", "/rights?account=eve&kind=stack&name=shop")["rights"]
    allowed = {right["action"]: right["allowed"] for right in of_stack}
    assert allowed["stack:update"] is allowed["service:remove"] is allowed["task:read"] is True
    assert allowed["service:reveal"] is allowed["grant:create"] is False
    elsewhere = root("GET", "/rights?account=eve&kind=stack&name=bank")["rights"]
    assert not any(right["allowed"] or right["grants"] for right in elsewhere)
    of_group = root("GET", "/rights?group=shop-team&kind=stack&name=shop&action=stack:update")
    assert of_group["rights"][0]["reason"] == "who is in shop-team is operator on the stack shop"
    root("PATCH", "/users/eve", {"disabled": True})
    [right] = root("GET", "/rights?account=eve&action=service:read")["rights"]
    assert (right["allowed"], right["reason"]) == (False, "the account eve is disabled")


@pytest.mark.usefixtures("company")
def test_rights_of_others_are_told_to_who_may_see_grants_there(ask: Ask) -> None:
    assert ask("eve", "GET", "/rights").status_code == 200
    assert ask("eve", "GET", "/rights?account=eve").json["rights"][0]["allowed"] in (True, False)
    assert ask("eve", "GET", "/rights?kind=service&name=bank_web").status_code == 403
    assert ask("eve", "GET", "/rights?kind=service&name=nowhere").status_code == 403
    assert ask("eve", "GET", "/rights?account=ann").status_code == 403
    assert ask("eve", "GET", "/rights?group=viewers").status_code == 403
    assert ask("ann", "GET", "/rights?account=eve&kind=stack&name=shop").status_code == 200
    assert ask("ann", "GET", "/rights?account=root&kind=stack&name=bank").status_code == 403
    assert ask("ann", "GET", "/rights?account=root").status_code == 403
    assert ask("nobody", "GET", "/rights").status_code == 401


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=galaxy&name=x", 422),
        ("name=x", 422),
        ("account=ann&group=viewers", 422),
        ("action=service:nothing", 404),
        ("kind=service&name=nowhere", 404),
        ("kind=live&name=x", 404),
        ("color=red", 422),
    ],
)
def test_question_about_rights_that_is_none_is_refused(ask: Ask, query: str, status: int) -> None:
    assert ask("root", "GET", f"/rights?{query}").status_code == status
