"""Two servers on one PostgreSQL over one Swarm; one of them is killed in the middle, and nothing is lost or doubled."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crane_database.testing import Cluster

from tests.lab.lab import Lab
from tests.swarm.server import Server, request

SETUP_TOKEN = "the setup token of the tests"
ANN = {"name": "ann", "password": "velvet otter seventeen"}
LEASE_SECONDS = 2
WEB = """\
networks: {{default: {{external: true, name: bridge}}}}
services:
  web:
    image: lab/web:{version}
    deploy: {{replicas: 3, endpoint_mode: dnsrr, update_config: {{delay: 2s, monitor: 1s}}}}
"""


@pytest.fixture
def servers(swarm3: Lab, postgresql_cluster: Cluster, tmp_path: Path) -> Iterator[list[Server]]:
    """Two servers that share nothing but the database and the Swarm."""
    url = postgresql_cluster.url(postgresql_cluster.make_database())
    both = []
    try:
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            server = Server(
                swarm3.url,
                tmp_path / name,
                CRANE_DATABASE_URL=url,
                CRANE_DATABASE_LEASE_SECONDS=str(LEASE_SECONDS),
                CRANE_AUTH_SETUP_TOKEN=SETUP_TOKEN,
            )
            both.append(server)
            server.start()
        yield both
    finally:
        for server in both:
            server.stop()


def log_in(server: Server) -> str:
    """Log Ann in; return the cookie of her session."""
    sent = json.dumps(ANN).encode()
    asked = urllib.request.Request(f"{server.url}/api/v1/auth/login", sent, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


def whoami(server: Server, cookie: str) -> str:
    """Return who a server takes a session for."""
    asked = urllib.request.Request(f"{server.url}/api/v1/whoami", headers={"Cookie": cookie})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["name"])


def holders(server: Server) -> dict[str, str]:
    """Return which server does what only one does at a time."""
    return {lease["name"]: lease["holder"] for lease in server.ask("GET", "/database")[1]["leases"]}


def timeline(server: Server, **query: str) -> list[dict[str, Any]]:
    """Return the lines of the timeline, the oldest first."""
    asked = "&".join(f"{name}={value}" for name, value in {"limit": "1000", **query}.items())
    return list(reversed(server.ask("GET", f"/timeline?{asked}")[1]["items"]))


def count_updated(server: Server) -> int:
    """Count the tasks that run the new version."""
    tasks = server.ask("GET", "/tasks?service=shop_web&state=running")[1]["items"]
    return sum("v2" in task["Spec"]["ContainerSpec"]["Image"] for task in tasks)


def test_killed_server_takes_nothing_with_it(servers: list[Server]) -> None:
    first, second = servers
    assert first.ask("POST", "/auth/setup", {"token": SETUP_TOKEN, **ANN})[0] == 201
    cookie = log_in(first)
    assert first.deploy("shop", WEB.format(version="v1"))["verdict"]["outcome"] == "converged"
    first.until(lambda: holders(first), "somebody does what only one does")
    status, answer = first.ask("PUT", "/stacks/shop", request(WEB.format(version="v2")))
    assert status == 202, answer
    first.until(lambda: count_updated(second) >= 1, "the update goes on, and the other server sees it")
    before = holders(second)

    first.kill()

    assert whoami(second, cookie) == "ann", "sessions are in the database"
    second.until(
        lambda: set(holders(second)) >= set(before) and len(set(holders(second).values())) == 1,
        "the other server does what only one does",
    )
    second.until(lambda: count_updated(second) == 3, "the Swarm goes on with the update")
    first.start()
    operation = first.operation(answer["id"], wait=60)
    assert operation["verdict"]["outcome"] == "converged", "the verdict comes after the start"
    third = second.deploy("shop", WEB.format(version="v1"))
    assert third["verdict"]["outcome"] == "converged"
    ended = [answer["id"], third["id"]]
    second.until(
        lambda: {line["operation"] for line in timeline(second, kind="operation.ended")} >= set(ended),
        "both verdicts are written down",
    )

    assert whoami(first, cookie) == "ann"
    assert timeline(first) == timeline(second)
    lines = timeline(first)
    assert Counter(line["operation"] for line in lines if line["kind"] == "operation.ended").most_common(1)[0][1] == 1
    assert first.ask("GET", "/timeline/check")[1]["intact"] is True
    revisions = first.ask("GET", "/stacks/shop/revisions")[1]["items"]
    assert [(each["number"], each["outcome"]) for each in revisions] == [(n, "converged") for n in (3, 2, 1)]
    tasks = first.ask("GET", "/task-history?service=shop_web&limit=1000")[1]
    assert tasks["total"] == 9, "three tasks of each deployment, each once"
    assert second.ask("GET", "/task-history?service=shop_web&limit=1000")[1]["total"] == 9
