"""What verdicts say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from crane_core.errors import Conflict
from crane_core.orchestration.operations.model import Operation, ServiceProgress, Step
from crane_core.orchestration.operations.verdicts import (
    conclude,
    conclude_interrupted,
    conclude_left_over,
    conclude_refused,
    conclude_removed,
    conclude_timed_out,
)

CREATED = Step("config", "shop_app", "create", "done")
UPDATED = Step("service", "shop_web", "update", "done")


def operation(*steps: Step, services: tuple[ServiceProgress, ...] = (), **more: Any) -> Operation:
    return Operation(
        "0" * 16, "stack.deploy", "shop", "shop", "ann", steps=list(steps), services=list(services), **more
    )


def test_operation_is_as_good_as_the_worst_of_its_services():
    services = (
        ServiceProgress("web", state="converged"),
        ServiceProgress("db", state="paused", code="unhealthy", message="It is ill.", advice="Look."),
        ServiceProgress("job", state="rolled-back", code="exits", message="It ends."),
    )

    verdict = conclude(operation(UPDATED, services=services))

    assert (verdict.outcome, verdict.code) == ("rolled-back", "exits")
    assert verdict.cause == "job: It ends. 1 more did not converge."
    assert [service["outcome"] for service in verdict.services] == ["converged", "paused", "rolled-back"]


def test_only_what_was_created_is_called_created():
    bad = ServiceProgress("shop_web", state="rolled-back", code="unhealthy", message="It is ill.")

    assert conclude(operation(CREATED, UPDATED, services=(bad,))).created == ["config shop_app"]


def test_refused_step_is_named_with_what_was_done_before():
    failed = Step("service", "shop_db", "create", "failed", "no")

    verdict = conclude_refused(operation(CREATED, UPDATED, failed), Conflict("The name is taken."))

    assert verdict.cause == (
        "The service shop_db could not be created: The name is taken. "
        "Created config shop_app; updated service shop_web."
    )
    assert verdict.created == ["config shop_app"]


def test_refusal_of_the_first_step_says_that_nothing_was_changed():
    failed = Step("service", "shop_db", "create", "failed", "no")

    verdict = conclude_refused(operation(failed), Conflict("The name is taken."))

    assert verdict.cause.endswith("Nothing was changed before.")
    assert verdict.advice is None


def test_interruption_names_what_is_done_and_what_is_not_known():
    left = Step("service", "shop_db", "update")

    verdict = conclude_interrupted(operation(CREATED, left))

    assert verdict.cause == (
        "The server was stopped after 1 of 2 steps. Created config shop_app. Not known to be done: service shop_db."
    )


def test_object_that_stays_in_use_is_named_with_its_user():
    left = Step("config", "shop_app", "remove", error="It is in use by the service other.")

    verdict = conclude_left_over(operation(left))

    assert (verdict.outcome, verdict.code) == ("failed", "in-use")
    assert verdict.cause == "The config shop_app could not be removed: It is in use by the service other."


def test_time_out_tells_how_far_each_service_is():
    waiting = ServiceProgress("shop_web", state="progressing", message="1 of 3 tasks run.")

    verdict = conclude_timed_out(operation(UPDATED, services=(waiting,)), "It took longer than 5 s.")

    assert (verdict.outcome, verdict.cause) == ("timed-out", "It took longer than 5 s. shop_web: 1 of 3 tasks run.")


def test_removal_counts_the_services_that_are_gone():
    verdict = conclude_removed(operation(Step("service", "shop_web", "remove", "done")))

    assert verdict.cause == "shop is gone: 1 service, its tasks and networks."


def test_every_code_is_explained():
    root = Path(__file__).parents[3]
    package = root / "crane_core/orchestration/operations"
    source = "".join((package / name).read_text() for name in ("judge.py", "causes.py", "verdicts.py"))
    codes = set(re.findall(r'(?:^ *|Cause\()"([a-z]+(?:-[a-z]+)*)",', source, flags=re.MULTILINE))
    page = (root / "docs/explanation/verdicts.md").read_text()

    assert {"image-missing", "exits", "superseded", "interrupted", "node-lost", "in-use"} <= codes
    assert {code for code in codes if f"`{code}`" not in page} == set()
