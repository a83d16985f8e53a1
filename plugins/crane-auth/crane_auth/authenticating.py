"""From a request to who sends it: a token, a session's cookie, or the word of a proxy that is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crane_auth.digests import LOCAL, TOKEN
from crane_auth.identifying import Proofs
from crane_auth.local import LocalToken
from crane_auth.outside.proxy import Proxy
from crane_core.context import Crane, get_crane
from crane_core.errors import Unauthenticated
from crane_core.security import LOCAL as LOCAL_IDENTITY

if TYPE_CHECKING:
    from flask import Request, Response

    from crane_auth.sessions.operations import Begun
    from crane_core.security import Identity

COOKIE = "crane_session"


def authenticate(request: Request) -> Identity | None:
    """Return who sends a request; None when that is for another plugin to say.

    A cookie that proves nothing any more is as good as none, so that its browser gets to the page where one logs in; a
    program is told that its token is wrong.

    :raises Unauthenticated: for a token of Crane's that is wrong, or no longer good.
    """
    crane = get_crane()
    if (token := _find_bearer(request)) is not None:
        return _identify_bearer(crane, token)
    if (identity := crane.room(Proxy).identify(request)) is not None:
        return identity
    cookie = request.cookies.get(COOKIE)
    return crane.room(Proofs).identify(cookie) if cookie else None


def _find_bearer(request: Request) -> str | None:
    """Return the token that a request shows; None without one. Proxies may ask for credentials of other schemes."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _identify_bearer(crane: Crane, token: str) -> Identity | None:
    if not token.startswith(TOKEN):
        # Examples and others have login plugins of their own.
        return None
    if token.startswith(LOCAL):
        if crane.room(LocalToken).is_good(token):
            return LOCAL_IDENTITY
        raise Unauthenticated("This token was of a server that has ended.")
    identity = crane.room(Proofs).identify(token)
    if identity is None:
        raise Unauthenticated("This token is wrong, was revoked, or has expired. Log in, or make a new one.")
    return identity


def set_cookie(crane: Crane, request: Request, response: Any, begun: Begun) -> None:
    """Have a browser keep a session: no script reads it, and no page of another site has it sent."""
    response.set_cookie(
        COOKIE,
        begun.secret,
        expires=begun.expires_at,
        path="/",
        secure=is_secure(crane, request),
        httponly=True,
        samesite="Strict",
    )


def drop_cookie(crane: Crane, request: Request, response: Response) -> None:
    """Have a browser forget its session."""
    response.delete_cookie(COOKIE, path="/", secure=is_secure(crane, request), httponly=True, samesite="Strict")


def is_secure(crane: Crane, request: Request) -> bool:
    """Tell whether browsers reach this server encrypted, itself or by a proxy."""
    return request.is_secure or str(crane.settings["auth.url"]).startswith("https://")
