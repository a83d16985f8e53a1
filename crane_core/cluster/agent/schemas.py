"""What the agent looks like in answers."""

from __future__ import annotations

from crane_core.answers import AnswerSchema, many, moment, one_of, text, truth, whole
from crane_core.engine.agent import AgentState


class AgentOfNodeSchema(AnswerSchema):
    """The agent of one node."""

    node = text("The node's host name.")
    node_id = text("The node's id.")
    state = text("The state of its task; absent where the Swarm has none there.")
    current = truth("Whether it is as it should be by now, and not about to be replaced.")
    reachable = truth(
        "Whether the node's Engine answers through it; null where it is reached by another way.", null=True
    )
    error = text("Why it does not run, or is not reached; empty when it is.")


class AgentSchema(AnswerSchema):
    """The agent, and how it fares on each node."""

    installed = truth("Whether the Swarm has the service, and this server the keys to it.")
    state = one_of(
        AgentState,
        "foreign: a server with other keys installed it; rolling: tasks are replaced; rotating: they are, and the old "
        "authority is still trusted; stalled: something keeps them from being replaced.",
    )
    image = text("The image that it runs, or would run.")
    port = whole("The port of each node that it listens at.")
    error = text("What is wrong, and what to do about it; empty when nothing is.")
    authority_ends = moment("When the authority ends; it is replaced a year before.", null=True)
    certificate_ends = moment("When the certificate of the agents ends; it is renewed 30 days before.", null=True)
    client_ends = moment("When the certificate of this server ends; it is renewed four days before.", null=True)
    nodes = many(AgentOfNodeSchema, "One for each node of the Swarm.")
