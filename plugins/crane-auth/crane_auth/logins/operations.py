"""Logging in: who proved to be whom by what, and which step is left before a session begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from crane_accounts import Account, account_by_id, find_account, identity_of

from crane_auth import challenges, throttle
from crane_auth.errors import LoginExpired, WrongCredentials
from crane_auth.factors import operations as factors
from crane_auth.factors import passkeys
from crane_auth.methods import Methods, account_of
from crane_auth.passwords.operations import find_password, set_password
from crane_auth.sessions.operations import Begun, Origin, begin
from crane_core.context import Crane
from crane_core.errors import Unauthenticated
from crane_core.events import Event
from crane_core.security import may_in_general

State = Literal["done", "second-factor", "enroll", "new-password"]
# What somebody must be allowed to do for the setting to count them among the administrators.
ADMIN_ACTION = "grant:create"


@dataclass(frozen=True)
class Progress:
    """How far a login is.

    :param method: The method that it began with.
    :param factor: Whether a second factor was shown, or need not be.
    :param bearer: Whether the session is for a program, which keeps its secret itself.
    """

    method: str
    factor: bool = False
    bearer: bool = False


@dataclass(frozen=True)
class Login:
    """What a step of a login led to: a session, or the next step."""

    state: State
    account: Account
    challenge: challenges.Challenge | None = None
    factors: tuple[str, ...] = ()
    begun: Begun | None = None
    bearer: bool = False
    recovery_codes: list[str] = field(default_factory=list)

    @property
    def expires_at(self) -> datetime | None:
        """Until when the session lasts, or the next step must be taken."""
        if self.begun:
            return self.begun.expires_at
        return self.challenge.expires_at if self.challenge else None


def log_in(crane: Crane, method: str, name: str, password: str, origin: Origin, *, bearer: bool) -> Login:
    """Log in by name and password.

    :raises WrongCredentials: when they are nobody's.
    :raises TooManyAttempts: when too many attempts failed, of this account or from this address.
    """
    way = crane.room(Methods).get(method, "password")
    account_key, address_key = throttle.of_account(name), throttle.of_address(origin.address)
    throttle.count(crane, [account_key, address_key])
    found = way.check(name, password) if way.check else None
    account = None if found is None else account_of(way, found)
    if account is None or account.disabled:
        tell_failed(crane, name, method, origin)
        raise WrongCredentials
    throttle.forgive(account_key, address_key)
    return go_on(crane, account, Progress(method, bearer=bearer), origin)


def go_on(crane: Crane, account: Account, progress: Progress, origin: Origin) -> Login:
    """Begin the session if nothing is left to do, else tell what is."""
    if identity_of(account.id) is None:
        raise WrongCredentials
    if not progress.factor:
        if known := factors.factors_of(account.id):
            return _wait(crane, "second-factor", account, progress, known)
        if demands_factor(crane, account):
            return _wait(crane, "enroll", account, progress, ())
    password = find_password(account.id) if progress.method == "password" else None
    if password is not None and password.must_change:
        return _wait(crane, "new-password", account, progress, ())
    begun = begin(crane, account, progress.method, origin)
    detail = {"method": progress.method, "address": origin.address}
    crane.emit(Event("login.succeeded", account.name, begun.id, by=account.name, detail=detail))
    return Login("done", account, begun=begun, bearer=progress.bearer)


def demands_factor(crane: Crane, account: Account) -> bool:
    """Tell whether somebody must have a second factor."""
    demanded = crane.settings["auth.require_second_factor"]
    if demanded == "admins":
        identity = identity_of(account.id)
        return identity is not None and may_in_general(crane, identity, ADMIN_ACTION)
    return bool(demanded == "everybody")


def _wait(crane: Crane, state: State, account: Account, progress: Progress, known: tuple[str, ...]) -> Login:
    challenge = challenges.issue(crane, state, account.id, asdict(progress))
    return Login(state, account, challenge, known, bearer=progress.bearer)


def read(challenge: challenges.Challenge) -> tuple[Account, Progress]:
    """Return whose login waits, and how far it is.

    :raises LoginExpired: when the account is gone or disabled by now.
    """
    account = account_by_id(challenge.account_id) if challenge.account_id is not None else None
    if account is None or account.disabled:
        raise LoginExpired
    return account, Progress(**_known(challenge.data))


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name in Progress.__dataclass_fields__}


def show_code(crane: Crane, secret: str, code: str, origin: Origin) -> Login:
    """Go on with a code: of an authenticator that somebody has or is about to have, or a recovery code.

    :raises WrongCode: when it is wrong; the step goes on waiting.
    :raises LoginExpired: when no login waits for it.
    :raises TooManyAttempts: when too many codes were wrong.
    """
    try:
        challenge = challenges.look(crane, secret, "second-factor")
    except LoginExpired:
        return _confirm_enrolment(crane, secret, code, origin)
    account, progress = read(challenge)
    with guarded(crane, account, progress, origin):
        used = factors.check_code(crane, account.id, code)
    challenges.take(crane, secret, "second-factor")
    if used == "recovery":
        crane.emit(Event("factor.used", account.name, by=account.name, detail={"factor": "recovery"}))
    return go_on(crane, account, replace(progress, factor=True), origin)


def begin_enrolment(crane: Crane, secret: str) -> dict[str, str]:
    """Make the secret of an authenticator for somebody who must have one to log in."""
    account, _ = read(challenges.look(crane, secret, "enroll"))
    return factors.begin_totp(crane, account)


def _confirm_enrolment(crane: Crane, secret: str, code: str, origin: Origin) -> Login:
    account, progress = read(challenges.look(crane, secret, "enroll"))
    with guarded(crane, account, progress, origin):
        codes = factors.confirm_totp(crane, account, code, account.name)
    challenges.take(crane, secret, "enroll")
    return replace(go_on(crane, account, replace(progress, factor=True), origin), recovery_codes=codes)


def choose_password(crane: Crane, secret: str, password: str, origin: Origin) -> Login:
    """Go on with a new password, where somebody else had set the old one.

    :raises WeakPassword: when it is not good enough; the step goes on waiting.
    """
    account, progress = read(challenges.look(crane, secret, "new-password"))
    set_password(crane, account, password)
    challenges.take(crane, secret, "new-password")
    return go_on(crane, account, progress, origin)


@contextmanager
def guarded(crane: Crane, account: Account, progress: Progress, origin: Origin) -> Iterator[None]:
    """Count a second factor that is wrong, and refuse to look at it when too many were."""
    keys = throttle.of_factor(account.id), throttle.of_address(origin.address)
    throttle.count(crane, keys)
    try:
        yield
    except Unauthenticated:
        tell_failed(crane, account.name, progress.method, origin, factor=True)
        raise
    throttle.forgive(*keys)


def tell_failed(crane: Crane, name: str, method: str, origin: Origin, *, factor: bool = False) -> None:
    """Tell plugins that a login failed. Attempts that are not looked at are not told of, so this is never a flood."""
    step = "second factor" if factor else "password"
    # What was typed as a name may be a password.
    known = name if find_account(name) is not None else ""
    detail = {"method": method, "address": origin.address, "step": step}
    crane.emit(Event("login.failed", known, detail=detail))


def show_passkey(
    crane: Crane, site: passkeys.Site, secret: str, credential: Mapping[str, Any], origin: Origin, *, bearer: bool
) -> Login:
    """Go on with a passkey as the second factor, or log in with it alone.

    :raises WrongPasskey: when it proves nothing here.
    :raises LoginExpired: when nobody asked for it.
    """
    try:
        challenge = challenges.take(crane, secret, "second-factor")
    except LoginExpired:
        challenge = challenges.take(crane, secret, passkeys.ALONE)
        throttle.count(crane, [address := throttle.of_address(origin.address)])
        account = passkeys.check(crane, site, challenge, credential)
        throttle.forgive(throttle.of_factor(account.id), address)
        throttle.take_back(throttle.of_beginnings(origin.address))
        return go_on(crane, account, Progress("passkey", factor=True, bearer=bearer), origin)
    account, progress = read(challenge)
    with guarded(crane, account, progress, origin):
        passkeys.check(crane, site, challenge, credential)
    return go_on(crane, account, replace(progress, factor=True), origin)
