"""HTTP in and out of how somebody logs in: passwords, authenticators, recovery codes, passkeys."""

from __future__ import annotations

from typing import Any

from crane_accounts import Account, demand_no_less, find_account, get_account
from flask import Response

from crane_auth.factors import operations, passkeys
from crane_auth.factors.schemas import (
    CreationSchema,
    MadePasskeySchema,
    MeSchema,
    NewPasskeySchema,
    OwnPasswordChangeSchema,
    PasskeyItemSchema,
    PasswordProofSchema,
    RecoveryCodesSchema,
    SecretSchema,
    SetPasswordSchema,
    TotpCodeSchema,
)
from crane_auth.logins.operations import Progress, demands_factor, guarded
from crane_auth.logins.routes import NO_STORE, origin, present_account, site
from crane_auth.own import demand_session, own_account, own_session_id
from crane_auth.passwords import operations as passwords
from crane_auth.sessions import operations as sessions
from crane_core.context import get_crane
from crane_core.errors import NotFound
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, read_members
from crane_core.security import Target, guard, identify, known

blueprint = Blueprint("logins", __name__, url_prefix="/api/v1", description="How somebody logs in.")
_OWN = "It is about the caller's own login."


def find_person(name: str) -> Target:
    """Find an account, to decide on what may be done to how it logs in.

    :raises NotFound: when there is none.
    """
    if (account := find_account(name)) is None:
        raise NotFound(f"There is no account {name}.")
    return Target("user", account.name, str(account.id))


@blueprint.route("/auth/me")
@blueprint.doc(operationId="showOwnLogin")
@known(_OWN)
@blueprint.response(200, MeSchema, description="How the caller logs in.")
def show() -> Response:
    """Tell how one logs in oneself."""
    crane, account = get_crane(), own_account()
    details = identify().details
    row = passwords.find_password(account.id)
    told = {
        "account": present_account(account),
        "session": {"id": details["session"], "method": details["method"]} if "session" in details else None,
        "password": {"changed_at": row.changed_at} if row else None,
        **operations.describe(account.id),
        "second_factor_required": demands_factor(crane, account),
    }
    return answer(told, headers=NO_STORE)


@blueprint.route("/auth/me/password", methods=["PUT"])
@blueprint.doc(operationId="changeOwnPassword")
@known(_OWN)
@blueprint.arguments(OwnPasswordChangeSchema)
@blueprint.response(204, description="It is changed, and the other sessions have ended.")
def change_password(sent: dict[str, Any]) -> Response:
    """Change one's own password."""
    crane, account = get_crane(), demand_session()
    passwords.demand_password(crane, account, sent["old"])
    passwords.set_password(crane, account, sent["new"], pointer="/new")
    sessions.revoke_all(crane, account.id, but=own_session_id())
    passwords.tell_changed(crane, account, account.name)
    return Response(status=204)


@blueprint.route("/auth/me/totp", methods=["POST"])
@blueprint.doc(operationId="beginTotp")
@known(_OWN)
@blueprint.arguments(PasswordProofSchema)
@blueprint.response(200, SecretSchema, description="The secret.")
def begin_totp(sent: dict[str, Any]) -> Response:
    """Make the secret of a new authenticator."""
    return answer(operations.begin_totp(get_crane(), _prove(sent)), headers=NO_STORE)


@blueprint.route("/auth/me/totp", methods=["PUT"])
@blueprint.doc(operationId="confirmTotp")
@known(_OWN)
@blueprint.arguments(TotpCodeSchema)
@blueprint.response(200, RecoveryCodesSchema, description="The recovery codes, shown this once.")
def confirm_totp(sent: dict[str, Any]) -> Response:
    """Show a code of the new authenticator, which counts from then on."""
    crane, account = get_crane(), demand_session()
    with guarded(crane, account, Progress("totp"), origin()):
        codes = operations.confirm_totp(crane, account, sent["code"], account.name)
    return answer({"recovery_codes": codes}, headers=NO_STORE)


@blueprint.route("/auth/me/totp", methods=["DELETE"])
@blueprint.doc(operationId="removeTotp")
@known(_OWN)
@blueprint.arguments(PasswordProofSchema)
@blueprint.response(204, description="The authenticator counts no more.")
def remove_totp(sent: dict[str, Any]) -> Response:
    """Remove one's authenticator."""
    account = _prove(sent)
    operations.remove_totp(get_crane(), account, account.name)
    return Response(status=204)


