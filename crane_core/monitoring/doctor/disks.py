"""What the doctor can tell of disks: what is free, and what is used by nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.client import Engine
from crane_core.monitoring.doctor.engines import ask_ready, name_silent
from crane_core.monitoring.doctor.measures import Space, read_measures

DISK_SECONDS = 12.0
# What can be removed is worth a word from so many bytes on.
MUCH_TO_REMOVE = 10 * 2**30
# A disk is short below this share, and as good as full below that.
LITTLE_FREE, NOTHING_FREE = 0.1, 0.02


def check_disks(crane: Crane) -> Iterator[Finding]:
    """Look at the server's own disk, and how much is free and could be removed on each node."""
    yield from check_own_disk(shutil.disk_usage(_existing(crane)))
    told = ask_ready(crane, _look, DISK_SECONDS)
    answered = {each.node.name: each.value for each in told if each.value is not None}
    for name, (_, unused) in answered.items():
        if unused >= MUCH_TO_REMOVE:
            yield Finding(
                "much-to-remove",
                "info",
                f"On {name}, {unused / 2**30:.0f} GiB of images, containers, volumes and caches are used by nothing.",
                name,
                "Look at what a prune would remove, and remove it.",
            )
    yield from name_silent(told, "The disk of")
    yield from judge_disks({name: space for name, (space, _) in answered.items()})


def judge_disks(disks: Mapping[str, Space | None]) -> Iterator[Finding]:
    """Look at the disk of each node, by its name; None where nothing measured it."""
    for name, space in sorted(disks.items()):
        if space is not None and space.free < space.total * LITTLE_FREE:
            yield Finding(
                "disk-full",
                "error" if space.free < space.total * NOTHING_FREE else "warning",
                f"{_say(space)} are free on {name}, where its Engine keeps images, containers and volumes.",
                name,
                "Look at what a prune would remove, and remove it; or give the node a larger disk.",
            )
    unseen = sorted(name for name, space in disks.items() if space is None)
    if unseen:
        yield Finding(
            "free-space-unseen",
            "unknown",
            f"How much of the disk of {', '.join(unseen)} is free cannot be read through Engines, and no agent "
            "measures it there.",
            advice="Install the agent with `crane agent install`, or watch it with Prometheus' node exporter.",
        )


def check_own_disk(usage: Any) -> Iterator[Finding]:
    """Look whether the server can still write its files.

    :param usage: What ``shutil.disk_usage`` returns.
    """
    if usage.free < usage.total * LITTLE_FREE:
        yield Finding(
            "own-disk-full",
            "error" if usage.free < usage.total * NOTHING_FREE else "warning",
            f"{_say(usage)} are free where this server keeps its files.",
            "this server",
            "Make room, or set server.data_directory to another disk.",
        )


def _say(space: Any) -> str:
    return f"{space.free / 2**30:.1f} of {space.total / 2**30:.0f} GiB"


def _existing(crane: Crane) -> Any:
    return next(path for path in (crane.data_directory, *crane.data_directory.parents) if path.exists())


def _look(engine: Engine) -> tuple[Space | None, int]:
    """Return the disk of a node, and how many bytes on it are used by nothing; both in the time of one question."""
    measures = read_measures(engine)
    return measures.disk if measures else None, _read_unused(engine)


def _read_unused(engine: Engine) -> int:
    """Return how many bytes on a node are used by nothing."""
    told = engine.send("GET", "/system/df", timeout=DISK_SECONDS) or {}
    images = [each for each in told.get("Images") or () if not each.get("Containers")]
    containers = [each for each in told.get("Containers") or () if each.get("State") in ("exited", "dead", "created")]
    volumes = [each.get("UsageData") or {} for each in told.get("Volumes") or ()]
    caches = [each for each in told.get("BuildCache") or () if not each.get("InUse")]
    return int(
        sum(max(0, each.get("Size", 0) - max(0, each.get("SharedSize", 0))) for each in images)
        + sum(each.get("SizeRw", 0) for each in containers)
        + sum(max(0, each.get("Size", 0)) for each in volumes if each.get("RefCount") == 0)
        + sum(each.get("Size", 0) for each in caches)
    )
