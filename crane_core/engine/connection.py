"""Asking an Engine: requests, answers that go on, and every failure as one of :mod:`crane_core.errors`.

Bodies are the Engine's own JSON in and out. A credential goes into one header of one request, and is never logged.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import requests

from crane_core.contributions import RegistryLogin
from crane_core.engine.compatibility import ApiVersion
from crane_core.engine.errors import AnswerUnreadable, Unanswered, make_error, make_unknown
from crane_core.engine.failures import FAILURES, say_why, was_sent
from crane_core.engine.streaming import ByteStream, Hijacked
from crane_core.errors import EngineError, EngineUnavailable

CONNECT_SECONDS = 2.0

# The oldest API that Crane speaks, and the newest that it has been tried with.
OLDEST_API = (1, 41)
NEWEST_API = (1, 51)

# Where the Docker Hub's credentials are filed, for historical reasons.
_HUB_ADDRESS = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io"})

Decoded = TypeVar("Decoded")

_anything = msgspec.json.Decoder()


class Connection:
    """The way to one Engine.

    Each method raises :class:`NotFound`, :class:`Invalid`, :class:`Conflict` or :class:`EngineError`;
    :class:`EngineUnavailable` where the Engine cannot be reached or takes too long; that is :class:`OutcomeUnknown`
    where it was told to change something, and may have done so. No request is ever sent twice.

    :param session: What sends requests.
    :param address: What their paths are appended to.
    :param timeout: Seconds that the Engine has to answer.
    :param name: What errors call the Engine.
    :param report: Told after each request whether it was answered: None, or why not. It must not wait.
    """

    def __init__(
        self,
        session: requests.Session,
        address: str,
        timeout: float,
        name: str,
        report: Callable[[EngineUnavailable | None], None],
    ) -> None:
        self.timeout = timeout
        self._session = session
        self._address = address
        self._name = name
        self.report = report
        # How an answer is waited for that has no limit of its own; told whether it is one to a change.
        self.attend: Callable[[Callable[[], bytes], bool], bytes] = lambda ask, changes: ask()
        self._version: str | None = None

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()

    @property
    def api(self) -> ApiVersion:
        """The version of the API that is spoken with the Engine."""
        if self._version is None:
            self.read("/version")
        return parse_version(self._negotiate())

    def read(self, path: str, **params: Any) -> bytes:
        """Return the bytes that the Engine answers ``GET path`` with; maps in ``params`` are sent as JSON."""
        return self.ask("GET", path, params=params)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a request of any kind and return what is answered, None where the answer is empty."""
        raw = self.ask(method, path, params=params, body=body, timeout=timeout)
        return decode_json(raw) if raw.strip() else None

    def stream(
        self,
        path: str,
        *,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        login: RegistryLogin | None = None,
        timeout: float | None = None,
        **params: Any,
    ) -> ByteStream:
        """Return an answer that goes on, as its bytes come.

        :param timeout: Seconds within which it must begin; how long its bytes take is not limited.
        """
        response = self.request(method, path, params=params, body=body, login=login, timeout=timeout)
        return ByteStream(response, self._name, patient=timeout is not None)

    def hijack(self, path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Hijacked:
        """Send a request after which the connection carries raw bytes both ways: an exec or an attach."""
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
        response = self.request("POST", path, params=params, body=body, timeout=None, headers=headers)
        return Hijacked.of(response, self._name)

    def read_json(self, path: str, **params: Any) -> Any:
        """Return what the Engine answers ``GET path`` with."""
        return decode_json(self.read(path, **params))

    def read_object(self, path: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the object that the Engine answers ``GET path`` with."""
        answer = decode_json(self.ask("GET", path, timeout=timeout))
        if not isinstance(answer, dict):
            raise AnswerUnreadable(f"The Engine answered {path} with something that is no object.")
        return answer

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        login: RegistryLogin | None = None,
        timeout: float | None = None,
        versioned: bool = True,
    ) -> bytes:
        """Send a request and return the whole answer."""
        limit = self.timeout if timeout is None else timeout
        changes = method != "GET"

        def ask() -> bytes:
            response = self.request(
                method, path, params=params, body=body, login=login, timeout=limit, versioned=versioned
            )
            return self._read_all(response, limit)

        try:
            return self.attend(ask, changes) if timeout is None else ask()
        except Unanswered as failure:
            if not changes:
                raise
            raise make_unknown(failure, path) from failure

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        login: RegistryLogin | None = None,
        timeout: float | None,
        versioned: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request, raise for a refusal, and return the answer with its body still to be read."""
        prefix = f"/v{self._negotiate(timeout)}" if versioned else ""
        headers = {"Accept-Encoding": "identity", **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if login is not None:
            headers["X-Registry-Auth"] = encode_login(login)
        try:
            response = self._session.request(
                method,
                f"{self._address}{prefix}{path}",
                params={key: _param(value) for key, value in (params or {}).items() if value is not None},
                data=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=(CONNECT_SECONDS, timeout),
                stream=True,
                allow_redirects=False,
            )
        except FAILURES as error:
            raise self._translate(error, timeout) from error
        self.report(None)
        if response.status_code < 400:
            return response
        message = self._read_all(response, timeout)
        raise make_error(response.status_code, _message(message))

    def _read_all(self, response: requests.Response, timeout: float | None) -> bytes:
        # Reading the raw answer at once takes half the time of requests' own way through generators.
        try:
            return bytes(response.raw.read())
        except FAILURES as error:
            raise self._translate(error, timeout) from error
        finally:
            response.close()

    def _translate(self, error: Exception, timeout: float | None) -> EngineUnavailable:
        """Say why the Engine did not answer, also to whoever watches over it."""
        # It may be another Engine, or the same one upgraded, that answers next.
        self._version = None
        kind = Unanswered if was_sent(error) else EngineUnavailable
        failure = kind(f"The {self._name} {say_why(error, timeout)}.")
        self.report(failure)
        return failure

    def _negotiate(self, timeout: float | None = None) -> str:
        """Agree with the Engine on a version of its API; asked again after it could not be reached."""
        if self._version is not None:
            return self._version
        limit = self.timeout if timeout is None else min(timeout, self.timeout)
        try:
            response = self.request("GET", "/_ping", timeout=limit, versioned=False)
            told = response.headers.get("Api-Version", "")
            self._read_all(response, limit)
        except Unanswered as failure:
            # What is to be asked in this version has not been sent.
            raise EngineUnavailable(failure.detail) from failure
        offered = parse_version(told)
        if offered < OLDEST_API:
            raise EngineError(
                f"The {self._name} speaks API {told or 'of no version'}; "
                f"Crane needs {write_version(OLDEST_API)} (Engine 20.10) or newer."
            )
        self._version = write_version(min(offered, NEWEST_API))
        return self._version


def encode_login(login: RegistryLogin) -> str:
    """Return a credential as the header ``X-Registry-Auth`` carries it."""
    address = _HUB_ADDRESS if login.registry in _HUB_NAMES else login.registry
    content = {"username": login.username, "password": login.password, "serveraddress": address}
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()


def decode_json(raw: bytes) -> Any:
    """Decode what an Engine answered. Raises ``AnswerUnreadable``."""
    return decoded(_anything.decode, raw)


def decoded(decoder: Callable[[bytes], Decoded], raw: bytes) -> Decoded:
    """Decode what an Engine answered by a decoder of its own. Raises ``AnswerUnreadable``."""
    try:
        return decoder(raw)
    except msgspec.DecodeError as error:
        raise AnswerUnreadable(f"The Engine's answer cannot be read: {error}") from error


def _param(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping) else str(value)


def _message(raw: bytes) -> str:
    """Return the reason that the Engine gives in the body of a refusal."""
    try:
        return str(msgspec.json.decode(raw, type=dict[str, Any]).get("message", ""))
    except msgspec.DecodeError:
        return raw[:500].decode(errors="replace").strip()


def parse_version(text: str) -> ApiVersion:
    """Read the version of an API, such as ``1.41``; that of no API is ``(0, 0)``."""
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def write_version(version: ApiVersion) -> str:
    """Write the version of an API."""
    return f"{version[0]}.{version[1]}"
