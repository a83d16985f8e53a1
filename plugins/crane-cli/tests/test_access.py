"""crane user, group, role, grant and may: who there is, and who may do what."""

from __future__ import annotations

import json
from typing import Any

import pytest

ANN = {
    "id": 1,
    "name": "ann",
    "kind": "user",
    "display_name": "Ann \x1b[31mLee",
    "email": "ann@example.org",
    "disabled": False,
    "source": "local",
    "groups": ["shop-team", "qa"],
    "admin": True,
    "created_at": "2026-05-04T12:00:00Z",
}
GRANT = {
    "id": 7,
    "name": "the group shop-team is operator on stacks shop-*",
    "effect": "allow",
    "role": "operator",
    "account": None,
    "group": "shop-team",
    "scope": "stack",
    "on": "shop-*",
    "created_by": "ann",
    "created_at": "2026-05-04T12:00:00Z",
}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items), "total": len(items), "version": "1", "sources": []}


def cells(result: Any) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("   ") if cell.strip()] for row in result.stdout.splitlines()]


def test_users_are_listed(crane, server):
    server.plays(
        "GET", "users", listed(ANN, {**ANN, "name": "bot", "kind": "service", "admin": False, "disabled": True})
    )

    result = crane("user", "ls", "--group", "qa")

    rows = cells(result)
    assert rows[1] == ["ann", "Ann \\x1b[31mLee", "user", "shop-team, qa", "admin", "local"]
    assert rows[2][-1] == "disabled"
    assert server.requests[0].query == {"limit": "1000", "group": "qa"}
    assert crane("user", "ls", "-q").stdout == "ann\nbot\n"


@pytest.mark.parametrize(
    ("arguments", "method", "path", "body"),
    [
        (
            ("user", "create", "ann", "--email", "a@b"),
            "POST",
            "users",
            {"name": "ann", "kind": "user", "display_name": "", "email": "a@b"},
        ),
        (
            ("user", "create", "bot", "--service"),
            "POST",
            "users",
            {"name": "bot", "kind": "service", "display_name": "", "email": ""},
        ),
        (("user", "update", "ann", "--disable"), "PATCH", "users/ann", {"disabled": True}),
        (
            ("user", "update", "ann", "--enable", "--email", "a@b"),
            "PATCH",
            "users/ann",
            {"disabled": False, "email": "a@b"},
        ),
        (("user", "rm", "ann"), "DELETE", "users/ann", None),
        (("group", "create", "qa", "--description", "QA"), "POST", "groups", {"name": "qa", "description": "QA"}),
        (("group", "update", "qa", "--description", "QA"), "PATCH", "groups/qa", {"description": "QA"}),
        (("group", "rm", "qa"), "DELETE", "groups/qa", None),
        (("group", "add", "qa", "ann"), "POST", "groups/qa/members", {"name": "ann"}),
        (("group", "take-out", "qa", "ann"), "DELETE", "groups/qa/members/ann", None),
        (
            ("role", "create", "scaler", "--action", "service:read", "--action", "service:update"),
            "POST",
            "roles",
            {"name": "scaler", "actions": ["service:read", "service:update"], "description": ""},
        ),
        (("role", "update", "scaler", "--description", "Scales"), "PATCH", "roles/scaler", {"description": "Scales"}),
        (("role", "rm", "scaler"), "DELETE", "roles/scaler", None),
        (
            ("grant", "create", "operator", "--group", "shop-team", "--stack", "shop-*", "--deny"),
            "POST",
            "grants",
            {
                "role": "operator",
                "effect": "deny",
                "account": None,
                "group": "shop-team",
                "scope": "stack",
                "on": "shop-*",
            },
        ),
        (
            ("grant", "create", "viewer", "--user", "ann"),
            "POST",
            "grants",
            {"role": "viewer", "effect": "allow", "account": "ann", "group": None},
        ),
        (("grant", "rm", "7"), "DELETE", "grants/7", None),
    ],
)
def test_command_sends_what_it_says(crane, server, arguments, method, path, body):
    empty = method == "DELETE" or path.endswith("members")
    server.plays(method, path, (204, b"") if empty else (200, {"name": "done", "id": 7}))

    result = crane(*arguments)

    assert result.exit_code == 0, result.stderr
    [request] = server.sent(method, path)
    assert request.body == body
    assert result.stdout


def test_role_changes_by_what_is_added_and_taken(crane, server):
    server.plays("GET", "roles/scaler", {"name": "scaler", "actions": ["service:read", "task:read"]})
    server.plays("PATCH", "roles/scaler", {"name": "scaler"})

    crane("role", "update", "scaler", "--add", "service:update", "--take", "task:read")

    assert server.sent("PATCH", "roles/scaler")[0].body == {"actions": ["service:read", "service:update"]}
    refused = crane("role", "update", "scaler", "--take", "node:read")
    assert (refused.exit_code, "does not hold node:read" in refused.stderr) == (2, True)


def test_account_is_shown(crane, server):
    server.plays("GET", "users/ann", ANN)

    told = crane("user", "inspect", "ann").stdout

    assert "Groups:       shop-team, qa\n" in told
    assert "\x1b" not in told
    assert json.loads(crane("user", "inspect", "ann", "-o", "json").stdout) == ANN


def test_groups_and_their_members_are_listed(crane, server):
    server.plays("GET", "groups", listed({"name": "qa", "description": "QA", "members": 2, "grants": 1}))
    member = {"name": "ann", "display_name": "Ann", "sources": ["ldap", "local"], "disabled": False}
    server.plays("GET", "groups/qa/members", listed(member))

    assert cells(crane("group", "ls"))[1] == ["qa", "2", "1", "QA"]
    assert cells(crane("group", "inspect", "qa"))[1] == ["ann", "Ann", "ldap, local"]


