"""What an Engine sends of a container's output, turned into lines.

Asked for timestamps, it puts one before each piece that the container printed: one line, or 16 KiB of one that is
longer, whose further pieces carry the very same stamp. Of a container without a terminal each piece is a frame that
names its stream; of one with a terminal, what is sent is only the pieces one after the other.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from crane_core.engine.errors import AnswerUnreadable

_HEAD = 8
_STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}
# The Engine's own words, among those of the container.
_SYSTEM = 3
_SYSTEM_PREFIX = "Error grabbing logs: "
# The stamp, and the space after it.
_STAMP = 31
# A container's output is passed on in pieces of this size.
_PIECE = 16 * 1024
# A longer line is told in several.
MOST_LINE = 256 * 1024
# No Engine sends a frame as large as this; one that claims to be would be waited for while it fills the memory.
MOST_FRAME = 16 * 1024 * 1024
_WRITTEN = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|([+-])([0-9]{2}):([0-9]{2}))"
)


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line.

    :param stamp: When it was printed, on the clock of its node: UTC with nine digits of a second, so that stamps sort.
    :param stream: ``stdout`` or ``stderr``; all that a terminal shows is ``stdout``.
    :param text: What it says, without the end of the line.
    """

    stamp: str
    stream: str
    text: str


class LineReader:
    """Takes what the Engine sends, piece by piece, and gives back lines."""

    def __init__(self) -> None:
        self._rest = bytearray()
        # Whether there are frames; not known before the first bytes have come.
        self._framed: bool | None = None
        # The line of each stream that has not ended: its stamp, and what there is of it.
        self._open: dict[str, tuple[bytes, bytearray]] = {}
        self._said = bytearray()

    @property
    def said(self) -> str:
        """What the Engine itself said: what is missing, and why."""
        return self._said.decode(errors="replace").strip().removeprefix(_SYSTEM_PREFIX)

    def feed(self, piece: bytes) -> list[Line]:
        """Take the next piece; return the lines that ended with it. Raises ``AnswerUnreadable``."""
        self._rest += piece
        if self._framed is None:
            if not self._rest:
                return []
            # A stamp begins with a digit, and a frame with the number of its stream.
            self._framed = self._rest[0] <= _SYSTEM
        found: list[Line] = []
        if self._framed:
            self._read_frames(found)
        else:
            self._read_terminal(found)
        return found

    def end(self) -> list[Line]:
        """Return the lines that never ended, after the last piece."""
        found: list[Line] = []
        if not self._framed and self._rest:
            self._take("stdout", bytes(self._rest), found)
            self._rest.clear()
        for stream in list(self._open):
            self._close(stream, found)
        return found

    def _read_frames(self, found: list[Line]) -> None:
        rest = bytes(self._rest)
        at = 0
        while len(rest) - at >= _HEAD:
            size = int.from_bytes(rest[at + 4 : at + _HEAD], "big")
            if size > MOST_FRAME:
                raise AnswerUnreadable(f"The Engine sends a log whose next piece is said to have {size} bytes.")
            end = at + _HEAD + size
            if end > len(rest):
                break
            kind, content = rest[at], rest[at + _HEAD : end]
            at = end
            if kind == _SYSTEM:
                self._said += content[: 4096 - len(self._said)]
            else:
                self._take(_STREAMS.get(kind, "stdout"), content, found)
        del self._rest[:at]

    def _read_terminal(self, found: list[Line]) -> None:
        rest = bytes(self._rest)
        at = 0
        while (end := rest.find(b"\n", at)) >= 0:
            self._take_terminal(rest[at : end + 1], found)
            at = end + 1
        if len(rest) - at > MOST_LINE:
            self._take_terminal(rest[at:], found)
            at = len(rest)
        del self._rest[:at]

    def _take_terminal(self, line: bytes, found: list[Line]) -> None:
        """Take one line of a terminal, or the beginning of a long one, whose pieces stand there without a frame."""
        if "stdout" in self._open and not _starts_with_stamp(line):
            self._append("stdout", line, found)
            return
        before, step = line[:_STAMP], _STAMP + _PIECE
        pieces = [line[:step]]
        at = step
        while line.startswith(before, at):
            pieces.append(line[at + _STAMP : at + step])
            at += step
        pieces.append(line[at:])
        self._take("stdout", b"".join(pieces), found)

    def _take(self, stream: str, content: bytes, found: list[Line]) -> None:
        stamp, _, text = content.partition(b" ")
        if stream in self._open:
            if self._open[stream][0] == stamp:
                self._append(stream, text, found)
                return
            self._close(stream, found)
        if text.endswith(b"\n") and len(text) <= MOST_LINE:
            found.append(_make(stamp, stream, text))
            return
        self._open[stream] = stamp, bytearray()
        self._append(stream, text, found)

    def _append(self, stream: str, text: bytes, found: list[Line]) -> None:
        stamp, so_far = self._open[stream]
        so_far += text
        while len(so_far) > MOST_LINE:
            found.append(_make(stamp, stream, bytes(so_far[:MOST_LINE])))
            del so_far[:MOST_LINE]
        if so_far.endswith(b"\n"):
            self._close(stream, found)

    def _close(self, stream: str, found: list[Line]) -> None:
        stamp, so_far = self._open.pop(stream)
        found.append(_make(stamp, stream, bytes(so_far)))


def _make(stamp: bytes, stream: str, text: bytes) -> Line:
    if text.endswith(b"\n"):
        text = text[:-1]
    if text.endswith(b"\r"):
        text = text[:-1]
    return Line(normalise(stamp), stream, text.decode(errors="replace"))


def _starts_with_stamp(line: bytes) -> bool:
    found = _WRITTEN.match(line)
    return found is not None and _read_moment(found) is not None


def normalise(stamp: bytes) -> str:
    """Return a moment in UTC with nine digits of a second; engines write it in other zones too.

    >>> normalise(b"2026-05-04T14:00:00.5+02:00")
    '2026-05-04T12:00:00.500000000Z'
    """
    if len(stamp) == _STAMP - 1 and stamp.endswith(b"Z"):
        return stamp.decode(errors="replace")
    if (found := _WRITTEN.fullmatch(stamp)) is None or (moment := _read_moment(found)) is None:
        return stamp.decode(errors="replace")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(found[2] or b'').decode():0<9}Z"


def _read_moment(written: re.Match[bytes]) -> datetime | None:
    """Return the moment that is written, None where there is no such: a container may print what looks like one."""
    try:
        moment = datetime.fromisoformat(written[1].decode()).replace(tzinfo=UTC)
        if not written[4]:
            return moment
        away = timedelta(hours=int(written[5]), minutes=int(written[6]))
        return moment + away if written[4] == b"-" else moment - away
    except (ValueError, OverflowError):
        return None


def to_engine_time(stamp: str) -> str:
    """Return a stamp as the Engine takes moments: seconds since the epoch, with nine digits after the point.

    >>> to_engine_time("2026-05-04T12:00:00.500000000Z")
    '1777896000.500000000'
    """
    seconds = int(datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC).timestamp())
    return f"{seconds}.{stamp[20:29]}"


def to_stamp(moment: datetime) -> str:
    """Return a moment as a stamp."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
