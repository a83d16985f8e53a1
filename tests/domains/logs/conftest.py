"""What tests of logs share: services that print, and somebody who follows."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.waiting import PATIENT_SECONDS, until

NDJSON = {"Accept": "application/x-ndjson"}
THREE = "services: {web: {image: 'nginx:1', deploy: {replicas: 3}}}"


class Followed:
    """A log that is followed on a thread of its own."""

    def __init__(self, client: FlaskClient, url: str) -> None:
        self.seen: list[dict[str, Any]] = []
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answer = client.get(url, headers=NDJSON, buffered=False)
        assert self._answer.status_code == 200, self._answer.text
        self._over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        rest = b""
        for piece in self._answer.response:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    self._news.put(json.loads(line))
            if self._over:
                break
        self._news.put(None)

    def until(self, accept: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first object from now on that is accepted."""
        while True:
            told = self._news.get(timeout=PATIENT_SECONDS)
            assert told is not None, self.seen
            self.seen.append(told)
            if accept(told):
                return told

    def line(self, text: str) -> dict[str, Any]:
        """Wait for a line."""
        return self.until(lambda told: told.get("line") == text)

    def state(self, name: str, state: str) -> dict[str, Any]:
        """Wait for what became of a source."""
        told = self.until(
            lambda told: "source" in told and told["source"]["name"] == name and told["source"]["state"] == state
        )
        found: dict[str, Any] = told["source"]
        return found

    def following(self, sources: int) -> None:
        """Wait until so many sources are followed, in whichever order that comes about."""
        names: set[str] = set()
        while len(names) < sources:
            told = self.until(lambda told: "source" in told and told["source"]["state"] == "following")
            names.add(told["source"]["name"])

    @property
    def lines(self) -> list[str]:
        """The lines that came so far."""
        return [told["line"] for told in self.seen if "line" in told]

    def end(self) -> None:
        """Follow it no more; the server is about to stop, which ends it."""
        self._over = True
        self._thread.join(PATIENT_SECONDS)


def wait_for_threads() -> None:
    """Wait until no thread follows a log any more: what one ends by is told to the test that runs at that moment."""
    for thread in threading.enumerate():
        if thread.name.startswith("crane-log-"):
            thread.join(PATIENT_SECONDS)


@pytest.fixture
def follow(client: FlaskClient, crane: Crane) -> Iterator[Callable[[str], Followed]]:
    """Follow a log; all are followed no more when the test ends."""
    from crane_core.logs.logs import Logs

    followed: list[Followed] = []

    def act(path: str, **query: str) -> Followed:
        asked = "&".join(f"{name}={value}" for name, value in {"follow": "true", **query}.items())
        followed.append(Followed(client, f"/api/v1/{path}/logs?{asked}"))
        return followed[-1]

    yield act
    crane.room(Logs).close()
    for each in followed:
        each.end()


@pytest.fixture
def tasks(swarm: MemorySwarm) -> Callable[[str], list[str]]:
    """Return the ids of the tasks of a service that run, by slot."""

    def act(service: str) -> list[str]:
        running = [task for task in swarm.tasks(service) if task["Status"]["State"] == "running"]
        return [task["ID"] for task in sorted(running, key=lambda task: task.get("Slot", 0))]

    return act


@pytest.fixture
def look_at_nodes(crane: Crane) -> Callable[[], None]:
    """Have the pool look at every node, as if each were due."""

    def act() -> None:
        pool = crane.room(Pool)
        links = [link for link in pool.links() if link.due is not None]
        # What the server itself looks at finds what was so before.
        until(lambda: not any(link.look for link in links))
        for link in links:
            link.due = float("-inf")
        for look in pool.look():
            look.result(PATIENT_SECONDS)

    return act
