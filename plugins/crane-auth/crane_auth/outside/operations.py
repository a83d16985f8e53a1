"""Logins elsewhere: the way there, and the way back."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from crane_auth import challenges
from crane_auth.digests import digest, make_secret
from crane_auth.errors import LoginExpired
from crane_auth.logins.operations import Login, Progress, go_on
from crane_auth.methods import Methods, account_of
from crane_auth.sessions.operations import Origin
from crane_core.context import Crane

KIND = "outside"


@dataclass(frozen=True)
class Departure:
    """A browser that is sent away.

    :param url: Where to.
    :param mark: What it keeps meanwhile: nobody else's browser can come back in its place.
    """

    url: str
    mark: str


def depart(crane: Crane, name: str, redirect_uri: str, return_to: str) -> Departure:
    """Send a browser away to log in."""
    method = crane.room(Methods).get(name, "redirect")
    state, mark = make_secret(), make_secret()
    start = method.start(redirect_uri, state) if method.start else None
    if start is None:
        raise LoginExpired
    data = {"method": name, "mark": digest(mark), "kept": dict(start.kept), "return_to": return_to}
    challenges.issue(crane, KIND, None, data, secret=state)
    return Departure(start.url, mark)


def come_back(
    crane: Crane, name: str, query: Mapping[str, str], mark: str, redirect_uri: str, origin: Origin
) -> tuple[Login, str]:
    """Go on with a browser that came back; returns the page that it wants to see as well.

    :raises LoginExpired: when no login waits for it, or it is not the browser that was sent away.
    """
    method = crane.room(Methods).get(name, "redirect")
    challenge = challenges.take(crane, query.get("state", ""), KIND)
    data = challenge.data
    if data["method"] != name or not hmac.compare_digest(data["mark"], digest(mark)) or method.finish is None:
        raise LoginExpired
    account = account_of(method, method.finish(query, redirect_uri, data["kept"]))
    # A second factor is the provider's business.
    login = go_on(crane, account, Progress(name, factor=True), origin)
    return login, data["return_to"]


def is_local(path: str) -> bool:
    """Tell whether a path leads to a page of this server, and a browser cannot take it for another one's address.

    Browsers take a backslash for a slash, and pass over tabs and line ends.
    """
    return path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
