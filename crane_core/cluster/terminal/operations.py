"""The terminals of one server: opened, found again, looked after, and told of."""

from __future__ import annotations

import logging
import secrets
import shlex
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crane_core.cluster.terminal.errors import Ending, TooManyTerminals, UnknownTerminal
from crane_core.cluster.terminal.recordings import Recorder, Recordings
from crane_core.cluster.terminal.session import Session
from crane_core.cluster.terminal.shells import VARIABLE, Shells, hang_up
from crane_core.cluster.terminal.tickets import Order
from crane_core.containers import engine_of, target_of
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.execs import Execution, execute
from crane_core.errors import CraneError, NotFound
from crane_core.events import Event
from crane_core.redaction import redact
from crane_core.security import Identity, Target
from crane_core.standing import Standing

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# How long a server that stops waits for the ends of its terminals, in seconds.
LEAVE_SECONDS = 3.0
CLEAR_SECONDS = 600.0
# How long it is looked whether a container ends whose programs were killed, in seconds.
END_SECONDS = 1.0
KILLED = 137
# How many that have ended are kept, with what they printed last.
MOST_OVER = 50
# What programs are told of the terminal; xterm is what browsers show, and what terminals of today understand.
TERM = "xterm-256color"
# After these the program is gone by itself, or cannot be reached.
_OVER = frozenset({"exited", "container-gone", "node-unreachable"})


