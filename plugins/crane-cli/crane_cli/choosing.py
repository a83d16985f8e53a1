"""Choose from a list what ``--filter`` asks for: every key must agree, with one of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]
Test = Callable[[Item, str], bool]


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


def member(name: str) -> Test:
    """Return the test whether a member is just what is wished."""
    return lambda item, wish: str(item.get(name) or "").lower() == wish.lower()


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


def current_state(item: Item, wish: str) -> bool:
    """Return whether a task is in that state now."""
    return str((item.get("Status") or {}).get("State") or "").lower() == wish.lower()


def is_member_or_id(name: str, identifier: str) -> Test:
    """Return the test whether a member, or the start of an ID, is what is wished."""
    return lambda item, wish: str(item.get(name) or "") == wish or str(item.get(identifier) or "").startswith(wish)


SERVICES: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "label": has_label,
    "mode": member("mode"),
    "stack": member("stack"),
    "state": member("state"),
}
TASKS: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "service": is_member_or_id("service", "ServiceID"),
    "stack": member("stack"),
    "node": is_member_or_id("node", "NodeID"),
    "state": current_state,
    "desired-state": member("DesiredState"),
}


def has_own_label(item: Item, wish: str) -> bool:
    """Return whether an object that has no spec has the label, with the value where one is wished."""
    return has_label({"Spec": {"Labels": item.get("Labels")}}, wish)


def is_true(name: str) -> Test:
    """Return the test whether a member is true, where ``yes`` or ``true`` is wished, or false."""
    return lambda item, wish: bool(item.get(name)) == (wish.lower() in ("yes", "true", "1"))


DATA: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "label": has_label,
    "stack": member("stack"),
}
NETWORKS: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").startswith(wish),
    "name": part_of_name,
    "driver": member("Driver"),
    "scope": member("Scope"),
    "node": member("node"),
    "stack": member("stack"),
}
CONTAINERS: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").startswith(wish),
    "name": part_of_name,
    "node": member("node"),
    "service": member("service"),
    "stack": member("stack"),
    "state": member("state"),
    "health": member("health"),
    "label": has_own_label,
}
IMAGES: Mapping[str, Test] = {
    "id": lambda item, wish: str(item.get("id") or "").removeprefix("sha256:").startswith(wish),
    "name": lambda item, wish: any(wish in name for name in (*item.get("tags", ()), *item.get("digests", ()))),
    "node": member("node"),
    "in-use": is_true("in_use"),
    "dangling": is_true("dangling"),
    "label": has_own_label,
}
VOLUMES: Mapping[str, Test] = {
    "name": part_of_name,
    "node": member("node"),
    "stack": member("stack"),
    "driver": member("driver"),
    "in-use": is_true("in_use"),
    "label": has_own_label,
}
NODES: Mapping[str, Test] = {
    "id": start_of_id,
    "name": part_of_name,
    "role": member("role"),
    "availability": member("availability"),
    "state": member("state"),
    "label": has_label,
}
