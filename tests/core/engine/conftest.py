"""An Engine whose answers a test writes down: the place where the process ends."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from crane_core.engine.client import Engine

DATA = Path(__file__).parent / "data"


class Wire(BaseAdapter):
    """Answers requests from what a test put down, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.api_version = "1.41"
        self.broken: Exception | None = None
        self.lists: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("services", "tasks", "nodes", "networks", "configs", "secrets")
        }
        self.answers: dict[tuple[str, str], Any] = {}
        self.requests: list[requests.PreparedRequest] = []
        self.during: Callable[[str], None] = lambda path: None

    def fill(self) -> None:
        """Answer lists as a real Engine did."""
        for name in self.lists:
            self.lists[name] = json.loads((DATA / f"{name}.json").read_text())

    @property
    def asked(self) -> list[str]:
        """Methods and paths without the version, the negotiation left out."""
        told = [f"{one.method} {_path(one)}" for one in self.requests]
        return [one for one in told if one != "GET /_ping"]

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.requests.append(request)
        if self.broken is not None:
            raise self.broken
        path = _path(request)
        status, body = self._answer(request, path)
        self.during(path)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = requests.Response()
        response.request, response.status_code = request, status
        response.headers["Api-Version"] = self.api_version
        response.raw = urllib3.HTTPResponse(io.BytesIO(content), status=status, preload_content=False)
        return response

    def close(self) -> None:
        pass

    def _answer(self, request: requests.PreparedRequest, path: str) -> tuple[int, Any]:
        answer = self.answers.get((str(request.method), path))
        if answer is not None:
            return answer
        name = path.strip("/")
        if name not in self.lists:
            return 200, b"OK"
        query = parse_qs(urlsplit(str(request.url)).query)
        filters = json.loads(query.get("filters", ["{}"])[0])
        known = {one["ID"] for one in self.lists["services"]}
        if name == "tasks" and (gone := set(filters.get("service", ())) - known):
            return 404, {"message": f"service {gone.pop()} not found"}
        return 200, [one for one in self.lists[name] if _matches(one, filters)]


def _matches(one: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    members = {"id": "ID", "service": "ServiceID"}
    return all(one.get(members[name]) in wanted for name, wanted in filters.items())


def _path(request: requests.PreparedRequest) -> str:
    path = urlsplit(str(request.url)).path
    return path.removeprefix("/v1.41") if path.startswith("/v1.41") else path


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def engine(wire: Wire) -> Engine:
    return Engine(transport=wire)


@pytest.fixture
def data() -> Path:
    return DATA
