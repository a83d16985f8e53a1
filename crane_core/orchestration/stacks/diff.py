"""What changes between two specs of a service, field by field, and whether its tasks restart for it.

The rules of restarting are SwarmKit's: a task is replaced when the task template that it was made from is no longer the
service's, compared as it was stored (``Resources: {}`` is not the same as none, and order counts). They were tried one
by one on an Engine 20.10; the outcomes are kept beside the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crane_core.orchestration.stacks.normal import (
    JSON,
    OPAQUE,
    environment,
    item_key,
    normal_port,
    normalise,
)
from crane_core.redaction import HIDDEN
from crane_core.redaction import redact as hide

__all__ = ["FieldChange", "diff", "force", "moves_tasks", "normalise", "redact", "restarts_tasks", "settle"]


@dataclass(frozen=True)
class FieldChange:
    """One field of a spec that changes.

    :param path: A JSON pointer. Items of a list that have a name of their own are named by it:
        ``/TaskTemplate/ContainerSpec/Env/TAG``, ``/EndpointSpec/Ports/8080:80~1tcp``.
    :param old: The value before, None where there was none.
    :param new: The value after, None where there is none.
    """

    path: str
    old: Any
    new: Any

    def to_json(self) -> JSON:
        """Return the change as a plan shows it."""
        return {"path": self.path, "old": self.old, "new": self.new}


class _Absent:
    """Stands for a field that is not there, which is not the same as null."""


_ABSENT = _Absent()


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """List the fields that differ in what the Engine would do, in the order of their paths.

    Nothing is listed exactly when both have the same normal form. How often an update was forced is only compared when
    the new spec says so, because a stack file never does.
    """
    before, after = normalise(old), normalise(new)
    task_before, task_after = before.get("TaskTemplate", {}), after.get("TaskTemplate", {})
    if "ForceUpdate" not in task_after and "ForceUpdate" in task_before:
        task_before = {name: value for name, value in task_before.items() if name != "ForceUpdate"}
        before = {**before, "TaskTemplate": task_before}
        if not task_before:
            del before["TaskTemplate"]
    return sorted(_changes("", "", before, after), key=lambda change: change.path)


def redact(changes: Iterable[FieldChange]) -> list[FieldChange]:
    """Hide the values that look secret; that they change stays visible."""
    return [_redacted(change) for change in changes]


def settle(desired: Mapping[str, Any], live: Mapping[str, Any]) -> JSON:
    """Return the spec to send: what is desired, written as the live spec writes it wherever both mean the same.

    SwarmKit compares task templates as they are written, so sending one that means the same in other words would
    restart every task. Two things are always taken over from the live spec: how often an update was forced, and that
    there is a placement. An update that takes the placement away altogether, with nothing else changed, makes the
    managers of an Engine 20.10 dereference nil and exit, one after the other; an empty one says the same and is safe.
    """
    settled = {**desired, "TaskTemplate": _settled_task(desired, live)}
    if not (desired.get("TaskTemplate") or {}).get("Networks") and desired.get("Networks"):
        settled["TaskTemplate"].setdefault("Networks", desired["Networks"])
    settled.pop("Networks", None)
    wanted, present = normalise(desired), normalise(live)
    for part in ("Mode", "UpdateConfig", "RollbackConfig", "EndpointSpec"):
        if wanted.get(part) == present.get(part):
            settled.pop(part, None)
            if part in live:
                settled[part] = live[part]
    return settled


def force(spec: Mapping[str, Any]) -> JSON:
    """Return the same spec as one that replaces every task, although nothing else changes."""
    task = spec.get("TaskTemplate") or {}
    return {**spec, "TaskTemplate": {**task, "ForceUpdate": (task.get("ForceUpdate") or 0) + 1}}


def restarts_tasks(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether an update from one spec to the other replaces the service's running tasks.

    Compare the spec that was read with the one that will be sent (see :func:`settle`). A placement that changes alone
    replaces no task by itself, see :func:`moves_tasks`.
    """
    task_before, task_after = _stored_task(old), _stored_task(new)
    placement_before, placement_after = task_before.pop("Placement", None), task_after.pop("Placement", None)
    if task_before != task_after:
        return True
    if placement_before != placement_after:
        # SwarmKit looks at the placement before the ports, and then does not look at the ports any more.
        return False
    return _stored_endpoint(old) != _stored_endpoint(new)


