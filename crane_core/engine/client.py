"""The one door to a Docker Engine: the only module that imports the Docker SDK.

docker-py is the transport only, because its types leave out part of what a Swarm can do and decode slowly: what is
asked stands in :mod:`crane_core.engine.calls`, and how in :mod:`crane_core.engine.connection`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import docker.api.client
from requests.adapters import BaseAdapter

from crane_core.engine.calls import Calls
from crane_core.engine.connection import OLDEST_API, write_version
from crane_core.engine.transport import DialTransport, TcpTransport, TlsFiles, dial_ssh, dial_unix
from crane_core.errors import EngineUnavailable, SetupError

DEFAULT_URL = "unix:///var/run/docker.sock"
READ_SECONDS = 30.0


class Readable(Protocol):
    """Settings by dotted name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Engine(Calls):
    """One Docker Engine.

    Making one sends nothing. Its methods raise what :class:`crane_core.engine.connection.Connection` says.

    :param url: ``unix://``, ``tcp://`` or ``ssh://``; the socket of this machine's Engine when left out.
    :param tls: The certificates, for ``tcp://`` with TLS.
    :param timeout: Seconds that the Engine has to answer.
    :param transport: Used in place of a connection; tests hand over the one of a Swarm in memory.
    :param name: What errors call it; "the Docker Engine at" its URL unless told otherwise.
    :param report: Told after each request whether it was answered: None, or why not. It must not wait.
    """

    def __init__(
        self,
        url: str | None = None,
        tls: TlsFiles | None = None,
        timeout: float = READ_SECONDS,
        transport: BaseAdapter | None = None,
        *,
        name: str = "",
        report: Callable[[EngineUnavailable | None], None] = lambda failure: None,
    ) -> None:
        self.url = url or DEFAULT_URL
        session = _open_session(self.url, tls, transport)
        super().__init__(session, session.base_url, timeout, name or f"Docker Engine at {self.url}", report)

    @classmethod
    def from_settings(
        cls,
        settings: Readable,
        environ: Mapping[str, str] = os.environ,
        transport: BaseAdapter | None = None,
    ) -> Engine:
        """Make an Engine from the settings ``engine.*``.

        Where ``engine.url`` is empty, ``DOCKER_HOST``, ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` count as they do
        for the docker CLI.
        """
        timeout = float(settings["engine.timeout_seconds"])
        if url := settings["engine.url"]:
            paths = [str(settings[f"engine.tls_{part}"]) for part in ("ca", "certificate", "key")]
            if any(paths) and not all(paths):
                raise SetupError("Set all of engine.tls_ca, engine.tls_certificate and engine.tls_key, or none.")
            tls = TlsFiles(*paths) if all(paths) else None
        else:
            url, tls = environ.get("DOCKER_HOST") or DEFAULT_URL, _find_environment_tls(environ)
        return cls(str(url), tls, timeout, transport)

    def __repr__(self) -> str:
        return f"<Engine {self.url}>"


def _open_session(url: str, tls: TlsFiles | None, transport: BaseAdapter | None) -> docker.api.client.APIClient:
    scheme, host = urlsplit(url).scheme, urlsplit(url).netloc
    if scheme not in ("unix", "tcp", "http", "https", "ssh") or (scheme != "unix" and not host):
        raise SetupError(
            f"{url!r} is no address of a Docker Engine: write unix:///path, tcp://host:port or ssh://host."
        )
    # A version is named so that making a client sends nothing; each request names the negotiated one.
    stub = "unix:///dev/null"
    version = write_version(OLDEST_API)
    over_tls = scheme == "https" or (scheme == "tcp" and tls is not None)
    if transport is None and scheme in ("tcp", "http", "https"):
        session = docker.api.client.APIClient(base_url=stub, version=version)
        session.base_url = f"{'https' if over_tls else 'http'}://{host}"
        session.mount(f"{session.base_url}/", TcpTransport(tls.server_name if tls is not None else None))
        if tls is not None:
            session.verify, session.cert = tls.ca, (tls.cert, tls.key)
    else:
        session = docker.api.client.APIClient(base_url=stub, version=version)
        dial = dial_ssh(url) if scheme == "ssh" else dial_unix(urlsplit(url).path)
        session.mount("http+docker://", transport or DialTransport(dial))
    # Proxies and certificate bundles of the environment are meant for the internet, not for the Engine.
    session.trust_env = False
    return session


def _find_environment_tls(environ: Mapping[str, str]) -> TlsFiles | None:
    if not environ.get("DOCKER_TLS_VERIFY"):
        return None
    folder = environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
    return TlsFiles(*(os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")))
