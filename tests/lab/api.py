"""Ask one Engine of the lab something, over its unix socket and without any code of Crane's."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any


class Refused(Exception):
    """The Engine answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: str, method: str, target: str, body: Any = None, *, timeout: float = 60.0) -> Any:
    """Send one request to the Engine that listens at a socket; return what its JSON says, or None.

    :param path: The file system path of the socket.
    :param target: Path and query, as ``/services?status=true``.
    :param body: A value to send as JSON, or bytes of a tar archive.
    :raises Refused: For any status from 400 on.
    :raises OSError: When nobody listens or the answer takes longer than ``timeout`` seconds.
    """
    raw = isinstance(body, bytes)
    sent = body if raw or body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/x-tar" if raw else "application/json"}
    connection = _Connection(path, timeout)
    try:
        connection.request(method, target, sent, headers)
        answer = connection.getresponse()
        content = answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"The Engine hung up: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise Refused(answer.status, _message(content))
    kind = answer.getheader("Content-Type", "")
    return json.loads(content) if kind.startswith("application/json") and content and not raw else None


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
