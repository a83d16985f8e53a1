"""A WebSocket to a Crane server: one thread receives, any may send."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from crane_cli import __version__
from crane_cli.api import Api
from crane_cli.errors import CliError, Dropped, refuse

# The server asks every 15 seconds whether somebody is there; without that the connection is gone.
SILENCE_SECONDS = 50.0
PIECE = 64 * 1024


@dataclass(frozen=True)
class Closed:
    """The server ended it."""

    code: int
    reason: str


class Socket:
    """One WebSocket.

    :raises Refused: The server did not open it.
    """

    def __init__(self, api: Api, path: str, subprotocols: list[str]) -> None:
        """Open the one at a path, which begins at the server's root."""
        self._socket = api.dial()
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._lock = threading.Lock()
        self._waiting: deque[bytes | dict[str, Any] | Closed] = deque()
        self._parts: list[bytes] = []
        self._texts: list[str] = []
        self._refusal = b""
        self._status = 0
        headers = [(b"user-agent", f"crane-cli/{__version__}".encode())]
        if api.token:
            headers.append((b"authorization", f"Bearer {api.token}".encode()))
        where = urlsplit(api.server)
        self._socket.settimeout(SILENCE_SECONDS)
        self._send(Request(host=where.netloc, target=path, subprotocols=subprotocols, extra_headers=headers))
        while not self._status:
            self._receive()
        if self._status != 101:
            self.close()
            raise self._explain()

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message. Raises ``Dropped``."""
        self._send(BytesMessage(data))

    def send(self, **message: Any) -> None:
        """Send a message as JSON. Raises ``Dropped``."""
        self._send(TextMessage(json.dumps(message)))

    def receive(self) -> bytes | dict[str, Any] | Closed:
        """Return the next message.

        :raises Dropped: The connection ended, or was silent for too long.
        """
        while not self._waiting:
            self._receive()
        return self._waiting.popleft()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _send(self, event: Event) -> None:
        try:
            with self._lock:
                self._socket.sendall(self._protocol.send(event))
        except (OSError, LocalProtocolError) as error:
            raise Dropped("The connection to the server ended.") from error

    def _receive(self) -> None:
        try:
            received = self._socket.recv(PIECE)
            with self._lock:
                self._protocol.receive_data(received or None)
                events = list(self._protocol.events())
        except (OSError, RemoteProtocolError) as error:
            raise Dropped("The connection to the server ended.") from error
        for event in events:
            self._note(event)
        if not received and not self._waiting:
            raise Dropped("The connection to the server ended.")

    def _note(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self._status = 101
            case RejectConnection():
                self._status = 0 if event.has_body else event.status_code
                self._refused_with = event.status_code
            case RejectData():
                self._refusal += event.data
                if event.body_finished:
                    self._status = self._refused_with
            case BytesMessage():
                self._parts.append(bytes(event.data))
                if event.message_finished:
                    self._waiting.append(b"".join(self._parts))
                    self._parts.clear()
            case TextMessage():
                self._texts.append(event.data)
                if event.message_finished:
                    self._waiting.append(json.loads("".join(self._texts)))
                    self._texts.clear()
            case Ping():
                self._send(event.response())
            case CloseConnection():
                # Without a close frame there is no code; that is a connection that was lost.
                if event.code == 1006:
                    raise Dropped("The connection to the server ended.")
                self._waiting.append(Closed(int(event.code), event.reason or ""))
                with contextlib.suppress(Dropped):
                    self._send(event.response())

    def _explain(self) -> CliError:
        try:
            problem = json.loads(self._refusal)
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            return CliError(f"The server opens no WebSocket (status {self._status}); is there a proxy that forbids it?")
        return refuse(self._status, problem)
