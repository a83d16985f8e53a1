"""What may be wrong with a terminal, and the ways in which one ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crane_core.errors import Conflict, CraneError, Forbidden

# The codes of the WebSocket's end, by what the end is called.
CODES: Mapping[str, int] = {
    "exited": 4000,
    "no-shell": 4001,
    "cannot-start": 4002,
    "not-allowed": 4003,
    "container-gone": 4004,
    "idle": 4005,
    "node-unreachable": 4006,
    "taken-over": 4007,
    "closed": 4008,
    "too-much-input": 4009,
    "not-recorded": 4010,
    "left": 4011,
    "failed": 4012,
    "server-stops": 1001,
}


@dataclass(frozen=True)
class Ending:
    """How a terminal ended.

    :param code: One of :data:`CODES`.
    :param detail: A sentence for whoever sits in front of it.
    :param exit_code: What the program ended with, as far as that is known.
    """

    code: str
    detail: str = ""
    exit_code: int | None = None

    @property
    def number(self) -> int:
        """The code of the WebSocket's end."""
        return CODES[self.code]

    @property
    def reason(self) -> str:
        """The reason of the WebSocket's end, which has no room for a sentence."""
        return msgspec.json.encode(self.short()).decode()

    def short(self) -> dict[str, Any]:
        """Return it without its sentence."""
        told: dict[str, Any] = {"code": self.code}
        if self.exit_code is not None:
            told["exit_code"] = self.exit_code
        return told

    def to_json(self) -> dict[str, Any]:
        """Return the message that tells of it."""
        return {"type": "ended", **self.short(), "detail": self.detail}


class NotRunning(Conflict):
    """There is no running container to open a terminal in."""

    code, title = "not-running", "Nothing runs there."


class NotAllowedHere(Forbidden):
    """The container can reach more than the policy allows to this caller."""

    code, title = "container-reaches-the-node", "The container can reach more than you may."


class UnknownTicket(Forbidden):
    """The ticket opens no terminal, or no longer, or not to this caller."""

    code, title = "unknown-ticket", "The ticket opens nothing."


class UnknownTerminal(Forbidden):
    """There is no such terminal to come back to, or not for this caller."""

    code, title = "unknown-terminal", "There is no such terminal any more."


class TooManyTerminals(CraneError):
    """There are as many terminals as there may be."""

    status, code, title = 429, "too-many-terminals", "There are too many terminals."


class StillRecorded(Conflict):
    """The recording is not complete yet."""

    code, title = "still-recorded", "The terminal is still recorded."


class NotRecorded(CraneError):
    """Terminals are to be recorded, and this one cannot be."""

    status, code, title = 503, "terminal-not-recorded", "The terminal cannot be recorded."
