"""Who asks, and what they may do.

One function identifies, one decides; what callers must not see is hidden by :mod:`crane_core.redaction`. Everything is
denied unless somebody allows it; a view without a guard keeps the server from starting.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Request, request

from crane_core.context import Crane, get_crane
from crane_core.errors import Ambiguous, Forbidden, NotFound, SetupError, Unauthenticated
from crane_core.events import Event

View = TypeVar("View", bound=Callable[..., Any])
Item = TypeVar("Item")
_ENVIRON_KEY = "crane.identity"
_TARGET_KEY = "crane.target"
_MARKS_OF_PROXIES = ("forwarded", "via", "x-forwarded", "x-real-ip", "x-client-ip")
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


# --- Who ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Identity:
    """Somebody who sends requests.

    :param name: How logs, operations and events call them.
    :param kind: ``user``, ``service`` (an account of a program), ``local`` (whoever runs the server: a caller on this
        machine while no plugin authenticates, or who a plugin vouches for as such), ``server`` (the server itself) or
        ``nobody``.
    :param details: What the authenticating plugin keeps for its own votes.
    """

    name: str
    kind: Literal["user", "service", "local", "server", "nobody"] = "user"
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)


NOBODY = Identity("nobody", "nobody")
LOCAL = Identity("local", "local")
SERVER = Identity("server", "server")


def identify() -> Identity:
    """Return who sends the current request; found out once, then kept with the request.

    :raises Unauthenticated: when the request carries a proof of identity that is wrong.
    """
    # Kept in the environ and not in flask.g, which some test clients keep between requests.
    known = request.environ.get(_ENVIRON_KEY)
    if not isinstance(known, Identity):
        known = _find_identity(get_crane(), request)
        request.environ[_ENVIRON_KEY] = known
    return known


def known_identity() -> Identity:
    """Return who sends the current request, as far as somebody has asked; nobody is asked for it."""
    known = request.environ.get(_ENVIRON_KEY)
    return known if isinstance(known, Identity) else NOBODY


def identify_again() -> Identity:
    """Return who sends the current request, found out anew: a WebSocket may last longer than what proved it.

    :raises Unauthenticated: when the request carries a proof of identity that is wrong by now.
    """
    return _find_identity(get_crane(), request)


def _find_identity(crane: Crane, request: Request) -> Identity:
    if crane.authenticated:
        found: Identity | None = crane.plugins.ask_first("crane_authenticate", request=request)
        return found or NOBODY
    if crane.settings["security.open"]:
        return LOCAL
    if not _is_local(request):
        raise Unauthenticated(
            "No plugin that authenticates is installed, so only this machine is served. Install one, or set "
            "security.open = true if everybody who can reach this port may control the Swarm."
        )
    return LOCAL


def _is_local(request: Request) -> bool:
    """Tell whether a request was made on this machine, by a program or a page of this machine.

    A proxy on the same machine speaks for others, and a page elsewhere can give its own name our address; neither is
    local.
    """
    forwarded = any(name.lower().startswith(_MARKS_OF_PROXIES) for name, _ in request.headers)
    return not forwarded and _is_loopback(request.remote_addr or "") and _is_loopback(_host_of(request.host))


def _host_of(netloc: str) -> str:
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_foreign_pages() -> None:
    """Refuse a request that changes something, or opens a WebSocket, if another site's page makes a browser send it.

    :raises Forbidden: with the code ``cross-site``. Programs send neither header and are not concerned.
    """
    # A browser lets any page open a WebSocket to anywhere and read what it says, unlike the answer of a GET.
    if request.method not in UNSAFE and request.headers.get("Upgrade", "").lower() != "websocket":
        return
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (origin and origin.partition("://")[2] != request.host):
        raise CrossSite(f"A page of {origin or 'another site'} may not change anything here.")


class CrossSite(Forbidden):
    """A page of another site tried to change something."""

    code = "cross-site"


# --- May ----------------------------------------------------------------------------------------------------------


# Of msgspec, because one is made for each item of a list, and making it takes a tenth of the time of a dataclass.
class Target(msgspec.Struct, frozen=True, eq=False):
    """What an action is done to: already looked up, so that what is decided on is what is acted on.

    Two are the same whatever their labels.

    :param kind: ``service``, ``stack``, ``node`` ...; ``server`` for what concerns no object.
    :param labels: Its labels, on which plugins may decide.
    :param node: The name of the node that it is on, where it is on one only.
    """

    kind: str
    name: str = ""
    id: str = ""
    stack: str | None = None
    labels: Mapping[str, str] = {}
    node: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and self._essence == other._essence

    def __ne__(self, other: object) -> bool:
        # The one that is inherited compares which objects they are.
        return not self == other

    def __hash__(self) -> int:
        return hash(self._essence)

    @property
    def _essence(self) -> tuple[str, str, str, str | None, str | None]:
        return self.kind, self.name, self.id, self.stack, self.node


@dataclass(frozen=True)
class Vote:
    """An answer to whether somebody may do something, with its reason."""

    allows: bool
    reason: str = ""

    @classmethod
    def allow(cls, reason: str = "") -> Vote:
        """Vote yes."""
        return cls(True, reason)

    @classmethod
    def deny(cls, reason: str = "") -> Vote:
        """Vote no, whatever others say."""
        return cls(False, reason)


Voter = Callable[[Target], "Vote | None"]
_NOBODY_ALLOWED = Vote.deny("nobody allowed it")


def decide(crane: Crane, identity: Identity, action: str, target: Target) -> Vote:
    """Decide whether somebody may do something: one deny forbids, else one allow is needed, else no."""
    return decider(crane, identity, action)(target)


def decider(crane: Crane, identity: Identity, action: str) -> Callable[[Target], Vote]:
    """Return what decides whether somebody may do one thing, for who asks of many targets; good for this moment."""
    if may_everything(identity):
        everything = Vote.allow("the server itself" if identity.kind == "server" else "whoever runs the server")
        return lambda target: everything
    voters = [voter for _, voter in crane.plugins.ask_all("crane_prepare_vote", identity=identity, action=action)]
    asked = crane.plugins.implemented("crane_authorize")
    if len(voters) == 1 and not asked:
        [only] = voters
        return lambda target: only(target) or _NOBODY_ALLOWED

    def decide_on(target: Target) -> Vote:
        allowed: Vote | None = None
        for vote in _votes(crane, identity, action, target, voters, asked):
            if vote is None:
                continue
            if not vote.allows:
                return vote
            allowed = allowed or vote
        return allowed or _NOBODY_ALLOWED

    return decide_on


def _votes(
    crane: Crane, identity: Identity, action: str, target: Target, voters: Iterable[Voter], asked: bool
) -> Iterator[Vote | None]:
    for voter in voters:
        yield voter(target)
    if asked:
        for _, vote in crane.plugins.ask_all("crane_authorize", identity=identity, action=action, target=target):
            yield vote


def in_general(action: str) -> Target:
    """Return the target of an action in general: its kind as a whole, and no object in particular."""
    return Target(action.partition(":")[0])


def may_everything(identity: Identity) -> bool:
    """Tell whether no plugin is asked about somebody: the server itself, and whoever runs it."""
    return identity.kind in ("server", "local")


def may_in_general(crane: Crane, identity: Identity, action: str) -> bool:
    """Tell whether somebody may do something to any object of its kind, as far as no single object is concerned."""
    return decide(crane, identity, action, in_general(action)).allows


def may(action: str, target: Target) -> bool:
    """Tell whether the current caller may do something."""
    return decide(get_crane(), identify(), action, target).allows


def may_miss(kind: str, name: str) -> bool:
    """Tell whether the current caller may know that there is no object of a kind and name."""
    return may(f"{kind}:read", Target(kind, name))


def demand(action: str, target: Target, called: str = "") -> None:
    """Go on only if the current caller may do something.

    :param called: What the caller called the target; whoever may not touch it is not told its name.
    :raises Unauthenticated: when it is not known who asks.
    :raises Forbidden: when they may not; plugins are told of it.
    """
    crane, identity = get_crane(), identify()
    vote = decide(crane, identity, action, target)
    if vote.allows:
        return
    if identity.kind == "nobody":
        raise Unauthenticated
    name = called or target.name
    what = f"{target.kind} {name}" if name else f"any {target.kind}"
    detail = {"action": action, "kind": target.kind, "reason": vote.reason}
    crane.emit(Event("access.denied", target.name, target.id, target.stack, identity.name, detail))
    raise Forbidden(f"You may not do {action} on {what}: {vote.reason}.", action=action)


def demand_on(action: str, name: str | None) -> None:
    """Go on only if the current caller may do something to the object of a name; None is the kind as a whole.

    :raises NotFound: when there is no such object, and the caller may do it to any.
    :raises Ambiguous: when several answer to the name; those that the caller may do it to are named.
    """
    crane = get_crane()
    request.environ[_TARGET_KEY] = Target(in_general(action).kind, name or "")
    if name is None:
        demand(action, in_general(action))
    else:
        request.environ[_TARGET_KEY] = demand_found(action, _finder(crane, action, name), name)


def demand_found(action: str, find: Callable[[str], Target], name: str) -> Target:
    """Return what a name is found to mean if the current caller may do something to it.

    Who may not is told the same whether there is such an object or not, and never another name than they gave.

    :raises Unauthenticated: when it is not known who asks, before anything is looked up.
    :raises Forbidden: when they may not.
    :raises NotFound: when there is no such object, and the caller may do it to any.
    :raises Ambiguous: when several answer to the name; those that the caller may do it to are named.
    """
    called = Target(in_general(action).kind, name)
    if identify().kind == "nobody":
        demand(action, called)
    try:
        target = find(name)
    except NotFound:
        demand(action, called)
        raise
    except Ambiguous as error:
        touchable = [match for match in error.matches if _may_touch(action, find, match)]
        if not touchable:
            demand(action, called)
        raise Ambiguous(error.what, touchable, error.advice) from error
    demand(action, target, name)
    return target


def _may_touch(action: str, find: Callable[[str], Target], name: str) -> bool:
    try:
        return may(action, find(name))
    except (NotFound, Ambiguous):
        return False


def demanded_target() -> Target | None:
    """Return what the guard of the current request decided on; None when it did not come so far."""
    found = request.environ.get(_TARGET_KEY)
    return found if isinstance(found, Target) else None


def permitted(action: str, items: Iterable[Item], target: Callable[[Item], Target]) -> Iterator[Item]:
    """Keep what the current caller may do something to."""
    crane, identity = get_crane(), identify()
    if may_everything(identity):
        return iter(items)
    decide_on = decider(crane, identity, action)
    return (item for item in items if decide_on(target(item)).allows)


# --- Guards -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """What a view demands: an action, on the object that one of its arguments names; None when it is open.

    :param reason: Why it is open.
    :param known: Whether an open view is open only to callers of whom it is known who they are.
    """

    action: str | None
    by: str | None = None
    reason: str = ""
    known: bool = False


def guard(action: str, by: str | None = None) -> Callable[[View], View]:
    """Demand an action before a view runs.

    :param action: The action, as in ``service:update``.
    :param by: The view's argument that names the object; it is looked up by the action's ``find``, and permission is
        decided on what was found. Without it, permission is decided on the kind as a whole: a list filters by itself.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(*arguments: Any, **named: Any) -> Any:
            demand_on(action, named[by] if by else None)
            return view(*arguments, **named)

        _mark(guarded, Guard(action, by))
        _document(guarded, {"x-crane-action": action})
        return guarded  # type: ignore[return-value]

    return decorate


