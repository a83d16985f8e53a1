"""HTTP in and out of API tokens."""

from __future__ import annotations

from typing import Any

from crane_accounts import demand_no_less, get_account
from flask import Response

from crane_auth.errors import SessionNeeded
from crane_auth.own import demand_session, own_account
from crane_auth.tokens import operations
from crane_auth.tokens.schemas import (
    MadeTokenSchema,
    NewServiceTokenSchema,
    NewTokenSchema,
    TokenQuery,
    TokenSchema,
)
from crane_core.context import get_crane
from crane_core.errors import Invalid, Violation
from crane_core.http import Blueprint, Listing, answer, answer_list, read_members
from crane_core.security import guard, identify, known

blueprint = Blueprint("tokens", __name__, url_prefix="/api/v1", description="Tokens for programs.")
NO_STORE = {"Cache-Control": "no-store"}


def _listing(rows: list[dict[str, Any]], action: str | None) -> Listing[dict[str, Any]]:
    return Listing(
        version=repr(rows),
        rows=lambda: rows,
        action=action,
        target=operations.target_of,
        fields=read_members("name", "account", "created_at", "used_at", "expires_at"),
    )


def _wish(sent: dict[str, Any]) -> operations.Wish:
    actions, stacks = sent["actions"], sent["stacks"]
    return operations.Wish(
        sent["name"],
        None if actions is None else tuple(actions),
        None if stacks is None else tuple(stacks),
        sent["days"],
    )


@blueprint.route("/auth/me/tokens")
@blueprint.doc(operationId="listOwnTokens")
@known("They are the caller's own.")
@blueprint.arguments(TokenQuery, location="query")
@blueprint.response_list(TokenSchema, description="The caller's tokens.")
def list_own(query: dict[str, Any]) -> Response:
    """List one's own tokens."""
    crane = get_crane()
    return answer_list(crane, _listing(operations.list_tokens(crane, own_account().id), None), query)


@blueprint.route("/auth/me/tokens", methods=["POST"])
@blueprint.doc(operationId="createOwnToken")
@known("It stands for the caller, and may at the most what they may.")
@blueprint.arguments(NewTokenSchema)
@blueprint.response(201, MadeTokenSchema, description="The token, shown this once.")
def create_own(sent: dict[str, Any]) -> Response:
    """Make a token that stands for oneself."""
    account = demand_session()
    return answer(operations.create(get_crane(), account, _wish(sent), account.name), 201, NO_STORE)


@blueprint.route("/auth/me/tokens/<token_id>", methods=["DELETE"])
@blueprint.doc(operationId="removeOwnToken")
@known("It is the caller's own.")
@blueprint.response(204, description="It is good for nothing any more.")
def remove_own(token_id: str) -> Response:
    """Revoke one of one's own tokens."""
    account = own_account()
    operations.remove(get_crane(), token_id, account.name, account_id=account.id)
    return Response(status=204)


@blueprint.route("/tokens")
@guard("token:read")
@blueprint.arguments(TokenQuery, location="query")
@blueprint.response_list(TokenSchema, description="The tokens of all accounts.")
def list_all(query: dict[str, Any]) -> Response:
    """List the tokens of all accounts."""
    crane = get_crane()
    return answer_list(crane, _listing(operations.list_tokens(crane), "token:read"), query)


@blueprint.route("/tokens", methods=["POST"])
@guard("token:create")
@blueprint.arguments(NewServiceTokenSchema)
@blueprint.response(201, MadeTokenSchema, description="The token, shown this once.")
def create(sent: dict[str, Any]) -> Response:
    """Make a token for a service account."""
    identity = identify()
    if identity.details.get("limits") is not None:
        # It would make one without limits for itself.
        raise SessionNeeded("A token that is limited makes no other tokens.")
    account = get_account(sent["account"])
    if account.kind != "service":
        sentence = f"{account.name} is a person, who makes tokens by themselves. Name a service account."
        raise Invalid(sentence, violations=[Violation("/account", sentence, code="not-a-service-account")])
    demand_no_less(identity, account)
    return answer(operations.create(get_crane(), account, _wish(sent), identity.name), 201, NO_STORE)


@blueprint.route("/tokens/<token_id>", methods=["DELETE"])
@guard("token:remove", by="token_id")
@blueprint.response(204, description="It is good for nothing any more.")
def remove(token_id: str) -> Response:
    """Revoke somebody's token."""
    operations.remove(get_crane(), token_id, identify().name)
    return Response(status=204)
