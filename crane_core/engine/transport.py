"""How requests reach an Engine: a unix socket, ssh, TCP, or TCP with TLS.

docker-py's own adapters keep one connection pool for each full URL, which makes keep-alive useless, and need paramiko
for ssh. These keep one pool for each Engine, and give ssh a real socket, so that time limits work on it too.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

# More connections than this are opened when needed, and closed after use.
POOL_SIZE = 32

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


class TcpTransport(HTTPAdapter):
    """Reach an Engine over TCP, with TLS where the URL says https."""

    def __init__(self, server_name: str | None = None) -> None:
        self._server_name = server_name
        super().__init__(pool_connections=1, pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Make the pool; it checks the certificate against the name that was given."""
        if self._server_name is not None:
            pool_kwargs.update(server_hostname=self._server_name, assert_hostname=self._server_name)
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)


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

    def _real_close(self) -> None:
        # http.client closes a socket only after the last file made of it; this is where that ends.
        super()._real_close()  # type: ignore[misc]
        if (process := self.process) is not None:
            self.process = None
            process.terminate()
            process.wait()


def dial_ssh(url: str) -> Dial:
    """Return what opens a connection to the Engine behind ``ssh://[user@]host[:port]``, with the ssh program."""
    parts = urlsplit(url)
    command = ["ssh", "-o", "BatchMode=yes"]
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
            try:
                opened.process = subprocess.Popen(  # noqa: S603 - the arguments are words, not shell text
                    command, stdin=far.fileno(), stdout=far.fileno(), stderr=subprocess.DEVNULL
                )
            except OSError:
                opened.close()
                raise
        opened.settimeout(timeout)
        return opened

    return dial
