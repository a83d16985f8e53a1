"""What the doctor can tell of the agents through which the server reaches nodes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.agent import AgentStatus, describe_agent
from crane_core.monitoring.doctor.swarm import SOON

ROTATE = "Replace the agent's certificates: `crane agent rotate`."


def check_agent(crane: Crane) -> Iterator[Finding]:
    """Look how the agent fares, and when its certificates end."""
    yield from judge_agent(describe_agent(crane), datetime.now(UTC))


def judge_agent(status: AgentStatus, now: datetime) -> Iterator[Finding]:
    """Yield what is worth saying of an agent."""
    if status.error:
        yield Finding("agent-troubled", "warning", status.error, "agent", "Look at it with `crane agent status`.")
    for what, ends in (
        ("The authority of the agent's certificates", status.authority_ends),
        ("The agent's certificate", status.certificate_ends),
        ("The server's certificate for the agent", status.client_ends),
    ):
        if ends is not None and ends <= now:
            yield Finding("agent-certificate-ended", "error", f"{what} ended on {ends:%Y-%m-%d}.", "agent", ROTATE)
        elif ends is not None and ends - now < SOON:
            yield Finding("agent-certificate-ends", "warning", f"{what} ends on {ends:%Y-%m-%d}.", "agent", ROTATE)
