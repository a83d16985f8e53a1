"""The errors of the cluster."""

from __future__ import annotations

from crane_core.errors import Conflict, EngineError


class LastManager(Conflict):
    """It is the only manager; without one there is no Swarm."""

    code, title = "last-manager", "It is the only manager of the Swarm."


class QuorumAtRisk(Conflict):
    """Without it no majority of managers would be left that answers."""

    code, title = "quorum-at-risk", "No majority of managers would be left that answers."


class OwnManager(Conflict):
    """It is the manager that this server speaks with."""

    code, title = "own-manager", "It is the manager that this server speaks with."


class StillManager(Conflict):
    """A manager cannot be removed; it must be made a worker first."""

    code, title = "still-a-manager", "A manager cannot be removed."


class NodeNotDown(Conflict):
    """The node is up; only one that is down can be removed without force."""

    code, title = "node-not-down", "The node is up."


class NotJoined(EngineError):
    """The Engine did not become a node; what was done for it was undone."""

    code, title = "not-joined", "The Engine did not become a node."


class NotLocked(Conflict):
    """The Swarm needs no key."""

    code, title = "not-locked", "The Swarm needs no key."
