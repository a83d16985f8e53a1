"""The one door to a Docker Engine: the only module that imports the Docker SDK.

docker-py is the transport only. Bodies are the Engine's own JSON in and out, because docker-py's types leave out part
of what a Swarm can do and decode slowly. Every failure leaves this module as one of :mod:`crane_core.errors`. A
credential goes into one header of one request, and is never logged.
"""

from __future__ import annotations

import base64
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import docker.api.client
import msgspec
import requests
import urllib3.exceptions
import urllib3.util.ssl_match_hostname
from requests.adapters import BaseAdapter

from crane_core.contributions import RegistryLogin
from crane_core.engine import decode
from crane_core.engine.compatibility import ApiVersion
from crane_core.engine.errors import AnswerUnreadable, make_error, shorten
from crane_core.engine.output import Output, OutputReader
from crane_core.engine.records import Config, Network, Node, Secret, Service, Task
from crane_core.engine.transport import DialTransport, TcpTransport, TlsFiles, dial_ssh, dial_unix
from crane_core.errors import EngineError, EngineUnavailable, NotFound, SetupError

DEFAULT_URL = "unix:///var/run/docker.sock"
CONNECT_SECONDS = 2.0
READ_SECONDS = 30.0
LOOKUP_SECONDS = 5.0
OUTPUT_SECONDS = 5.0

# The oldest API that Crane speaks, and the newest that it has been tried with.
OLDEST_API = (1, 41)
NEWEST_API = (1, 51)

EVENT_TYPES = ("service", "node", "network", "config", "secret")
KINDS = ("service", "task", "node", "network", "config", "secret")

# Where the Docker Hub's credentials are filed, for historical reasons.
_HUB_ADDRESS = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io"})

Decoded = TypeVar("Decoded")

_anything = msgspec.json.Decoder()


class Readable(Protocol):
    """Settings by dotted name."""

    def __getitem__(self, name: str, /) -> Any: ...


