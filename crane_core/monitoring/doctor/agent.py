"""What the doctor can tell of the agents through which the server reaches nodes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.agent import AgentStatus, describe_agent
from crane_core.monitoring.doctor.engines import read_swarm

ROTATE = "Replace the agent's certificates: `crane agent rotate`."
# The server renews each of them long before so little is left: where it has not, something keeps it from that.
AUTHORITY_LATE = timedelta(days=330)
AGENT_LATE = timedelta(days=21)
CLIENT_LATE = timedelta(days=2)


def check_agent(crane: Crane) -> Iterator[Finding]:
    """Look how the agent fares, and when its certificates end."""
    read_swarm(crane)
    yield from judge_agent(describe_agent(crane), datetime.now(UTC))


def judge_agent(status: AgentStatus, now: datetime) -> Iterator[Finding]:
    """Yield what is worth saying of an agent."""
    if status.error:
        yield Finding("agent-troubled", "warning", status.error, "agent", "Look at it with `crane agent status`.")
    for what, ends, late in (
        ("The authority of the agent's certificates", status.authority_ends, AUTHORITY_LATE),
        ("The agent's certificate", status.certificate_ends, AGENT_LATE),
        ("The server's certificate for the agent", status.client_ends, CLIENT_LATE),
    ):
        if ends is not None and ends <= now:
            yield Finding("agent-certificate-ended", "error", f"{what} ended on {ends:%Y-%m-%d}.", "agent", ROTATE)
        elif ends is not None and ends - now < late:
            told = f"{what} ends on {ends:%Y-%m-%d}, and was not renewed by itself."
            yield Finding("agent-certificate-ends", "warning", told, "agent", ROTATE)
