"""Answering a request that changes something: with its plan, or with the operation that carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.auditing import note_operation
from crane_core.context import get_crane
from crane_core.http import Blueprint, WaitQuery, answer
from crane_core.openapi import LOCATION, View
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.operations.schemas import OperationSchema
from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.plans.schemas import PlanSchema
from crane_core.orchestration.plans.store import Plans, refuse_violations
from crane_core.security import Target, demand


class ChangeQuery(WaitQuery):
    """How a change is carried out."""

    plan = ma.fields.Boolean(
        load_default=False, metadata={"description": "Answer with the plan, and change nothing; apply it by its id."}
    )
    timeout = ma.fields.Float(
        load_default=None,
        validate=ma.validate.Range(1),
        metadata={"description": "Seconds after which the operation ends as timed out, whatever it is doing."},
    )


def response_change(blueprint: Blueprint, *, description: str, planned: bool = True) -> Callable[[View], View]:
    """Document a route that answers with :func:`answer_change`, or without plans with :func:`carry_out`."""

    def decorate(view: View) -> View:
        view = blueprint.response(202, OperationSchema, description=description, headers=LOCATION)(view)
        ended = "The operation, with its verdict: it ended while it was waited for."
        view = blueprint.alt_response(200, schema=OperationSchema, description=ended, headers=LOCATION)(view)
        if planned:
            plan = "The plan, if only that was asked for; nothing was changed."
            view = blueprint.alt_response(201, schema=PlanSchema, description=plan, headers=LOCATION)(view)
        return view

    return decorate


def answer_change(plan: Plan, query: Mapping[str, Any]) -> Response:
    """Carry out a plan, or only answer with it.

    :raises PlanRefused: when it breaks a rule and is to be carried out.
    """
    if query.get("plan"):
        return answer_plan(plan)
    refuse_violations(plan)
    return carry_out(plan, query["wait"])


def demand_place(plan: Plan, before: str | None) -> None:
    """Go on only if the caller may do what a plan does to a service where the service will be after it.

    A label is all that makes a service part of a stack, and whoever may change services need not have every stack, nor
    what is in none.

    :param before: The stack that the service is in already.
    :raises Forbidden: when the caller may not.
    """
    if plan.kind == "service.create":
        # Without the labels that it is to have: what does not exist yet cannot say who may make it.
        demand("service:create", Target("service", plan.target, stack=plan.stack))
    if plan.stack == before:
        return
    if plan.stack is not None:
        demand("stack:update", Target("stack", plan.stack, stack=plan.stack))
    else:
        demand("service:update", Target("service", plan.target))


def demand_services(plan: Plan) -> None:
    """Go on only if the caller may change every service that a plan changes.

    :raises Forbidden: when the caller may not.
    """
    snapshot = get_crane().cache.snapshot()
    for change in plan.effective:
        if change.kind == "service" and (live := snapshot.service_named(change.name)) is not None:
            demand("service:update", Target("service", live.name, live.id, live.stack, live.labels))


def answer_plan(plan: Plan) -> Response:
    """Keep a plan and answer with it."""
    get_crane().room(Plans).add(plan)
    return answer(plan.to_json(), 201, {"Location": f"/api/v1/plans/{plan.id}"})


def carry_out(plan: Plan, wait: float) -> Response:
    """Carry out a plan and answer with the operation: 200 when it has ended by then, 202 when it goes on."""
    crane = get_crane()
    operations = crane.room(Operations)
    operation = operations.start(plan)
    note_operation(operation.id)
    if wait and not operation.ended:
        crane.about_to_wait()
        operations.wait(operation.id, wait)
    return answer(
        operation.to_json(),
        200 if operation.ended else 202,
        {"Location": f"/api/v1/operations/{operation.id}"},
    )
