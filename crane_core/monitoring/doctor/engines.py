"""What the doctor can tell from asking each node's own Engine: clocks and versions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from statistics import median
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.client import Engine
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node, parse_time
from crane_core.engine.snapshot import Snapshot
from crane_core.errors import CraneError

ASKING_SECONDS = 5.0
# Clocks may differ so much, in seconds, before it is worth a word; certificates suffer from an hour on.
MOST_SKEW = 1.0
BAD_SKEW = 60.0


@dataclass(frozen=True)
class Told:
    """What a node told, or why it did not."""

    node: Node
    value: Any = None
    error: CraneError | None = None


def read_swarm(crane: Crane) -> Snapshot:
    """Return what is known of the Swarm. Raises ``EngineUnavailable`` while that is nothing: a check of it is none."""
    snapshot = crane.cache.snapshot()
    snapshot.demand_read()
    return snapshot


def ask_ready(crane: Crane, ask: Callable[[Engine], Any], patience: float | None = None) -> list[Told]:
    """Ask every node that is ready the same. Raises ``EngineUnavailable`` while no node is known."""
    ready = [node for node in read_swarm(crane).nodes.values() if node.state == "ready"]
    pool = crane.room(Pool)
    patience = max(ASKING_SECONDS, pool.patience) if patience is None else patience
    return [Told(reply.node, reply.value, reply.error) for reply in pool.ask(ready, ask, patience)]


def name_silent(told: Iterable[Told], what: str) -> Iterator[Finding]:
    """Yield which nodes did not tell."""
    silent = sorted(each.node.name for each in told if each.error is not None)
    if silent:
        why = "their Engines do" if len(silent) > 1 else "its Engine does"
        yield Finding(
            "nodes-not-asked",
            "unknown",
            f"{what} {', '.join(silent)} is not known: {why} not answer this server.",
            advice="Install the agent: `crane agent install`.",
        )


# --- Clocks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offset:
    """How far a node's clock is ahead of the server's, in seconds, and how sure that is."""

    seconds: float
    unsure: float


def read_offset(engine: Engine) -> Offset | None:
    """Ask a node for its time; half of the way there and back is what it may be wrong by."""
    before = time.time()
    told = parse_time(str(engine.info(ASKING_SECONDS).get("SystemTime") or ""))
    after = time.time()
    if told is None:
        return None
    return Offset(told.astimezone(UTC).timestamp() - (before + after) / 2, (after - before) / 2)


def check_clocks(crane: Crane) -> Iterator[Finding]:
    """Compare the clocks of the nodes with each other, and with the server's."""
    told = ask_ready(crane, read_offset)
    offsets = {each.node.name: each.value for each in told if each.value is not None}
    yield from compare_clocks(offsets)
    yield from name_silent(told, "The time of")


def compare_clocks(offsets: Mapping[str, Offset]) -> Iterator[Finding]:
    """Yield the clocks that are not with the others."""
    if not offsets:
        return
    middle = median(offset.seconds for offset in offsets.values())
    advice = "Let a time service keep the clock (chrony, systemd-timesyncd): certificates and logs depend on it."
    for name, offset in sorted(offsets.items()):
        skew = offset.seconds - middle
        if abs(skew) - offset.unsure > MOST_SKEW:
            severity = "error" if abs(skew) > BAD_SKEW else "warning"
            what = f"The clock of {name} is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the others."
            yield Finding("clock-skew", severity, what, name, advice)  # type: ignore[arg-type]
    if abs(middle) - min(offset.unsure for offset in offsets.values()) > MOST_SKEW:
        what = (
            f"The clock of this server is {abs(middle):.1f} s {'behind' if middle > 0 else 'ahead of'} those of nodes."
        )
        yield Finding("server-clock-skew", "warning", what, "this server", advice)


# --- Versions -----------------------------------------------------------------------------------------------------


def check_versions(crane: Crane) -> Iterator[Finding]:
    """Look which versions of the Engine nodes run, and which of them are behind."""
    by_version: dict[str, list[str]] = {}
    for node in read_swarm(crane).nodes.values():
        by_version.setdefault(node.engine_version, []).append(node.name)
    by_version.pop("", None)
    if not by_version:
        return
    newest = max(by_version, key=_rank)
    for version, names in sorted(by_version.items(), key=lambda item: _rank(item[0])):
        if _rank(version) < _rank(newest):
            yield Finding(
                "engine-behind",
                "warning",
                f"{', '.join(sorted(names))} {'runs' if len(names) == 1 else 'run'} Engine {version}, others {newest}.",
                ", ".join(sorted(names)),
                "Drain the node, update its Engine, and make it active again; managers last.",
            )
    yield Finding(
        "updates-not-looked-up",
        "unknown",
        f"Whether there is an Engine newer than {newest} is not known: this server asks nobody outside the Swarm.",
        advice="Compare it with the release notes of Docker, or with your distribution.",
    )


def _rank(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
