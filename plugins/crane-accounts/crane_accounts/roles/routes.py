"""HTTP in and out of roles, and of the actions that they are made of."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_accounts.roles.schemas import ActionSchema, ChangedRoleSchema, NewRoleSchema, RoleQuery, RoleSchema
from crane_core.context import Crane, get_crane
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, answer_unless_known, read_members
from crane_core.openapi import LOCATION
from crane_core.security import Target, guard, identify, known

blueprint = Blueprint("roles", __name__, url_prefix="/api/v1", description="Sets of actions.")


def find_role(name: str) -> Target:
    """Find a role as the target of an action."""
    from crane_accounts.keeping import directories
    from crane_accounts.roles.operations import get_role

    return Target("role", get_role(get_crane(), directories().current, name).name)


def role_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of roles."""
    from crane_accounts.keeping import Directories
    from crane_accounts.roles.operations import list_roles, present

    directory = crane.room(Directories).current
    return Listing(
        version=str(directory.version),
        rows=lambda: [present(directory, role) for role in list_roles(crane, directory)],
        action="role:read",
        target=lambda row: Target("role", row["name"]),
        fields=read_members("name", "built_in", "grants", action="actions"),
    )


@blueprint.route("/roles")
@guard("role:read")
@blueprint.arguments(RoleQuery, location="query")
@blueprint.response_list(RoleSchema, description="The roles, those that come with Crane too.")
def list_roles(query: dict[str, Any]) -> Response:
    """List roles."""
    crane = get_crane()
    return answer_list(crane, role_listing(crane), query)


@blueprint.route("/roles", methods=["POST"])
@guard("role:create")
@blueprint.arguments(NewRoleSchema)
@blueprint.response(201, RoleSchema, description="The role, which nobody has yet.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Make a role."""
    from crane_accounts.roles.operations import create_role

    role = create_role(get_crane(), identify(), **sent)
    return answer(_present(role.name), 201, {"Location": f"/api/v1/roles/{role.name}"})


@blueprint.route("/roles/<name>")
@guard("role:read", by="name")
@blueprint.response_unless_known(RoleSchema, description="The role.")
def show(name: str) -> Response:
    """Show a role."""
    return answer_unless_known(_present(name))


@blueprint.route("/roles/<name>", methods=["PATCH"])
@guard("role:update", by="name")
@blueprint.arguments(ChangedRoleSchema)
@blueprint.response(200, RoleSchema, description="The role as it is now.")
def patch(sent: dict[str, Any], name: str) -> Response:
    """Change a role, which takes that one may do all that it then gives wherever it is granted."""
    from crane_accounts.roles.operations import change_role

    change_role(get_crane(), identify(), name, sent)
    return answer(_present(name))


@blueprint.route("/roles/<name>", methods=["DELETE"])
@guard("role:remove", by="name")
@blueprint.response(204, description="It is gone.")
def remove(name: str) -> Response:
    """Remove a role that no grant names."""
    from crane_accounts.roles.operations import remove_role

    remove_role(get_crane(), identify(), name)
    return Response(status=204)


@blueprint.route("/actions")
@known("It describes the program, and nothing of this Swarm.")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(ActionSchema, description="The actions that roles are made of.")
def list_actions(query: dict[str, Any]) -> Response:
    """List what somebody may be allowed to do."""
    from crane_accounts.keeping import directories
    from crane_accounts.roles.operations import present_actions

    crane, directory = get_crane(), directories().current
    listing = Listing(
        version=str(directory.version),
        rows=lambda: present_actions(crane, directory),
        action=None,
        target=lambda row: Target("action", row["name"]),
        fields=read_members("name", "kind"),
    )
    return answer_list(crane, listing, query)


def _present(name: str) -> dict[str, Any]:
    from crane_accounts.keeping import directories
    from crane_accounts.roles.operations import get_role, present

    directory = directories().current
    return present(directory, get_role(get_crane(), directory, name))
