"""HTTP in and out of quotas."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_accounts.quotas.schemas import ChangedQuotaSchema, NewQuotaSchema, QuotaQuery, QuotaSchema
from crane_core.context import get_crane
from crane_core.http import Blueprint, Listing, answer, answer_list, read_members
from crane_core.openapi import LOCATION
from crane_core.security import Target, guard, identify

blueprint = Blueprint(
    "quotas", __name__, url_prefix="/api/v1/quotas", description="How much the services of some stacks may ask for."
)


def find_quota(name: str) -> Target:
    """Find a quota as the target of an action; it belongs to the stack that it is about."""
    from crane_accounts.quotas.operations import get_quota

    quota = get_quota(name)
    return Target("quota", quota.name, stack=quota.stack)


@blueprint.route("")
@guard("quota:read")
@blueprint.arguments(QuotaQuery, location="query")
@blueprint.response_list(QuotaSchema, description="The quotas, each with how much of it is used.")
def list_quotas(query: dict[str, Any]) -> Response:
    """List quotas."""
    from crane_accounts.quotas import operations

    crane = get_crane()
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    rows = [operations.present(quota, snapshot) for quota in operations.list_quotas()]
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="quota:read",
        target=lambda row: Target("quota", row["name"], stack=row["stack"]),
        fields=read_members("name", "stack"),
        sources=crane.cache.sources(),
    )
    return answer_list(crane, listing, query)


@blueprint.route("", methods=["POST"])
@guard("quota:create")
@blueprint.arguments(NewQuotaSchema)
@blueprint.response(201, QuotaSchema, description="The quota; what runs already is left alone.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Make a quota."""
    from crane_accounts.quotas import operations

    crane = get_crane()
    quota = operations.create_quota(crane, identify(), sent)
    shown = operations.present(quota, crane.cache.snapshot())
    return answer(shown, 201, {"Location": f"/api/v1/quotas/{quota.name}"})


@blueprint.route("/<name>")
@guard("quota:read", by="name")
@blueprint.response(200, QuotaSchema, description="The quota, with how much of it is used.")
def show(name: str) -> Response:
    """Show a quota."""
    from crane_accounts.quotas import operations

    return answer(operations.present(operations.get_quota(name), get_crane().cache.snapshot()))


@blueprint.route("/<name>", methods=["PATCH"])
@guard("quota:update", by="name")
@blueprint.arguments(ChangedQuotaSchema)
@blueprint.response(200, QuotaSchema, description="The quota as it is now.")
def patch(sent: dict[str, Any], name: str) -> Response:
    """Change a quota; null takes a limit away."""
    from crane_accounts.quotas import operations

    crane = get_crane()
    return answer(operations.present(operations.change_quota(crane, identify(), name, sent), crane.cache.snapshot()))


@blueprint.route("/<name>", methods=["DELETE"])
@guard("quota:remove", by="name")
@blueprint.response(204, description="It is gone.")
def remove(name: str) -> Response:
    """Remove a quota."""
    from crane_accounts.quotas import operations

    operations.remove_quota(get_crane(), identify(), name)
    return Response(status=204)
