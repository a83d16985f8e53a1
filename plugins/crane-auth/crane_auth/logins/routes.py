"""HTTP in and out of logging in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from crane_accounts import Account, account_by_id, has_admin
from crane_database import Staged
from flask import Response, request

from crane_auth import challenges, setup, throttle
from crane_auth.authenticating import COOKIE, drop_cookie, is_secure, set_cookie
from crane_auth.errors import WrongSetupToken
from crane_auth.factors import passkeys
from crane_auth.logins import operations
from crane_auth.logins.schemas import (
    AssertionSchema,
    AuthStateSchema,
    CodeSchema,
    EnrolmentSchema,
    EnrolSchema,
    LoginAnswerSchema,
    LoginSchema,
    NewPasswordSchema,
    PasskeyOptionsSchema,
    PasskeySchema,
    SetupSchema,
)
from crane_auth.methods import Methods
from crane_auth.outside.proxy import Proxy
from crane_auth.passwords.strength import Strength
from crane_auth.sessions import operations as sessions
from crane_core.context import get_crane
from crane_core.errors import CraneError
from crane_core.http import Blueprint, answer
from crane_core.security import identify, public

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth", description="Logging in.")
_OPEN = "Whoever logs in is not known before."
# What carries secrets is kept by nobody on the way.
NO_STORE = {"Cache-Control": "no-store"}


@blueprint.after_app_request
def keep_encrypted(response: Response) -> Response:
    """Have browsers come back encrypted where a proxy encrypts, of which the server itself sees nothing."""
    if is_secure(get_crane(), request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def origin() -> sessions.Origin:
    """Return where the current request comes from."""
    address = get_crane().room(Proxy).address_of(request)
    return sessions.Origin(address, request.headers.get("User-Agent", ""))


def site() -> passkeys.Site:
    """Return what passkeys are bound to: the address of the server, as it is set or as the browser has it."""
    url = str(get_crane().settings["auth.url"])
    parts = urlsplit(url or request.host_url)
    return passkeys.Site(f"{parts.scheme}://{parts.netloc}")


def present_account(account: Account) -> dict[str, Any]:
    """Return what is shown of an account."""
    return {
        "name": account.name,
        "kind": account.kind,
        "display_name": account.display_name,
        "email": account.email,
    }


def answer_login(login: operations.Login, status: int = 200) -> Response:
    """Answer a step of a login; a session that began is in a cookie, or in the answer where that was asked for."""
    crane, begun = get_crane(), login.begun
    told = {
        "state": login.state,
        "challenge": login.challenge.secret if login.challenge else None,
        "factors": login.factors,
        "expires_at": login.expires_at,
        "token": begun.secret if begun and login.bearer else None,
        "recovery_codes": login.recovery_codes,
        # Not before: the password alone shall not tell who somebody is.
        "account": present_account(login.account) if begun else None,
    }
    response = answer(told, status, NO_STORE)
    if begun and not login.bearer:
        end_own_session()
        set_cookie(crane, request, response, begun)
    return response


def end_own_session() -> None:
    """End the session that a browser had before: it is another one from now on."""
    if old := request.cookies.get(COOKIE):
        sessions.end(get_crane(), old)


@blueprint.route("/state")
@public("It tells callers how to log in, and who they are themselves.")
@blueprint.response(200, AuthStateSchema, description="How one logs in here.")
def state() -> Response:
    """Tell how to log in, and who is logged in."""
    crane, details = get_crane(), identify().details
    account = account_by_id(details["account_id"]) if "account_id" in details else None
    own = {"id": details["session"], "method": details["method"]} if "session" in details else None
    told = {
        "set_up": has_admin(),
        "restore_problem": crane.room(Staged).find_problem(),
        "methods": [
            {"name": method.name, "title": method.title, "kind": method.kind} for method in crane.room(Methods)
        ],
        "passkeys": site().is_usable,
        "shortest_password": crane.room(Strength).shortest,
        "account": present_account(account) if account else None,
        "session": own,
    }
    return answer(told, headers=NO_STORE)


@blueprint.route("/setup", methods=["POST"])
@blueprint.doc(operationId="setUp")
@public(_OPEN)
@blueprint.arguments(SetupSchema)
@blueprint.response(201, LoginAnswerSchema, description="The first administrator, logged in.")
def set_up(sent: dict[str, Any]) -> Response:
    """Make the first administrator with the setup token, and log in."""
    crane = get_crane()
    key = throttle.of_address(origin().address)
    throttle.count(crane, [key])
    try:
        account = setup.set_up(
            crane, sent["token"], sent["name"], sent["password"], sent["display_name"], sent["email"]
        )
    except WrongSetupToken:
        raise
    except CraneError:
        # The token was right; the rest of it is no guessing.
        throttle.take_back(key)
        raise
    throttle.take_back(key)
    return answer_login(
        operations.go_on(crane, account, operations.Progress("setup", bearer=sent["bearer"]), origin()), 201
    )


@blueprint.route("/login", methods=["POST"])
@blueprint.doc(operationId="logIn")
@public(_OPEN)
@blueprint.arguments(LoginSchema)
@blueprint.response(200, LoginAnswerSchema, description="The session, or the step that is left.")
def log_in(sent: dict[str, Any]) -> Response:
    """Log in with name and password."""
    login = operations.log_in(
        get_crane(), sent["method"], sent["name"], sent["password"], origin(), bearer=sent["bearer"]
    )
    return answer_login(login)


@blueprint.route("/login/second-factor", methods=["POST"])
@blueprint.doc(operationId="giveSecondFactor")
@public(_OPEN)
@blueprint.arguments(CodeSchema)
@blueprint.response(200, LoginAnswerSchema, description="The session, or the step that is left.")
def show_code(sent: dict[str, Any]) -> Response:
    """Go on with a code of an authenticator, or a recovery code."""
    return answer_login(operations.show_code(get_crane(), sent["challenge"], sent["code"], origin()))


@blueprint.route("/login/totp", methods=["POST"])
@blueprint.doc(operationId="beginEnrolment")
@public(_OPEN)
@blueprint.arguments(EnrolSchema)
@blueprint.response(200, EnrolmentSchema, description="The secret of the authenticator.")
def begin_enrolment(sent: dict[str, Any]) -> Response:
    """Make the authenticator without which one may not log in here."""
    made = operations.begin_enrolment(get_crane(), sent["challenge"])
    return answer({"challenge": sent["challenge"], **made}, headers=NO_STORE)


@blueprint.route("/login/new-password", methods=["POST"])
@blueprint.doc(operationId="chooseNewPassword")
@public(_OPEN)
@blueprint.arguments(NewPasswordSchema)
@blueprint.response(200, LoginAnswerSchema, description="The session, or the step that is left.")
def choose_password(sent: dict[str, Any]) -> Response:
    """Choose a password in place of the one that somebody else had set."""
    return answer_login(operations.choose_password(get_crane(), sent["challenge"], sent["password"], origin()))


@blueprint.route("/login/passkey-options", methods=["POST"])
@blueprint.doc(operationId="askForPasskey")
@public(_OPEN)
@blueprint.arguments(PasskeyOptionsSchema)
@blueprint.response(200, AssertionSchema, description="What the browser must be told.")
def ask_for_passkey(sent: dict[str, Any]) -> Response:
    """Ask for a passkey: as the second factor of a login that waits for it, or alone."""
    crane = get_crane()
    waiting = challenges.look(crane, sent["challenge"], "second-factor") if sent["challenge"] else None
    if waiting is None:
        throttle.count(crane, [throttle.of_beginnings(origin().address)])
    challenge, options = passkeys.begin_assertion(crane, site(), waiting)
    return answer({"challenge": challenge.secret, "options": options}, headers=NO_STORE)


@blueprint.route("/login/passkey", methods=["POST"])
@blueprint.doc(operationId="givePasskey")
@public(_OPEN)
@blueprint.arguments(PasskeySchema)
@blueprint.response(200, LoginAnswerSchema, description="The session, or the step that is left.")
def show_passkey(sent: dict[str, Any]) -> Response:
    """Go on with a passkey, or log in with it alone."""
    login = operations.show_passkey(
        get_crane(), site(), sent["challenge"], sent["credential"], origin(), bearer=sent["bearer"]
    )
    return answer_login(login)


@blueprint.route("/logout", methods=["POST"])
@blueprint.doc(operationId="logOut")
@public("Who has no session has none afterwards either.")
@blueprint.response(204, description="The session has ended, if there was one.")
def log_out() -> Response:
    """End the session."""
    crane = get_crane()
    details = identify().details
    if "session" in details:
        sessions.end_by_id(crane, details["session"])
    end_own_session()
    response = Response(status=204)
    drop_cookie(crane, request, response)
    return response
