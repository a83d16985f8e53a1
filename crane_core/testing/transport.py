"""How requests reach an in-memory Swarm: in the process, or over a unix socket."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, TextIO
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from crane_core.engine.link import Endpoint
from crane_core.engine.records import Node
from crane_core.testing.answers import Response, Upgrade
from crane_core.testing.cluster import Outsider
from crane_core.testing.events import Stream
from crane_core.testing.swarm import EngineGone, MemorySwarm


class MemoryAdapter(BaseAdapter):
    """Carry the requests of a ``requests`` session (docker-py's APIClient is one) to a Swarm in the same process.

    Answers are read by ``http.client`` from bytes as they would come out of a socket, so that everything above sees
    what it would see of a real Engine, streams included.
    """

    def __init__(self, swarm: MemorySwarm, node: str | None = None) -> None:
        """Carry requests to the manager, or to the Engine of a node."""
        super().__init__()
        self._swarm = swarm
        self._node = node
        self._open: list[_Wire] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request and return the answer, whose body is still to be read when ``stream`` is set."""
        url = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body
        method = str(request.method)
        try:
            told = self._swarm.handle(method, url.path, _params(url.query), body, request.headers, self._node)
        except EngineGone as error:
            raise requests.ConnectionError(error, request=request) from error
        wire = _Wire(told, method)
        self._open = [one for one in self._open if not one.closed]
        self._open.append(wire)
        return _read_response(self, wire, request, method, stream)

    def close(self) -> None:
        """End the answers that are still read."""
        for wire in self._open:
            wire.shutdown()


def connect(swarm: MemorySwarm, place: tuple[str, int]) -> io.BytesIO:
    """Connect to a port of a node of a Swarm in memory; all of a node that is there are open but for closed ones."""
    address, port = place
    node = next((node for node in swarm.store.nodes if node.body["Status"]["Addr"] == address), None)
    if node is None or not node.reachable or (node.name, port) in swarm.closed_ports:
        raise TimeoutError
    return io.BytesIO()


def find_memory_endpoint(swarm: MemorySwarm, node: Node) -> Endpoint:
    """Return the way to a node's own Engine in the same process."""
    return Endpoint(f"unix://memory/{node.name}", "setting", transport=MemoryAdapter(swarm, node.name))


def _read_response(
    adapter: MemoryAdapter, wire: _Wire, request: requests.PreparedRequest, method: str, stream: bool
) -> requests.Response:
    """Return an answer the way requests' own adapter makes one."""
    original = http.client.HTTPResponse(wire, method=method)  # type: ignore[arg-type]
    original.begin()
    raw = urllib3.HTTPResponse(
        body=original,
        headers=dict(original.headers.items()),
        status=original.status,
        reason=original.reason,
        preload_content=False,
        original_response=original,
        request_method=method,
        connection=wire,  # type: ignore[arg-type]
        sock_shutdown=wire.shutdown,
    )
    response = requests.Response()
    response.status_code = original.status
    response.headers = requests.structures.CaseInsensitiveDict(raw.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw
    response.reason = original.reason
    response.url = str(request.url)
    response.request = request
    response.connection = adapter  # type: ignore[assignment]
    if not stream:
        _ = response.content
    return response


class _Wire(io.RawIOBase):
    """The bytes of an answer, as a socket would give them to ``http.client``."""

    def __init__(self, response: Response, method: str) -> None:
        super().__init__()
        self._parts = _bytes_of(response, method)
        self._rest = b""
        self._stream = response.body if isinstance(response.body, Stream) else None
        # What whoever takes over the connection speaks on.
        self.sock = _take_over(response.body) if isinstance(response.body, Upgrade) else None

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> io.BufferedReader:
        """Be the socket that a file is made of."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = part
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def shutdown(self, how: int = 0) -> None:
        """End the answer, also for a thread that waits for more of it."""
        if self._stream is not None:
            self._stream.close()
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shutdown()
        super().close()


def _take_over(upgrade: Upgrade) -> socket.socket:
    """Begin what an answer announces; return the client's end of the connection."""
    near, far = socket.socketpair()

    def run() -> None:
        with far:
            upgrade.run(far)

    threading.Thread(target=run, name="memory-upgrade", daemon=True).start()
    return near


def _params(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def _bytes_of(response: Response, method: str) -> Iterator[bytes]:
    """Yield an answer as it goes over a wire."""
    reason = http.client.responses.get(response.status, "")
    headers = dict(response.headers)
    if isinstance(response.body, Iterator):
        headers["Transfer-Encoding"] = "chunked"
    elif isinstance(response.body, bytes):
        headers["Content-Length"] = str(len(response.body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    yield f"HTTP/1.1 {response.status} {reason}\r\n{head}\r\n".encode()
    if isinstance(response.body, bytes):
        if method != "HEAD" and response.body:
            yield response.body
        return
    if isinstance(response.body, Upgrade):
        return
    for part in response.body:
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    swarm: MemorySwarm | Outsider
    node: str | None
    log: TextIO | None

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        if self.log is not None:
            self.log.write(f"{self.command} {self.path}\n")
        try:
            headers = dict(self.headers.items())
            response = self.swarm.handle(self.command, url.path, _params(url.query), body, headers, self.node)
            for part in _bytes_of(response, self.command):
                self.wfile.write(part)
            if isinstance(response.body, Upgrade):
                self.close_connection = True
                response.body.run(self.connection)
        except (EngineGone, BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent."""


class SocketServer(socketserver.ThreadingUnixStreamServer):
    """Serve a Swarm over a unix socket, for programs such as the docker CLI."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, swarm: MemorySwarm | Outsider, path: str, log: TextIO | None, node: str | None) -> None:
        super().__init__(path, type("_BoundHandler", (_Handler,), {"swarm": swarm, "log": log, "node": node}))


def serve(
    swarm: MemorySwarm | Outsider, socket_path: str, log: TextIO | None = None, node: str | None = None
) -> SocketServer:
    """Start to serve a Swarm over a unix socket; whoever calls shuts the server down and closes it.

    :param log: Where each request is written as a line: its method and its path with the query.
    :param node: The node whose own Engine is served; the manager unless told otherwise.
    """
    server = SocketServer(swarm, socket_path, log, node)
    # A shutdown waits for as long as the interval.
    often = {"poll_interval": 0.05}
    threading.Thread(target=server.serve_forever, kwargs=often, name="memory-swarm", daemon=True).start()
    return server
