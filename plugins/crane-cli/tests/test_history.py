"""Why tasks died, and revisions of stacks: what is asked for, and what is shown."""

from __future__ import annotations

import json

import pytest

ESCAPE = "\x1b[2J"
TASK = {
    "id": "t1abcdefghijklmnopqrstuvw",
    "name": "shop_web.1",
    "service": "shop_web",
    "state": "failed",
    "exit_code": 3,
    "error": "task: non-zero exit (3)",
    "image": "web:1",
    "node": "node2",
    "at": "2026-01-01T00:00:05Z",
    "cause": "The task ends with exit status 3.",
    "gone_at": None,
}
WHY = {
    "task": TASK,
    "cause": {"code": "exits", "text": "The task ends with exit status 3.", "advice": "Look at its logs."},
    "states": [
        {"state": "new", "at": "2026-01-01T00:00:00Z", "message": "created", "error": None},
        {"state": "failed", "at": "2026-01-01T00:00:05Z", "message": "started", "error": "task: non-zero exit (3)"},
    ],
    "node": {"name": "node2", "state": "ready", "state_now": None},
    "memory_limit": 64 * 2**20,
    "out_of_memory": False,
    "health": None,
    "attempts": [{**TASK, "id": "t0", "exit_code": 1}],
    "output": {"text": f"starting\n{ESCAPE}cannot go on\n", "cut": False, "error": None, "at": "2026-01-01T00:00:06Z"},
}
NO_ROUTE = (404, {"code": "not-found", "detail": "There is nothing under this address; /api/v1/docs lists all."})
SUMMARY = {"create": 0, "update": 1, "remove": 0, "keep": 2, "restarts": 1}
REVISION = {
    "id": "shop@2",
    "stack": "shop",
    "number": 2,
    "by": "ann",
    "at": "2026-01-01T00:00:00Z",
    "ended_at": "2026-01-01T00:00:09Z",
    "outcome": "converged",
    "cause": "1 service converged.",
    "operation": "o1",
    "same_as": 1,
    "summary": SUMMARY,
    "changed": "1 updated",
}
WHOLE = {
    **REVISION,
    "files": [{"name": "stack.yml", "content": f"services:\n  web: {ESCAPE}\n"}],
    "variables": {"MODE": "fast", "DB_PASSWORD": "(hidden)"},
    "attachments": [{"path": "./key", "bytes": 3}],
    "images": {"shop_web": "ghcr.io/web:1@sha256:ab"},
}
DIFF = {
    "from": 1,
    "to": 2,
    "files": [
        {"name": "a.yml", "change": "changed", "diff": "--- a\n+++ b\n-x\n+y\n", "hidden_differs": False},
        {"name": "b.yml", "change": "changed", "diff": "", "hidden_differs": True},
        {"name": "c.yml", "change": "changed", "diff": None, "hidden_differs": False},
    ],
    "variables": [{"name": "MODE", "from": None, "to": "fast"}],
    "attachments": [{"path": "./key", "change": "added"}],
    "options": [],
    "images": [{"name": "shop_web", "from": "web:1", "to": "web:2"}],
}


def test_why_tells_cause_states_attempts_and_output(server, crane):
    server.plays("GET", "task-history/shop_web.1/why", WHY)

    result = crane("why", "shop_web.1")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("shop_web.1: failed")
    assert lines[1:3] == ["The task ends with exit status 3.", "Look at its logs."]
    assert "Memory limit:  64.0 MiB" in lines
    assert "Node:          node2 (ready then, gone now)" in lines
    assert "Out of memory: no" in lines
    assert any(line.startswith("failed") and "non-zero exit (3)" in line for line in lines)
    assert any(line.startswith("t0") for line in lines)
    assert lines[-3:] == ["What it printed:", "  starting", "  \\x1b[2Jcannot go on"]


def test_why_as_json_is_what_the_server_answered(server, crane):
    server.plays("GET", "task-history/t1/why", WHY)

    assert json.loads(crane("why", "t1", "--json").stdout) == WHY
    assert json.loads(crane("why", "-o", "json", "t1").stdout) == WHY


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (None, "Nothing is kept of what it printed."),
        ({"text": "", "cut": False, "error": None}, "It printed nothing."),
        ({"text": "", "cut": False, "error": "node2 was down."}, "not all there: node2 was down."),
        ({"text": "x", "cut": True, "error": None}, "The last that it printed:"),
    ],
)
def test_why_says_what_is_missing_of_the_output(server, crane, output, told):
    server.plays("GET", "task-history/t1/why", {**WHY, "output": output})

    assert told in crane("why", "t1").stdout
    assert told not in crane("why", "t1", "--no-output").stdout


def test_server_without_history_is_said_to_be_one(server, crane):
    for path in ("task-history/t1/why", "task-history", "stacks/shop/revisions", "stacks/shop/revisions/diff"):
        server.plays("GET", path, NO_ROUTE)
    server.plays("POST", "stacks/shop/revisions/1/plan", NO_ROUTE)
    for command in ("why t1", "task history", "stack revisions shop", "stack diff shop@1", "stack rollback shop@1"):
        result = crane(*command.split())

        assert (result.exit_code, result.stdout) == (1, "")
        assert "Install the plugin crane-history" in result.stderr, command