def moves_tasks(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether the placement alone changes: only tasks on nodes that the new constraints forbid are replaced."""
    if restarts_tasks(old, new):
        return False
    before, after = (normalise(spec).get("TaskTemplate", {}).get("Placement", {}) for spec in (old, new))
    return bool(before.get("Constraints") != after.get("Constraints"))


def _changes(path: str, member: str, old: Any, new: Any, *, item: bool = False) -> list[FieldChange]:
    if old == new:
        return []
    whole = FieldChange(path, _shown(old), _shown(new))
    absent = old is _ABSENT or new is _ABSENT
    before, after = _members(member, old), _members(member, new)
    if before is None or after is None or (absent and (item or not (before or after))):
        return [whole]
    keyed = isinstance(old, list) or isinstance(new, list)
    found = [
        change
        for name in dict.fromkeys([*before, *after])
        for change in _changes(
            f"{path}/{_escape(name)}",
            "" if keyed or member in OPAQUE else name,
            before.get(name, _ABSENT),
            after.get(name, _ABSENT),
            item=keyed,
        )
    ]
    return found or [whole]


def _members(member: str, value: Any) -> Mapping[str, Any] | None:
    """Return what a value consists of by name, None where it is one thing or a list without names."""
    if value is _ABSENT:
        return {}
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list):
        return None
    if member == "Env":
        return {name: _ABSENT if held is None else held for name, held in environment(value).items()} or None
    key_of = item_key(member)
    if key_of is None:
        return None
    named = {key_of(entry): entry for entry in value}
    return named if len(named) == len(value) else None


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _redacted(change: FieldChange) -> FieldChange:
    name = change.path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    old, new = (hide(value, name) for value in (change.old, change.new))
    if old == new:
        new = _mark_hidden(change.old, change.new, new)
    return replace(change, old=old, new=new)


def _mark_hidden(old: Any, new: Any, shown: Any) -> Any:
    """Say of what is hidden that it changed, where nothing else that is shown tells the old from the new."""
    if old == new:
        return shown
    if isinstance(shown, str):
        return shown.replace(HIDDEN, f"{HIDDEN} changed")
    if isinstance(shown, list):
        return [_mark_hidden(*items) for items in zip(old, new, shown, strict=True)]
    if isinstance(shown, Mapping):
        return {name: _mark_hidden(old[name], new[name], held) for name, held in shown.items()}
    return shown


def _settled_task(desired: Mapping[str, Any], live: Mapping[str, Any]) -> JSON:
    wanted, present = dict(desired.get("TaskTemplate") or {}), dict(live.get("TaskTemplate") or {})
    if not wanted.get("ForceUpdate") and present.get("ForceUpdate"):
        wanted["ForceUpdate"] = present["ForceUpdate"]
    if present.get("Placement") is not None and wanted.get("Placement") is None:
        wanted["Placement"] = {}
    normal_wanted = dict(normalise({**desired, "TaskTemplate": wanted}).get("TaskTemplate", {}))
    normal_present = dict(normalise(live).get("TaskTemplate", {}))
    same_placement = normal_wanted.pop("Placement", None) == normal_present.pop("Placement", None)
    if normal_wanted == normal_present:
        return present if same_placement else {**present, "Placement": wanted["Placement"]}
    return wanted


def _stored_task(spec: Mapping[str, Any]) -> JSON:
    """Return the task template as the Engine stores it, near enough to tell whether two are stored alike."""
    task = dict(spec.get("TaskTemplate") or {})
    if spec.get("Networks") and not task.get("Networks"):
        task["Networks"] = spec["Networks"]
    container = dict(task.get("ContainerSpec") or {})
    container["Isolation"] = container.get("Isolation") or "default"
    container["Mounts"] = [_stored_mount(mount) for mount in container.get("Mounts") or ()]
    task["ContainerSpec"] = container
    task["Runtime"] = task.get("Runtime") or "container"
    if task.get("RestartPolicy") is not None:
        task["RestartPolicy"] = {**task["RestartPolicy"], "Condition": task["RestartPolicy"].get("Condition") or "any"}
    stored: JSON = _stored(task)
    return stored


def _stored_mount(mount: Mapping[str, Any]) -> JSON:
    stored = {**mount, "Type": mount.get("Type") or "bind"}
    if not stored.get("BindOptions"):
        stored.pop("BindOptions", None)
    return stored


def _stored_endpoint(spec: Mapping[str, Any]) -> JSON | None:
    endpoint = spec.get("EndpointSpec")
    if endpoint is None:
        return None
    ports = [_stored(normal_port(port)) for port in endpoint.get("Ports") or ()]
    return {"Mode": endpoint.get("Mode") or "vip", "Ports": ports}


# The Engine stores these as given: a zero is not the same as nothing.
_STORED_ZEROS = frozenset({"Delay", "Init", "StopGracePeriod", "Window"})


def _stored(value: Any) -> Any:
    """Drop what is not stored: nulls, zeros and empty lists, but not empty objects."""
    if isinstance(value, Mapping):
        return {
            name: held if name in OPAQUE else _stored(held)
            for name, held in value.items()
            if not (held in (None, "", []) or (name in OPAQUE and not held) or _unstored_zero(name, held))
        }
    if isinstance(value, list):
        return [_stored(held) for held in value]
    return value


def _unstored_zero(name: str, value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and not value and name not in _STORED_ZEROS
