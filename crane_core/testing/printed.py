"""What the containers of an in-memory Swarm printed, and who follows it, as Engines keep it in files of JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crane_core.testing.agenda import Agenda
from crane_core.testing.answers import Refusal, Response
from crane_core.testing.events import Stream

# What is longer is passed on in several pieces.
PIECE = 16 * 1024
STREAMS = ("stdout", "stderr")
_HEADERS = {"Content-Type": "application/octet-stream"}
_NANOSECONDS = 10**9
_PART = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Piece:
    """A line, or a part of a long one.

    :param at: When its line was printed, in nanoseconds since the epoch; no two lines of a Swarm have the same.
    """

    at: int
    stream: str
    content: bytes


@dataclass(frozen=True)
class Source:
    """A container whose output is asked for.

    :param details: What is told of it before each line where details are asked for.
    """

    container: str
    details: str = ""


Write = Callable[[Piece], bytes]


@dataclass
class _Output:
    terminal: bool = False
    ended: bool = False
    pieces: list[Piece] = field(default_factory=list)
    followers: list[tuple[Stream, Write]] = field(default_factory=list)
    # What each stream has not passed on of its present line, and when that was printed.
    rests: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def put(self, piece: Piece) -> None:
        """Keep a piece, and tell it to those who follow."""
        self.pieces.append(piece)
        for follower, write in self.followers:
            if told := write(piece):
                follower.put(told)


class Printed:
    """Keeps what each container printed, by its id."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._last = 0
        self._outputs: dict[str, _Output] = {}

    def begin(self, container: str, *, terminal: bool) -> None:
        """Note that a container starts."""
        self._outputs.setdefault(container, _Output(terminal)).ended = False

    def know(self, container: str, *, terminal: bool, ended: bool) -> None:
        """Note how it stands with a container that was not seen to start."""
        output = self._outputs.setdefault(container, _Output(terminal))
        if ended and not output.ended:
            self.end(container)
        output.ended = ended

    def add(self, container: str, content: str | bytes, stream: str = "stdout") -> None:
        """Have a container print something; the end of it is kept back while it is no whole line."""
        output = self._outputs.setdefault(container, _Output())
        # Of a terminal both streams are one.
        shown = "stdout" if output.terminal else stream
        for part in _PART.findall(content.encode() if isinstance(content, str) else content):
            at, rest = output.rests.pop(shown, (0, b""))
            at = at or self._next_moment()
            rest += part.replace(b"\n", b"\r\n") if output.terminal else part
            whole = rest.endswith(b"\n")
            while len(rest) >= PIECE or (whole and rest):
                output.put(Piece(at, shown, _as_kept(rest[:PIECE])))
                rest = rest[PIECE:]
            if not whole:
                output.rests[shown] = at, rest

    def _next_moment(self) -> int:
        self._last = max(self._last + 1, round(self._agenda.now * _NANOSECONDS))
        return self._last

    def end(self, container: str) -> None:
        """Note that a container has ended: who follows it is told what it had begun to print, and no more."""
        if (output := self._outputs.get(container)) is not None:
            for stream, (at, rest) in output.rests.items():
                if rest:
                    output.put(Piece(at, stream, _as_kept(rest)))
            output.rests.clear()
            output.ended = True
        self.break_off(container)

    def break_off(self, container: str) -> None:
        """End what is sent to those who follow a container."""
        if (output := self._outputs.get(container)) is not None:
            for follower, _ in list(output.followers):
                follower.close()

    def garble(self, container: str) -> None:
        """Send those who follow a container the head of a piece that is larger than any."""
        if (output := self._outputs.get(container)) is not None:
            for follower, _ in list(output.followers):
                follower.put(bytes((1, 0, 0, 0)) + b"\xff" * 4)

    def keep_only(self, container: str, pieces: int) -> None:
        """Forget all but the newest pieces of what a container printed, as an Engine whose logs are limited."""
        if (output := self._outputs.get(container)) is not None:
            del output.pieces[:-pieces]

    def forget(self, container: str) -> None:
        """Note that a container is gone."""
        self.end(container)
        self._outputs.pop(container, None)

    def answer(
        self,
        sources: Sequence[Source],
        params: Mapping[str, str],
        follow: Callable[[Callable[[Stream], None]], Stream],
    ) -> Response:
        """Answer a request for what containers printed; with several of them, in the order of time.

        :param follow: Makes a stream, given what is to be told when that is closed.
        """
        wanted = [stream for stream in STREAMS if _is_set(params, stream)]
        if not wanted:
            raise Refusal(400, "Bad parameters: you must choose at least one stream")
        outputs = [(self._outputs.setdefault(source.container, _Output()), source) for source in sources]
        writes = [(output, _writer(output, source, wanted, params)) for output, source in outputs]
        past = [(piece, write) for output, write in writes for piece in _take_past(output.pieces, params)]
        told = b"".join(write(piece) for piece, write in sorted(past, key=lambda each: each[0].at))
        if not _is_set(params, "follow") or all(output.ended for output, _ in outputs):
            return Response(200, told, _HEADERS)

        def forget(stream: Stream) -> None:
            for output, _ in outputs:
                output.followers[:] = [each for each in output.followers if each[0] is not stream]

        stream = follow(forget)
        if told:
            stream.put(told)
        for output, write in writes:
            output.followers.append((stream, write))
        return Response(200, stream, _HEADERS)


def frame(stream: int, content: bytes) -> bytes:
    """Return a piece of output as it goes over the wire."""
    return bytes((stream, 0, 0, 0)) + len(content).to_bytes(4, "big") + content


def _writer(output: _Output, source: Source, wanted: Sequence[str], params: Mapping[str, str]) -> Write:
    """Return what makes of a piece what goes over the wire: nothing of one that is not wanted."""
    until, stamped = _read_moment(params.get("until")), _is_set(params, "timestamps")
    details = f"{source.details} ".encode() if _is_set(params, "details") else b""

    def write(piece: Piece) -> bytes:
        if piece.stream not in wanted or (until and piece.at > until):
            return b""
        content = (f"{_stamp(piece.at)} ".encode() if stamped else b"") + details + piece.content
        return content if output.terminal else frame(STREAMS.index(piece.stream) + 1, content)

    return write


def _take_past(pieces: list[Piece], params: Mapping[str, str]) -> list[Piece]:
    since, tail = _read_moment(params.get("since")), params.get("tail", "all")
    found = _take_last(pieces, int(tail)) if tail.isdecimal() else pieces
    return [piece for piece in found if piece.at >= since]


def _take_last(pieces: list[Piece], lines: int) -> list[Piece]:
    """Return the newest lines, each of which may have several pieces."""
    at = len(pieces)
    while at > 0 and lines > 0:
        at -= 1
        if at == 0 or pieces[at - 1].at != pieces[at].at:
            lines -= 1
    return pieces[at:]


def _as_kept(content: bytes) -> bytes:
    """Return what remains of bytes in a file of JSON: what is no text becomes the sign for that."""
    return content.decode(errors="replace").encode()


def _is_set(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "").lower() in ("1", "true")


def _read_moment(written: str | None) -> int:
    """Read seconds since the epoch, with up to nine digits after the point; return nanoseconds."""
    seconds, _, rest = (written or "0").partition(".")
    try:
        return int(seconds) * _NANOSECONDS + int(f"{rest:0<9}"[:9])
    except ValueError:
        raise Refusal(400, f'invalid value "{written}"') from None


def _stamp(at: int) -> str:
    moment = datetime.fromtimestamp(at // _NANOSECONDS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % _NANOSECONDS:09d}Z"