def test_roles_and_actions_are_listed(crane, server):
    role = {
        "name": "viewer",
        "actions": ["node:read", "gone:read"],
        "grants": 1,
        "built_in": True,
        "description": "Sees.",
    }
    server.plays("GET", "roles", listed(role))
    server.plays("GET", "roles/viewer", role)
    server.plays(
        "GET", "actions", listed({"name": "node:read", "help": "See nodes.", "within": ["node"], "roles": ["viewer"]})
    )

    assert cells(crane("role", "ls"))[1] == ["viewer", "2", "1", "yes", "Sees."]
    assert cells(crane("role", "inspect", "viewer"))[1:] == [
        ["node:read", "See nodes.", "node"],
        ["gone:read", "everything only"],
    ]
    assert cells(crane("role", "actions"))[1] == ["node:read", "See nodes.", "node", "viewer"]


def test_grants_are_listed(crane, server):
    everything = {**GRANT, "id": 8, "group": None, "account": "ann", "scope": "everything", "on": "", "effect": "deny"}
    server.plays("GET", "grants", listed(GRANT, everything))
    server.plays("GET", "grants/7", GRANT)

    rows = cells(crane("grant", "ls", "--role", "operator"))

    assert rows[1][:5] == ["7", "group shop-team", "allow", "operator", "stack shop-*"]
    assert rows[2][:5] == ["8", "ann", "deny", "operator", "everything"]
    assert json.loads(crane("grant", "inspect", "7").stdout) == GRANT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "update", "ann"), "Say what to change"),
        (("role", "update", "scaler"), "Say what to change"),
        (("grant", "create", "viewer"), "Say who is to have it"),
        (("grant", "create", "viewer", "--user", "ann", "--group", "qa"), "one at a time"),
        (("grant", "create", "viewer", "--user", "ann", "--stack", "a", "--node", "b"), "on one thing"),
        (("may", "ann", "--group", "qa"), "an account or about a group"),
        (("may", "ann", "--stack", "a", "--service", "b"), "one thing"),
    ],
)
def test_what_cannot_be_meant_is_refused(crane, server, arguments, sentence):
    result = crane(*arguments)

    assert (result.exit_code, server.requests) == (2, [])
    assert sentence in result.stderr


def test_rights_are_told_with_their_reasons(crane, server):
    allowed = {"action": "service:read", "allowed": True, "reason": "bob is viewer on the stack shop", "grants": []}
    denied = {"action": "service:update", "allowed": False, "reason": "nobody allowed it", "grants": []}
    answer = {"account": "bob", "group": None, "target": {"kind": "stack", "name": "shop", "stack": "shop"}}
    server.plays("GET", "rights", {**answer, "rights": [allowed, denied]})

    rows = cells(crane("may", "bob", "--stack", "shop"))

    assert rows == [["ACTION", "ALLOWED", "WHY"], ["service:read", "yes", "bob is viewer on the stack shop"]]
    assert server.requests[0].query == {"account": "bob", "kind": "stack", "name": "shop"}
    assert len(cells(crane("may", "bob", "--all"))) == 3
    server.plays("GET", "rights", {**answer, "rights": []})
    assert "nothing that bob may do" in crane("may", "bob").stderr


@pytest.mark.parametrize(("allowed", "status", "said"), [(True, 0, "yes: because\n"), (False, 1, "no: because\n")])
def test_exit_status_tells_whether_one_action_is_allowed(crane, server, allowed, status, said):
    right = {"action": "service:update", "allowed": allowed, "reason": "because"}
    server.plays("GET", "rights", {"account": "bob", "rights": [right]})

    result = crane("may", "bob", "service:update", "--service", "shop_web")

    assert (result.exit_code, result.stdout) == (status, said)
    assert server.requests[0].query == {
        "account": "bob",
        "action": "service:update",
        "kind": "service",
        "name": "shop_web",
    }


def test_refusal_of_the_server_is_told(crane, server):
    server.plays("DELETE", "users/ann", (409, {"code": "last-admin", "detail": "Somebody must be left."}))

    result = crane("user", "rm", "ann")

    assert (result.exit_code, "Somebody must be left." in result.stderr) == (1, True)


def test_password_is_set_from_standard_input_and_not_shown(crane, server):
    server.plays("PUT", "passwords/bob", (204, b""))

    result = crane("user", "password", "bob", "--password-stdin", input="velvet otter seventeen\n")

    assert (result.exit_code, result.output) == (0, "bob\n")
    [sent] = server.sent("PUT", "passwords/bob")
    assert sent.body == {"password": "velvet otter seventeen", "must_change": True}


def test_password_may_be_kept(crane, server):
    server.plays("PUT", "passwords/bob", (204, b""))

    crane("user", "password", "bob", "--password-stdin", "--keep", input="velvet otter seventeen\n")

    assert server.sent("PUT", "passwords/bob")[0].body["must_change"] is False


def test_without_terminal_the_password_must_be_given(crane, server):
    result = crane("user", "password", "bob")

    assert (result.exit_code, server.sent("PUT", "passwords/bob")) == (2, [])
    assert "--password-stdin" in result.stderr


@pytest.mark.parametrize(("more", "whose"), [((), {}), (("--group", "qa"), {"group": "qa"})])
def test_one_action_is_asked_of_oneself_or_of_a_group(crane, server, more, whose):
    server.plays("GET", "rights", {"rights": [{"action": "service:update", "allowed": True, "reason": "ann is admin"}]})

    result = crane("may", "service:update", "--service", "shop_web", *more)

    assert (result.exit_code, result.stdout) == (0, "yes: ann is admin\n")
    [asked] = server.sent("GET", "rights")
    assert asked.query == {"action": "service:update", "kind": "service", "name": "shop_web", **whose}
