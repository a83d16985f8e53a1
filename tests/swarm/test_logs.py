"""Logs of real Engines: what is followed loses no line, whatever happens to the tasks and nodes that print them."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crane_core.engine.client import Engine
from crane_core.logs.lines import LineReader
from tests.lab.lab import Lab
from tests.swarm.server import Server

# Each task counts, quickly, so that a line that is missing or comes twice shows.
COUNTING = """\
networks: {{default: {{external: true, name: bridge}}}}
services:
  web:
    image: lab/busybox:1
    command: [sh, -c, 'i=0; while :; do echo "{tag} $$i"; i=$$((i+1)); sleep 0.02; done']
    deploy:
      replicas: {replicas}
      endpoint_mode: dnsrr
      restart_policy: {{condition: any, delay: 500ms}}
      update_config: {{parallelism: 1, monitor: 1s}}
      placement: {{preferences: [{{spread: node.hostname}}]}}
"""
SERVICE = "count_web"
# Takes the place of what counts; the Swarm keeps the containers that it replaces.
QUIET = re.sub(r"command: .*", "command: [sleep, '1000']", COUNTING).format(tag="", replicas=3)


class Followed:
    """A log that is followed on a thread of its own: the lines of each container, and what became of each."""

    def __init__(self, server: Server, path: str, **query: str) -> None:
        self.lines: dict[str, list[str]] = defaultdict(list)
        self.stamps: list[str] = []
        self.states: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.lost = 0
        self._connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
        asked = "&".join(f"{name}={value}" for name, value in {"follow": "true", **query}.items())
        headers = {**server.headers, "Accept": "application/x-ndjson"}
        self._connection.request("GET", f"/api/v1/{path}/logs?{asked}", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                if line.strip():
                    self._take(json.loads(line))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            # It was closed from here.
            return

    def _take(self, told: dict[str, Any]) -> None:
        if "line" in told:
            self.lines[told["container"]].append(told["line"])
            self.stamps.append(told["time"])
        elif "lost" in told:
            self.lost += told["lost"]
        else:
            self.states[told["source"]["task"]].append(told["source"])

    @property
    def ended(self) -> set[str]:
        """The containers that have ended, also those that never printed a line."""
        last = [states[-1] for states in self.states.values()]
        return {state["container"] for state in last if state["state"] == "ended"}

    def close(self) -> None:
        """Follow it no more."""
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(2)
        self._thread.join(20)
        self._connection.close()


@pytest.fixture
def reaching(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server that reaches the Engine of each node."""
    endpoints = ",".join(f"node{number}={swarm3.node(number).url}" for number in (2, 3))
    running = Server(swarm3.url, tmp_path, CRANE_ENGINE_NODE_ENDPOINTS=endpoints).start()
    yield running
    running.stop()


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    """Follow a log; all are followed no more when the test ends."""
    followed: list[Followed] = []

    def act(server: Server, path: str, **query: str) -> Followed:
        followed.append(Followed(server, path, **query))
        return followed[-1]

    yield act
    for each in followed:
        each.close()


def kept_by_nodes(lab: Lab) -> dict[str, list[str]]:
    """Return what each container printed, as its own node keeps it."""
    kept: dict[str, list[str]] = {}
    for node in lab.nodes:
        engine = Engine(node.url)
        for container in engine.read_json("/containers/json", all=True):
            if container["Labels"].get("com.docker.swarm.service.name") == SERVICE:
                reader = LineReader()
                sent = engine.read(f"/containers/{container['Id']}/logs", stdout=True, stderr=True, timestamps=True)
                if lines := [line.text for line in [*reader.feed(sent), *reader.end()]]:
                    kept[container["Id"]] = lines
        engine.close()
    return kept


def play_update(server: Server, lab: Lab, log: Followed) -> dict[str, list[str]]:
    """Update a service task by task, end it, and return what the nodes keep of it when all was told."""
    server.until(lambda: len(log.lines) == 3, "all three tasks print")
    server.deploy("count", COUNTING.format(tag="second", replicas=3))
    server.until(lambda: len(log.lines) == 6, "the new tasks print")
    server.deploy("count", QUIET)
    server.until(lambda: len(log.ended) == 6, "all have ended", 30)
    return kept_by_nodes(lab)


