"""HTTP in and out of grants, and of the rights that come of them."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_accounts.grants.schemas import GrantQuery, GrantSchema, NewGrantSchema, RightsQuery, RightsSchema
from crane_core.context import Crane, get_crane
from crane_core.errors import NotFound
from crane_core.http import Blueprint, Listing, answer, answer_list, answer_unless_known
from crane_core.openapi import LOCATION
from crane_core.security import Target, demand, demand_found, guard, identify, known

blueprint = Blueprint("grants", __name__, url_prefix="/api/v1", description="Who may do what, where, and why.")


def find_grant(number: str) -> Target:
    """Find a grant as the target of an action."""
    from crane_accounts.grants.operations import get_grant, target_of
    from crane_accounts.keeping import directories

    grant = get_grant(directories().current, int(number))
    return target_of(grant.scope, grant.id)


def grant_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of grants."""
    from crane_accounts.grants.operations import present, target_of
    from crane_accounts.keeping import Directories

    directory = crane.room(Directories).current
    return Listing(
        version=str(directory.version),
        rows=lambda: [present(directory, grant) for grant in directory.grants.values()],
        action="grant:read",
        target=lambda row: target_of(directory.grants[row["id"]].scope, row["id"]),
        fields={member: _reader(member) for member in _SORTED},
    )


_SORTED = ("id", "name", "effect", "role", "account", "group", "scope", "on", "created_by", "created_at")


def _reader(member: str) -> Any:
    return lambda row: row[member]


@blueprint.route("/grants")
@guard("grant:read")
@blueprint.arguments(GrantQuery, location="query")
@blueprint.response_list(GrantSchema, description="The grants.")
def list_grants(query: dict[str, Any]) -> Response:
    """List grants."""
    crane = get_crane()
    return answer_list(crane, grant_listing(crane), {**query, "sort": query["sort"] or "id"})


@blueprint.route("/grants", methods=["POST"])
@guard("grant:create")
@blueprint.arguments(NewGrantSchema)
@blueprint.response(201, GrantSchema, description="The grant.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Give a role to an account or a group, or withhold it, which takes that one may do all of it there oneself."""
    from crane_accounts.grants.operations import create_grant, read_scope, target_of

    scope = read_scope(sent["scope"], sent["on"])
    demand("grant:create", target_of(scope))
    grant = create_grant(
        get_crane(),
        identify(),
        sent["effect"],
        sent["role"],
        scope,
        account=sent["account"] or None,
        group=sent["group"] or None,
    )
    return answer(_present(grant.id), 201, {"Location": f"/api/v1/grants/{grant.id}"})


@blueprint.route("/grants/<int:number>")
@guard("grant:read", by="number")
@blueprint.response_unless_known(GrantSchema, description="The grant.")
def show(number: int) -> Response:
    """Show a grant."""
    return answer_unless_known(_present(number))


@blueprint.route("/grants/<int:number>", methods=["DELETE"])
@guard("grant:remove", by="number")
@blueprint.response(204, description="It is gone.")
def remove(number: int) -> Response:
    """Take back what was granted, or withheld."""
    from crane_accounts.grants.operations import remove_grant

    remove_grant(get_crane(), identify(), number)
    return Response(status=204)


@blueprint.route("/rights")
@blueprint.doc(operationId="showRights")
@known("It tells callers what they may do themselves; of others it demands grant:read on what is asked about.")
@blueprint.arguments(RightsQuery, location="query")
@blueprint.response_unless_known(RightsSchema, description="Each action, whether it is allowed, and why.")
def show_rights(query: dict[str, Any]) -> Response:
    """Say what somebody may do to an object, or in general, and why."""
    from crane_accounts.grants import operations
    from crane_accounts.groups.operations import get_group
    from crane_accounts.identities import account_id_of
    from crane_accounts.keeping import directories
    from crane_accounts.names import normal

    crane, identity, directory = get_crane(), identify(), directories().current
    own = account_id_of(identity) is not None and normal(query["account"] or identity.name) == identity.name
    if own and not query["group"]:
        target = _find_visible(crane, query["kind"], query["name"])
    else:
        demand("grant:read", Target("grant"))
        target = operations.find_target(crane, query["kind"], query["name"])
        demand("grant:read", Target("grant", target.name or "all", "", target.stack))
    only = query["action"]
    if only and only not in crane.actions:
        raise NotFound(f"There is no action {only[:100]}.")
    if query["group"]:
        group = get_group(directory, query["group"])
        rights = operations.explain_group(crane, directory, group, target, only)
        whose: dict[str, Any] = {"account": None, "group": group.name}
    else:
        name = normal(query["account"] or identity.name)
        rights = operations.explain_account(crane, directory, name, target, only)
        whose = {"account": name, "group": None}
    on = {"kind": target.kind, "name": target.name, "stack": target.stack}
    return answer_unless_known({**whose, "target": on, "rights": rights})


def _find_visible(crane: Crane, kind: str, name: str) -> Target:
    """Return an object that the caller may see; of another they are not told whether there is one."""
    from crane_accounts.grants.operations import find_target

    action = f"{kind}:read"
    if not name or action not in crane.actions:
        return find_target(crane, kind, name)
    return demand_found(action, lambda name: find_target(crane, kind, name), name)


def _present(number: int) -> dict[str, Any]:
    from crane_accounts.grants.operations import get_grant, present
    from crane_accounts.keeping import directories

    directory = directories().current
    return present(directory, get_grant(directory, number))
