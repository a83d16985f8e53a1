"""What the ways to the nodes' Engines look like in answers."""

from __future__ import annotations

from typing import get_args

from crane_core.answers import AnswerSchema, moment, one_of, text, words_of
from crane_core.engine.link import Via
from crane_core.engine.snapshot import Source


class NodeEngineSchema(AnswerSchema):
    """The Engine of one node, and how it is reached."""

    node = text("The node's host name.")
    node_id = text("The node's id.")
    via = one_of(
        get_args(Via),
        "What leads to it: the server's own socket, the setting engine.node_endpoints, the node's label, or its agent; "
        "null where nothing does.",
        null=True,
    )
    address = text("Where it is; null where nothing leads to it.", null=True)
    state = one_of(words_of(Source, "state"), "fresh: it answers; stale: it did; never: it has not yet.")
    answered_at = moment("When it answered last, where it does not any more; null otherwise.", null=True)
    error = text("Why it does not answer; empty when it does.")
    agent = text(
        "The state of the task of the agent there; absent where the Swarm has none, null without any agent.", null=True
    )