def public(reason: str) -> Callable[[View], View]:
    """Leave a view open to everybody who can reach the server, and say why."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def opened(*arguments: Any, **named: Any) -> Any:
            return view(*arguments, **named)

        _mark(opened, Guard(None, reason=reason))
        _document(opened, {"security": []})
        return opened  # type: ignore[return-value]

    return decorate


def known(reason: str) -> Callable[[View], View]:
    """Leave a view open to everybody of whom it is known who they are, and say why: it is about themselves."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def opened(*arguments: Any, **named: Any) -> Any:
            if identify().kind == "nobody":
                raise Unauthenticated
            return view(*arguments, **named)

        _mark(opened, Guard(None, reason=reason, known=True))
        _document(opened, {"x-crane-known": reason})
        return opened  # type: ignore[return-value]

    return decorate


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """Return what a view demands, None when it carries neither guard nor reason."""
    return getattr(view, "crane_guard", None)


def require_guards(app: Flask, actions: Iterable[str]) -> None:
    """Refuse to start with a view that anybody may call unasked, or that demands an action nobody contributed."""
    contributed = frozenset(actions)
    for rule in app.url_map.iter_rules():
        found = guard_of(app.view_functions[rule.endpoint])
        if found is None:
            raise SetupError(
                f"The route {rule.rule} ({rule.endpoint}) has no guard. Give its view @guard, @known or @public."
            )
        if found.action is not None and found.action not in contributed:
            raise SetupError(f"The route {rule.rule} demands {found.action}, which no plugin contributes as an action.")


def _finder(crane: Crane, action: str, name: str) -> Callable[[str], Target]:
    find = crane.actions[action].find
    if find is None:
        raise SetupError(f"The action {action} cannot look up {name!r}: it was contributed without find.")
    return find


def _mark(view: Callable[..., Any], guard: Guard) -> None:
    view.crane_guard = guard  # type: ignore[attr-defined]


def _document(view: Callable[..., Any], members: Mapping[str, Any]) -> None:
    # flask-smorest keeps what it knows of a view here; its own ``doc`` decorator writes the same member.
    documented = dict(getattr(view, "_apidoc", {}))
    documented["manual_doc"] = {**documented.get("manual_doc", {}), **members}
    view._apidoc = documented  # type: ignore[attr-defined]
