"""How a container of an image behaves: what a test scripts in ``swarm.images``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Runs:
    """Run until stopped.

    :param healthy_after: Seconds in state ``starting`` before its healthcheck passes.
    :param prints: What it prints at its start.
    """

    healthy_after: float = 0.0
    prints: str = ""


@dataclass(frozen=True)
class Exits:
    """Run, then end by itself.

    :param code: The exit code; 0 completes the task, any other fails it.
    :param after: Seconds in state ``running`` before that.
    :param prints: What it prints before its end.
    :param out_of_memory: Whether the kernel ends it, for wanting more memory than it may have; its code is 137 then.
    """

    code: int = 0
    after: float = 0.5
    prints: str = ""
    out_of_memory: bool = False


@dataclass(frozen=True)
class Missing:
    """Be found in no registry: tasks are rejected.

    :param error: What the Engine says, None for its usual words.
    """

    error: str | None = None


@dataclass(frozen=True)
class Unhealthy:
    """Start, and fail the healthcheck.

    :param after: Seconds in state ``running`` before the healthcheck fails; 0 when it never passes at all.
    :param checking: Seconds that the failing checks take until the Engine kills the container.
    :param output: What the check printed each time.
    """

    after: float = 0.0
    checking: float = 2.0
    output: str = "not yet"


Behaviour = Runs | Exits | Missing | Unhealthy
