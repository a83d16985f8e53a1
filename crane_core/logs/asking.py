"""Asking an Engine for what one container printed: its own node's, or the managers' where there is no way to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from crane_core.context import Crane
from crane_core.engine.link import NodeUnreachable
from crane_core.engine.pool import Pool
from crane_core.engine.streaming import ByteStream
from crane_core.errors import Conflict, NotFound
from crane_core.logs.lines import to_engine_time
from crane_core.logs.origins import Origin

# An Engine that has not begun to answer by then is told as missing, in seconds.
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    :param since: Not what was printed before this stamp; empty for no such limit.
    :param until: Not what was printed after this stamp.
    :param tail: How many of the newest lines, None for all.
    """

    since: str = ""
    until: str = ""
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True)
class Answer:
    """What an Engine sends.

    :param via: Whether the container's own node sends it, or the managers.
    """

    stream: ByteStream
    via: Literal["node", "swarm"]


def ask(crane: Crane, origin: Origin, wish: Wish) -> Answer:
    """Ask for what a container printed.

    :raises NotFound: when it is gone.
    :raises EngineUnavailable: when neither its node nor the managers can be asked.
    """
    params: dict[str, Any] = {
        "stdout": True,
        "stderr": True,
        "timestamps": True,
        "follow": wish.follow or None,
        "tail": "all" if wish.tail is None else wish.tail,
        "since": to_engine_time(wish.since) if wish.since else None,
        "timeout": ANSWER_SECONDS,
    }
    try:
        engine = crane.room(Pool).get(origin.node_id)
    except NodeUnreachable:
        if not (origin.task and managers_reach(crane, origin)):
            raise
        # This route of the Engine knows no ``until``.
        return Answer(crane.engine.stream(f"/tasks/{origin.task}/logs", **params), "swarm")
    except NotFound as error:
        raise NodeUnreachable(f"The node of {origin.name} is gone.") from error
    until = to_engine_time(wish.until) if wish.until else None
    try:
        return Answer(engine.stream(f"/containers/{origin.container}/logs", until=until, **params), "node")
    except Conflict as error:
        # It is being removed at this moment.
        raise NotFound(str(error)) from error


def managers_reach(crane: Crane, origin: Origin) -> bool:
    """Tell whether the managers hear from the node of an origin, so that they can pass on what it prints."""
    node = crane.cache.snapshot().nodes.get(origin.node_id)
    return node is not None and node.state == "ready"
