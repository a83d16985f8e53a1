"""How long lists of what lies on all nodes take while nodes are lost, on real Engines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.client import Client, percentile
from tests.bench.figures import Figure
from tests.bench.processes import CraneServer, crane_server
from tests.lab.lab import Lab

KINDS = ("containers", "images", "volumes")
# How many containers and volumes each node has.
THINGS = 20
# For so long a list may wait for a node that was just lost, in seconds.
FIRST_SECONDS = 2.0
SECONDS = 10.0
# An Engine that hangs without closing a connection is looked at every few seconds.
NAMED_SECONDS = 8.0


def measure(directory: Path) -> Iterator[Figure]:
    """Lose one node after the other, each in another way, and read all lists in turn."""
    with Lab(nodes=3) as lab:
        _furnish(lab)
        ways = ",".join(f"{node.name}={node.url}" for node in lab.nodes[1:])
        with crane_server(directory, lab.url, CRANE_ENGINE_NODE_ENDPOINTS=ways) as server:
            server.wait_until_fresh()
            yield from _read(server, "while all nodes answer", set())
            lab.kill_node(2)
            yield from _read(server, "with one node killed", {"node2"})
            lab.pause_engine(3)
            yield from _read(server, "with one killed and one that hangs (SIGSTOP)", {"node2", "node3"})


def _furnish(lab: Lab) -> None:
    for node in lab.nodes:
        for number in range(THINGS):
            node.ask("POST", f"/containers/create?name=kept{number}", {"Image": "lab/busybox:1"})
            node.ask("POST", "/volumes/create", {"Name": f"kept{number}"})


def _read(server: CraneServer, how: str, lost: set[str]) -> Iterator[Figure]:
    """Read lists in turn from now on; count what was asked for after the first moments."""
    first, taken, named = [0.0], list[float](), float("inf")
    begun = time.monotonic()
    with server.client() as client:
        while (passed := time.monotonic() - begun) < FIRST_SECONDS + SECONDS:
            missing = set(lost)
            for kind in KINDS:
                seconds, silent = _ask(client, kind)
                (taken if passed > FIRST_SECONDS else first).append(seconds)
                missing &= silent
                if not silent <= lost:
                    raise RuntimeError(f"The list of {kind} misses {silent} {how}.")
            if missing == lost:
                named = min(named, time.monotonic() - begun)
            time.sleep(0.01)
    note = f"{len(taken)} answers, at most {max(taken) * 1000:.0f} ms; {max(first):.1f} s at first"
    what = f"Lists of {', '.join(KINDS)} {how}"
    yield Figure(f"{what}, 99 of 100 answers within", percentile(taken, 99), 100, "ms", note=note)
    if lost:
        yield Figure("Until each of these lists names who is missing", named, NAMED_SECONDS, "s")


def _ask(client: Client, kind: str) -> tuple[float, set[str]]:
    """Ask for a list; return how long it took, and the nodes that it names as missing."""
    answer = client.get(f"/api/v1/{kind}?limit=1000")
    if answer.status != 200:
        raise RuntimeError(f"The list of {kind} was refused: {answer.body[:300]!r}")
    return answer.seconds, {source["name"] for source in answer.json()["sources"] if source["state"] != "fresh"}
