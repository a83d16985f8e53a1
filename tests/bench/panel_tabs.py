"""Many tabs at once, as the server sees them: live connections that follow a topic and read all that they are sent."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_PING, _PONG, _CLOSE = 0x9, 0xA, 0x8


@dataclass
class Tabs:
    """What tabs were sent.

    :param messages: How many messages each has got.
    :param size: How many bytes they have got together.
    :param failed: What went wrong, if anything.
    """

    messages: list[int]
    size: int = 0
    failed: list[str] = field(default_factory=list)

    def all_know(self) -> bool:
        """Tell whether each has got something."""
        return min(self.messages) > 0


class _Tab:
    """One connection. It looks at the heads of frames only, so that whoever measures costs little."""

    def __init__(self, port: int, topic: str, headers: Mapping[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._unread = b""
        self._left = 0
        host = f"127.0.0.1:{port}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(
            f"GET /api/v1/live HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{lines}Upgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(4096)
        if not answer.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"A tab was answered {answer[:200]!r}.")
        self._unread = answer.partition(b"\r\n\r\n")[2]
        self._send(0x1, json.dumps({"subscribe": topic}).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        # A mask of zeros leaves the payload as it is.
        self.socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)

    def read(self) -> tuple[int, int]:
        """Read what has come; return how many messages began and how many bytes that was."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("The server closed the connection of a tab.")
        self._unread += data
        messages = 0
        while True:
            skipped = min(self._left, len(self._unread))
            self._unread, self._left = self._unread[skipped:], self._left - skipped
            head = _read_head(self._unread)
            if self._left or head is None:
                return messages, len(data)
            opcode, size, length = head
            if opcode in (_PING, _CLOSE):
                if len(self._unread) < size + length:
                    return messages, len(data)
                self._send(_PONG if opcode == _PING else _CLOSE, self._unread[size : size + length])
            else:
                messages += opcode != 0
            self._unread, self._left = self._unread[size:], length


def _read_head(data: bytes) -> tuple[int, int, int] | None:
    """Return opcode, size of the head and length of the payload of a frame, once its head is there."""
    if len(data) < 2:
        return None
    opcode, length = data[0] & 0x0F, data[1] & 0x7F
    more = {126: "!H", 127: "!Q"}.get(length)
    if more is None:
        return opcode, 2, length
    size = 2 + struct.calcsize(more)
    return (opcode, size, int(struct.unpack_from(more, data, 2)[0])) if len(data) >= size else None


@contextlib.contextmanager
def open_tabs(port: int, count: int, topic: str, headers: Mapping[str, str]) -> Iterator[Tabs]:
    """Have so many tabs follow a topic."""
    tabs = Tabs([0] * count)
    stop = threading.Event()
    each: list[_Tab] = []
    with selectors.DefaultSelector() as selector:
        reader = threading.Thread(target=_read_all, args=(selector, tabs, stop))
        reader.start()
        try:
            for number in range(count):
                # What it is sent is read from the beginning: who reads nothing is given up.
                each.append(_Tab(port, topic, headers))
                selector.register(each[-1].socket, selectors.EVENT_READ, (number, each[-1]))
            yield tabs
        finally:
            stop.set()
            reader.join()
            for tab in each:
                tab.socket.close()
    if tabs.failed:
        raise RuntimeError(tabs.failed[0])


def _read_all(selector: selectors.BaseSelector, tabs: Tabs, stop: threading.Event) -> None:
    while not stop.is_set():
        for key, _ in selector.select(timeout=0.2):
            number, tab = key.data
            try:
                messages, size = tab.read()
            except OSError as error:
                tabs.failed.append(str(error))
                return
            tabs.messages[number] += messages
            tabs.size += size
