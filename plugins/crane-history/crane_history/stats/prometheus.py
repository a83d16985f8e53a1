"""Ask Prometheus for figures over a span of time.

The API is https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from crane_history.stats.errors import PrometheusUnavailable

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 15.0
# Two thousand points of a hundred tasks are not half of this.
MOST_BYTES = 16 * 2**20

Point = tuple[float, float]


@dataclass(frozen=True)
class Span:
    """A span of time, and how far its points are apart, in seconds."""

    since: datetime
    until: datetime
    step: int


@dataclass(frozen=True)
class Series:
    """Figures in the order of time: when, in seconds since 1970, and how much."""

    labels: Mapping[str, str]
    points: list[Point] = field(repr=False)


class Prometheus:
    """A Prometheus server.

    :param url: Where it is; a path in it is kept.
    :param token: The bearer token that it wants; empty for none.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        # The address may hold a password.
        self.name = urlsplit(url).netloc.rpartition("@")[2]
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, expression: str, span: Span) -> list[Series]:
        """Return what an expression was worth over a span of time; what is no number is left out.

        :raises PrometheusUnavailable: when it does not answer in time, refuses, or is no Prometheus.
        """
        body = self._post(
            "/api/v1/query_range",
            {
                "query": expression,
                "start": f"{span.since.timestamp():.3f}",
                "end": f"{span.until.timestamp():.3f}",
                "step": str(span.step),
            },
        )
        try:
            return [_read(told) for told in json.loads(body)["data"]["result"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PrometheusUnavailable(f"What answers at {self.name} is no Prometheus.") from error

    def _post(self, path: str, form: Mapping[str, str]) -> bytes:
        body = bytearray()
        try:
            with requests.post(
                self._url + path,
                data=form,
                headers=self._headers,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                # Elsewhere the token has no business.
                allow_redirects=False,
                stream=True,
            ) as response:
                for piece in response.iter_content(2**16):
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise PrometheusUnavailable("Prometheus answers more than fits; ask for a shorter time.")
        except requests.Timeout as error:
            raise PrometheusUnavailable(f"Prometheus at {self.name} did not answer in time.") from error
        except (requests.RequestException, ValueError) as error:
            raise PrometheusUnavailable(f"Prometheus at {self.name} cannot be reached.") from error
        if response.status_code != 200:
            raise PrometheusUnavailable(f"Prometheus at {self.name} refused: {_find_reason(response, bytes(body))}.")
        return bytes(body)


def _read(told: Mapping[str, Any]) -> Series:
    points = [(float(at), float(value)) for at, value in told["values"]]
    return Series(dict(told["metric"]), [point for point in points if math.isfinite(point[1])])


def _find_reason(response: requests.Response, body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (KeyError, TypeError, ValueError):
        return f"{response.status_code} {response.reason}"
