"""Many readers at once, from one thread: threads of whoever measures would wait for each other and call it latency."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Reader:
    """A connection that asks for one path after the other, each as soon as the one before has been read."""

    def __init__(self, port: int, paths: Sequence[str], headers: Mapping[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.taken: list[float] = []
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._paths: Iterator[str] = cycle(paths)
        self._left = -1
        self._head = b""
        self._asked = 0.0

    def ask(self) -> None:
        """Send the next request."""
        self._head, self._left, self._asked = b"", -1, time.perf_counter()
        self.socket.sendall(f"GET {next(self._paths)} HTTP/1.1\r\nHost: localhost\r\n{self._lines}\r\n".encode())

    def read(self) -> None:
        """Read what has arrived, and ask again when that was the end of an answer."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("The server closed the connection of a reader.")
        if self._left < 0:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = _LENGTH.search(head)
            if length is None or not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"A reader was answered {head[:200]!r}.")
            self._left, data = int(length[1]), rest
        self._left -= len(data)
        if self._left == 0:
            self.taken.append(time.perf_counter() - self._asked)
            self.ask()


def read_together(
    port: int, readers: int, paths: Sequence[str], seconds: float, headers: Mapping[str, str]
) -> list[float]:
    """Read with so many readers at once; return how long each answer took."""
    each = [Reader(port, paths, headers) for _ in range(readers)]
    deadline = time.perf_counter() + seconds
    with selectors.DefaultSelector() as selector:
        for reader in each:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
            reader.ask()
        while time.perf_counter() < deadline:
            for key, _ in selector.select(timeout=1):
                key.data.read()
    for reader in each:
        reader.socket.close()
    return [taken for reader in each for taken in reader.taken]
