"""What the in-memory Engine answers: a response, or a refusal in the Engine's own words."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Response:
    """An HTTP answer.

    :param body: Bytes, an iterator of them for a stream that goes on, or what becomes of the connection.
    """

    status: int
    body: bytes | Iterator[bytes] | Upgrade = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Upgrade:
    """What becomes of a connection that carries raw bytes both ways after the answer.

    :param run: Speaks on the connection to its end, on a thread of its own.
    """

    run: Callable[[socket.socket], None]

    def to_response(self) -> Response:
        """Return the answer that announces it."""
        kind = "application/vnd.docker.raw-stream"
        return Response(101, self, {"Content-Type": kind, "Connection": "Upgrade", "Upgrade": "tcp"})


class Refusal(Exception):
    """The Engine says no: a status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def to_response(self) -> Response:
        """Return the answer that a real Engine gives."""
        return answer({"message": self.message}, self.status)


def refuse(code: str, message: str, status: int) -> Refusal:
    """Return a refusal of the manager, which the Engine passes on with the kind of its remote call's error."""
    return Refusal(status, f"rpc error: code = {code} desc = {message}")


def invalid(message: str) -> Refusal:
    """Return the manager's refusal of an argument."""
    return refuse("InvalidArgument", message, 400)


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(status, msgspec.json.encode(value) + b"\n")
