"""What can be wrong with a login."""

from __future__ import annotations

import math

from crane_core.errors import Conflict, CraneError, Forbidden, Invalid, NotFound, Unauthenticated


class WrongCredentials(Unauthenticated):
    """Name and password do not belong together; which of the two is wrong is not told."""

    code, title = "wrong-credentials", "The name or the password is wrong."


class WrongCode(Unauthenticated):
    """The second factor is wrong, or was used before."""

    code, title = "wrong-code", "The code is wrong, or was used already. Wait for the next one."


class WrongPasskey(Unauthenticated):
    """What a security key signed proves nothing here."""

    code, title = "wrong-passkey", "This passkey is not accepted here."


class WrongSetupToken(Unauthenticated):
    """The setup token is wrong or has expired."""

    code = "wrong-setup-token"
    title = (
        "The setup token is wrong, or has expired. The server says one at its start; restart it, or run "
        "crane-server auth setup-token, to have a new one."
    )


class CannotRestart(Conflict):
    """The server was not started by a program that starts it again."""

    code = "cannot-restart"
    title = "This server cannot start anew by itself. Stop it and use: crane-server db restore"


class LoginExpired(Unauthenticated):
    """A login was not finished in time, or its step was taken already."""

    code, title = "login-expired", "This login took too long, or was finished already. Begin anew."


class LoginRefused(Unauthenticated):
    """The identity provider, or what it sent, was not accepted."""

    code, title = "login-refused", "The identity provider did not vouch for this login. Begin anew."


class TooManyAttempts(CraneError):
    """Too many attempts failed, so that the next ones are refused unseen for a while."""

    status, code, title = 429, "too-many-attempts", "Too many attempts failed. Wait a little."

    def __init__(self, seconds: float) -> None:
        wait = max(1, math.ceil(seconds))
        super().__init__(f"Too many attempts failed. Try again in {wait} s.")
        self.headers = {"Retry-After": str(wait)}


class AlreadyEnrolled(Conflict):
    """Somebody has such a second factor already."""

    code, title = "already-enrolled", "There is such a second factor already."


class NotEnrolled(Conflict):
    """Somebody has no second factor."""

    code, title = "not-enrolled", "There is no second factor yet. Add an authenticator or a passkey first."


class WeakPassword(Invalid):
    """A password is too short, or known to those who guess."""

    code, title = "weak-password", "This password is too easy to guess."


class SessionNeeded(Forbidden):
    """An API token may not change how its owner logs in."""

    code, title = "session-needed", "An API token may not do this. Log in, and do it there."


class MethodNotFound(NotFound):
    """There is no such way to log in."""

    code, title = "method-not-found", "There is no such way to log in here."


class SessionNotFound(NotFound):
    """There is no such session."""

    code, title = "session-not-found", "There is no such session."


class TokenNotFound(NotFound):
    """There is no such token."""

    code, title = "token-not-found", "There is no such token."


class PasskeyNotFound(NotFound):
    """There is no such passkey."""

    code, title = "passkey-not-found", "There is no such passkey."


class SealBroken(Conflict):
    """The key that a second factor was sealed with is not here."""

    code, title = "seal-broken", "The key of this second factor is not here."


class NoAccount(Forbidden):
    """The caller is known, but has no account that this could be about."""

    code, title = "no-account", "You have no account here, so there is nothing of yours to see or change."


class ProviderUnavailable(CraneError):
    """The identity provider cannot be asked."""

    status, code, title = 503, "provider-unavailable", "The identity provider does not answer. Try again."
