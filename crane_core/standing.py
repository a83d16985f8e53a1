"""Standing: who is connected for long is asked anew, as soon as rights change, whether they still may be."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask, current_app, request

from crane_core.context import Crane, get_crane
from crane_core.errors import CraneError
from crane_core.security import Guard, Identity, Target, decide, demanded_target, guard_of, identify, identify_again

log = logging.getLogger(__name__)

# How often a server that is about to stop looks up, in seconds.
IDLE_SECONDS = 1.0


@dataclass(eq=False)
class Visitor:
    """Somebody whose request lasts: a stream, a WebSocket.

    :param identity: Who they are, as last found out.
    :param end: Ends the request, from another thread; it is given a sentence, and must not wait.
    """

    app: Flask
    identity: Identity
    ask: Callable[[], Identity]
    guard: Guard | None
    target: Target | None
    end: Callable[[str], None]
    ended: bool = False
    # The version of the rights that it was last asked with.
    seen: int = 0

    def refuse(self, crane: Crane) -> str:
        """Return why they may not stay; nothing when they may."""
        with self.app.app_context():
            try:
                identity = self.ask()
            except CraneError:
                return "Log in again."
            if identity != self.identity:
                return "Log in again."
            self.identity = identity
            if self.guard is None or self.guard.action is None or self.target is None:
                return ""
            vote = decide(crane, identity, self.guard.action, self.target)
            return "" if vote.allows else f"You may not do {self.guard.action} any more: {vote.reason}."


class Standing:
    """The room of one server that holds those whose requests last."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._lock = threading.Lock()
        self._visitors: set[Visitor] = set()
        self._bell = threading.Event()
        self._leaving: list[Callable[[], None]] = []
        crane.rights.tell(self._bell.set)

    def __len__(self) -> int:
        return len(self._visitors)

    def when_leaving(self, leave: Callable[[], None]) -> None:
        """Call something when the server begins to stop, so that nobody's request keeps it; it must not wait."""
        self._leaving.append(leave)

    def admit(self, end: Callable[[str], None]) -> Visitor:
        """Hold whoever sends the current request until :meth:`leave`, and end it when they may not have it any more.

        What is sent to them before that is theirs to decide on still: see :meth:`may_stay`.
        """
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        view = app.view_functions.get(request.endpoint or "")
        visitor = Visitor(
            app,
            identify(),
            _asker(app),
            guard_of(view) if view else None,
            demanded_target(),
            end,
            seen=self._crane.rights.version,
        )
        with self._lock:
            self._visitors.add(visitor)
        return visitor

    def leave(self, visitor: Visitor) -> None:
        """Let go of somebody."""
        with self._lock:
            self._visitors.discard(visitor)

    @contextlib.contextmanager
    def admitted(self, end: Callable[[str], None]) -> Iterator[Visitor]:
        """Hold whoever sends the current request while a block runs."""
        visitor = self.admit(end)
        try:
            yield visitor
        finally:
            self.leave(visitor)

    def may_stay(self, visitor: Visitor) -> bool:
        """Tell whether somebody may stay, asked before they are sent something; asks anew only after a change."""
        version = self._crane.rights.version
        if not visitor.ended and visitor.seen != version:
            visitor.ended = bool(visitor.refuse(self._crane))
            visitor.seen = version
        return not visitor.ended

    def look(self) -> None:
        """Ask of everybody whether they may stay."""
        version = self._crane.rights.version
        with self._lock:
            visitors = list(self._visitors)
        for visitor in visitors:
            try:
                reason = visitor.refuse(self._crane)
            except Exception:
                # Plugins authenticate. Of whom it cannot be found out that they may stay, they may not.
                log.exception("It cannot be found out whether %s may stay.", visitor.identity.name)
                reason = "Log in again."
            visitor.seen = version
            if reason:
                visitor.ended = True
                visitor.end(reason)

    def run(self, stop: threading.Event) -> None:
        """Look whenever rights change, until told to stop."""
        seen = self._crane.rights.version
        while not stop.is_set():
            self._bell.wait(IDLE_SECONDS)
            self._bell.clear()
            if (version := self._crane.rights.version) != seen:
                seen = version
                self.look()

    def close(self) -> None:
        """Have :meth:`run` see that it is to stop, and take leave."""
        self._bell.set()
        for leave in self._leaving:
            leave()


def _asker(app: Flask) -> Callable[[], Identity]:
    """Return what finds out anew who sends the current request, on whatever thread."""
    crane = get_crane()
    environ = dict(request.environ)
    known = identify()

    def ask() -> Identity:
        # Without a plugin that authenticates, what somebody was cannot end.
        if not crane.authenticated:
            return known
        with app.request_context(dict(environ)):
            return identify_again()

    return ask
