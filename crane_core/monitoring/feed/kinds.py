"""Which kinds of entries there are, so that a misspelt one is refused with those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crane_core.context import Crane
from crane_core.engine.records import TASK_STATES
from crane_core.errors import Invalid, Violation
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.feed.model import LOST

# What Engines tell of, by what it happens to. One that is newer may tell of more.
ENGINE_KINDS: Mapping[str, tuple[str, ...]] = {
    "container": (
        "archive-path", "attach", "commit", "copy", "create", "destroy", "detach", "die", "exec_create", "exec_detach",
        "exec_die", "exec_start", "export", "extract-to-dir", "health_status", "kill", "oom", "pause", "prune",
        "rename", "resize", "restart", "start", "stop", "top", "unpause", "update",
    ),
    "image": ("create", "delete", "import", "load", "prune", "pull", "push", "save", "tag", "untag"),
    "volume": ("create", "destroy", "mount", "prune", "unmount"),
    "network": ("connect", "create", "destroy", "disconnect", "prune", "remove", "update"),
    "daemon": ("reload",),
    "plugin": ("create", "disable", "enable", "install", "pull", "push", "remove", "upgrade"),
    "node": ("create", "remove", "update"),
    "service": ("create", "remove", "update"),
    "config": ("create", "remove", "update"),
    "secret": ("create", "remove", "update"),
}  # fmt: skip


def find_kinds(crane: Crane) -> set[str]:
    """Return the kinds of entries that there may be."""
    return {
        LOST,
        *crane.event_kinds,
        # A plugin may tell of what it did not contribute as a kind.
        *crane.unknown_event_kinds,
        *(f"task.{state}" for state in TASK_STATES),
        *(f"{subject}.{action}" for subject, actions in ENGINE_KINDS.items() for action in actions),
    }


def demand_kinds(crane: Crane, wanted: Iterable[str]) -> None:
    """Object to kinds that there are none of, whole or by what stands before their dot.

    :raises Invalid: with those that there are; a filter by another would choose nothing and not say why.
    """
    known = find_kinds(crane)
    subjects = {kind.partition(".")[0] for kind in known}
    unknown = [word for word in wanted if word not in known and word not in subjects]
    # What has been told is a kind, as is what a newer Engine tells.
    if unknown and (unknown := sorted(set(unknown) - {entry.draft.kind for entry in crane.room(Feed).newest_first()})):
        word = unknown[0]
        subject = word.partition(".")[0]
        there_are = sorted(kind for kind in known if kind.startswith(f"{subject}.")) or sorted(subjects)
        raise Invalid(
            violations=[Violation("kind", f"There is no {word[:40]!r} here; there are {', '.join(there_are)}.")]
        )
