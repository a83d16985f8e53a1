"""A client that keeps its connection, and how long things took."""

from __future__ import annotations

import http.client
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer, and the seconds it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Return what it says."""
        return json.loads(self.body)


class Client:
    """One connection to a server."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str] = {}) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=120)
        self._headers = headers

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for something."""
        return self.ask("GET", path, None, headers or {})

    def ask(self, method: str, path: str, body: Any, headers: Mapping[str, str] = {}) -> Answer:
        """Send JSON and read the whole answer."""
        content = None if body is None else json.dumps(body)
        sent = {**self._headers, **({} if content is None else {"Content-Type": "application/json"}), **headers}
        started = time.perf_counter()
        self._connection.request(method, path, content, sent)
        response = self._connection.getresponse()
        read = response.read()
        return Answer(response.status, dict(response.getheaders()), read, time.perf_counter() - started)


def median(seconds: Sequence[float]) -> float:
    """Return the middle one, in milliseconds."""
    return statistics.median(seconds) * 1000


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the one that so many hundredths do not exceed, in milliseconds."""
    return sorted(seconds)[math.ceil(len(seconds) * share / 100) - 1] * 1000
