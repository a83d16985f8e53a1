"""The errors of networks."""

from __future__ import annotations

from crane_core.errors import Conflict, Invalid


class NetworkRefused(Invalid):
    """A network cannot be made as it was asked for."""

    code, title = "network-refused", "The network cannot be made like this."


class Predefined(Conflict):
    """A network that the Engine made by itself cannot be removed."""

    code, title = "predefined-network", "The Engine or the Swarm made this network by itself."


class NotConnectable(Conflict):
    """A container cannot be connected to a network, or disconnected from it."""

    code, title = "not-connectable", "This container and this network do not go together."
