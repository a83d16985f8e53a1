"""The cluster: the Swarm's nodes and what belongs to all of them."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from crane_core.cluster.nodes.routes import blueprint as nodes
from crane_core.cluster.nodes.routes import find_node
from crane_core.cluster.topics import TOPICS
from crane_core.contributions import Action, Topic
from crane_core.hookspecs import hookimpl


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("node:read", "See nodes.", find_node, within=("node",))


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield nodes


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield from TOPICS
