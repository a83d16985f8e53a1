"""Nodes that are lost in every way that there is: lists stay quick, say what is missing and why, and find it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from crane_core.engine.inventory import Inventory
from crane_core.engine.pool import Pool
from tests.lab.lab import Lab
from tests.swarm.conftest import Reached

# What nobody waits longer for, once it is known: asserted loosely, because the machine of a test is busy.
SLOWEST_SECONDS = 0.5
# How long a list may wait for a node that was just lost.
FIRST_SECONDS = 2.5
LOOKS = 60


@pytest.fixture
def container(reached: Reached) -> Iterator[str]:
    """A container by hand on node 2, to be missed."""
    body = {"Image": "lab/busybox:1", "Cmd": ["sleep", "3600"]}
    reached.lab.node(2).ask("POST", "/containers/create?name=missed", body)
    yield "missed"
    # As it may have been left by a test that failed.
    reached.lab.plug(2)
    if reached.lab.node(2).running:
        reached.lab.resume_engine(2)
    else:
        reached.lab.start_node(2)
    reached.lab.wait_until(
        lambda: reached.lab.node(2).ask("DELETE", "/containers/missed?force=true") is None, "it is gone"
    )


def look(reached: Reached) -> tuple[float, dict[str, str], dict[str, dict[str, str]]]:
    """Read what all nodes list; return how long it took, on which node each container is, and the sources by name."""
    began = time.perf_counter()
    stock = reached.crane.room(Inventory).read("containers")
    names = {name.lstrip("/"): node.name for node, item in stock.items() for name in item["Names"]}
    return time.perf_counter() - began, names, {source["name"]: source for source in stock.sources}


def lose(reached: Reached, act: Callable[[], None]) -> dict[str, str]:
    """Lose node 2, and look again and again; return its source as it was in the end."""
    reached.lab.wait_until(lambda: look(reached)[2]["node2"]["state"] == "fresh", "node2 is read")
    act()
    # What just changed there has to be read anew.
    reached.crane.room(Inventory).note_change(reached.crane.cache.snapshot().get_node("node2").id, "containers")
    first = look(reached)[0]
    taken = []
    pause = threading.Event()
    reached.lab.wait_until(lambda: look(reached)[2]["node2"].get("error", "") != "", "node2 is missing")
    for _ in range(LOOKS):
        seconds, names, sources = look(reached)
        taken.append(seconds)
        assert names.get("missed") == "node2", "what was last known stays"
        assert sources["node2"]["state"] == "stale"
        assert {sources[name]["state"] for name in ("node1", "node3")} == {"fresh"}
        pause.wait(0.03)
    began = time.perf_counter()
    row = reached.engines["node2"]
    listed = time.perf_counter() - began
    assert row["state"] == "stale"
    assert row["error"]
    assert row["answered_at"]
    assert first < FIRST_SECONDS
    assert max(*taken, listed) < SLOWEST_SECONDS
    return {**sources["node2"], "address": row["address"] or ""}


def find_again(reached: Reached, name: str) -> None:
    """Wait until node 2 is found again, by itself, and lists what it has."""
    reached.lab.wait_until(reached.all_answer, "node2 answers again", timeout=90)
    reached.lab.wait_until(lambda: look(reached)[2]["node2"]["state"] == "fresh", "node2 is read again")
    assert look(reached)[1][name] == "node2"


def test_node_whose_power_went_is_found_again(reached: Reached, container: str) -> None:
    source = lose(reached, lambda: reached.lab.kill_node(2))
    assert "node2" in source["error"]

    reached.lab.start_node(2)

    find_again(reached, container)


def test_node_that_comes_back_with_another_address_is_found_there(reached: Reached, container: str) -> None:
    source = lose(reached, lambda: reached.lab.kill_node(2))

    reached.lab.move_node(2)

    find_again(reached, container)
    assert reached.engines["node2"]["address"] != source["address"]
    assert reached.lab.node(2).address in reached.engines["node2"]["address"]


def test_node_that_is_cut_off_is_found_again(reached: Reached, container: str) -> None:
    source = lose(reached, lambda: reached.lab.unplug(2))
    assert "node2" in source["error"]

    reached.lab.plug(2)

    find_again(reached, container)


def test_engine_that_hangs_is_not_waited_for(reached: Reached, container: str) -> None:
    source = lose(reached, lambda: reached.lab.pause_engine(2))
    assert "did not answer within" in source["error"] or "node2" in source["error"]

    reached.lab.resume_engine(2)

    find_again(reached, container)


def test_sockets_by_setting_are_lost_and_found_alike(lab3: Lab, reached: Reached, container: str) -> None:
    given = reached.crane.room(Pool)._given
    given["node2"] = lab3.node(2).url
    try:
        lab3.wait_until(lambda: reached.engines["node2"]["via"] == "setting", "the socket is used")
        lab3.wait_until(reached.all_answer, "each node answers")
        lose(reached, lambda: lab3.pause_engine(2))
        lab3.resume_engine(2)
        find_again(reached, container)
    finally:
        del given["node2"]
