"""Speak HTTP with a Crane server.

One connection for each request: a command makes a handful of them. A request that was sent is never sent again by
itself, because nobody knows whether it was carried out.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from crane_cli import __version__
from crane_cli.errors import CliError, Dropped, Quiet, Unreachable, WrongUse, refuse

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 120.0
# A stream on which nothing happens for this long is looked after: a router may have forgotten the connection.
QUIET_SECONDS = 90.0
PAGE = 1000
PIECE = 64 * 1024


def normalise_address(address: str) -> str:
    """Return a server's address with its scheme and without a slash at the end.

    Without a scheme it is ``http`` for this machine and ``https`` for any other.

    :raises WrongUse: It is no address of a server.
    """
    wrong = WrongUse(f"{address} is not the address of a server; write it as in https://crane.example.org.")
    try:
        if "://" not in address:
            address = f"{'http' if is_loopback(urlsplit(f'//{address}').hostname or '') else 'https'}://{address}"
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise wrong from error
    if not sound or parts.query or parts.fragment:
        raise wrong
    if parts.username or parts.password:
        raise WrongUse("The address of a server holds no user and no password; log in with: crane login URL")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host name means this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_far(address: str) -> bool:
    """Return whether a normalised address leads to another machine."""
    return not is_loopback(urlsplit(address).hostname or "")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Decode the body.

        :raises CliError: It is not JSON, so that what answers is no Crane server.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            kind = self.headers.get("content-type", "no content type")
            raise CliError(f"What answers is not a Crane server (status {self.status}, {kind}).") from error


@dataclass(frozen=True)
class Api:
    """The HTTP API of one server.

    :param server: Its address, normalised.
    :param token: Sent as a bearer token with every request.
    :param ca: A file of certificates to trust instead of the system's.
    """

    server: str
    token: str | None = field(default=None, repr=False)
    ca: str | None = None

    def get(self, *path: str, **query: Any) -> Any:
        """Return what is read at a path; each part of the path is quoted."""
        return self.send("GET", *path, query=query).json()

    def find_all(self, *path: str, **query: Any) -> dict[str, Any]:
        """Return a list's whole answer, its items gathered from as many pages as it takes."""
        answer: dict[str, Any] = self.get(*path, limit=PAGE, **query)
        items = answer.get("items")
        if not isinstance(items, list):
            raise CliError(f"What answers at {self.server} is not a Crane server, or one of another version.")
        while len(items) < int(answer.get("total") or 0):
            page = self.get(*path, limit=PAGE, offset=len(items), **query).get("items")
            if not page:
                break
            items.extend(page)
        return answer

    def post(self, *path: str, body: Any = None, **query: Any) -> Any:
        """Return the answer to a body that is posted to a path."""
        return self.send("POST", *path, body={} if body is None else body, query=query).json()

    def send(
        self,
        method: str,
        *path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request.

        :raises Unreachable: There is no connection.
        :raises Dropped: The connection ended before the answer did; it may have been carried out.
        :raises Refused: The answer is a problem.
        """
        with self._asked(method, path, body, query or {}, headers or {}, ANSWER_SECONDS) as response:
            return _read(response)

    def copy(self, target: IO[bytes], *path: str, **query: Any) -> None:
        """Copy what is read at a path into a file, piece by piece.

        :raises Dropped: The connection ended in the middle, or was quiet for long.
        """
        with self._asked("GET", path, None, query, {"Accept": "*/*"}, ANSWER_SECONDS) as response:
            if response.status >= 300:
                _read(response)
            while piece := response.read(PIECE):
                target.write(piece)

    def lines(self, *path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the objects of a stream, each when it comes.

        :raises Dropped: The connection ended in the middle, or was quiet for long.
        """
        yield from self._lines("GET", path, None, query)

    def post_lines(self, *path: str, body: Any) -> Iterator[dict[str, Any]]:
        """Yield the objects of a stream that a body which is posted begins, each when it comes.

        :raises Dropped: The connection ended in the middle, or was quiet for long.
        """
        yield from self._lines("POST", path, body, {})

    def _lines(
        self, method: str, path: tuple[str, ...], body: Any, query: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        headers = {"Accept": "application/x-ndjson"}
        with self._asked(method, path, body, query, headers, QUIET_SECONDS) as response:
            if response.status >= 300:
                _read(response)
            while line := response.readline():
                if line.strip():
                    if not line.endswith(b"\n"):
                        raise Dropped("The connection to the server ended.")
                    yield Answer(response.status, {}, line).json()

    def dial(self) -> socket.socket:
        """Return a connection to the server, encrypted where its address says so."""
        return self._connect(ANSWER_SECONDS).sock

    def target(self, *path: str, **query: Any) -> str:
        """Return what a request for a path asks for."""
        return self._target(path, query)

    @contextmanager
    def _asked(
        self,
        method: str,
        path: tuple[str, ...],
        body: Any,
        query: Mapping[str, Any],
        headers: Mapping[str, str],
        seconds: float,
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connect(seconds)
        try:
            try:
                connection.request(method, self._target(path, query), *self._content(body, headers))
                # A connection that is closed lives on for as long as its answer does.
                with connection.getresponse() as response:
                    yield response
            except http.client.RemoteDisconnected as error:
                raise Dropped(f"The server at {self.server} ended the connection without an answer.") from error
            except http.client.IncompleteRead as error:
                raise Dropped("The connection to the server ended in the middle of an answer.") from error
            except http.client.HTTPException as error:
                raise CliError(f"What answers at {self.server} does not speak HTTP; is the scheme right?") from error
            except TimeoutError as error:
                raise Quiet(f"The server at {self.server} has not answered for {seconds:.0f} seconds.") from error
            except OSError as error:
                raise Dropped(f"The connection to the server ended: {error.strerror or error}.") from error
        finally:
            connection.close()

    def _target(self, path: tuple[str, ...], query: Mapping[str, Any]) -> str:
        told = {name: "true" if value is True else value for name, value in query.items() if value is not None}
        joined = "/".join(quote(part, safe="") for part in path)
        return f"{urlsplit(self.server).path}/api/v1/{joined}" + (f"?{urlencode(told)}" if told else "")

    def _content(self, body: Any, headers: Mapping[str, str]) -> tuple[bytes | None, dict[str, str]]:
        sent = {"Accept": "application/json", "User-Agent": f"crane-cli/{__version__}", **headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is None:
            return None, sent
        sent.setdefault("Content-Type", "application/json")
        return json.dumps(body).encode(), sent

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.server)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            plain = _open(host, port)
            # Following prints while it waits, and small requests must not wait for an acknowledgement.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Unreachable(
                f"No Crane server answers at {self.server} ({error.strerror or error}). "
                "Start it with make run, or name another with --server or CRANE_CLI_SERVER."
            ) from error
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.sock = self._secure(plain, host) if parts.scheme == "https" else plain
        except BaseException:
            plain.close()
            raise
        connection.sock.settimeout(seconds)
        return connection

    def _secure(self, plain: socket.socket, host: str) -> socket.socket:
        try:
            return ssl.create_default_context(cafile=self.ca).wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"The certificate of {self.server} is not trusted: {error.verify_message}. "
                "If a CA of your own signed it, give the CA's certificate with --ca."
            ) from error
        except ssl.SSLError as error:
            reason = error.reason or "no certificate could be read"
            raise Unreachable(f"No secure connection to {self.server} could be made: {reason}.") from error
        except OSError as error:
            raise Unreachable(
                f"No secure connection to {self.server} could be made: {error.strerror or error}."
            ) from error


def _open(host: str, port: int) -> socket.socket:
    """Connect to the first of a host's addresses that answers, all of them together within the time limit."""
    end = time.monotonic() + CONNECT_SECONDS
    failure: OSError = TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        left = end - time.monotonic()
        if left <= 0:
            break
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(left)
        try:
            opened.connect(address)
        except OSError as error:
            opened.close()
            timed_out = isinstance(error, TimeoutError)
            failure = TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds") if timed_out else error
        else:
            return opened
    raise failure


def _read(response: http.client.HTTPResponse) -> Answer:
    answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    if answer.status < 300:
        return answer
    if answer.status < 400:
        where = answer.headers.get("location", "elsewhere")
        raise CliError(f"The server sends us to {where}, and the token is not sent there. Name it with --server.")
    try:
        problem = json.loads(answer.body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"What answers is not a Crane server, or one that failed (status {answer.status})."}
    raise refuse(answer.status, problem)