def check_whole(log: Followed, kept: dict[str, list[str]]) -> None:
    """Check that each container's lines were told in their order, each once."""
    assert set(log.lines) == set(kept)
    for container, lines in kept.items():
        tag = lines[0].split()[0]
        assert lines == [f"{tag} {number}" for number in range(len(lines))]
        assert log.lines[container] == lines
    assert log.lost == 0


def test_update_over_three_nodes_loses_no_line(reaching: Server, swarm3: Lab, follow: Callable[..., Followed]) -> None:
    reaching.deploy("count", COUNTING.format(tag="first", replicas=3))
    log = follow(reaching, f"services/{SERVICE}", tail="all", since="1h")

    kept = play_update(reaching, swarm3, log)

    check_whole(log, kept)
    ended = [states[-1] for states in log.states.values() if states[-1]["state"] == "ended"]
    assert {state["exit_code"] for state in ended} == {137}
    assert {states[-1]["node"] for states in log.states.values()} == {"node1", "node2", "node3"}


def test_update_loses_no_line_where_only_managers_can_be_asked(
    server: Server, swarm3: Lab, follow: Callable[..., Followed]
) -> None:
    server.deploy("count", COUNTING.format(tag="first", replicas=3))
    log = follow(server, "stacks/count", tail="all", since="1h")

    kept = play_update(server, swarm3, log)

    check_whole(log, kept)
    assert {state["via"] for states in log.states.values() for state in states} == {"node", "swarm"}


def test_node_that_is_killed_is_told_and_the_rest_goes_on(
    reaching: Server, swarm3: Lab, follow: Callable[..., Followed]
) -> None:
    reaching.deploy("count", COUNTING.format(tag="first", replicas=3))
    log = follow(reaching, f"services/{SERVICE}")
    reaching.until(lambda: len(log.lines) == 3, "all three tasks print")

    swarm3.node(3).kill()
    reaching.until(
        lambda: any(states[-1]["state"] == "unreachable" for states in log.states.values()), "it is told", 20
    )
    [missing] = [states[-1] for states in log.states.values() if states[-1]["state"] == "unreachable"]
    assert missing["node"] == "node3"
    assert missing["reason"]
    others = {container: len(lines) for container, lines in log.lines.items() if container != missing["container"]}
    reaching.until(lambda: all(len(log.lines[each]) > count + 50 for each, count in others.items()), "others go on")

    swarm3.node(3).start()
    swarm3.node(3).wait()
    reaching.until(lambda: log.states[missing["task"]][-1]["state"] == "ended", "its end is told", 40)
    reaching.deploy("count", QUIET)
    reaching.until(lambda: log.ended >= set(log.lines), "all that counted have ended", 60)
    kept = kept_by_nodes(swarm3)
    for container in log.lines:
        assert log.lines[container] == kept[container], container
    assert log.lost == 0


def test_terminals_long_lines_and_times_are_read(reaching: Server, swarm3: Lab) -> None:
    printing = "head -c 40000 /dev/zero | tr '\\0' x; echo; echo end; echo wrong >&2; sleep 1000"
    service = f"{{image: 'lab/busybox:1', command: [sh, -c, \"{printing}\"]"
    file = (
        "networks: {default: {external: true, name: bridge}}\n"
        f"services:\n  plain: {service}, deploy: {{endpoint_mode: dnsrr}}}}\n"
        f"  terminal: {service}, tty: true, deploy: {{endpoint_mode: dnsrr}}}}\n"
    ).replace("\\0", "\\\\0")
    reaching.deploy("long", file)

    def read(service: str) -> list[dict[str, Any]]:
        connection = http.client.HTTPConnection(reaching.url.removeprefix("http://"), timeout=60)
        headers = {**reaching.headers, "Accept": "application/x-ndjson"}
        connection.request("GET", f"/api/v1/services/long_{service}/logs", headers=headers)
        told = [json.loads(line) for line in connection.getresponse().read().splitlines() if line.strip()]
        connection.close()
        return [each for each in told if "line" in each]

    for service in ("plain", "terminal"):
        reaching.until(lambda service=service: len(read(service)) == 3, "all is printed")  # type: ignore[misc]
        lines = {each["line"]: each["stream"] for each in read(service)}
        assert lines == {"x" * 40_000: "stdout", "end": "stdout", "wrong": "stderr" if service == "plain" else "stdout"}
