"""Ports for servers that a test starts as programs of their own."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

# Below those that the kernel gives to connections: until the server is there, nobody else is given the same one.
_PORTS = range(20_000, 30_000)


def find_free_port() -> int:
    """Return a port that nobody listens on, at any address of this machine."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
