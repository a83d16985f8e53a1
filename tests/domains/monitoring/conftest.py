"""Fixtures of what is measured."""

from __future__ import annotations

import pytest

from crane_core.engine.inventory import Inventory
from crane_core.engine.pool import Pool
from crane_core.monitoring.stats.sampler import Sampler


@pytest.fixture
def measure(crane, swarm):
    """Measure every container, or those of some nodes, so many seconds after the last time."""
    sampler, inventory = crane.room(Sampler), crane.room(Inventory)
    # What was measured a moment ago is asked for a moment later, however long that is.
    sampler.book.fresh_seconds = 3600.0

    def act(seconds=2.0, nodes=None):
        swarm.advance(seconds)
        every = crane.cache.snapshot().nodes.values()
        nodes = [node for node in every if nodes is None or node.name in nodes]
        crane.room(Pool).ask(nodes, lambda engine: engine.ping())
        for node in nodes:
            inventory.note_change(node.id, "containers")
        shelves = inventory.read("containers").shelves
        for node, shelf in [each for each in shelves if each[0] in nodes]:
            sampler.book.take_list(node.id, shelf.items, crane.cache.snapshot().services)
        for track in sampler.book.live():
            engine = crane.room(Pool).get(track.node_id)
            sampler.book.record(track, engine.container_usage(track.id))
        sampler.book.sum_up()

    return act
