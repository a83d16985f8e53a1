"""What the in-memory Engine answers: a response, or a refusal in the Engine's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Response:
    """An HTTP answer; its body is bytes, or an iterator of them for a stream that goes on."""

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


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
