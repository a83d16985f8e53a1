"""HTTP in and out of logins elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from crane_auth.authenticating import is_secure, set_cookie
from crane_auth.errors import LoginRefused
from crane_auth.logins.routes import NO_STORE, answer_login, end_own_session, origin, site
from crane_auth.logins.schemas import CollectSchema, LoginAnswerSchema, StartedSchema, StartSchema
from crane_auth.outside import operations
from crane_core.context import get_crane
from crane_core.errors import CraneError, Invalid, Violation
from crane_core.http import Blueprint, answer
from crane_core.security import public

blueprint = Blueprint("outside_logins", __name__, url_prefix="/api/v1/auth", description="Logging in elsewhere.")
MARK = "crane_login"
_PATH = "/api/v1/auth/login"


@blueprint.route("/login/<method>/start", methods=["POST"])
@blueprint.doc(operationId="startLogin")
@public("Whoever logs in is not known before.")
@blueprint.arguments(StartSchema)
@blueprint.response(200, StartedSchema, description="Where the browser must go.")
def start(sent: dict[str, Any], method: str) -> Response:
    """Begin to log in at an identity provider."""
    return_to = sent["return_to"]
    if not operations.is_local(return_to):
        sentence = "This is no path of this server; write it as in /stacks."
        raise Invalid(sentence, violations=[Violation("/return", sentence, code="no-local-path")])
    crane = get_crane()
    loopback = operations.Loopback(**sent["loopback"]) if sent["loopback"] else None
    departure = operations.depart(crane, method, _redirect_uri(method), return_to, origin(), loopback)
    response = answer({"url": departure.url}, headers=NO_STORE)
    # Lax, because the provider's page leads back here.
    response.set_cookie(
        MARK,
        departure.mark,
        max_age=600,
        path=_PATH,
        secure=is_secure(crane, request),
        httponly=True,
        samesite="Lax",
    )
    return response


@blueprint.route("/login/<method>/return")
@blueprint.doc(operationId="returnFromLogin")
@public("Whoever comes back from an identity provider is not known before.")
@blueprint.response(303, description="To the page that was wanted, or to the page where one logs in, which says why.")
def come_back(method: str) -> BaseResponse:
    """Take a browser back from an identity provider: its login is finished, and a session begins."""
    crane = get_crane()
    mark = request.cookies.get(MARK, "")
    try:
        arrival = operations.come_back(crane, method, request.args.to_dict(), mark, _redirect_uri(method), origin())
    except CraneError as error:
        told = error if error.status < 500 or error.status == 503 else LoginRefused()
        return _go(f"/login#{urlencode({'error': told.code, 'detail': told.detail})}")
    login = arrival.login
    if login is not None and login.begun is None:
        challenge = login.challenge.secret if login.challenge else ""
        return _go(f"/login#{urlencode({'challenge': challenge, 'state': login.state})}")
    response = _go(arrival.go_to)
    if login is not None and login.begun is not None:
        end_own_session()
        set_cookie(crane, request, response, login.begun)
    return response


@blueprint.route("/login/collect", methods=["POST"])
@blueprint.doc(operationId="collectLogin")
@public("Whoever logs in is not known before.")
@blueprint.arguments(CollectSchema)
@blueprint.response(200, LoginAnswerSchema, description="The session.")
def collect(sent: dict[str, Any]) -> Response:
    """Finish a login that a program began and a browser went through."""
    return answer_login(operations.collect(get_crane(), sent["code"], sent["verifier"], origin()))


def _go(where: str) -> BaseResponse:
    response = redirect(where, 303)
    response.headers.update(NO_STORE)
    response.delete_cookie(MARK, path=_PATH)
    return response


def _redirect_uri(method: str) -> str:
    return f"{site().origin}{_PATH}/{method}/return"
