"""Answers of an Engine that go on: bytes as they come, events, and the raw connection of an exec or attach."""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
import requests
import urllib3.exceptions

from crane_core.engine.errors import AnswerUnreadable
from crane_core.engine.tls import TlsStream
from crane_core.errors import EngineUnavailable

_CHUNK = 64 * 1024
# How often it is looked whether a connection that takes nothing was closed by another thread, in seconds.
SEND_LOOK_SECONDS = 0.5
# A stream that is closed while it is read from says so by a ValueError.
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
_event = msgspec.json.Decoder(dict[str, Any])

Taken = TypeVar("Taken")


class ByteStream(Iterator[bytes]):
    """The bytes of an answer as they come. Ends when it is closed, which any thread may do.

    :param name: What errors call the Engine.
    :param patient: Whether to wait for bytes without end, although the answer had to begin in time.
    """

    def __init__(self, response: requests.Response, name: str = "Docker Engine", *, patient: bool = False) -> None:
        self._response = response
        connection = getattr(getattr(response.raw, "_connection", None), "sock", None)
        if patient and connection is not None:
            connection.settimeout(None)
        self._name = name
        self._closed = threading.Event()
        self._reading = threading.Lock()

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self._response.status_code

    @property
    def content_type(self) -> str:
        """What the Engine calls what it sends; newer ones tell a terminal's bytes from frames by it."""
        return str(self._response.headers.get("Content-Type", ""))

    def __iter__(self) -> ByteStream:
        return self

    def __next__(self) -> bytes:
        """Return what came since, waiting for the first of it. Raises ``EngineUnavailable`` where it breaks off."""
        with self._reading:
            if self._closed.is_set():
                raise StopIteration
            try:
                piece = bytes(self._response.raw.read1(_CHUNK))
            except _FAILURES as error:
                if not self._closed.is_set():
                    raise EngineUnavailable(f"The {self._name} broke off what it sent.") from error
                piece = b""
            if not piece:
                self._closed.set()
                self._response.close()
                raise StopIteration
            return piece

    def close(self) -> None:
        """End the stream, also for a thread that waits for more."""
        self._closed.set()
        try:
            self._response.raw.shutdown()
        except (AttributeError, ValueError, RuntimeError, OSError):
            # A response that is not read from a socket, or whose socket is gone, has nothing to shut down; nor has one
            # whose connection broke, which has been given back to the pool.
            self._response.close()
        # Whoever was reading has been woken by now; to close a socket while it is read from would not wake anybody.
        with self._reading:
            self._response.close()


class EventStream(Iterator[dict[str, Any]]):
    """The Engine's events as they happen. Ends when it is closed, which any thread may do.

    :param stop: Ends the stream at the next event.
    """

    def __init__(self, stream: ByteStream, stop: threading.Event | None = None) -> None:
        self._stream = stream
        self._stop = stop
        self._events = self._read()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._events)

    def close(self) -> None:
        """End the stream, also for a thread that waits for its next event."""
        self._stream.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        rest = b""
        try:
            for chunk in self._stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if self._stop is not None and self._stop.is_set():
                        return
                    if line.strip():
                        yield _decode(line)
        except EngineUnavailable:
            # Who asked it to stop does not care how it ended.
            if self._stop is None or not self._stop.is_set():
                raise
        finally:
            self._stream.close()


def _decode(line: bytes) -> dict[str, Any]:
    try:
        return _event.decode(line)
    except msgspec.MsgspecError as error:
        raise AnswerUnreadable(f"An event of the Engine cannot be read: {error}") from error


class Hijacked:
    """A connection that carries raw bytes both ways. One thread may read while others send, also over TLS.

    :param early: Bytes that came together with the headers of the answer.
    """

    def __init__(
        self, connection: socket.socket | TlsStream, early: bytes, response: requests.Response, name: str
    ) -> None:
        self._socket = connection
        self._early = early
        # Kept, because the socket closes when it is forgotten.
        self._response = response
        self._name = name
        # OpenSSL must not read and write one connection at the same moment.
        self._turn = threading.Lock()
        self._closed = False
        # Whoever has a turn gives it back at once: a program that waits for its output to be read takes no input.
        connection.setblocking(False)

    @classmethod
    def of(cls, response: requests.Response, name: str) -> Hijacked:
        """Take over the connection that a request was answered on.

        :raises EngineUnavailable: when the Engine answered and hung up.
        """
        connection = getattr(getattr(response.raw, "_connection", None), "sock", None)
        buffered = getattr(getattr(response.raw, "_fp", None), "fp", None)
        if connection is None or buffered is None:
            response.close()
            raise EngineUnavailable(f"The {name} did not hand over the connection.")
        connection.setblocking(False)
        # What is buffered is returned without a look at the socket; nothing is where there is nothing.
        return cls(connection, bytes(buffered.read1(_CHUNK)), response, name)

    def fileno(self) -> int:
        """Return the number of the socket, for a selector."""
        return self._socket.fileno()

    def read(self, timeout: float | None = None) -> bytes | None:
        """Return what came since, empty at the end; None when nothing came for so many seconds.

        :raises EngineUnavailable: when the connection broke.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._closed:
            if (came := self._read_now()) is not None:
                return came
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._wait(left):
                return None
        return b""

    def _read_now(self) -> bytes | None:
        """Return what is there, empty at the end, None where nothing is."""
        if self._early:
            early, self._early = self._early, b""
            return early
        try:
            with self._turn:
                return self._socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        except (OSError, ValueError) as error:
            if self._closed:
                return b""
            raise EngineUnavailable(f"The {self._name} broke the connection.") from error

    def _wait(self, timeout: float | None, what: int = select.POLLIN) -> bool:
        """Wait until something may be there, or may be sent."""
        poller = select.poll()
        try:
            poller.register(self._socket, what)
        except (OSError, ValueError):
            return True
        return bool(poller.poll(None if timeout is None else timeout * 1000))

    def send(self, data: bytes) -> None:
        """Send bytes, waiting until all are taken; whoever reads meanwhile is not held up.

        :raises EngineUnavailable: when the connection broke.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[self._until_taken(functools.partial(self._socket.send, rest)) :]
        self._flush()

    def close_write(self) -> None:
        """Say that nothing more is sent; what the other side sends can still be read."""
        if isinstance(self._socket, TlsStream):
            with self._turn:
                self._socket.end_sending()
            self._flush()
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _flush(self) -> None:
        if isinstance(self._socket, TlsStream):
            self._until_taken(self._socket.flush)

    def _until_taken(self, send: Callable[[], Taken]) -> Taken:
        """Send something as soon as the other side takes it."""
        while not self._closed:
            try:
                with self._turn:
                    return send()
            except BlockingIOError:
                self._wait(SEND_LOOK_SECONDS, select.POLLOUT)
            except (OSError, ValueError) as error:
                raise EngineUnavailable(f"The {self._name} broke the connection.") from error
        raise EngineUnavailable(f"The connection to the {self._name} is closed.")

    def close(self) -> None:
        """End it, also for a thread that waits to read."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._turn:
            self._response.close()
            with contextlib.suppress(OSError):
                self._socket.close()
