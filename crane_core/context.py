"""Crane: what a plugin may use of the server it runs in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from crane_core.rights import Rights

if TYPE_CHECKING:
    from pathlib import Path

    from crane_core.contributions import Action, DoctorCheck, EventKind, HealthCheck, Metric, Page, Topic
    from crane_core.engine.cache import Cache
    from crane_core.engine.client import Engine
    from crane_core.engine.watch import Watcher
    from crane_core.events import Event, EventStream
    from crane_core.loops import LoopRunner
    from crane_core.plugins import Plugins
    from crane_core.settings import Settings

Room = TypeVar("Room")


@dataclass
class Crane:
    """The parts of one server, put together by :func:`crane_core.app.create_app`.

    Views reach it by :func:`get_crane`; hooks that run without a request get it from ``app.extensions["crane"]``.
    """

    version: str
    settings: Settings
    plugins: Plugins
    events: EventStream
    loops: LoopRunner
    engine: Engine
    cache: Cache
    watcher: Watcher
    data_directory: Path
    actions: Mapping[str, Action] = field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    # The plugin that contributed each page, by its path.
    page_owners: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[Topic, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    doctor_checks: tuple[DoctorCheck, ...] = ()
    metrics: tuple[Metric, ...] = ()
    event_kinds: Mapping[str, EventKind] = field(default_factory=dict)
    # What was emitted although nobody contributed it as a kind.
    unknown_event_kinds: set[str] = field(default_factory=set)
    # Has the server start anew in place of itself, once it has answered; None where nothing can, as in a command.
    restart: Callable[[], None] | None = None
    # Whether somebody's rights changed since something was decided.
    rights: Rights = field(default_factory=Rights)
    # What the server says on its standard output once it serves; plugins add to it at the start. It is not in the log.
    announcements: list[str] = field(default_factory=list, repr=False)
    _rooms: dict[type, object] = field(default_factory=dict)
    # Reentrant, because a room may need another one while it is made.
    _opening: threading.RLock = field(default_factory=threading.RLock)

    def room(self, kind: type[Room]) -> Room:
        """Return what a domain or plugin keeps for this server: the one instance of a class, made at first use.

        :param kind: The class; it is called with this object.
        """
        with self._opening:
            if kind not in self._rooms:
                self._rooms[kind] = kind(self)  # type: ignore[call-arg]
            return cast(Room, self._rooms[kind])

    def emit(self, event: Event) -> None:
        """Tell every plugin that something happened; returns at once."""
        self.events.emit(event)

    def about_to_wait(self) -> None:
        """Have plugins give back what they hold for the current request or loop, before it waits for long."""
        self.plugins.notify("crane_wait")

    @property
    def authenticated(self) -> bool:
        """Whether some plugin says who callers are; if none does, only this machine is served."""
        return self.plugins.implemented("crane_authenticate")


def get_crane() -> Crane:
    """Return the server that the current request or application context belongs to."""
    # Only here, so that what knows no HTTP can import this module without Flask being loaded for it.
    from flask import current_app

    return cast(Crane, current_app.extensions["crane"])
