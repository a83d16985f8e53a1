"""Somebody who sits in front of a terminal: a WebSocket client for tests, over a connection or inside the process."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from flask.testing import FlaskClient
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

SUBPROTOCOL = "crane.terminal"


class Refused(Exception):
    """The handshake was refused."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.problem = problem


class Sitter:
    """One end of a terminal's WebSocket.

    :param patience: How long to wait for anything, in seconds.
    """

    def __init__(self, connection: socket.socket, protocol: WSConnection, patience: float = 60.0) -> None:
        self.connection = connection
        self.protocol = protocol
        self.messages: list[dict[str, Any]] = []
        # What was printed, by the number of the stream.
        self.printed: dict[int, bytes] = {1: b"", 2: b""}
        self.closed: tuple[int, Any] | None = None
        self.status: int | None = None
        self._refusal = b""
        self._parts = b""
        self._patience = patience
        connection.settimeout(patience)

    @property
    def screen(self) -> str:
        """What was printed, as text."""
        return self.printed[1].decode(errors="replace")

    @property
    def seen(self) -> int:
        """How many bytes were printed."""
        return sum(map(len, self.printed.values()))

    def message(self, kind: str) -> dict[str, Any]:
        """Return the last message of a kind."""
        return [message for message in self.messages if message["type"] == kind][-1]

    def type(self, text: str | bytes) -> None:
        """Type something."""
        self._send(BytesMessage(text.encode() if isinstance(text, str) else text))

    def say(self, **message: Any) -> None:
        """Send a message."""
        self._send(TextMessage(json.dumps(message)))

    def _send(self, event: Event) -> None:
        # Whoever hung up is noticed where it is read what they said before.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(self.protocol.send(event))

    def until(self, fact: Callable[[Sitter], Any]) -> Sitter:
        """Take what comes until something is so."""
        deadline = time.monotonic() + self._patience
        while not fact(self):
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited in vain: {self.screen[-500:]!r}")
            if self.closed is not None:
                raise AssertionError(f"It was closed with {self.closed} before: {self.screen[-500:]!r}")
            self._take()
        return self

    def until_printed(self, text: str) -> Sitter:
        """Take what comes until something was printed."""
        return self.until(lambda sitter: text in sitter.screen)

    def until_closed(self) -> tuple[int, Any]:
        """Take what comes until the end; return its code and what its reason says."""
        self.until(lambda sitter: sitter.closed)
        self.connection.close()
        assert self.closed is not None
        return self.closed

    def drop(self) -> None:
        """Lose the connection."""
        self.connection.close()

    def _take(self) -> None:
        try:
            received = self.connection.recv(1 << 16)
        except ConnectionResetError:
            received = b""
        if not received:
            self.closed = self.closed or (1006, None)
            return
        self.protocol.receive_data(received)
        for event in self.protocol.events():
            self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self.status = 101
            case RejectConnection():
                self.status = event.status_code
            case RejectData():
                self._refusal += event.data
                if event.body_finished:
                    problem = json.loads(self._refusal or b"null")
                    raise Refused(self.status or 0, problem)
            case BytesMessage():
                self._parts += bytes(event.data)
                if event.message_finished:
                    self.printed[self._parts[0]] += self._parts[1:]
                    self._parts = b""
            case TextMessage():
                self.messages.append(json.loads(event.data))
            case Ping():
                self._send(event.response())
            case CloseConnection():
                reason = event.reason or ""
                self.closed = (event.code, json.loads(reason) if reason.startswith("{") else reason)


def _open(path: str, secret: str, host: str, headers: Mapping[str, str]) -> tuple[WSConnection, bytes]:
    protocol = WSConnection(ConnectionType.CLIENT)
    extra = [(name.encode(), value.encode()) for name, value in headers.items()]
    return protocol, protocol.send(
        Request(host=host, target=path, subprotocols=[SUBPROTOCOL, secret], extra_headers=extra)
    )


def sit_down(port: int, path: str, secret: str, **headers: str) -> Sitter:
    """Open the WebSocket of a terminal on this machine. Raises :class:`Refused`."""
    protocol, opening = _open(path, secret, f"127.0.0.1:{port}", headers)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(opening)
    return Sitter(connection, protocol).until(lambda sitter: sitter.status)


def sit_down_inside(client: FlaskClient, path: str, secret: str, **headers: str) -> Sitter:
    """Open the WebSocket of a terminal in the same process. Raises :class:`Refused`."""
    protocol, opening = _open(path, secret, "localhost", headers)
    sent = dict(line.split(": ", 1) for line in opening.decode().split("\r\n")[1:] if ": " in line)
    sent.pop("Host", None)
    ours, theirs = socket.socketpair()
    refused: list[Refused] = []

    def serve() -> None:
        with theirs:
            try:
                answer = client.get(path, headers=sent, environ_overrides={"werkzeug.socket": theirs})
            except ConnectionError:
                return
            refused.append(Refused(answer.status_code, answer.json))

    threading.Thread(target=serve, name="serve-terminal", daemon=True).start()
    sitter = Sitter(ours, protocol)
    sitter.until(lambda sitter: sitter.status or sitter.closed)
    if refused:
        ours.close()
        raise refused[0]
    return sitter
