"""How much it takes to have very many people follow one busy log."""

from __future__ import annotations

import json
import re
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.processes import ROOT, CraneServer, crane_server

READERS, RATE = 500, 5_000
SECONDS = 20.0
# So many more take nothing at all.
STUCK = 10
_COUNT = re.compile(rb" ([0-9]+)\"\]")


def measure(directory: Path) -> Iterator[Figure]:
    """Measure the server while everybody follows."""
    path = directory / "engine.sock"
    command = [sys.executable, "-m", "tests.bench.chatter", "--socket", str(path), "--rate", str(RATE)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as chatter:
        try:
            assert chatter.stdout is not None
            chatter.stdout.readline()
            with crane_server(directory, f"unix://{path}") as server:
                server.wait_until_fresh()
                yield from _measure(server)
        finally:
            chatter.terminate()


def _measure(server: CraneServer) -> Iterator[Figure]:
    with server.client() as client:
        name = client.get("/api/v1/services?limit=1").json()["items"][0]["name"]
    memory = server.unique_memory()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        readers = [stack.enter_context(Reader(server.port, name, server.headers)) for _ in range(READERS)]
        stuck = [stack.enter_context(Reader(server.port, name, server.headers)) for _ in range(STUCK)]
        for reader in readers:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
        _read(selector, 5.0)
        for reader in readers:
            reader.begin()
        used, begun = server.cpu_seconds(), time.monotonic()
        _read(selector, SECONDS)
        taken, used = time.monotonic() - begun, server.cpu_seconds() - used
        figures = _read_metrics(server)
        grown = server.unique_memory() - memory
        lines = sorted(reader.lines for reader in readers)
        del stuck
    yield Figure(
        f"Processor for {READERS} followers of {RATE:,} lines a second",
        used / taken,
        1.0,
        "cores",
        note=f"the slowest of them was sent {lines[0] / taken:,.0f} lines a second, "
        f"{sum(reader.lost for reader in readers)} lines were left out",
    )
    yield Figure("Streams of the Engine for that", figures["crane_logs_streams"], 1, "", note="of one container")
    yield Figure("Memory for that", grown, 200, "MB", note=f"with {STUCK} more who take nothing")
    yield Figure("Lines that arrive late", max(reader.latest for reader in readers), 2.0, "s", note="the latest of all")


def _read(selector: selectors.BaseSelector, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for key, _ in selector.select(timeout=0.5):
            key.data.read()


def _read_metrics(server: CraneServer) -> dict[str, float]:
    with server.client() as client:
        text = client.get("/metrics").body.decode()
    return {name: float(value) for name, value in re.findall(r"^(crane_logs_\w+) ([0-9.e+]+)$", text, re.MULTILINE)}


class Reader:
    """A connection that follows the log of a service, and reads no more of it than its numbers."""

    buffer = bytearray(1 << 20)

    def __init__(self, port: int, service: str, headers: Mapping[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(
            "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"A reader was answered {head[:200]!r}.")
        message = json.dumps({"subscribe": f"logs/services/{service}?tail=10"}).encode()
        self.socket.sendall(struct.pack("!BB", 0x81, 0x80 | len(message)) + bytes(4) + message)
        self.lost = self.first = self.last = 0
        self.latest = 0.0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def begin(self) -> None:
        """Count from now on."""
        self.first = self.last

    @property
    def lines(self) -> int:
        """How many lines there were: what prints them counts."""
        return self.last - self.first

    def read(self) -> None:
        """Read what has arrived."""
        size = self.socket.recv_into(self.buffer)
        if not size:
            raise RuntimeError("The server closed the connection of a reader.")
        # The end tells how far it has come; to look at everything would take longer than the server takes to send it.
        end = bytes(self.buffer[max(0, size - 400) : size])
        if found := _COUNT.findall(end):
            self.last = max(self.last, int(found[-1]))
        if stamp := re.findall(rb'\["([0-9T:.-]{26})[0-9]{3}Z', end):
            printed = _seconds(stamp[-1].decode())
            self.latest = max(self.latest, time.time() - printed) if self.first else 0.0
        if (at := self.buffer.find(b'"lost":', 0, min(size, 300))) >= 0:
            self.lost += int(re.match(rb"[0-9]+", bytes(self.buffer[at + 7 : at + 27]))[0])  # type: ignore[index]


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp()