def test_task_that_is_not_on_record_is_told_in_the_servers_words(server, crane):
    server.plays("GET", "task-history/x/why", (404, {"code": "not-found", "detail": "There is no task x on record."}))

    result = crane("why", "x")

    assert result.exit_code == 1
    assert "There is no task x on record." in result.stderr


def test_history_of_tasks_is_asked_with_its_filters(server, crane):
    server.plays("GET", "task-history", {"items": [TASK], "total": 1, "sources": []})

    result = crane("task", "history", "-f", "service=shop_web", "-f", "state=failed", "-f", "state=rejected", "--died",
                   "--since", "2026-01-01T00:00:00Z", "-n", "5")  # fmt: skip

    [request] = server.sent("GET", "task-history")
    assert request.query == {
        "limit": "5",
        "since": "2026-01-01T00:00:00Z",
        "died": "true",
        "service": "shop_web",
        "state": "failed,rejected",
    }
    assert "The task ends with exit status 3." in result.stdout
    assert crane("task", "history", "-q").stdout == f"{TASK['id']}\n"


def test_history_of_tasks_with_a_wrong_moment_or_filter_is_refused(server, crane):
    assert crane("task", "history", "--since", "soon").exit_code == 2
    assert crane("task", "history", "-f", "size=1").exit_code == 2
    assert server.requests == []


def test_revisions_are_listed(server, crane):
    server.plays("GET", "stacks/shop/revisions", {"items": [REVISION], "total": 1, "sources": []})

    lines = crane("stack", "revisions", "shop").stdout.splitlines()

    assert "shop@2 (as @1)" in lines[1]
    assert "converged" in lines[1]
    assert crane("stack", "revisions", "shop", "-q").stdout == "shop@2\n"


def test_revision_is_shown_with_its_file_and_variables(server, crane):
    server.plays("GET", "stacks/shop/revisions/2", WHOLE)

    told = crane("stack", "revisions", "shop@2").stdout

    assert "shop@2 (as @1): converged, 1 updated" in told
    assert "DB_PASSWORD=(hidden)" in told
    assert "--- stack.yml\nservices:\n  web: \\x1b[2J" in told
    assert json.loads(crane("stack", "revisions", "shop@2", "-o", "json").stdout) == WHOLE


def test_difference_is_shown(server, crane):
    server.plays("GET", "stacks/shop/revisions/diff", DIFF)

    told = crane("stack", "diff", "shop@1", "shop@2").stdout

    assert server.requests[0].query == {"from": "1", "to": "2"}
    assert "-x\n+y\n" in told
    assert "b.yml: only values differ that are hidden" in told
    assert "c.yml: changed; too long" in told
    assert "  MODE: nothing -> fast" in told
    assert "./key: added" in told
    crane("stack", "diff", "shop@1")
    assert server.requests[1].query == {"from": "1"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "shop"),
        ("diff", "shop@1", "shop"),
        ("diff", "shop@1", "blog@2"),
        ("diff", "shop@x"),
        ("diff", "@1"),
        ("diff", "shop@0"),
        ("diff", "shop@²"),
        ("rollback", "shop@"),
        ("rollback", "shop", "--prune"),
        ("rollback", "shop", "--dry-run"),
        ("revisions", "shop@-1"),
    ],
)
def test_what_is_no_revision_is_refused(server, crane, arguments):
    result = crane("stack", *arguments)

    assert result.exit_code == 2, result.output
    assert server.requests == []


def test_rollback_to_a_revision_shows_the_plan_and_follows_it(shop, crane, plan):
    shop.plays("POST", "stacks/shop/revisions/1/plan", (201, plan()))

    result = crane("stack", "rollback", "shop@1", "--prune", "--timeout", "1m")

    assert result.exit_code == 0
    [request] = shop.sent("POST", "stacks/shop/revisions/1/plan")
    assert (request.query, request.body) == ({"prune": "true", "timeout": "60.0"}, {"registry_logins": {}})
    assert "Plan for shop: 1 to update" in result.stdout
    assert "shop: converged" in result.stdout


def test_dry_run_of_a_rollback_changes_nothing(shop, crane, plan):
    shop.plays("POST", "stacks/shop/revisions/1/plan", (201, plan()))

    result = crane("stack", "rollback", "shop@1", "--dry-run", "-o", "json")

    assert json.loads(result.stdout) == plan()
    assert shop.sent("POST", "plans/p1/apply") == []


def test_rollback_sends_logins_for_the_images_of_the_revision(shop, crane, plan, home):
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"auths": {"ghcr.io": {"auth": "YW5uOnMzY3JldA=="}}}')
    shop.plays("GET", "stacks/shop/revisions/1", WHOLE)
    shop.plays("POST", "stacks/shop/revisions/1/plan", (201, plan()))

    crane("stack", "rollback", "shop@1", "--with-registry-auth")

    [request] = shop.sent("POST", "stacks/shop/revisions/1/plan")
    assert request.body["registry_logins"] == {"ghcr.io": {"username": "ann", "password": "s3cret"}}


def test_rollback_without_a_revision_is_as_it_was(shop, crane, operation):
    shop.plays("POST", "stacks/shop/rollback", (202, operation()))

    assert crane("stack", "rollback", "shop").exit_code == 0
    assert shop.sent("POST", "stacks/shop/rollback")[0].query == {"wait": "0"}