class Sessions:
    """The room of one server that holds its terminals."""

    def __init__(self, crane: Crane) -> None:
        settings = crane.settings
        self._crane = crane
        self.clock: Callable[[], float] = crane.cache.clock
        self._recordings = crane.room(Recordings)
        self._lock = threading.Lock()
        # Told of each terminal of which nothing lives on.
        self._left = threading.Condition(self._lock)
        self._sessions: dict[str, Session] = {}
        # The ids of those whose programs are being hung up on.
        self._leaving: set[str] = set()
        # What has ended, kept for who lost the connection before they saw the end; the newest last.
        self._over: OrderedDict[str, Session] = OrderedDict()
        # How many each caller has, those that are just being opened included.
        self._places: Counter[Identity] = Counter()
        self._closed = False
        # Requests must find a thread however many terminals there are.
        self._most = min(settings["terminal.most"], max(4, settings["server.threads"] // 10))
        self._most_each = settings["terminal.most_each"]
        self._idle_seconds = float(settings["terminal.idle_seconds"])
        self._reattach_seconds = float(settings["terminal.reattach_seconds"])
        self._clear_at = self.clock()
        crane.room(Standing).when_leaving(self.close)

    def __len__(self) -> int:
        return len(self._sessions)

    # Opening

    def check_place(self, identity: Identity) -> None:
        """Raise :class:`TooManyTerminals` when somebody may open no other."""
        with self._lock:
            self._check(identity)

    def _check(self, identity: Identity) -> None:
        if self._closed:
            raise TooManyTerminals("The server stops.")
        if self._places[identity] >= self._most_each:
            raise TooManyTerminals(f"You have {self._most_each} terminals open, and may have no more: close one first.")
        if self._places.total() >= self._most:
            raise TooManyTerminals(f"The server holds {self._most} terminals at the most. Try again later.")

    def open(self, order: Order) -> Session:
        """Start what was ordered.

        :raises TooManyTerminals: when there is room for no other.
        :raises CannotStart: when there is no such program or shell.
        :raises NotRecorded: when it is to be recorded and cannot be.
        """
        with self._lock:
            self._check(order.identity)
            self._places[order.identity] += 1
        try:
            session = self._start(order)
        except BaseException:
            self._give_back(order.identity)
            raise
        with self._lock:
            self._sessions[session.id] = session
        self._tell(session, "terminal.opened", {})
        session.begin()
        if self._closed:
            session.end(Ending("server-stops", "The server stops."))
        return session

    def _start(self, order: Order) -> Session:
        id_ = secrets.token_hex(8)
        container, program = order.place.container, order.program
        engine = engine_of(self._crane, container)
        given = {"TERM": TERM} if program.tty else {}
        program = replace(program, environment={**given, **program.environment, VARIABLE: id_})
        recorder = self._begin_recording(id_, order)
        try:
            if program.command:
                execution = execute(engine, container.id, program)
            else:
                shells = self._crane.room(Shells)
                execution = shells.start(engine, container.id, order.place.image, program)
        except CraneError as error:
            if recorder is not None:
                recorder.close(self.clock(), error.code)
            raise
        return Session(
            id_,
            secrets.token_urlsafe(32),
            order,
            execution,
            recorder,
            clock=self.clock,
            find_end=lambda execution: _find_end(engine, container.id, execution),
            done=self._note_end,
            clean_up=lambda session, ending: self._clean_up(engine, session, ending),
        )

    def _begin_recording(self, id_: str, order: Order) -> Recorder | None:
        if not self._recordings.wanted:
            return None
        size = order.program.columns, order.program.rows
        about = {**order.place.to_json(), "by": order.identity.name, "user": order.program.user}
        return self._recordings.begin(id_, size, _say_command(order.program.command), about, self.clock())

    # Coming back

    def find(self, id_: str, secret: str, identity: Identity, target: Target) -> Session:
        """Return a terminal that somebody comes back to. Raises :class:`UnknownTerminal`."""
        with self._lock:
            session = self._sessions.get(id_) or self._over.get(id_)
        if (
            session is None
            or not secrets.compare_digest(session.secret.encode(), secret.encode())
            or session.order.identity != identity
            or session.order.target != target
        ):
            raise UnknownTerminal(
                "There is no such terminal any more, or it is not yours, or it is on another server: open another."
            )
        return session

    # Looking after them

    def run(self, stop: threading.Event) -> None:
        """Look after them until told to stop, then end them all."""
        while not stop.wait(LOOK_SECONDS):
            self.look()
        self.close()
        # What was started in them is hung up on before the server is gone.
        with self._left:
            self._left.wait_for(lambda: not self._sessions and not self._leaving, LEAVE_SECONDS)

    def look(self) -> None:
        """End what nobody uses, and forget what has ended."""
        now = self.clock()
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            left = session.left_at
            if left is not None and now - left >= self._reattach_seconds:
                session.end(Ending("left", "Nobody came back."))
            elif 0 < self._idle_seconds <= now - session.quiet_since:
                session.end(Ending("idle", f"Nothing was typed for {self._idle_seconds:g} seconds."))
        with self._lock:
            for session in list(self._over.values()):
                if now - session.ended_at >= self._reattach_seconds:
                    del self._over[session.id]
        if now >= self._clear_at and self._recordings.wanted:
            self._clear_at = now + CLEAR_SECONDS
            self._recordings.clear(time.time())

    def close(self) -> None:
        """End them all: the server stops."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
        for session in sessions:
            session.end(Ending("server-stops", "The server stops."))

    def _note_end(self, session: Session, ending: Ending) -> None:
        """Tell plugins of the end of a terminal, and make room for another."""
        detail = {**_to_detail(ending), "seconds": round(session.ended_at - session.opened_at, 1)}
        self._tell(session, "terminal.closed", detail)
        with self._lock:
            self._leaving.add(session.id)
            del self._sessions[session.id]
            if session.lasts:
                self._over[session.id] = session
            while len(self._over) > MOST_OVER:
                self._over.popitem(last=False)
        self._give_back(session.order.identity)

    def _clean_up(self, engine: Engine, session: Session, ending: Ending) -> None:
        """End what lives on of a terminal."""
        if ending.code not in _OVER:
            hang_up(engine, session.order.place.container.id, session.id, session.order.program.user)
        with self._left:
            self._leaving.discard(session.id)
            self._left.notify_all()

    def _give_back(self, identity: Identity) -> None:
        with self._lock:
            self._places[identity] -= 1
            self._places += Counter()

    def _tell(self, session: Session, kind: str, more: dict[str, Any]) -> None:
        """Tell plugins of it; never what was typed or printed."""
        order = session.order
        target = target_of(order.place.container)
        detail = {
            **order.place.to_json(),
            "terminal": session.id,
            "command": _say_command(session.execution.program.command),
            "user": order.program.user,
            "recorded": session.recorder is not None,
            **more,
        }
        self._crane.emit(Event(kind, target.name, target.id, target.stack, order.identity.name, detail))


def remove_recording(crane: Crane, by: str, id_: str) -> None:
    """Remove the recording of a terminal.

    :param by: The name of the identity that asks for it.
    :raises StillRecorded: while the terminal is open.
    """
    removed = crane.room(Recordings).remove(id_)
    told = removed.to_json()
    whose = {"of": told["by"], **{member: told[member] for member in ("container", "node", "started_at")}}
    crane.emit(Event("recording.removed", id_, id_, None, by, whose))


def _find_end(engine: Engine, container_id: str, execution: Execution) -> Ending:
    """Say how a program ended: by itself, or together with its container."""
    code = execution.exit_code()
    # Its programs are killed a moment before the Engine says that the container has ended.
    deadline = time.monotonic() + (END_SECONDS if code in (None, KILLED) else 0.0)
    while (running := _is_running(engine, container_id)) and time.monotonic() < deadline:
        if execution.wait(LOOK_SECONDS / 20):
            break
    if not running:
        return Ending("container-gone", "The container has ended.", code)
    return Ending("exited", "The program has ended.", code)


def _is_running(engine: Engine, container_id: str) -> bool:
    try:
        return bool((engine.container(container_id).get("State") or {}).get("Running"))
    except NotFound:
        return False


def _to_detail(ending: Ending) -> dict[str, Any]:
    return {"outcome": ending.code, "exit_code": ending.exit_code}


def _say_command(command: tuple[str, ...]) -> str:
    """Return a command as it may be told: without what looks secret."""
    return shlex.join(redact(list(command))) if command else "(a shell)"
