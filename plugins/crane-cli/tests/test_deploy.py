"""crane stack deploy and crane stack plan: what is shown, what is followed, how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest


def test_deployment_shows_its_plan_then_its_progress_then_its_verdict(crane, shop):
    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Plan for shop: 1 to update, 1 unchanged; 2 tasks restart.",
        "~ service shop_web  nginx:2, pulled as ci@ghcr.io  (2 tasks restart)",
        "    /TaskTemplate/ContainerSpec/Image",
        "      - nginx:1",
        "      + nginx:2",
        "service shop_web: updated",
        "shop_web: converged, 2 of 2 running",
        "shop: converged. It is converged.",
    ]


def test_plan_is_coloured_for_a_terminal_only(crane, shop):
    assert "\x1b[31m      - nginx:1" in crane("stack", "plan", "-c", "stack.yml", "shop", color=True).stdout
    assert "\x1b" not in crane("stack", "plan", "-c", "stack.yml", "shop").stdout


def test_no_color_is_heeded(crane, shop, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in crane("stack", "plan", "-c", "stack.yml", "shop", color=True).stdout


def test_request_tells_all_that_the_server_must_know(crane, shop, tmp_path, home):
    crane("stack", "deploy", "-c", "stack.yml", "--prune", "--resolve-image", "changed", "--timeout", "1m30s", "shop")

    assert shop.sent("POST", "stacks/shop/plan")[0].body == {
        "files": [{"name": "stack.yml", "content": "services:\n  web:\n    image: nginx:2\n"}],
        "variables": {},
        "attachments": {},
        "working_dir": str(tmp_path),
        "home": str(home),
        "profiles": [],
        "format": "auto",
        "resolve_image": "changed",
        "prune": True,
        "registry_logins": {},
        "timeout": 90.0,
    }


@pytest.mark.parametrize("flag", ["--prune=false", "--prune=true"])
def test_boolean_option_takes_a_value_as_with_docker(crane, shop, flag):
    crane("stack", "deploy", "-c", "stack.yml", flag, "shop")

    assert shop.sent("POST", "stacks/shop/plan")[0].body["prune"] is (flag == "--prune=true")


def test_plan_and_dry_run_change_nothing(crane, shop):
    for command in (("plan",), ("deploy", "--dry-run")):
        result = crane("stack", *command, "-c", "stack.yml", "shop")

        assert result.exit_code == 0
        assert "1 to update" in result.stdout
    assert shop.sent("POST", "plans/p1/apply") == []


def test_stack_file_comes_from_standard_input(crane, shop, tmp_path):
    crane("stack", "plan", "-c", "-", "shop", input="services: {}\n")

    body = shop.sent("POST", "stacks/shop/plan")[0].body
    assert (body["files"], body["working_dir"]) == ([{"name": "stdin", "content": "services: {}\n"}], str(tmp_path))


def test_several_files_are_sent_in_their_order(crane, shop, tmp_path):
    (tmp_path / "more.yml").write_text("services: {}\n")

    crane("stack", "plan", "-c", "stack.yml", "-c", "more.yml", "shop")

    assert [file["name"] for file in shop.sent("POST", "stacks/shop/plan")[0].body["files"]] == [
        "stack.yml",
        "more.yml",
    ]


@pytest.mark.parametrize(
    ("outcome", "status"), [("converged", 0), ("paused", 1), ("rolled-back", 1), ("failed", 1), ("timed-out", 3)]
)
def test_exit_status_tells_the_verdict(crane, shop, operation, outcome, status):
    shop.plays("GET", "operations/o1/events", [operation(outcome)])

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == status
    assert f"shop: {outcome}. It is {outcome}." in result.stdout


def test_verdict_names_each_service_its_cause_and_what_to_do(crane, shop, operation):
    verdict = {
        "outcome": "failed",
        "cause": "1 of 2 services did not converge.",
        "advice": "Look at the tasks: crane stack ps shop",
        "created": ["shop_default"],
        "services": [
            {"name": "shop_web", "outcome": "failed", "cause": "No such image: nginx:2.", "advice": "Push it first."},
            {"name": "shop_db", "outcome": "converged", "cause": "", "advice": None},
        ],
    }
    shop.plays("GET", "operations/o1/events", [operation("failed", verdict=verdict)])

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.stdout.splitlines()[-5:] == [
        "shop: failed. 1 of 2 services did not converge.",
        "  shop_web: failed. No such image: nginx:2.",
        "    Push it first.",
        "Made before it failed: shop_default.",
        "Look at the tasks: crane stack ps shop",
    ]


def test_verdict_says_the_cause_of_its_only_service_once(crane, shop, operation):
    service = {"name": "shop_web", "outcome": "paused", "cause": "No such image.", "advice": "Push it."}
    verdict = {"outcome": "paused", "cause": "shop_web: No such image.", "services": [service]}
    shop.plays("GET", "operations/o1/events", [operation("paused", verdict=verdict)])

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.stdout.splitlines()[-2:] == ["shop: paused. shop_web: No such image.", "    Push it."]


def test_operation_nobody_knows_the_end_of_exits_with_3(crane, shop, operation):
    shop.plays("GET", "operations/o1/events", [operation(state="unknown-yet")])

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 3
    assert "crane operation wait o1" in result.stdout


def test_detached_deployment_is_not_followed(crane, shop):
    result = crane("stack", "deploy", "-d", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "shop: begun. Follow it with: crane operation wait o1"
    assert shop.sent("GET", "operations/o1/events") == []


def test_detached_deployment_waits_until_all_is_sent(crane, shop, operation):
    shop.plays("POST", "plans/p1/apply", (202, operation(state="applying")))
    shop.plays("GET", "operations/o1/events", [operation(state="applying"), operation(), operation("failed")])

    result = crane("stack", "deploy", "-d", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "shop: begun. Follow it with: crane operation wait o1"


def test_detached_deployment_tells_what_the_engine_refused(crane, shop, operation):
    step = {"kind": "service", "name": "shop_web", "action": "create", "state": "failed", "error": "name conflicts"}
    shop.plays("POST", "plans/p1/apply", (202, operation(state="applying", steps=[step])))
    shop.plays("GET", "operations/o1/events", [operation("failed", steps=[step])])

    result = crane("stack", "deploy", "-d", "-c", "stack.yml", "shop")

    assert result.exit_code == 1
    assert "service shop_web: create failed: name conflicts\n" in result.stdout
    assert result.stdout.splitlines()[-1] == "shop: failed. It is failed."


def test_failing_tasks_are_told_once(crane, shop, operation):
    failing = [
        {"task": "t", "slot": 1, "node": "w1", "state": "failed", "error": "exit (1)", "exit_code": 1, "count": 1}
    ]
    service = {**operation()["services"][0], "running": 1, "state": "progressing", "failing": failing}
    shop.plays(
        "GET",
        "operations/o1/events",
        [operation(services=[service]), operation(services=[service]), operation("paused")],
    )

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.stdout.count("shop_web.1 on w1: exit (1)") == 1


def test_quiet_prints_nothing_of_a_good_end_and_all_of_a_bad_one(crane, shop, operation):
    assert crane("stack", "deploy", "-q", "-c", "stack.yml", "shop").output == ""

    shop.plays("GET", "operations/o1/events", [operation("failed")])
    assert crane("stack", "deploy", "-q", "-c", "stack.yml", "shop").stderr == "shop: failed. It is failed.\n"


def test_json_is_the_operation_as_the_server_answers_it(crane, shop, operation):
    result = crane("stack", "deploy", "-o", "json", "-c", "stack.yml", "shop")

    assert json.loads(result.stdout) == operation("converged")
    assert "shop_web: converged" in result.stderr


def test_outdated_plan_is_shown_and_applied_anew(crane, shop, plan):
    newer = plan(id="p2", summary={"create": 0, "update": 1, "remove": 1, "keep": 0, "restarts": 0})
    shop.plays("POST", "plans/p1/apply", (409, {"code": "plan-outdated", "detail": "Outdated.", "plan": newer}))
    shop.plays("POST", "plans/p2/apply", (202, shop.answers[("GET", "/api/v1/operations/o1/events")][0][0]))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert "Plan for shop: 1 to update, 1 to remove." in result.stdout


def test_plan_that_moves_each_time_is_given_up(crane, shop, plan):
    shop.plays("POST", "plans/p1/apply", (409, {"code": "plan-outdated", "detail": "Outdated.", "plan": plan()}))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert (result.exit_code, len(shop.sent("POST", "plans/p1/apply"))) == (1, 3)
    assert "Error: Outdated." in result.stderr


def test_plan_that_breaks_rules_is_not_applied(crane, shop, plan):
    violation = {"pointer": "/services/web/privileged", "detail": "Not here.", "file": "stack.yml", "line": 4}
    shop.plays("POST", "stacks/shop/plan", (201, plan(violations=[violation])))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 2
    assert "Not allowed: stack.yml:4: /services/web/privileged: Not here." in result.stderr
    assert shop.sent("POST", "plans/p1/apply") == []


def test_confirmation_without_a_terminal_changes_nothing(crane, shop):
    result = crane("stack", "deploy", "--confirm", "-c", "stack.yml", "shop")

    assert result.exit_code == 2
    assert "--confirm needs a terminal" in result.stderr
    assert shop.sent("POST", "plans/p1/apply") == []


def test_terminal_sees_bars_and_an_answer_no_stops(shop, tmp_path):
    """Run as a program on a terminal, because only there are bars drawn and questions asked."""

    def on_terminal(*arguments: str, answer: bytes = b"") -> tuple[int, str]:
        ours, theirs = pty.openpty()
        program = subprocess.Popen(
            [sys.executable, "-m", "crane_cli.main", "stack", "deploy", "-c", "stack.yml", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path,
            env={**os.environ, "TERM": "xterm", "CRANE_CLI_SERVER": shop.url},
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, answer)
        seen = b""
        while True:
            try:
                seen += os.read(ours, 4096)
            except OSError:
                break
        os.close(ours)
        return program.wait(), seen.decode()

    status, seen = on_terminal("shop")
    assert (status, "━" in seen, "shop_web" in seen) == (0, True, True)

    applied = len(shop.sent("POST", "plans/p1/apply"))
    status, seen = on_terminal("--confirm", "shop", answer=b"n\n")
    assert (status, "Apply this plan?" in seen) == (1, True)
    assert len(shop.sent("POST", "plans/p1/apply")) == applied


def test_refused_file_is_told_with_its_lines(crane, shop):
    problem = {
        "code": "invalid-stack-file",
        "detail": "The stack file is not valid.",
        "errors": [
            {"pointer": "/services/web/imagee", "detail": "Unknown; is it image?", "file": "stack.yml", "line": 3}
        ],
    }
    shop.plays("POST", "stack-files/inspect", (422, problem))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 2
    assert result.stderr == (
        "Error: The stack file is not valid.\n  stack.yml:3: /services/web/imagee: Unknown; is it image?\n"
    )


def test_only_violation_is_told_once(crane, shop):
    violation = {"pointer": "/services/web", "detail": "It names no image.", "file": "stack.yml", "line": 2}
    shop.plays("POST", "stack-files/inspect", (422, {"detail": "It names no image.", "errors": [violation]}))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.stderr == "Error: stack.yml:2: /services/web: It names no image.\n"


def test_warning_of_plan_and_operation_is_told_once(crane, shop, plan, operation):
    warnings = [{"pointer": "/services/web", "detail": "Left out."}]
    shop.plays("POST", "stacks/shop/plan", (201, plan(warnings=warnings)))
    shop.plays("GET", "operations/o1/events", [operation("converged", warnings=warnings)])

    assert crane("stack", "deploy", "-c", "stack.yml", "shop").stderr == "Warning: /services/web: Left out.\n"


def test_warnings_of_the_plan_are_told(crane, shop, plan):
    shop.plays(
        "POST", "stacks/shop/plan", (201, plan(warnings=[{"pointer": "/services/web/build", "detail": "Left out."}]))
    )

    assert "Warning: /services/web/build: Left out." in crane("stack", "plan", "-c", "stack.yml", "shop").stderr


@pytest.mark.parametrize("timeout", ["5x", "", "-1", "m5"])
def test_wrong_duration_is_wrong_use(crane, shop, timeout):
    assert crane("stack", "deploy", "--timeout", timeout, "-c", "stack.yml", "shop").exit_code == 2
    assert shop.requests == []


def test_deployment_without_a_file_says_how_to_name_one(crane, shop):
    result = crane("stack", "deploy", "shop")

    assert (result.exit_code, result.stderr) == (2, "Error: Name a stack file with -c FILE; - reads standard input.\n")
