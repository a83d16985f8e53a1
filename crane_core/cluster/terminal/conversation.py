"""What is said on the WebSocket of a terminal.

Binary messages are what is typed, and what is printed with the number of its stream in front (1 output, 2 errors).
Text messages are JSON objects with a ``type``; the first of the server's is ``opened``, its last ``ended``.
"""

from __future__ import annotations

import logging

import msgspec

from crane_core.cluster.terminal.errors import Ending
from crane_core.cluster.terminal.session import Session
from crane_core.context import Crane
from crane_core.websockets import Gone, WebSocket

log = logging.getLogger(__name__)

# How often it is asked whether somebody is still there, and after how much silence they are not, in seconds.
HEARTBEAT_SECONDS = 15.0
SILENCE_SECONDS = 45.0
# The largest terminal; far larger than any screen.
MOST_CELLS = 2000


class Resize(msgspec.Struct, tag_field="type", tag="resize"):
    """The terminal has another size."""

    columns: int
    rows: int


class Taken(msgspec.Struct, tag_field="type", tag="taken"):
    """So many bytes of what was printed have been shown since the beginning."""

    bytes: int


class EndInput(msgspec.Struct, tag_field="type", tag="end"):
    """There is no more input."""


class Close(msgspec.Struct, tag_field="type", tag="close"):
    """The terminal is not needed any more."""


_decoder = msgspec.json.Decoder(Resize | Taken | EndInput | Close)


class Seat:
    """A place in front of a terminal, which somebody may be asked to leave before they have it."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self._session: Session | None = None
        self._refused = ""

    def end(self, reason: str) -> None:
        """Have whoever sits here leave, and their terminal end: their rights are not what they were."""
        self._refused = reason
        if self._session is not None:
            self._session.end(Ending("not-allowed", reason))

    def take(self, session: Session, seen: int) -> None:
        """Sit down. Raises ``Gone``."""
        self._session = session
        if self._refused:
            session.end(Ending("not-allowed", self._refused))
        session.attach(self.websocket, seen)

    def refuse(self, ending: Ending) -> None:
        """Say that there is no terminal, and why."""
        self.websocket.send(msgspec.json.encode(ending.to_json()).decode())
        self.websocket.close(ending.number, ending.reason)


def converse(crane: Crane, session: Session, websocket: WebSocket) -> None:
    """Hand a terminal what somebody types, until they are gone."""
    clock = websocket.clock
    asked_at = clock()
    while True:
        crane.about_to_wait()
        message = websocket.receive_any(HEARTBEAT_SECONDS)
        if clock() - asked_at >= HEARTBEAT_SECONDS:
            asked_at = clock()
            if asked_at - websocket.heard_at > SILENCE_SECONDS:
                return
            websocket.ping()
        if isinstance(message, bytes):
            session.type(message)
        elif message is not None:
            _obey(session, websocket, message)


def _obey(session: Session, websocket: WebSocket, text: str) -> None:
    try:
        message = _decoder.decode(text)
    except msgspec.MsgspecError as error:
        detail = f"The message is not understood: {error}."
        websocket.send(msgspec.json.encode({"type": "error", "code": "malformed-message", "detail": detail}).decode())
        return
    match message:
        case Resize(columns, rows) if 0 < columns <= MOST_CELLS and 0 < rows <= MOST_CELLS:
            session.resize(columns, rows)
        case Taken(count):
            session.note_taken(count)
        case EndInput():
            session.type(None)
        case Close():
            session.end(Ending("closed", "It was closed."))


def talk(crane: Crane, session: Session, websocket: WebSocket, seat: Seat, seen: int) -> None:
    """Seat somebody in front of a terminal until they are gone."""
    try:
        seat.take(session, seen)
        converse(crane, session, websocket)
    except Gone:
        return
    finally:
        session.leave(websocket)
