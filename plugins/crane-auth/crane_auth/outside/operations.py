"""Logins elsewhere: the way there, and the way back."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from crane_auth import challenges, throttle
from crane_auth.digests import digest, make_secret
from crane_auth.errors import LoginExpired
from crane_auth.logins.operations import Login, Progress, go_on, read
from crane_auth.methods import Methods, account_of
from crane_auth.sessions.operations import Origin
from crane_core.context import Crane
from crane_core.errors import CraneError

KIND = "outside"
COLLECT = "collect"


@dataclass(frozen=True)
class Loopback:
    """A program that waits on its own machine.

    :param port: Where it listens.
    :param proof: The digest of what it will show: nobody else can use what the browser brings it.
    """

    port: int
    proof: str


@dataclass(frozen=True)
class Departure:
    """A browser that is sent away.

    :param url: Where to.
    :param mark: What it keeps meanwhile: nobody else's browser can come back in its place.
    """

    url: str
    mark: str


@dataclass(frozen=True)
class Arrival:
    """A browser that came back.

    :param login: What its login led to; None where a program collects it.
    :param go_to: The page that it is to see.
    """

    login: Login | None
    go_to: str


def depart(
    crane: Crane, name: str, redirect_uri: str, return_to: str, origin: Origin, loopback: Loopback | None = None
) -> Departure:
    """Send a browser away to log in.

    :raises TooManyAttempts: when too many from there never came back.
    """
    method = crane.room(Methods).get(name, "redirect")
    throttle.count(crane, [throttle.of_beginnings(origin.address)])
    state, mark = make_secret(), make_secret()
    start = method.start(redirect_uri, state) if method.start else None
    if start is None:
        raise LoginExpired
    data = {
        "method": name,
        "mark": digest(mark),
        "kept": dict(start.kept),
        "return_to": return_to,
        "loopback": asdict(loopback) if loopback else None,
    }
    challenges.issue(crane, KIND, None, data, secret=state)
    return Departure(start.url, mark)


def come_back(
    crane: Crane, name: str, query: Mapping[str, str], mark: str, redirect_uri: str, origin: Origin
) -> Arrival:
    """Go on with a browser that came back.

    :raises LoginExpired: when no login waits for it, or it is not the browser that was sent away.
    """
    method = crane.room(Methods).get(name, "redirect")
    challenge = challenges.take(crane, query.get("state", ""), KIND)
    data, loopback = challenge.data, challenge.data["loopback"]
    # What a program began is of use on the machine of the browser only, where the program has to be.
    known = loopback is not None or hmac.compare_digest(data["mark"], digest(mark))
    if data["method"] != name or not known or method.finish is None:
        raise LoginExpired
    try:
        account = account_of(method, method.finish(query, redirect_uri, data["kept"]))
    except CraneError as error:
        if loopback is None:
            raise
        return Arrival(None, _address_of(loopback, {"error": error.code, "detail": error.detail}))
    throttle.take_back(throttle.of_beginnings(origin.address))
    if loopback is None:
        # A second factor is the provider's business.
        return Arrival(go_on(crane, account, Progress(name, factor=True), origin), data["return_to"])
    waiting = challenges.issue(crane, COLLECT, account.id, {"method": name, "proof": loopback["proof"]})
    return Arrival(None, _address_of(loopback, {"code": waiting.secret}))


def collect(crane: Crane, code: str, verifier: str, origin: Origin) -> Login:
    """Finish a login in the program that began it.

    :raises LoginExpired: when none waits, or another program began it.
    """
    challenge = challenges.take(crane, code, COLLECT)
    if not hmac.compare_digest(challenge.data["proof"], digest(verifier)):
        raise LoginExpired
    account, _ = read(replace(challenge, data={"method": challenge.data["method"]}))
    return go_on(crane, account, Progress(challenge.data["method"], factor=True, bearer=True), origin)


def _address_of(loopback: Mapping[str, Any], told: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{loopback['port']}/?{urlencode(told)}"


def is_local(path: str) -> bool:
    """Tell whether a path leads to a page of this server, and a browser cannot take it for another one's address.

    Browsers take a backslash for a slash, and pass over tabs and line ends.
    """
    return path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
