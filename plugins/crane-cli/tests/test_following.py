"""An operation is followed until it ends, whatever becomes of the connection."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from crane_cli.following import PAUSES


def test_dropped_connection_is_taken_up_again_by_the_operations_id(crane, shop, operation, drop, pauses):
    shop.plays(
        "GET",
        "operations/o1/events",
        [operation(), drop],
        (503, {"detail": "The server is starting."}),
        [operation("converged")],
    )

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert "The operation goes on; connecting again." in result.stdout
    assert "Connected again." in result.stdout
    assert pauses == list(PAUSES[:2])
    assert len(shop.sent("POST", "plans/p1/apply")) == 1


def test_server_that_does_not_come_back_leaves_the_end_unknown(crane, shop, drop, pauses):
    shop.plays("GET", "operations/o1/events", (200, drop))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 3
    assert result.stderr.startswith("Error: The server does not answer any more:")
    assert result.stderr.endswith("Look at it with: crane operation wait o1\n")
    assert pauses == list(PAUSES)


def test_server_that_cannot_stream_is_asked_again_and_again(crane, shop, operation):
    shop.plays("GET", "operations/o1/events", (406, {"detail": "No."}))
    shop.plays("GET", "operations/o1", operation(), operation("converged"))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert [request.query for request in shop.sent("GET", "operations/o1")] == [{"wait": "25"}] * 2


def test_answer_that_was_lost_is_looked_for_by_its_plan(crane, shop, operation, drop):
    shop.plays("POST", "plans/p1/apply", (202, drop))
    shop.plays("GET", "operations", {"items": [operation(id="o0", plan_id="p0"), operation()], "total": 2})

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert "shop: converged." in result.stdout
    assert len(shop.sent("POST", "plans/p1/apply")) == 1


def test_plan_that_was_not_applied_before_the_connection_ended_is_told(crane, shop, drop):
    shop.plays("POST", "plans/p1/apply", (202, drop))
    shop.plays("GET", "operations", {"items": [], "total": 0})

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert (result.exit_code, "nothing was changed. Deploy again." in result.stderr) == (1, True)


def test_right_that_is_lost_while_following_ends_it(crane, shop, pauses):
    shop.plays("GET", "operations/o1/events", (403, {"code": "forbidden", "detail": "You may not see this."}))

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert (result.exit_code, pauses) == (1, [])
    assert "You may not see this." in result.stderr


def test_interrupt_says_that_the_operation_goes_on_and_how_to_look(shop, operation, tmp_path):
    begun, release = threading.Event(), threading.Event()

    def hold(request):
        begun.set()
        release.wait(120)
        return 200, [operation("converged")]

    shop.plays("GET", "operations/o1/events", hold)
    program = subprocess.Popen(
        [sys.executable, "-m", "crane_cli.main", "--server", shop.url, "stack", "deploy", "-c", "stack.yml", "shop"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=dict(os.environ),
        # What runs in the background of a shell ignores Ctrl-C, and so would everything that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with program:
        assert begun.wait(60)
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
        release.set()

    assert program.returncode == 130
    assert errors == "Error: Stopped looking; the operation goes on. Look at it with: crane operation wait o1\n"


def test_engine_that_stops_answering_is_waited_for_and_told(crane, shop, operation):
    shop.plays(
        "GET",
        "operations/o1/events",
        [
            operation(),
            operation(state="unknown-yet"),
            operation(state="unknown-yet"),
            operation(),
            operation("converged"),
        ],
    )

    result = crane("stack", "deploy", "-c", "stack.yml", "shop")

    assert result.exit_code == 0
    assert result.stdout.count("The Engine does not answer; waiting for it.\nThe Engine answers again.\n") == 1


def test_wait_follows_to_the_verdict(crane, shop, operation):
    shop.plays("GET", "operations/o1", operation())
    shop.plays("GET", "operations/o1/events", [operation("rolled-back")])

    result = crane("operation", "wait", "o1")

    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "shop: rolled-back. It is rolled-back.")


def test_operation_that_has_ended_is_not_followed(crane, shop, operation):
    shop.plays("GET", "operations/o1", operation("timed-out"))

    assert crane("operation", "wait", "o1").exit_code == 3
    assert shop.sent("GET", "operations/o1/events") == []


@pytest.mark.parametrize(
    ("outcomes", "status"), [(("converged", "timed-out"), 3), (("timed-out", "failed"), 1), (("converged",), 0)]
)
def test_several_operations_exit_with_the_worst(crane, shop, operation, outcomes, status):
    for number, outcome in enumerate(outcomes):
        shop.plays("GET", f"operations/o{number}", operation(outcome, id=f"o{number}"))

    assert crane("operation", "wait", *(f"o{number}" for number in range(len(outcomes)))).exit_code == status
