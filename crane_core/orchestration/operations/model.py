"""Operations: what becomes of a change, from its first step to its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from crane_core.redaction import hide_inside

State = Literal["applying", "following", "unknown-yet", "ended"]
Outcome = Literal["converged", "paused", "rolled-back", "failed", "timed-out"]
ServiceState = Literal[
    "waiting", "progressing", "stabilising", "converged", "paused", "rolled-back", "failed", "timed-out"
]
# From good to bad: an operation is as good as the worst of its services.
OUTCOMES: tuple[Outcome, ...] = ("converged", "paused", "rolled-back", "timed-out", "failed")


def now() -> str:
    """Return the present time as answers write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Step:
    """One call of the Engine: creating, updating or removing one object.

    :param late: Whether it waits until every service has converged; it is skipped when one does not.
    """

    kind: str
    name: str
    action: str
    state: Literal["pending", "done", "failed", "skipped"] = "pending"
    error: str | None = None
    late: bool = False


@dataclass(frozen=True)
class Failing:
    """A task that does not run as it should.

    :param count: How many attempts at the same place have failed since the operation began.
    """

    task: str
    slot: int | None
    node: str | None
    state: str
    error: str
    exit_code: int | None
    count: int


@dataclass
class ServiceProgress:
    """How far one service is.

    :param running: Tasks that run, of ``desired``; for a job, tasks that have completed.
    :param updated: Tasks that run and are made from the new spec, of ``total``.
    :param code: Names the cause, once the state is final: ``image-missing``, ``no-suitable-node`` ...
    :param advice: What to do about it.
    """

    name: str
    id: str = ""
    state: ServiceState = "waiting"
    desired: int = 0
    running: int = 0
    updated: int = 0
    total: int = 0
    message: str = ""
    failing: list[Failing] = field(default_factory=list)
    code: str = ""
    advice: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in OUTCOMES


@dataclass(frozen=True)
class Verdict:
    """How an operation ended, and why.

    :param cause: In sentences.
    :param code: Stable, in kebab case; what programs decide on.
    :param services: For each service its outcome, cause and advice.
    :param created: What was made before a failure and still stands, as ``kind name``.
    """

    outcome: Outcome
    cause: str
    code: str
    services: list[dict[str, Any]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    advice: str | None = None


@dataclass
class Track:
    """What is followed of one service, kept in the journal so that another process can go on.

    :param sent: The fingerprint of the spec that was sent; empty when it is not known.
    :param before: The ids of the tasks that there were before; tasks that are not among them are its doing.
    :param restarts: Whether running tasks are to be replaced.
    :param starts: Whether tasks are started at all; when not, there is nothing to wait for but the present state.
    :param stable_seconds: How long tasks must have run before they count as stable.
    :param version: The version of the service that was replaced; until a later one is read, nothing is known of it.
    :param rollback: Whether the Swarm was asked to return to the previous spec, so that having done so is a success.
    """

    name: str
    id: str
    sent: str = ""
    before: list[str] = field(default_factory=list)
    restarts: bool = False
    starts: bool = True
    stable_seconds: float = 5.0
    version: int = 0
    rollback: bool = False


@dataclass
class Operation:
    """One change that somebody asked for.

    :param swarm: The id of the Swarm that it changes: a server that is pointed at another one leaves it alone.
    :param departing: The ids of removed services whose tasks may still be there.
    """

    id: str
    kind: str
    target: str
    stack: str | None
    by: str
    plan_id: str = ""
    state: State = "applying"
    created_at: str = field(default_factory=now)
    ended_at: str | None = None
    timeout: float | None = None
    steps: list[Step] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    services: list[ServiceProgress] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    verdict: Verdict | None = None
    swarm: str = ""
    departing: list[str] = field(default_factory=list)
    revision: int = 0

    @property
    def ended(self) -> bool:
        """Whether it has its verdict."""
        return self.state == "ended"

    def to_json(self) -> dict[str, Any]:
        """Return what is shown of it; credentials inside texts of the Engine are hidden."""
        shown = {name: value for name, value in msgspec.to_builtins(self).items() if name not in _KEPT_ONLY}
        hidden = _hide(shown)
        assert isinstance(hidden, dict)
        return hidden

    def to_journal(self) -> dict[str, Any]:
        """Return all of it, as the journal keeps it."""
        tracks = msgspec.to_builtins(self.tracks)
        return {**self.to_json(), "tracks": tracks, "swarm": self.swarm, "departing": self.departing}

    @classmethod
    def from_journal(cls, kept: Mapping[str, Any]) -> Operation:
        """Return an operation from what the journal kept of it."""
        known = dict(kept)
        known["steps"] = [Step(**step) for step in kept["steps"]]
        known["tracks"] = [Track(**track) for track in kept["tracks"]]
        known["services"] = [
            ServiceProgress(**{**progress, "failing": [Failing(**failing) for failing in progress["failing"]]})
            for progress in kept["services"]
        ]
        known["verdict"] = Verdict(**kept["verdict"]) if kept["verdict"] else None
        return cls(**known)


# What only the journal keeps of an operation.
_KEPT_ONLY = frozenset({"tracks", "swarm", "departing"})


def _hide(value: Any) -> Any:
    if isinstance(value, str):
        # Most texts are words of ours, and there are hundreds of them each time that an operation is kept.
        return hide_inside(value) if ":" in value or "=" in value else value
    if isinstance(value, dict):
        return {name: _hide(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_hide(member) for member in value]
    return value
