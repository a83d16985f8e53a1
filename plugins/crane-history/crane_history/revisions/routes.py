"""HTTP in and out of revisions."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, Listing, answer, answer_list, answer_page, read_members
from crane_core.openapi import LOCATION
from crane_core.orchestration.changing import answer_change, answer_plan, response_change
from crane_core.orchestration.plans.schemas import PlanSchema
from crane_core.orchestration.services.routes import read_logins
from crane_core.security import Target, decide, guard, identify, may_everything
from crane_history.revisions import operations
from crane_history.revisions.schemas import (
    DiffQuery,
    RecentRevisionQuery,
    ReturnQuery,
    ReturnSchema,
    RevisionDetailSchema,
    RevisionDiffSchema,
    RevisionQuery,
    RevisionSchema,
)

blueprint = Blueprint("revisions", __name__, url_prefix="/api/v1", description="What was deployed, and when.")


@blueprint.route("/stack-revisions")
@blueprint.doc(operationId="listRecentStackRevisions")
@guard("stack:read")
@blueprint.arguments(RecentRevisionQuery, location="query")
@blueprint.response_list(RevisionSchema, description="The revisions of all stacks, the newest first.")
def list_all(query: dict[str, Any]) -> Response:
    """List the revisions of all stacks."""
    crane, identity = get_crane(), identify()

    def allows(target: Target) -> bool:
        return decide(crane, identity, "stack:read", target).allows

    page, total = operations.find_page(query, None if may_everything(identity) else allows)
    return answer_page([operations.present(row) for row in page], total)


@blueprint.route("/stacks/<name>/revisions")
@guard("stack:read", by="name")
@blueprint.arguments(RevisionQuery, location="query")
@blueprint.response_list(RevisionSchema, description="Its revisions, the newest first.")
def list_of_stack(query: dict[str, Any], name: str) -> Response:
    """List the revisions of a stack, also of one that was removed."""
    rows = [operations.present(row) for row in operations.list_revisions(name)]
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="stack:read",
        target=lambda row: operations.target_of(row["stack"]),
        fields=read_members("number", "by", "at", "outcome", name="id"),
    )
    return answer_list(get_crane(), listing, {**query, "sort": query["sort"] or "-number"})


@blueprint.route("/stacks/<name>/revisions/<int:number>")
@guard("stack:read", by="name")
@blueprint.response(200, RevisionDetailSchema, description="The revision, values that look secret hidden.")
def show(name: str, number: int) -> Response:
    """Show a revision: its files, variables, plan and verdict."""
    return answer(operations.present_whole(operations.get_revision(name, number)))


@blueprint.route("/stacks/<name>/revisions/diff")
@blueprint.doc(operationId="compareStackRevisions")
@guard("stack:read", by="name")
@blueprint.arguments(DiffQuery, location="query")
@blueprint.response(200, RevisionDiffSchema, description="How they differ.")
def diff(query: dict[str, Any], name: str) -> Response:
    """Compare two revisions of a stack."""
    return answer(operations.compare(name, query["older"], query["newer"]))


@blueprint.route("/stacks/<name>/revisions/<int:number>/plan", methods=["POST"])
@guard("stack:plan", by="name")
@blueprint.arguments(ReturnQuery(only=("prune", "timeout")), location="query")
@blueprint.arguments(ReturnSchema)
@blueprint.response(201, PlanSchema, description="The plan.", headers=LOCATION)
def plan(query: dict[str, Any], sent: dict[str, Any], name: str, number: int) -> Response:
    """Plan the return to a revision: nothing is changed."""
    return answer_plan(_plan(query, sent, name, number))


@blueprint.route("/stacks/<name>/revisions/<int:number>/rollback", methods=["POST"])
@blueprint.doc(operationId="returnToStackRevision")
@guard("stack:update", by="name")
@blueprint.arguments(ReturnQuery, location="query")
@blueprint.arguments(ReturnSchema)
@response_change(blueprint, description="The operation that deploys the revision again.")
def rollback(query: dict[str, Any], sent: dict[str, Any], name: str, number: int) -> Response:
    """Deploy a revision again, with the images that it had; the stack may have been removed since."""
    return answer_change(_plan(query, sent, name, number), query)


def _plan(query: dict[str, Any], sent: dict[str, Any], name: str, number: int) -> Any:
    return operations.plan_return(
        get_crane(),
        identify(),
        name,
        number,
        prune=query["prune"],
        timeout=query["timeout"],
        logins=read_logins(sent["registry_logins"]),
    )
