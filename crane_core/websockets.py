"""A WebSocket on the socket of a request: several threads may send, and a slow reader keeps none of them waiting.

It is refused before its handshake by whatever the view raises. Nothing is compressed: that costs each connection more
memory than the rest of it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Response
from werkzeug.wrappers import Request
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from crane_core.errors import CraneError, Invalid

NORMAL, GOING_AWAY, MALFORMED, UNSUITABLE, POLICY, TOO_BIG, FAILED = 1000, 1001, 1002, 1003, 1008, 1009, 1011
# How long one send may take until the other side is given up, in seconds.
SEND_SECONDS = 3
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


class UpgradeRequired(CraneError):
    """What is at this address is a WebSocket."""

    status, code, title = 426, "upgrade-required", "This address is a WebSocket."


class Gone(Exception):
    """The other side is there no more."""


class WebSocket:
    """One side of a WebSocket.

    :param connection: The socket; blocking.
    :param protocol: The handshake, received but not yet answered.
    :param most: The largest message that is received, in bytes.
    :param clock: Returns seconds of a clock that never goes back.
    :param subprotocol: Which of the subprotocols that the other side offers is spoken.
    """

    def __init__(
        self,
        connection: socket.socket,
        protocol: WSConnection,
        most: int = 64 * 1024,
        clock: Callable[[], float] = time.monotonic,
        subprotocol: str | None = None,
    ) -> None:
        self._socket = connection
        self._protocol = protocol
        self._most = most
        self.clock = clock
        self._lock = threading.Lock()
        self._unsent = memoryview(b"")
        self._parts: list[str | bytes] = []
        self._closing = False
        # The last words, until somebody has said them.
        self._farewell: list[tuple[int, str]] = []
        self._gone = False
        self.heard_at = clock()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self._send(AcceptConnection(subprotocol=subprotocol))

    @classmethod
    def accept(cls, request: Request, subprotocol: str | None = None) -> WebSocket:
        """Answer the handshake of a request.

        :param subprotocol: One that the request offers.
        :raises UpgradeRequired: when the request is none, or this server cannot hand over its socket.
        :raises Invalid: when the handshake is malformed.
        """
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise UpgradeRequired("Open this address as a WebSocket.")
        connection = find_socket(request.environ)
        if connection is None:
            raise UpgradeRequired("This server cannot open WebSockets.")
        protocol = WSConnection(ConnectionType.SERVER)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
        try:
            protocol.initiate_upgrade_connection(headers, request.path)
        except RemoteProtocolError as error:
            raise Invalid(f"The handshake of the WebSocket is malformed: {error}.") from error
        return cls(connection, protocol, subprotocol=subprotocol)

    def fileno(self) -> int:
        """Return the number of the socket, for a selector; -1 when it is closed."""
        return self._socket.fileno()

    # Sending

    @property
    def busy(self) -> bool:
        """Whether the other side has yet to take what it was sent before."""
        return bool(self._unsent) or self._lock.locked()

    @property
    def unsent(self) -> int:
        """How many bytes the other side has yet to take."""
        return len(self._unsent)

    @property
    def gone(self) -> bool:
        """Whether there is nobody to send to any more."""
        return self._gone or self._closing

    def send(self, text: str) -> None:
        """Send a message, after what was offered before; waits for the other side, but not for long.

        :raises Gone: when the other side is gone, or takes nothing.
        """
        self._send(Message(text))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message, as :meth:`send` does with text.

        :raises Gone: when the other side is gone, or takes nothing.
        """
        self._send(BytesMessage(data))

    def offer(self, frame: bytes) -> bool:
        """Begin to send what :func:`to_frame` made, without waiting; what is not taken at once is kept.

        :returns: Whether it was begun; not while the socket is busy.
        :raises Gone: when the other side is gone.
        """
        with self._turn(blocking=False) as turn:
            if self.gone:
                raise Gone
            if not turn or self._unsent:
                return False
            self._unsent = memoryview(frame)
            self._push(socket.MSG_DONTWAIT)
            return True

    def flush(self) -> None:
        """Send more of what was offered, without waiting.

        :raises Gone: when the other side is gone.
        """
        with self._turn(blocking=False) as turn:
            if turn:
                self._push(socket.MSG_DONTWAIT)

    def ping(self) -> None:
        """Ask whether the other side is there; not while it is busy, because it then cannot answer.

        :raises Gone: when the other side is gone.
        """
        if not self.busy:
            self._send(Ping())

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say that this is the end, and why; never waits, and says nothing twice."""
        if self.gone:
            return
        self._closing = True
        self._farewell.append((code, reason))
        self._say_farewell()

    def shut(self) -> None:
        """End it without a word."""
        self._gone = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self, event: Event) -> None:
        with self._turn():
            if self.gone:
                raise Gone
            frame = self._protocol.send(event)
            self._unsent = memoryview(bytes(self._unsent) + frame) if self._unsent else memoryview(frame)
            self._push(0)

    @contextlib.contextmanager
    def _turn(self, blocking: bool = True) -> Iterator[bool]:
        """Have the socket for oneself; yields whether that was had.

        Who is told to close meanwhile does not wait for the turn to end: whoever has it says the last words after it.
        """
        turn = self._lock.acquire(blocking=blocking)
        try:
            yield turn
        finally:
            if turn:
                self._lock.release()
                self._say_farewell()

    def _say_farewell(self) -> None:
        """Say the last words, if there are any and nobody else has the socket."""
        while self._farewell and self._lock.acquire(blocking=False):
            try:
                if not self._farewell:
                    return
                code, reason = self._farewell.pop()
                if self._unsent or self._gone:
                    # Nothing may stand inside a frame that is sent in part.
                    self.shut()
                    return
                with contextlib.suppress(LocalProtocolError, Gone):
                    self._unsent = memoryview(self._protocol.send(CloseConnection(code, reason)))
                    self._push(socket.MSG_DONTWAIT)
                # Whoever waits in receive() is woken; the other side need not agree.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RD)
            finally:
                self._lock.release()

    def _push(self, flags: int) -> None:
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent, flags)
            except BlockingIOError as error:
                if flags:
                    return
                # The time that a send may take is over.
                self.shut()
                raise Gone from error
            except OSError as error:
                self.shut()
                raise Gone from error
            self._unsent = self._unsent[sent:]

    # Receiving

    def receive(self, timeout: float) -> str | None:
        """Return the next message, which must be text; None when there was none for so many seconds.

        :raises Gone: when the other side is gone, or this side said that it is the end.
        """
        message = self._receive(timeout, binary=False)
        return message if isinstance(message, str) else None

    def receive_any(self, timeout: float) -> str | bytes | None:
        """Return the next message, text or binary; None when there was none for so many seconds.

        :raises Gone: when the other side is gone, or this side said that it is the end.
        """
        return self._receive(timeout, binary=True)

    def _receive(self, timeout: float, binary: bool) -> str | bytes | None:
        deadline = self.clock() + timeout
        while (message := self._next_message(binary)) is None:
            if not self._wait(deadline):
                return None
            try:
                received = self._socket.recv(4096)
                if not received:
                    raise Gone
                self._protocol.receive_data(received)
            except (OSError, LocalProtocolError, Gone) as error:
                self.shut()
                raise Gone from error
            self.heard_at = self.clock()
        return message

    def _wait(self, deadline: float) -> bool:
        """Wait until something can be received."""
        # Not select(), which cannot wait for a socket whose number is above 1023.
        poller = select.poll()
        try:
            poller.register(self._socket, select.POLLIN)
        except (OSError, ValueError) as error:
            raise Gone from error
        return bool(poller.poll(max(0.0, deadline - self.clock()) * 1000))

    def _next_message(self, binary: bool) -> str | bytes | None:
        try:
            for event in self._protocol.events():
                if isinstance(event, BytesMessage) and not binary:
                    self.close(UNSUITABLE, "Send text.")
                elif isinstance(event, TextMessage | BytesMessage):
                    if (message := self._take_part(event)) is not None:
                        return message
                elif isinstance(event, Ping):
                    self._send(event.response())
                elif isinstance(event, CloseConnection):
                    with contextlib.suppress(LocalProtocolError):
                        self._send(event.response())
                    self.shut()
                    raise Gone
                elif isinstance(event, Pong):
                    continue
        except RemoteProtocolError as error:
            self.close(MALFORMED, "That was no WebSocket message.")
            self.shut()
            raise Gone from error
        return None

    def _take_part(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        """Keep a part of a message; return the message with its last one."""
        self._parts.append(bytes(event.data) if isinstance(event, BytesMessage) else event.data)
        if sum(map(len, self._parts)) > self._most:
            self.close(TOO_BIG, f"A message may have {self._most} bytes.")
            self._parts.clear()
            return None
        if not event.message_finished:
            return None
        parts, self._parts = self._parts, []
        if isinstance(event, BytesMessage):
            return b"".join(part for part in parts if isinstance(part, bytes))
        return "".join(part for part in parts if isinstance(part, str))


def find_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """Return the socket that a request came by, None where this server does not hand it over."""
    return next((environ[name] for name in _SOCKETS if name in environ), None)


def has_hung_up(connection: socket.socket) -> bool:
    """Tell whether the other side of a request's socket is there no more."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        return True


def to_frame(text: bytes) -> bytes:
    """Return a text message as it goes over the wire from a server, so that many can be sent the same bytes."""
    length = len(text)
    if length < 126:
        return bytes((0x81, length)) + text
    if length < 1 << 16:
        return struct.pack("!BBH", 0x81, 126, length) + text
    return struct.pack("!BBQ", 0x81, 127, length) + text


class Ended(Response):
    """The answer to a request whose socket was a WebSocket: nothing more is said on it."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """End the connection in the way that the server understands."""
        if "gunicorn.socket" in environ:
            raise StopIteration
        raise ConnectionError("The WebSocket has ended.")
