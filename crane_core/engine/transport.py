"""How requests reach an Engine: a unix socket, ssh, TCP, or TCP with TLS.

docker-py's own adapters keep one connection pool for each full URL, which makes keep-alive useless, and need paramiko
for ssh. These keep one pool for each Engine, and give ssh a real socket, so that time limits work on it too.
"""

from __future__ import annotations

import errno
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from crane_core.engine.tls import HalfClosing

# More connections than this are opened when needed, and closed after use.
POOL_SIZE = 64

# How a machine is noticed that vanished without a word, as when its power goes: asked after 10 s of silence and then
# every 3 s, it is given up after about 20 s. Without this a stream of its events would wait for ever.
_IDLE_SECONDS, _PROBE_SECONDS, _PROBES, _UNSENT_MILLISECONDS = 10, 3, 3, 20_000
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", _IDLE_SECONDS),
            ("TCP_KEEPINTVL", _PROBE_SECONDS),
            ("TCP_KEEPCNT", _PROBES),
            ("TCP_USER_TIMEOUT", _UNSENT_MILLISECONDS),
        )
        if hasattr(socket, name)
    ),
]
# ssh does the same with messages of its own, and gives up on a machine that does not answer at all after 2 s.
_SSH_OPTIONS = ("BatchMode=yes", "ConnectTimeout=2", "ServerAliveInterval=6", "ServerAliveCountMax=3")
# What to do about what ssh complains of.
_SSH_ADVICE = {
    "Permission denied (": "Let the user of this server in: its public key belongs into the authorized_keys there",
    "Host key verification failed": "Log in to that machine once as the user of this server, so that the key of "
    "the machine is in its known_hosts",
}

Dial = Callable[[float | None], socket.socket]


@dataclass(frozen=True)
class TlsFiles:
    """Where the certificates for an Engine are.

    :param ca: The authority that signed the Engine's certificate; the system's authorities are not asked.
    :param cert: The client's certificate.
    :param key: Its key.
    :param server_name: The name that the Engine's certificate carries, where it is not the host that is dialled.
    """

    ca: str
    cert: str
    key: str
    server_name: str | None = None


class _NamedTransport(HTTPAdapter):
    """Reach an Engine over TCP, whose certificate may carry another name than the host that is dialled.

    :param server_name: That name; None where it is the host's.
    """

    def __init__(self, server_name: str | None, ssl_context: ssl.SSLContext | None = None) -> None:
        self._server_name = server_name
        self._ssl_context = ssl_context
        super().__init__(pool_connections=1, pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pool; it checks the certificate against the name that was given."""
        pool_kwargs["socket_options"] = [*HTTPConnection.default_socket_options, *_KEEP_ALIVE]
        if self._ssl_context is not None:
            pool_kwargs["ssl_context"] = self._ssl_context
        if self._server_name is not None:
            pool_kwargs.update(server_hostname=self._server_name, assert_hostname=self._server_name)
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)


class TcpTransport(_NamedTransport):
    """Reach an Engine over TCP, with TLS where the URL says https."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        """Send a request; one that takes its connection over, on one whose sending side can be ended."""
        if "Upgrade" not in request.headers:
            return super().send(request, *arguments, **named)
        # Nobody uses such a connection again, and the certificates are read anew for it, as for any other.
        alone = _NamedTransport(self._server_name, HalfClosing(ssl.PROTOCOL_TLS_CLIENT))
        return alone.send(request, *arguments, **named)


class DialTransport(HTTPAdapter):
    """Reach an Engine over whatever socket ``dial`` opens; it is given the time limit in seconds."""

    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._pool = _DialPool(dial)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        """Return the one pool, whatever the URL."""
        return self._pool

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._pool.close()
        super().close()


class _DialPool(HTTPConnectionPool):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost", maxsize=POOL_SIZE)
        self._dial = dial

    def _new_conn(self) -> HTTPConnection:
        return _DialConnection(self._dial)


class _DialConnection(HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost")
        self._dial = dial

    def connect(self) -> None:
        timeout = self.timeout
        self.sock = self._dial(timeout if isinstance(timeout, int | float) else None)


def dial_unix(path: str) -> Dial:
    """Return what opens a connection to the unix socket at ``path``."""

    def dial(timeout: float | None) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(timeout)
            opened.connect(path)
        except OSError:
            opened.close()
            raise
        return opened

    return dial


class _SshSocket(socket.socket):
    """One end of a pair of sockets; ssh holds the other, and ends with this one."""

    process: subprocess.Popen[bytes] | None = None
    # What ssh says when it fails.
    complaint: IO[bytes] | None = None
    _answered = False

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """Receive; where ssh ended before anything came, say why in its own words."""
        try:
            count = super().recv_into(*arguments, **named)
        except ConnectionError as error:
            raise self._explain(error) from error
        if not count and not self._answered:
            raise self._explain(ConnectionRefusedError(errno.ECONNREFUSED, "ssh closed the connection"))
        self._answered = True
        return count

    def sendall(self, *arguments: Any) -> None:
        """Send; where ssh has ended already, say why in its own words."""
        try:
            super().sendall(*arguments)
        except ConnectionError as error:
            raise self._explain(error) from error

    def _explain(self, error: ConnectionError) -> ConnectionError:
        if self._answered or self.process is None or self.complaint is None:
            return error
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            return error
        self.complaint.seek(0)
        said = self.complaint.read(4096).decode(errors="replace").strip().splitlines()
        why = said[-1].strip().rstrip(".") if said else f"ssh ended with status {self.process.returncode}"
        advice = next((f". {advice}" for words, advice in _SSH_ADVICE.items() if words in why), "")
        return ConnectionRefusedError(errno.ECONNREFUSED, f"{why}{advice}")

    def _real_close(self) -> None:
        # http.client closes a socket only after the last file made of it; this is where that ends.
        super()._real_close()  # type: ignore[misc]
        if (process := self.process) is not None:
            self.process = None
            process.terminate()
            process.wait()
        if self.complaint is not None:
            self.complaint.close()


def dial_ssh(url: str) -> Dial:
    """Return what opens a connection to the Engine behind ``ssh://[user@]host[:port]``, with the ssh program."""
    parts = urlsplit(url)
    command = ["ssh", *(word for option in _SSH_OPTIONS for word in ("-o", option))]
    if parts.username:
        command += ["-l", parts.username]
    if parts.port:
        command += ["-p", str(parts.port)]
    # The "--" keeps a host that begins with a dash from being read as an option.
    command += ["--", parts.hostname or "", "docker", "system", "dial-stdio"]

    def dial(timeout: float | None) -> socket.socket:
        near, far = socket.socketpair()
        with far:
            opened = _SshSocket(fileno=near.detach())
            # A file, because a pipe that nobody empties would stop a talkative ssh.
            opened.complaint = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the socket
            try:
                opened.process = subprocess.Popen(  # noqa: S603 - the arguments are words, not shell text
                    command, stdin=far.fileno(), stdout=far.fileno(), stderr=opened.complaint
                )
            except OSError:
                opened.close()
                raise
        opened.settimeout(timeout)
        return opened

    return dial
