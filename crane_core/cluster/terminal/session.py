"""One terminal: a program in a container, and whoever sits in front of it, who may leave and come back."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from crane_core.cluster.terminal.errors import Ending
from crane_core.cluster.terminal.recordings import Recorder
from crane_core.cluster.terminal.scrollback import Scrollback
from crane_core.cluster.terminal.tickets import Order
from crane_core.engine.execs import Execution, Piece
from crane_core.errors import CraneError, EngineUnavailable
from crane_core.websockets import Gone

log = logging.getLogger(__name__)

# How much of what was printed is kept for who comes back.
KEPT_BYTES = 512 * 1024
# How much may be on its way to somebody who says how much they took.
WINDOW_BYTES = 256 * 1024
# How much input may wait for a program to take it; whoever sends more did not wait to be told that it was taken.
MOST_INPUT_BYTES = 1024 * 1024
TOLD_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0
# What can be learnt still by who comes back too late to see it.
_LASTING = frozenset({"exited", "container-gone", "node-unreachable"})


class Line(Protocol):
    """The connection to whoever sits in front of a terminal."""

    def send(self, text: str) -> None:
        """Send a message. Raises ``Gone``."""

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message. Raises ``Gone``."""

    def close(self, code: int, reason: str) -> None:
        """End it, without waiting."""


