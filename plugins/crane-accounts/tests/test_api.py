"""Users, groups, roles and grants over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.events import Event

Ask = Callable[..., TestResponse]
Root = Callable[..., Any]


def names(listed: Any) -> list[str]:
    return [item["name"] for item in listed["items"]]


# --- Users --------------------------------------------------------------------------------------------------------


def test_user_is_made_shown_changed_and_removed(ask: Ask, root: Root) -> None:
    made = ask("the-operator", "POST", "/users", {"name": "Ann", "email": "ann@example.org"})
    changed = root("PATCH", "/users/ann", {"display_name": "Ann Lee"})
    shown = ask("the-operator", "GET", "/users/ann")

    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/users/ann")
    assert changed["display_name"] == "Ann Lee"
    assert shown.json == changed == {**made.json, "display_name": "Ann Lee"}
    assert shown.json["groups"] == []
    assert shown.json["admin"] is False
    assert shown.headers["ETag"]
    assert ask("the-operator", "DELETE", "/users/ann").status_code == 204
    assert ask("the-operator", "GET", "/users/ann").status_code == 404


def test_list_of_users_is_filtered(root: Root, people: Any, teams: Any) -> None:
    people(ann="", bob="", eve="")
    teams(team=": ann bob")
    root("POST", "/users", {"name": "robot", "kind": "service"})
    root("PATCH", "/users/eve", {"disabled": True})

    assert names(root("GET", "/users")) == ["ann", "bob", "eve", "robot"]
    assert names(root("GET", "/users?kind=service")) == ["robot"]
    assert names(root("GET", "/users?disabled=true")) == ["eve"]
    assert names(root("GET", "/users?group=team&sort=-name")) == ["bob", "ann"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "../etc"}, "/name"),
        ({"name": "root", "kind": "god"}, "/kind"),
        ({"name": "ann", "email": "nowhere"}, "/email"),
        ({"name": "ann", "display_name": "x" * 201}, "/display_name"),
        ({"name": "ann", "admin": True}, "/admin"),
        ({"name": 7}, "/name"),
    ],
)
def test_user_that_is_none_is_refused(ask: Ask, root: Root, body: Any, pointer: str) -> None:
    answer = ask("the-operator", "POST", "/users", body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert root("GET", "/users")["items"] == []


def test_disabled_account_is_out_at_once(ask: Ask, root: Root, people: Any) -> None:
    people(ann="viewer")
    assert ask("ann", "GET", "/services").status_code == 200

    root("PATCH", "/users/ann", {"disabled": True})

    assert ask("ann", "GET", "/services").status_code == 401


def test_last_admin_stays(ask: Ask, root: Root, people: Any) -> None:
    people(ann="admin")
    [grant] = root("GET", "/grants")["items"]
    refused = [
        ask("ann", "DELETE", "/users/ann"),
        ask("ann", "PATCH", "/users/ann", {"disabled": True}),
        ask("ann", "DELETE", f"/grants/{grant['id']}"),
        ask("the-operator", "POST", "/grants", {"role": "viewer", "effect": "deny", "account": "ann"}),
    ]

    assert [answer.json["code"] for answer in refused] == ["last-admin"] * 4
    assert root("GET", "/users/ann")["admin"] is True

    people(bob="admin")
    assert ask("ann", "DELETE", "/users/ann").status_code == 204
    assert names(root("GET", "/users")) == ["bob"]


def test_last_admin_by_a_group_stays_in_it(ask: Ask, people: Any, teams: Any) -> None:
    people(ann="")
    teams(admins="admin: ann")

    refused = [ask("ann", "DELETE", "/groups/admins"), ask("ann", "DELETE", "/groups/admins/members/ann")]

    assert [answer.json["code"] for answer in refused] == ["last-admin"] * 2


# --- Groups -------------------------------------------------------------------------------------------------------


def test_group_is_made_filled_emptied_and_removed(ask: Ask, root: Root, people: Any) -> None:
    people(ann="", bob="")
    root("POST", "/groups", {"name": "shop-team", "description": "Those of the shop"})
    for name in ("ann", "bob", "ann"):
        root("POST", "/groups/shop-team/members", {"name": name})

    assert root("GET", "/groups/shop-team")["members"] == 2
    assert names(root("GET", "/groups/shop-team/members")) == ["ann", "bob"]
    assert root("GET", "/users/ann")["groups"] == ["shop-team"]

    root("DELETE", "/groups/shop-team/members/ann")
    root("PATCH", "/groups/shop-team", {"description": "All of the shop"})
    assert names(root("GET", "/groups/shop-team/members")) == ["bob"]
    assert root("GET", "/groups")["items"][0]["description"] == "All of the shop"
    assert ask("the-operator", "DELETE", "/groups/shop-team/members/ann").json["code"] == "member-not-found"

    root("DELETE", "/groups/shop-team")
    assert root("GET", "/groups")["items"] == []
    assert root("GET", "/users/bob")["groups"] == []


def test_who_and_what_does_not_exist_is_not_found(ask: Ask, root: Root) -> None:
    root("POST", "/groups", {"name": "team"})
    answers = [
        ask("the-operator", "GET", "/users/eve"),
        ask("the-operator", "GET", "/groups/none"),
        ask("the-operator", "POST", "/groups/team/members", {"name": "eve"}),
        ask("the-operator", "GET", "/roles/none"),
        ask("the-operator", "GET", "/grants/99"),
        ask("the-operator", "POST", "/grants", {"role": "none", "group": "team"}),
        ask("the-operator", "POST", "/grants", {"role": "viewer", "group": "none"}),
        ask("the-operator", "POST", "/grants", {"role": "viewer", "account": "eve"}),
        ask("the-operator", "GET", "/rights?account=eve"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)


# --- Roles --------------------------------------------------------------------------------------------------------


def test_roles_that_come_with_crane_are_made_of_the_actions_that_there_are(root: Root) -> None:
    roles = {role["name"]: set(role["actions"]) for role in root("GET", "/roles?built_in=true")["items"]}
    every = set(names(root("GET", "/actions?limit=1000")))

    assert roles["admin"] == every
    assert roles["viewer"] < roles["operator"] < roles["admin"]
    assert {"service:read", "stack:read", "task:read", "node:read", "live:read"} <= roles["viewer"]
    assert {"service:update", "service:create", "stack:update", "stack:remove", "plan:apply"} <= roles["operator"]
    secret = {"service:reveal", "setting:read", "plugin:read", "user:read", "grant:create", "database:read"}
    assert not roles["operator"] & secret


def test_role_is_made_changed_and_removed(ask: Ask, root: Root) -> None:
    root("POST", "/roles", {"name": "scaler", "actions": ["service:read", "service:update"]})
    changed = root("PATCH", "/roles/scaler", {"description": "Scales.", "actions": ["service:read"]})

    assert (changed["actions"], changed["description"], changed["built_in"]) == (["service:read"], "Scales.", False)
    assert names(root("GET", "/roles")) == ["admin", "operator", "scaler", "viewer"]
    assert ask("the-operator", "POST", "/roles", {"name": "scaler", "actions": []}).json["code"] == "account-name-taken"
    assert ask("the-operator", "POST", "/roles", {"name": "admin", "actions": []}).status_code == 409
    root("DELETE", "/roles/scaler")
    assert ask("the-operator", "GET", "/roles/scaler").status_code == 404


def test_role_of_an_unknown_action_is_refused(ask: Ask) -> None:
    answer = ask("the-operator", "POST", "/roles", {"name": "x", "actions": ["service:read", "service:updat"]})

    [error] = answer.json["errors"]
    assert (error["pointer"], error["code"]) == ("/actions/1", "unknown-action")
    assert "service:update" in error["detail"]


def test_role_that_is_granted_or_built_in_stays(ask: Ask, root: Root, people: Any) -> None:
    root("POST", "/roles", {"name": "scaler", "actions": []})
    people(ann="scaler")

    assert ask("the-operator", "DELETE", "/roles/scaler").json["code"] == "role-in-use"
    assert ask("the-operator", "DELETE", "/roles/viewer").json["code"] == "built-in-role"
    assert ask("the-operator", "PATCH", "/roles/viewer", {"actions": []}).json["code"] == "built-in-role"


# --- Grants -------------------------------------------------------------------------------------------------------


def test_grant_is_made_listed_and_removed(ask: Ask, root: Root, people: Any) -> None:
    people(ann="")
    wanted = {"role": "operator", "account": "ann", "scope": "stack", "on": "shop-*"}
    made = root("POST", "/grants", wanted)

    assert made["name"] == "ann is operator on stacks shop-*"
    assert (made["account"], made["group"], made["created_by"]) == ("ann", None, "local")
    assert root("GET", f"/grants/{made['id']}") == made
    assert root("GET", "/grants?account=ann&role=operator")["items"] == [made]
    assert root("GET", "/grants?scope=node")["items"] == []
    again = ask(
        "the-operator", "POST", "/grants", {"role": "operator", "account": "ann", "scope": "stack", "on": "shop-*"}
    )
    assert again.json["code"] == "grant-exists"
    root("DELETE", f"/grants/{made['id']}")
    assert root("GET", "/grants")["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"account": "ann"}, "/role"),
        ({"role": "viewer"}, "/account"),
        ({"role": "viewer", "account": "ann", "group": "team"}, "/account"),
        ({"role": "viewer", "account": "ann", "scope": "stack"}, "/on"),
        ({"role": "viewer", "account": "ann", "on": "shop"}, "/on"),
        ({"role": "viewer", "account": "ann", "scope": "galaxy", "on": "shop"}, "/scope"),
        ({"role": "viewer", "account": "ann", "scope": "stack", "on": "sh op"}, "/on"),
        ({"role": "viewer", "account": "ann", "scope": "stack", "on": "x" * 300}, "/on"),
        ({"role": "viewer", "account": "ann", "effect": "perhaps"}, "/effect"),
    ],
)
def test_grant_that_is_none_is_refused(ask: Ask, people: Any, body: Any, pointer: str) -> None:
    people(ann="")

    answer = ask("the-operator", "POST", "/grants", body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_everything_that_happens_is_told(
    crane: Crane, events: list[Event], root: Root, people: Any, teams: Any
) -> None:
    people(ann="viewer")
    teams(team="operator@shop: ann")
    root("POST", "/roles", {"name": "scaler", "actions": []})
    root("PATCH", "/users/ann", {"email": "ann@example.org", "disabled": True})
    root("DELETE", "/groups/team")
    crane.events.drain()
    told = [event for event in events if event.kind.partition(".")[0] in ("user", "group", "role", "grant")]

    assert [event.kind for event in told] == [
        "user.created",
        "grant.created",
        "group.created",
        "grant.created",
        "group.updated",
        "role.created",
        "user.updated",
        "group.removed",
    ]
    assert told[3].stack == "shop"
    assert told[6].detail == {"changed": ["disabled", "email"], "disabled": True}
    assert {event.by for event in told} == {"local"}
