"""HTTP in and out of groups."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_accounts.groups.schemas import (
    ChangedGroupSchema,
    GroupSchema,
    MemberQuery,
    MemberSchema,
    NewGroupSchema,
    NewMemberSchema,
)
from crane_core.context import Crane, get_crane
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, answer_unless_known, read_members
from crane_core.openapi import LOCATION
from crane_core.security import Target, guard, identify

blueprint = Blueprint("groups", __name__, url_prefix="/api/v1/groups", description="Groups of accounts.")


def find_group(name: str) -> Target:
    """Find a group as the target of an action."""
    from crane_accounts.groups.operations import get_group
    from crane_accounts.keeping import directories

    group = get_group(directories().current, name)
    return Target("group", group.name, str(group.id))


def group_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of groups."""
    from crane_accounts.groups.operations import present
    from crane_accounts.keeping import Directories

    directory = crane.room(Directories).current
    return Listing(
        version=str(directory.version),
        rows=lambda: [present(directory, group) for group in directory.groups.values()],
        action="group:read",
        target=lambda row: Target("group", row["name"]),
        fields=read_members("name", "members", "grants", "created_at"),
    )


@blueprint.route("")
@guard("group:read")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(GroupSchema, description="The groups.")
def list_groups(query: dict[str, Any]) -> Response:
    """List groups."""
    crane = get_crane()
    return answer_list(crane, group_listing(crane), query)


@blueprint.route("", methods=["POST"])
@guard("group:create")
@blueprint.arguments(NewGroupSchema)
@blueprint.response(201, GroupSchema, description="The group, with nobody in it.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Make a group."""
    from crane_accounts.groups.operations import create_group

    group = create_group(get_crane(), identify(), **sent)
    return answer(_present(group.name), 201, {"Location": f"/api/v1/groups/{group.name}"})


@blueprint.route("/<name>")
@guard("group:read", by="name")
@blueprint.response_unless_known(GroupSchema, description="The group.")
def show(name: str) -> Response:
    """Show a group."""
    return answer_unless_known(_present(name))


@blueprint.route("/<name>", methods=["PATCH"])
@guard("group:update", by="name")
@blueprint.arguments(ChangedGroupSchema)
@blueprint.response(200, GroupSchema, description="The group as it is now.")
def patch(sent: dict[str, Any], name: str) -> Response:
    """Change what is said of a group."""
    from crane_accounts.groups.operations import change_group

    change_group(get_crane(), identify(), name, sent["description"])
    return answer(_present(name))


@blueprint.route("/<name>", methods=["DELETE"])
@guard("group:remove", by="name")
@blueprint.response(204, description="It is gone.")
def remove(name: str) -> Response:
    """Remove a group with its grants; the accounts in it stay."""
    from crane_accounts.groups.operations import remove_group

    remove_group(get_crane(), identify(), name)
    return Response(status=204)


@blueprint.route("/<name>/members")
@guard("group:read", by="name")
@blueprint.arguments(MemberQuery, location="query")
@blueprint.response_list(MemberSchema, description="The accounts that are in it.")
def list_members(query: dict[str, Any], name: str) -> Response:
    """List who is in a group."""
    from crane_accounts.groups.operations import get_group, present_members
    from crane_accounts.keeping import directories

    directory = directories().current
    group = get_group(directory, name)
    listing = Listing(
        version=f"{directory.version}.{group.id}",
        rows=lambda: present_members(directory, group),
        action="group:read",
        target=lambda row: Target("group", group.name, str(group.id)),
        fields=read_members("name", "kind", "display_name", source="sources"),
    )
    return answer_list(get_crane(), listing, query)


@blueprint.route("/<name>/members", methods=["POST"])
@blueprint.doc(operationId="addMember")
@guard("member:create", by="name")
@blueprint.arguments(NewMemberSchema)
@blueprint.response(204, description="It is in the group.")
def add(sent: dict[str, Any], name: str) -> Response:
    """Put an account into a group, which takes that one may do all that the group gives."""
    from crane_accounts.groups.operations import add_member

    add_member(get_crane(), identify(), name, sent["name"])
    return Response(status=204)


@blueprint.route("/<name>/members/<account>", methods=["DELETE"])
@blueprint.doc(operationId="removeMember")
@guard("member:remove", by="name")
@blueprint.response(204, description="It is not in the group any more.")
def take_out(name: str, account: str) -> Response:
    """Take an account out of a group."""
    from crane_accounts.groups.operations import remove_member

    remove_member(get_crane(), identify(), name, account)
    return Response(status=204)


def _present(name: str) -> dict[str, Any]:
    from crane_accounts.groups.operations import get_group, present
    from crane_accounts.keeping import directories

    directory = directories().current
    return present(directory, get_group(directory, name))