class Session:
    """One terminal.

    :param secret: Who shows it may come back.
    :param clock: Returns seconds of a clock that never goes back.
    :param find_end: Says how the program ended, once there is nothing more to read of it.
    :param done: Told once of how the terminal ended, before anybody who sits there is told.
    :param clean_up: Called after that.
    """

    def __init__(
        self,
        id_: str,
        secret: str,
        order: Order,
        execution: Execution,
        recorder: Recorder | None,
        *,
        clock: Callable[[], float],
        find_end: Callable[[Execution], Ending],
        done: Callable[[Session, Ending], None],
        clean_up: Callable[[Session, Ending], None],
    ) -> None:
        self.id = id_
        self.secret = secret
        self.order = order
        self.execution = execution
        self.recorder = recorder
        self.opened_at = self.typed_at = self.printed_at = self.ended_at = clock()
        # Since when nobody sits in front of it.
        self.left_at: float | None = self.opened_at
        self._clock = clock
        self._find_end = find_end
        self._done = done
        self._clean_up = clean_up
        # Held while something is printed, and while somebody who comes back is shown what they missed.
        self._output = threading.RLock()
        self._changed = threading.Condition()
        self._scrollback = Scrollback(KEPT_BYTES)
        self._line: Line | None = None
        # How many bytes whoever sits there was sent, and how many they said that they took; None while they said none.
        self._sent = 0
        self._taken: int | None = None
        self._ending: Ending | None = None
        self._ended: Ending | None = None
        self._input: deque[bytes | None] = deque()
        self._waiting_bytes = 0
        # How many bytes of input came in all; what a lost connection swallowed is not among them.
        self._received = 0

    def begin(self) -> None:
        """Begin to read what the program prints, and to hand it what is typed."""
        threading.Thread(target=self._read, name=f"crane-terminal-{self.id}", daemon=True).start()
        threading.Thread(target=self._write, name=f"crane-typing-{self.id}", daemon=True).start()

    @property
    def ended(self) -> Ending | None:
        """How it ended, None while it goes on."""
        return self._ended

    @property
    def quiet_since(self) -> float:
        """Since when nothing was typed; in a program without a terminal, since when nothing was printed either."""
        if self.execution.program.tty:
            return self.typed_at
        return max(self.typed_at, self.printed_at)

    # Who sits in front of it

    def attach(self, line: Line, seen: int = 0) -> None:
        """Show it to somebody from now on, in place of who sat there before.

        :param seen: How many bytes of what was printed they have seen before.
        :raises Gone: when they are gone already.
        """
        with self._output:
            with self._changed:
                before, self._line = self._line, line
                self._taken, self.left_at = None, None
                self._changed.notify_all()
            if before is not None:
                _say_end(before, Ending("taken-over", "The terminal was opened elsewhere."))
            seen = min(seen, self._scrollback.end)
            line.send(_encode(self._describe(max(seen, self._scrollback.start), self._scrollback.start - seen)))
            for piece in self._scrollback.since(seen):
                line.send_bytes(_frame(piece))
            self._sent = self._scrollback.end
            if self._ended is not None:
                _say_end(line, self._ended)

    def leave(self, line: Line) -> None:
        """Note that somebody is gone; they may come back for a while."""
        with self._changed:
            if self._line is line:
                self._line = None
                self.left_at = self._clock()
                self._changed.notify_all()

    def note_taken(self, count: int) -> None:
        """Note how many bytes of what was printed have been shown to whoever sits there."""
        with self._changed:
            self._taken = max(self._taken or 0, min(count, self._sent))
            self._changed.notify_all()

    # What they do

    def type(self, data: bytes | None) -> None:
        """Hand input to the program, without waiting; None ends its input."""
        with self._changed:
            if self._ending is not None or self._ended is not None:
                return
            self.typed_at = self._clock()
            self._waiting_bytes += len(data or b"")
            too_much = self._waiting_bytes > MOST_INPUT_BYTES
            if not too_much:
                self._received += len(data or b"")
                self._input.append(data)
                self._changed.notify_all()
        if too_much:
            self.end(Ending("too-much-input", "More was sent than the program takes: wait to be told what it took."))

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program's terminal its size."""
        try:
            self.execution.resize(columns, rows)
        except CraneError:
            # It ends, or its node does not answer, which is told where its output is read.
            return
        with self._output:
            if self.recorder is not None and self._ended is None:
                self._record(lambda recorder: recorder.resize(self._clock(), columns, rows))

    def end(self, ending: Ending) -> None:
        """End it, without waiting."""
        with self._changed:
            if self._ending is None:
                self._ending = ending
            self._changed.notify_all()
        self.execution.close()

    # What the program does

    def _read(self) -> None:
        try:
            ending = self._read_to_the_end()
        except EngineUnavailable as error:
            ending = Ending("node-unreachable", error.detail)
        self._finish(self._ending or ending)

    def _read_to_the_end(self) -> Ending:
        while self._wait_for_room():
            pieces = self.execution.read(_LOOK_SECONDS)
            if pieces == []:
                break
            self._tell(pieces or ())
        return self._ending or self._find_end(self.execution)

    def _wait_for_room(self) -> bool:
        """Wait until more can be shown or kept; tell whether it goes on."""
        with self._changed:
            while self._ending is None and not self._has_room():
                self._changed.wait(_LOOK_SECONDS)
            return self._ending is None

    def _has_room(self) -> bool:
        if self._line is not None and self._taken is None:
            return True
        known = self._sent if self._taken is None else self._taken
        return self._scrollback.end - known < WINDOW_BYTES

    def _tell(self, pieces: Iterable[Piece]) -> None:
        """Show, keep and record what was printed."""
        for piece in pieces:
            with self._output:
                if self._ending is not None:
                    return
                self.printed_at = self._clock()
                self._scrollback.add(piece)
                self._record_output(piece)
                self._show(piece)

    def _show(self, piece: Piece) -> None:
        line = self._line
        if line is None:
            return
        try:
            line.send_bytes(_frame(piece))
        except Gone:
            self.leave(line)
            return
        self._sent = self._scrollback.end

    def _record_output(self, piece: Piece) -> None:
        now, (stream, content) = self.printed_at, piece
        self._record(lambda recorder: recorder.write(now, stream, content))

    def _record(self, write: Callable[[Recorder], None]) -> None:
        if self.recorder is None:
            return
        try:
            write(self.recorder)
        except OSError as error:
            log.error("Terminal %s is ended, because it cannot be recorded: %s", self.id, error.strerror)
            self.end(Ending("not-recorded", "It cannot be recorded any more, and may not go on without that."))

    def _finish(self, ending: Ending) -> None:
        with self._output:
            if self.recorder is not None:
                code = "" if ending.exit_code is None else f" {ending.exit_code}"
                self.recorder.close(self._clock(), f"{ending.code}{code}")
            with self._changed:
                self._ended, self.ended_at = ending, self._clock()
                self._changed.notify_all()
        self._done(self, ending)
        with self._output:
            if self._line is not None:
                _say_end(self._line, ending)
        self.execution.close()
        self._clean_up(self, ending)

    @property
    def lasts(self) -> bool:
        """Whether who comes back may still learn how it ended, and what it printed last."""
        return self._ended is not None and self._ended.code in _LASTING

    def _write(self) -> None:
        """Hand the program what is typed, for as long as it takes it."""
        taken = told = 0
        while (item := self._next_input()) is not _NOTHING:
            try:
                if isinstance(item, bytes):
                    self.execution.send(item)
                elif not self.execution.program.tty:
                    self.execution.end_input()
            except EngineUnavailable:
                # How it ended is told where its output is read.
                return
            if isinstance(item, bytes):
                taken += len(item)
                with self._changed:
                    self._waiting_bytes -= len(item)
                    line = self._line
                if line is not None and taken - told >= TOLD_BYTES:
                    told = taken
                    try:
                        line.send(_encode({"type": "took", "bytes": taken}))
                    except Gone:
                        self.leave(line)

    def _next_input(self) -> object:
        with self._changed:
            while not self._input and self._ending is None and self._ended is None:
                self._changed.wait(_LOOK_SECONDS)
            if self._ending is not None or self._ended is not None:
                return _NOTHING
            return self._input.popleft()

    def _describe(self, seen: int, lost: int) -> dict[str, Any]:
        """Return the first message to whoever sits down."""
        program = self.execution.program
        return {
            "type": "opened",
            "session": self.id,
            "secret": self.secret,
            "seen": seen,
            "lost": max(0, lost),
            "received": self._received,
            "took": self._received - self._waiting_bytes,
            "command": list(program.command),
            "user": program.user,
            "tty": program.tty,
            "recorded": self.recorder is not None,
            **self.order.place.to_json(),
        }


_NOTHING = object()


def _frame(piece: Piece) -> bytes:
    """Return a piece as it is sent: the number of its stream, then what was printed."""
    return bytes((piece[0],)) + piece[1]


def _say_end(line: Line, ending: Ending) -> None:
    try:
        line.send(_encode(ending.to_json()))
    except Gone:
        return
    line.close(ending.number, ending.reason)


def _encode(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
