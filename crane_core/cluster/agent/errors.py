"""What can be wrong with the agent."""

from __future__ import annotations

from crane_core.errors import Conflict, CraneError


class AgentOfOthers(Conflict):
    """The agent was installed by a server that keeps other keys."""

    code, title = "agent-of-others", "The agent belongs to another server."


class AgentAbsent(Conflict):
    """The agent is not installed."""

    code, title = "agent-absent", "The agent is not installed."


class NameTaken(Conflict):
    """The name of the agent's service is taken by one that is none of Crane's."""

    code, title = "agent-name-taken", "The name of the agent's service is taken."


class KeysUnwritable(CraneError):
    """The keys to the agents cannot be read or written."""

    status, code, title = 500, "agent-keys-unwritable", "The keys to the agents cannot be read or written."
