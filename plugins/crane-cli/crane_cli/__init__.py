"""The crane command: a client of the server's HTTP API, and of nothing else."""

from __future__ import annotations

__version__ = "0.1.0"