@blueprint.route("/auth/me/recovery-codes", methods=["POST"])
@blueprint.doc(operationId="renewRecoveryCodes")
@known(_OWN)
@blueprint.arguments(PasswordProofSchema)
@blueprint.response(200, RecoveryCodesSchema, description="The recovery codes, shown this once.")
def renew_codes(sent: dict[str, Any]) -> Response:
    """Make new recovery codes in place of those before."""
    account = _prove(sent)
    operations.demand_factor(account)
    return answer({"recovery_codes": operations.renew_recovery_codes(account.id)}, headers=NO_STORE)


@blueprint.route("/auth/me/passkeys")
@blueprint.doc(operationId="listOwnPasskeys")
@known(_OWN)
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(PasskeyItemSchema, description="The passkeys.")
def list_passkeys(query: dict[str, Any]) -> Response:
    """List one's own passkeys."""
    rows = passkeys.list_passkeys(own_account().id)
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action=None,
        target=lambda row: Target("user"),
        fields=read_members("name", "created_at"),
    )
    return answer_list(get_crane(), listing, query)


@blueprint.route("/auth/me/passkeys/options", methods=["POST"])
@blueprint.doc(operationId="beginPasskey")
@known(_OWN)
@blueprint.arguments(PasswordProofSchema)
@blueprint.response(200, CreationSchema, description="What the browser must be told.")
def begin_passkey(sent: dict[str, Any]) -> Response:
    """Begin to add a passkey."""
    challenge, options = passkeys.begin_registration(get_crane(), _prove(sent), site())
    return answer({"challenge": challenge.secret, "options": options}, headers=NO_STORE)


@blueprint.route("/auth/me/passkeys", methods=["POST"])
@blueprint.doc(operationId="addPasskey")
@known(_OWN)
@blueprint.arguments(NewPasskeySchema)
@blueprint.response(201, MadePasskeySchema, description="The passkey.")
def add_passkey(sent: dict[str, Any]) -> Response:
    """Add a passkey."""
    account = demand_session()
    made = passkeys.register(get_crane(), account, site(), sent["challenge"], sent["name"], sent["credential"])
    return answer(made, 201, NO_STORE)


@blueprint.route("/auth/me/passkeys/<passkey_id>", methods=["DELETE"])
@blueprint.doc(operationId="removeOwnPasskey")
@known(_OWN)
@blueprint.arguments(PasswordProofSchema)
@blueprint.response(204, description="It counts no more.")
def remove_passkey(sent: dict[str, Any], passkey_id: str) -> Response:
    """Remove one of one's own passkeys."""
    passkeys.remove(get_crane(), _prove(sent), passkey_id)
    return Response(status=204)


@blueprint.route("/passwords/<name>", methods=["PUT"])
@blueprint.doc(operationId="setPassword")
@guard("password:update", by="name")
@blueprint.arguments(SetPasswordSchema)
@blueprint.response(204, description="It is set, and all their sessions have ended.")
def set_password(sent: dict[str, Any], name: str) -> Response:
    """Set somebody's password."""
    crane, account = get_crane(), get_account(name)
    demand_no_less(identify(), account)
    passwords.set_password(crane, account, sent["password"], must_change=sent["must_change"])
    sessions.revoke_all(crane, account.id)
    passwords.tell_changed(crane, account, identify().name)
    return Response(status=204)


@blueprint.route("/second-factors/<name>", methods=["DELETE"])
@guard("second-factor:remove", by="name")
@blueprint.response(204, description="They may log in with the password alone, or must make another one.")
def remove_factors(name: str) -> Response:
    """Take away all second factors of somebody who has lost theirs."""
    account = get_account(name)
    demand_no_less(identify(), account)
    operations.remove_all(get_crane(), account, identify().name)
    return Response(status=204)


def _prove(sent: dict[str, Any]) -> Account:
    """Go on only with the caller's password: an unlocked screen is not enough to change how they log in."""
    account = demand_session()
    passwords.demand_password(get_crane(), account, sent["password"])
    return account
