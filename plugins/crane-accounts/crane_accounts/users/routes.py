"""HTTP in and out of accounts."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_accounts.users.schemas import ChangedUserSchema, NewUserSchema, UserQuery, UserSchema
from crane_core.context import Crane, get_crane
from crane_core.http import Blueprint, Listing, answer, answer_list, answer_unless_known, read_members
from crane_core.openapi import LOCATION
from crane_core.security import Target, guard, identify

blueprint = Blueprint("users", __name__, url_prefix="/api/v1/users", description="Users, and accounts of programs.")


def find_user(name: str) -> Target:
    """Find an account as the target of an action."""
    from crane_accounts.users.operations import get_account

    account = get_account(name)
    return Target("user", account.name, str(account.id))


def user_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of accounts."""
    from crane_accounts.keeping import Directories
    from crane_accounts.users.operations import present

    directory = crane.room(Directories).current
    return Listing(
        version=str(directory.version),
        rows=lambda: [present(directory, account) for account in directory.accounts.values()],
        action="user:read",
        target=lambda row: Target("user", row["name"], str(row["id"])),
        fields=read_members("name", "display_name", "kind", "source", "disabled", "created_at", group="groups"),
    )


@blueprint.route("")
@guard("user:read")
@blueprint.arguments(UserQuery, location="query")
@blueprint.response_list(UserSchema, description="The accounts.")
def list_users(query: dict[str, Any]) -> Response:
    """List users, and accounts of programs."""
    crane = get_crane()
    return answer_list(crane, user_listing(crane), query)


@blueprint.route("", methods=["POST"])
@guard("user:create")
@blueprint.arguments(NewUserSchema)
@blueprint.response(201, UserSchema, description="The account, to which nothing is granted yet.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Make a user, or an account of a program."""
    from crane_accounts.users.operations import create_account

    account = create_account(**sent, by=identify().name)
    return answer(_present(account.name), 201, {"Location": f"/api/v1/users/{account.name}"})


@blueprint.route("/<name>")
@guard("user:read", by="name")
@blueprint.response_unless_known(UserSchema, description="The account.")
def show(name: str) -> Response:
    """Show an account."""
    return answer_unless_known(_present(name))


@blueprint.route("/<name>", methods=["PATCH"])
@guard("user:update", by="name")
@blueprint.arguments(ChangedUserSchema)
@blueprint.response(200, UserSchema, description="The account as it is now.")
def patch(sent: dict[str, Any], name: str) -> Response:
    """Change an account; one that is disabled may do nothing from now on."""
    from crane_accounts.users.operations import change_account

    change_account(get_crane(), identify(), name, sent)
    return answer(_present(name))


@blueprint.route("/<name>", methods=["DELETE"])
@guard("user:remove", by="name")
@blueprint.response(204, description="It is gone.")
def remove(name: str) -> Response:
    """Remove an account, with its memberships and grants."""
    from crane_accounts.users.operations import remove_account

    remove_account(get_crane(), identify(), name)
    return Response(status=204)


def _present(name: str) -> dict[str, Any]:
    from crane_accounts.keeping import directories
    from crane_accounts.users.operations import get_account, present

    account = get_account(name)
    return present(directories().current, account)
