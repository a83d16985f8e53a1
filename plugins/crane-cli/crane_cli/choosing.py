"""Choose from a list what ``--filter`` asks for: every key must agree, with one of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Any]
Test = Callable[[Item, str], bool]
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


def choose(answer: dict[str, Any], filters: Mapping[str, Sequence[str]], tests: Mapping[str, Test]) -> dict[str, Any]:
    """Return a list's answer with only the items that the filters agree to."""
    if not filters:
        return answer
    kept = [
        item
        for item in answer["items"]
        if all(any(tests[key](item, wish) for wish in wishes) for key, wishes in filters.items())
    ]
    return {**answer, "items": kept, "total": len(kept)}


def take_nodes(filters: dict[str, list[str]]) -> str | None:
    """Take the nodes out of filters, for the server: it knows them by their ids too, and refuses what is none."""
    return ",".join(filters.pop("node", ())) or None


def take_places(filters: dict[str, list[str]]) -> dict[str, str | None]:
    """Take nodes, services and stacks out of filters, as the server is asked for them."""
    return {key: ",".join(filters.pop(key, ())) or None for key in ("node", "service", "stack")}


def member(name: str) -> Test:
    """Return the test whether a member is just what is wished."""
    return lambda item, wish: str(item.get(name) or "").lower() == wish.lower()


@dataclass(frozen=True)
class Word:
    """The test whether a member is one of the few words that there are for it.

    :param read: Returns the member.
    :param words: What it can be; another wish would choose nothing, and not say why.
    """

    read: Callable[[Item], object]
    words: Sequence[str]

    def __call__(self, item: Item, wish: str) -> bool:
        """Return whether it is just what is wished."""
        return str(self.read(item) or "").lower() == wish.lower()


def word(name: str, *words: str) -> Word:
    """Return the test whether a member is one of these words."""
    return Word(lambda item: item.get(name), words)


def part_of_name(item: Item, wish: str) -> bool:
    """Return whether the name has the wish in it."""
    return wish in str(item.get("name") or "")


def start_of_id(item: Item, wish: str) -> bool:
    """Return whether the ID begins with the wish."""
    return str(item.get("ID") or "").startswith(wish)


def has_label(item: Item, wish: str) -> bool:
    """Return whether there is the label, with the value where one is wished."""
    labels = (item.get("Spec") or {}).get("Labels") or {}
    name, equals, value = wish.partition("=")
    return name in labels and (not equals or labels[name] == value)


def is_member_or_id(name: str, identifier: str) -> Test:
    """Return the test whether a member, or the start of an ID, is what is wished."""
    return lambda item, wish: str(item.get(name) or "") == wish or str(item.get(identifier) or "").startswith(wish)


TASK_STATES = (
    "new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running",
    "complete", "shutdown", "failed", "rejected", "remove", "orphaned",
)  # fmt: skip
SERVICES: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "label": has_label,
    "mode": word("mode", "replicated", "global", "replicated-job", "global-job"),
    "stack": member("stack"),
    "state": word("state", "converged", "updating", "paused", "rolled-back", "degraded"),
}
TASKS: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "service": is_member_or_id("service", "ServiceID"),
    "stack": member("stack"),
    "node": is_member_or_id("node", "NodeID"),
    "state": Word(lambda item: (item.get("Status") or {}).get("State"), TASK_STATES),
    "desired-state": word("DesiredState", *TASK_STATES),
}


def has_own_label(item: Item, wish: str) -> bool:
    """Return whether an object that has no spec has the label, with the value where one is wished."""
    return has_label({"Spec": {"Labels": item.get("Labels")}}, wish)


def is_true(read: Callable[[Item], object]) -> Word:
    """Return the test whether something is so, where ``yes`` is wished, or not."""
    return _Truth(read, (*YES, *NO))


class _Truth(Word):
    def __call__(self, item: Item, wish: str) -> bool:
        return bool(self.read(item)) == (wish.lower() in YES)


DATA: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "label": has_label,
    "stack": member("stack"),
    "used": is_true(lambda item: item.get("services")),
}
NETWORKS: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").startswith(wish),
    "name": part_of_name,
    "driver": member("Driver"),
    "scope": word("Scope", "swarm", "local", "global"),
    "node": member("node"),
    "stack": member("stack"),
    "label": has_own_label,
}
CONTAINERS: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").startswith(wish),
    "name": part_of_name,
    "node": member("node"),
    "service": member("service"),
    "stack": member("stack"),
    "state": word("state", "created", "running", "paused", "restarting", "removing", "exited", "dead"),
    "health": word("health", "starting", "healthy", "unhealthy"),
    "label": has_own_label,
}
IMAGES: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").removeprefix("sha256:").startswith(wish),
    "name": lambda item, wish: any(wish in name for name in (*item.get("tags", ()), *item.get("digests", ()))),
    "node": member("node"),
    "in-use": is_true(lambda item: item.get("in_use")),
    "dangling": is_true(lambda item: item.get("dangling")),
    "label": has_own_label,
}
VOLUMES: Mapping[str, Test] = {
    "name": part_of_name,
    "node": member("node"),
    "stack": member("stack"),
    "driver": member("driver"),
    "in-use": is_true(lambda item: item.get("in_use")),
    "label": has_own_label,
}
NODES: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "role": word("role", "manager", "worker"),
    "availability": word("availability", "active", "pause", "drain"),
    "state": word("state", "ready", "down", "disconnected", "unknown"),
    "label": has_label,
}
