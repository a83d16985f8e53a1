"""How many log in a second, and what others notice of it: a password takes some 50 ms of a core to check."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crane_auth.testing import PASSWORD, SETUP_TOKEN

from tests.bench.client import Client, percentile
from tests.bench.figures import Figure
from tests.bench.processes import CraneServer, crane_server, simulated_engine

SECONDS = 8.0
# Between two readings of the list, in seconds.
PAUSE = 0.01
# More than the server checks at a time, so that some wait.
PEOPLE = 6
READ = "/api/v1/services?limit=20"


def measure(directory: Path) -> Iterator[Figure]:
    """Measure logins, and other requests beside them, on a server with SQLite."""
    settings = {"CRANE_AUTH_SETUP_TOKEN": SETUP_TOKEN, "CRANE_PLUGINS_DISABLED": "history"}
    with (
        simulated_engine(directory, nodes=3, services=20, tasks=100) as engine,
        crane_server(directory, engine.url, **settings) as server,
        server.client() as client,
    ):
        token = _set_up(client)
        alone = _read(server, token, SECONDS)
        stop = threading.Event()
        counts: list[int] = []
        people = [threading.Thread(target=_log_in, args=(server, stop, counts)) for _ in range(PEOPLE)]
        for each in people:
            each.start()
        began = time.perf_counter()
        beside = _read(server, token, SECONDS)
        stop.set()
        for each in people:
            each.join()
        rate = sum(counts) / (time.perf_counter() - began)
    yield Figure("Logins with a password", rate, 10, "a second", True, f"{PEOPLE} at a time, argon2id of 19 MiB")
    note = f"{percentile(alone, 99):.0f} ms without logins"
    yield Figure("List of services while they log in, 99 %", percentile(beside, 99), 100, "ms", note=note)
    yield Figure(
        "The same, half of them", percentile(beside, 50), 50, "ms", note=f"{percentile(alone, 50):.1f} ms without"
    )


def _set_up(client: Client) -> str:
    body = {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD, "bearer": True}
    answer = client.ask("POST", "/api/v1/auth/setup", body)
    if answer.status != 201:
        raise RuntimeError(f"The server was not set up: {answer.body!r}")
    return str(answer.json()["token"])


def _read(server: CraneServer, token: str, seconds: float) -> list[float]:
    """Ask for a list again and again, as a panel does; return how long each answer took."""
    took = []
    until = time.perf_counter() + seconds
    with server.client() as client:
        while time.perf_counter() < until:
            answer = client.get(READ, {"Authorization": f"Bearer {token}"})
            if answer.status != 200:
                raise RuntimeError(f"The list was not answered: {answer.body!r}")
            took.append(answer.seconds)
            # Somebody who looks, and not a flood: how long an answer takes is asked here, not how many there are.
            time.sleep(PAUSE)
    return took


def _log_in(server: CraneServer, stop: threading.Event, counts: list[int]) -> None:
    body: dict[str, Any] = {"name": "ann", "password": PASSWORD, "bearer": True}
    count = 0
    with server.client() as client:
        while not stop.is_set():
            if client.ask("POST", "/api/v1/auth/login", body).status == 200:
                count += 1
    counts.append(count)
