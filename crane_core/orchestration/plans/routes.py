"""HTTP in and out of plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, WaitQuery, answer
from crane_core.openapi import PROBLEM
from crane_core.orchestration.changed import labels_of
from crane_core.orchestration.changing import carry_out, demand_place, demand_services, response_change
from crane_core.orchestration.errors import DeploymentInProgress
from crane_core.orchestration.plans.schemas import PlanConflictSchema, PlanSchema
from crane_core.orchestration.plans.store import Plans, require_applicable
from crane_core.security import Target, demand_on, guard, identify

blueprint = Blueprint("plans", __name__, url_prefix="/api/v1/plans", description="What a change would do.")


def find_plan(plan_id: str) -> Target:
    """Find a plan as the target of an action; rights to a stack or a service are rights to its plans."""
    crane = get_crane()
    plan = crane.room(Plans).get(plan_id)
    labels = labels_of(crane.cache.snapshot(), plan.kind, plan.target)
    return Target("plan", plan.target, plan.id, plan.stack, labels)


@blueprint.route("/<plan_id>")
@guard("plan:read", by="plan_id")
@blueprint.response(200, PlanSchema, description="The plan.")
def show(plan_id: str) -> Response:
    """Show a plan."""
    return answer(get_crane().room(Plans).get(plan_id).to_json())


@blueprint.route("/<plan_id>/apply", methods=["POST"])
@guard("plan:apply", by="plan_id")
@blueprint.arguments(WaitQuery, location="query")
@response_change(blueprint, description="The operation that carries it out.", planned=False)
@blueprint.alt_response(
    409, schema=PlanConflictSchema, content_type=PROBLEM, description="It cannot be applied now; the code says why."
)
def apply(query: dict[str, Any], plan_id: str) -> Response:
    """Apply a plan; refused when what it was made from has changed."""
    plans = get_crane().room(Plans)
    plan = plans.get(plan_id)
    # Whoever applies a plan must be allowed what it does, not only to apply plans.
    action = _ACTIONS[plan.kind]
    if action != "service:create":
        demand_on(action, plan.target)
    if plan.kind in ROTATIONS:
        demand_services(plan)
    elif not plan.kind.startswith("stack."):
        live = get_crane().cache.snapshot().service_named(plan.target)
        demand_place(plan, live.stack if live else None)
    require_applicable(plans, plan, identify())
    taken = plans.take(plan_id)
    try:
        return carry_out(replace(taken, identity=identify()), query["wait"])
    except DeploymentInProgress:
        plans.put_back(taken)
        raise


ROTATIONS = {"config.rotate": "config:rotate", "secret.rotate": "secret:rotate"}
_ACTIONS = {
    **ROTATIONS,
    "stack.deploy": "stack:update",
    "stack.rollback": "stack:update",
    "stack.remove": "stack:remove",
    "service.create": "service:create",
    "service.remove": "service:remove",
    **{f"service.{verb}": "service:update" for verb in ("update", "scale", "image", "force", "rollback")},
}