class EventStream(Iterator[dict[str, Any]]):
    """The Engine's events as they happen. Ends when it is closed, which any thread may do."""

    def __init__(self, response: requests.Response, stop: threading.Event | None = None) -> None:
        self._response = response
        self._stop = stop
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._events = self._read()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> dict[str, Any]:
        with self._reading:
            return next(self._events)

    def close(self) -> None:
        """End the stream, also for a thread that waits for its next event."""
        self._closed.set()
        try:
            self._response.raw.shutdown()
        except (AttributeError, ValueError, OSError):
            # A response that is not read from a socket, or whose socket is gone, has nothing to shut down.
            self._response.close()
        # Whoever was reading has been woken by now; to close a socket while it is read from would not wake anybody.
        with self._reading:
            self._response.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        rest = b""
        try:
            for chunk in self._response.iter_content(chunk_size=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if self._ended():
                        return
                    if line.strip():
                        yield _decode(line)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if not self._ended():
                raise EngineUnavailable("The Engine ended the stream of events.") from error
        finally:
            self._response.close()

    def _ended(self) -> bool:
        return self._closed.is_set() or (self._stop is not None and self._stop.is_set())


class Engine:
    """One Docker Engine.

    Making one sends nothing. Each method raises :class:`NotFound`, :class:`Invalid`, :class:`Conflict` or
    :class:`EngineError`; :class:`EngineUnavailable` where it cannot be reached or takes too long.

    :param url: ``unix://``, ``tcp://`` or ``ssh://``; the socket of this machine's Engine when left out.
    :param tls: The certificates, for ``tcp://`` with TLS.
    :param timeout: Seconds that the Engine has to answer.
    :param transport: Used in place of a connection; tests hand over the one of a Swarm in memory.
    """

    def __init__(
        self,
        url: str | None = None,
        tls: TlsFiles | None = None,
        timeout: float = READ_SECONDS,
        transport: BaseAdapter | None = None,
    ) -> None:
        self.url = url or DEFAULT_URL
        self.timeout = timeout
        self._version: str | None = None
        self._session = _open_session(self.url, tls, transport)

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

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()

    # What the Engine is

    def ping(self) -> None:
        """Raise unless the Engine answers, and speaks an API that Crane knows."""
        self._negotiate()

    @property
    def api(self) -> ApiVersion:
        """The version of the API that is spoken with the Engine."""
        return _parse_version(self._negotiate())

    def info(self) -> dict[str, Any]:
        """Return what the Engine says of itself and its node."""
        return self._read_object("/info")

    def version(self) -> dict[str, Any]:
        """Return the versions of the Engine and its parts."""
        return self._read_object("/version")

    def swarm(self) -> dict[str, Any]:
        """Return the Swarm that the Engine manages. Raises ``NotAManager``."""
        return self._read_object("/swarm")

    def init_swarm(self, advertise_address: str = "") -> str:
        """Make the Engine the manager of a new Swarm of one node; return the node's id."""
        body = {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": advertise_address}
        return str(_decode(self._send("POST", "/swarm/init", body=body)))

    # Reading

    def read(self, path: str, **params: Any) -> bytes:
        """Return the bytes that the Engine answers ``GET path`` with; maps in ``params`` are sent as JSON."""
        return self._send("GET", path, params=params)

    def read_json(self, path: str, **params: Any) -> Any:
        """Return what the Engine answers ``GET path`` with."""
        return _decode(self.read(path, **params))

    def services(self, status: bool = True, ids: Iterable[str] | None = None) -> list[Service]:
        """Read services; ``status`` asks for the number of running tasks too."""
        wanted = None if ids is None else list(ids)
        if wanted == []:
            return []
        filters = None if wanted is None else {"id": wanted}
        return _decoded(decode.decode_services, self.read("/services", status=status, filters=filters))

    def tasks(self, service_ids: Iterable[str] | None = None, **filters: list[str]) -> list[Task]:
        """Read tasks, also those that have ended; of these services, or of all.

        :param filters: The Engine's own filters, such as ``label=["com.docker.stack.namespace=shop"]``.
        :raises NotFound: when one of the services is gone.
        """
        if service_ids is not None:
            filters["service"] = list(service_ids)
            if not filters["service"]:
                return []
        return _decoded(decode.decode_tasks, self.read("/tasks", filters=filters or None))

    def nodes(self) -> list[Node]:
        """Read the nodes of the Swarm."""
        return _decoded(decode.decode_nodes, self.read("/nodes"))

    def networks(self) -> list[Network]:
        """Read the networks, those of the Engine's own node included."""
        return _decoded(decode.decode_networks, self.read("/networks"))

    def configs(self) -> list[Config]:
        """Read the configs."""
        return _decoded(decode.decode_configs, self.read("/configs"))

    def secrets(self) -> list[Secret]:
        """Read the secrets, whose content the Engine keeps to itself."""
        return _decoded(decode.decode_secrets, self.read("/secrets"))

    def inspect(self, kind: str, id_or_name: str) -> dict[str, Any]:
        """Return everything that the Engine knows of one object. Raises ``NotFound``."""
        return self._read_object(_path(kind, id_or_name))

    def container(self, container_id: str) -> dict[str, Any]:
        """Return a container of the Engine's own node. Raises ``NotFound``."""
        return self._read_object(_path("container", container_id) + "/json")

    def distribution(self, image: str, login: RegistryLogin | None = None, timeout: float = LOOKUP_SECONDS) -> str:
        """Ask the registry, through the Engine, for the digest of an image.

        :param timeout: Seconds; a registry that does not answer must not hold up a deployment.
        """
        # The slashes of an image's name are part of the path that the Engine expects.
        path = f"/distribution/{quote(image, safe='/:@')}/json"
        answer = _decode(self._send("GET", path, login=login, timeout=timeout))
        try:
            return str(answer["Descriptor"]["digest"])
        except (KeyError, TypeError) as error:
            raise AnswerUnreadable("The Engine told no digest of the image.") from error

    def task_output(
        self, task_id: str, *, most: int = 64 * 1024, lines: int = 2000, timeout: float = OUTPUT_SECONDS
    ) -> Output:
        """Return the end of what a task printed, to both streams. Raises ``NotFound`` once the Swarm forgot the task.

        The manager fetches it from the task's node. Of a node that it has lost it says so at once, in the output's
        ``error``; one that hangs is waited for no longer than told.

        :param most: How many bytes are returned.
        :param lines: How many lines the node is asked for.
        :param timeout: Seconds that all of it may take.
        """
        path = _path("task", task_id) + "/logs"
        params = {"stdout": True, "stderr": True, "tail": lines}
        deadline = time.monotonic() + timeout
        response = self._request("GET", path, params=params, timeout=timeout)
        reader = OutputReader(most)
        try:
            while piece := response.raw.read1(64 * 1024):
                reader.feed(piece)
                if time.monotonic() > deadline:
                    raise EngineUnavailable(f"What the task printed did not come within {timeout:g} s.")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise EngineUnavailable(f"What the task printed did not come within {timeout:g} s.") from error
        finally:
            response.close()
        output = reader.end()
        return replace(output, error=shorten(output.error))

    def events(self, stop: threading.Event | None = None, since: str | None = None) -> EventStream:
        """Follow what happens to services, nodes, networks, configs and secrets. Tasks are never mentioned.

        :param stop: Ends the stream at the next event; ``close()`` of the stream ends it at once.
        :param since: A time in seconds since the epoch from which on past events are told first.
        """
        params = {"filters": {"type": list(EVENT_TYPES), "scope": ["swarm"]}, "since": since}
        return EventStream(self._request("GET", "/events", params=params, timeout=None), stop)

    # Changing

    def create(self, kind: str, body: Mapping[str, Any], *, registry_auth: RegistryLogin | None = None) -> str:
        """Create an object from the Engine's own JSON; return its id."""
        if kind == "network" and self.api < (1, 44) and "CheckDuplicate" not in body:
            # Engines before API 1.44 make a second network of the same name unless they are told not to.
            body = {**body, "CheckDuplicate": True}
        answer = _decode(self._send("POST", f"/{kind}s/create", body=body, login=registry_auth))
        try:
            return str(answer.get("ID") or answer["Id"])
        except (AttributeError, KeyError) as error:
            raise AnswerUnreadable(f"The Engine told no id of the {kind} that it created.") from error

    def update(
        self,
        kind: str,
        id: str,  # noqa: A002
        version: int,
        body: Mapping[str, Any],
        *,
        registry_auth: RegistryLogin | None = None,
        rollback: bool = False,
        registry_auth_from: str | None = None,
    ) -> list[str]:
        """Replace the spec of an object; return the Engine's warnings. Raises ``Outdated`` for an old version.

        :param rollback: Return to the previous spec of a service; ``body`` is the present one.
        :param registry_auth_from: ``spec`` or ``previous-spec``: whose credential to keep when none is given.
        """
        params = {
            "version": version,
            "rollback": "previous" if rollback else None,
            "registryAuthFrom": registry_auth_from,
        }
        raw = self._send("POST", _path(kind, id) + "/update", params=params, body=body, login=registry_auth)
        answer = _decode(raw) if raw.strip() else None
        return [str(one) for one in answer.get("Warnings") or ()] if isinstance(answer, dict) else []

    def remove(self, kind: str, id: str, *, force: bool = False) -> None:  # noqa: A002
        """Remove an object. Raises ``InUse`` while something uses it."""
        self._send("DELETE", _path(kind, id), params={"force": True if force else None})

    # How it is asked

    def _read_object(self, path: str) -> dict[str, Any]:
        answer = self.read_json(path)
        if not isinstance(answer, dict):
            raise AnswerUnreadable(f"The Engine answered {path} with something that is no object.")
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        login: RegistryLogin | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Send a request and return the whole answer."""
        limit = self.timeout if timeout is None else timeout
        response = self._request(method, path, params=params, body=body, login=login, timeout=limit)
        return self._read_all(response, limit)

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        login: RegistryLogin | None = None,
        timeout: float | None,
        versioned: bool = True,
    ) -> requests.Response:
        """Send a request, raise for a refusal, and return the answer with its body still to be read."""
        prefix = f"/v{self._negotiate()}" if versioned else ""
        headers = {"Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if login is not None:
            headers["X-Registry-Auth"] = encode_login(login)
        try:
            response = self._session.request(
                method,
                f"{self._session.base_url}{prefix}{path}",
                params={key: _param(value) for key, value in (params or {}).items() if value is not None},
                data=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=(CONNECT_SECONDS, timeout),
                stream=True,
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._translate(error, timeout) from error
        if response.status_code < 400:
            return response
        message = self._read_all(response, timeout)
        raise make_error(response.status_code, _message(message))

    def _read_all(self, response: requests.Response, timeout: float | None) -> bytes:
        # Reading the raw answer at once takes half the time of requests' own way through generators.
        try:
            return bytes(response.raw.read())
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._translate(error, timeout) from error
        finally:
            response.close()

    def _translate(self, error: Exception, timeout: float | None) -> EngineUnavailable:
        """Say why the Engine did not answer."""
        # It may be another Engine, or the same one upgraded, that answers next.
        self._version = None
        timed_out = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
        if any(isinstance(cause, timed_out) for cause in _causes(error)):
            return EngineUnavailable(f"The Docker Engine at {self.url} did not answer within {timeout:g} s.")
        for cause in _causes(error):
            if isinstance(
                cause, ssl.SSLError | ssl.CertificateError | urllib3.util.ssl_match_hostname.CertificateError
            ):
                return EngineUnavailable(f"The certificates of the Docker Engine at {self.url} do not fit: {cause}.")
            if isinstance(cause, OSError) and cause.strerror:
                return EngineUnavailable(f"The Docker Engine at {self.url} cannot be reached: {cause.strerror}.")
        return EngineUnavailable(f"The Docker Engine at {self.url} does not answer.")

    def _negotiate(self) -> str:
        """Agree with the Engine on a version of its API; asked again after it could not be reached."""
        if self._version is not None:
            return self._version
        response = self._request("GET", "/_ping", timeout=self.timeout, versioned=False)
        told = response.headers.get("Api-Version", "")
        self._read_all(response, self.timeout)
        offered = _parse_version(told)
        if offered < OLDEST_API:
            raise EngineError(
                f"The Docker Engine at {self.url} speaks API {told or 'of no version'}; "
                f"Crane needs {_write_version(OLDEST_API)} (Engine 20.10) or newer."
            )
        self._version = _write_version(min(offered, NEWEST_API))
        return self._version


def encode_login(login: RegistryLogin) -> str:
    """Return a credential as the header ``X-Registry-Auth`` carries it."""
    address = _HUB_ADDRESS if login.registry in _HUB_NAMES else login.registry
    content = {"username": login.username, "password": login.password, "serveraddress": address}
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def _open_session(url: str, tls: TlsFiles | None, transport: BaseAdapter | None) -> docker.api.client.APIClient:
    scheme, host = urlsplit(url).scheme, urlsplit(url).netloc
    if scheme not in ("unix", "tcp", "http", "https", "ssh") or (scheme != "unix" and not host):
        raise SetupError(
            f"{url!r} is no address of a Docker Engine: write unix:///path, tcp://host:port or ssh://host."
        )
    # A version is named so that making a client sends nothing; each request names the negotiated one.
    stub = "unix:///dev/null"
    version = _write_version(OLDEST_API)
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


def _path(kind: str, name: str) -> str:
    if not name or name in (".", ".."):
        raise NotFound(f"There is no {kind} called {name!r}.")
    return f"/{kind}s/{quote(name, safe='')}"


def _param(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping) else str(value)


def _decode(raw: bytes) -> Any:
    return _decoded(_anything.decode, raw)


def _decoded(decoder: Callable[[bytes], Decoded], raw: bytes) -> Decoded:
    try:
        return decoder(raw)
    except msgspec.DecodeError as error:
        raise AnswerUnreadable(f"The Engine's answer cannot be read: {error}") from error


def _message(raw: bytes) -> str:
    """Return the reason that the Engine gives in the body of a refusal."""
    try:
        return str(msgspec.json.decode(raw, type=dict[str, Any]).get("message", ""))
    except msgspec.DecodeError:
        return raw[:500].decode(errors="replace").strip()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it wraps, however it does so."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]


def _parse_version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _write_version(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
