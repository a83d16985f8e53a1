"""Turn the options of ``crane service update`` into a JSON merge patch of the service's live spec.

A merge patch replaces a list as a whole, so that lists are made from the live ones: what the options do not name stays
as it is. Values that are shown hidden are sent back hidden, and the server knows what they stand for.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from crane_cli.values import parse_cpus, parse_duration, parse_port, parse_size

Spec = Mapping[str, Any]
Patch = dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What the options ask for: single values by the option's name, and lists by theirs.

    :param values: ``image``, ``replicas``, ``limit_cpu`` ...; only those that were given.
    :param lists: ``env_add``, ``label_rm`` ...; empty ones included.
    :param force: Whether the tasks are to be replaced even if nothing else asks for it.
    :param environment: Where the value of a variable comes from that is named without one.
    """

    values: Mapping[str, Any]
    lists: Mapping[str, Sequence[str]]
    force: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_patch(spec: Spec, changes: Changes) -> Patch:
    """Return the merge patch that makes the changes; empty where there is nothing to change.

    :raises click.BadParameter: An option's value is wrong, or the service has nothing that it could change.
    """
    patch: Patch = {}
    for name, value in changes.values.items():
        path, convert = _VALUES[name]
        _put(patch, path, convert(value) if convert else value)
    if (replicas := changes.values.get("replicas")) is not None:
        del patch["replicas"]
        _put(patch, _replicas_path(spec), replicas)
    for make in (_patch_env, _patch_labels, _patch_constraints, _patch_ports):
        make(patch, spec, changes)
    if changes.force:
        _put(patch, ("TaskTemplate", "ForceUpdate"), int(_read(spec, ("TaskTemplate", "ForceUpdate")) or 0) + 1)
    return patch


_CONTAINER = ("TaskTemplate", "ContainerSpec")
_RESOURCES = ("TaskTemplate", "Resources")
_RESTART = ("TaskTemplate", "RestartPolicy")

_VALUES: Mapping[str, tuple[tuple[str, ...], Callable[[Any], Any] | None]] = {
    "image": ((*_CONTAINER, "Image"), None),
    "args": ((*_CONTAINER, "Args"), shlex.split),
    "replicas": (("replicas",), None),
    "limit_cpu": ((*_RESOURCES, "Limits", "NanoCPUs"), parse_cpus),
    "limit_memory": ((*_RESOURCES, "Limits", "MemoryBytes"), parse_size),
    "reserve_cpu": ((*_RESOURCES, "Reservations", "NanoCPUs"), parse_cpus),
    "reserve_memory": ((*_RESOURCES, "Reservations", "MemoryBytes"), parse_size),
    "restart_condition": ((*_RESTART, "Condition"), None),
    "restart_delay": ((*_RESTART, "Delay"), parse_duration),
    "restart_max_attempts": ((*_RESTART, "MaxAttempts"), None),
    "update_parallelism": (("UpdateConfig", "Parallelism"), None),
    "update_delay": (("UpdateConfig", "Delay"), parse_duration),
    "update_monitor": (("UpdateConfig", "Monitor"), parse_duration),
    "update_order": (("UpdateConfig", "Order"), None),
    "update_failure_action": (("UpdateConfig", "FailureAction"), None),
    "update_max_failure_ratio": (("UpdateConfig", "MaxFailureRatio"), None),
}


def _replicas_path(spec: Spec) -> tuple[str, ...]:
    mode = spec.get("Mode") or {}
    if "ReplicatedJob" in mode:
        return ("Mode", "ReplicatedJob", "TotalCompletions")
    if "Global" in mode or "GlobalJob" in mode:
        raise click.BadParameter("The service is global: it has one task on each node, and no number of replicas.")
    return ("Mode", "Replicated", "Replicas")


def _patch_env(patch: Patch, spec: Spec, changes: Changes) -> None:
    added, removed = changes.lists.get("env_add", ()), set(changes.lists.get("env_rm", ()))
    if not added and not removed:
        return
    path = (*_CONTAINER, "Env")
    wanted = {}
    for told in added:
        name, equals, _ = told.partition("=")
        # A variable without a value takes the one of this shell, and exists without one where this shell has none.
        value = changes.environment.get(name)
        wanted[name] = told if equals or value is None else f"{name}={value}"
    kept = [told for told in _read(spec, path) or () if told.partition("=")[0] not in removed]
    replaced = [wanted.pop(told.partition("=")[0], told) for told in kept]
    _put(patch, path, [*replaced, *wanted.values()])


def _patch_labels(patch: Patch, spec: Spec, changes: Changes) -> None:
    for option, path in (("label", ("Labels",)), ("container_label", (*_CONTAINER, "Labels"))):
        labels: dict[str, str | None] = {}
        present = _read(spec, path) or {}
        for name in changes.lists.get(f"{option}_rm", ()):
            if name in present:
                labels[name] = None
        for told in changes.lists.get(f"{option}_add", ()):
            name, _, value = told.partition("=")
            labels[name] = value
        if labels:
            _put(patch, path, labels)


def _patch_constraints(patch: Patch, spec: Spec, changes: Changes) -> None:
    added, removed = changes.lists.get("constraint_add", ()), changes.lists.get("constraint_rm", ())
    if not added and not removed:
        return
    path = ("TaskTemplate", "Placement", "Constraints")
    gone = {_tight(constraint) for constraint in (*removed, *added)}
    kept = [constraint for constraint in _read(spec, path) or () if _tight(constraint) not in gone]
    _put(patch, path, [*kept, *added])


def _tight(constraint: str) -> str:
    return "".join(constraint.split())


def _patch_ports(patch: Patch, spec: Spec, changes: Changes) -> None:
    added = [port for told in changes.lists.get("publish_add", ()) for port in parse_port(told)]
    removed = [port for told in changes.lists.get("publish_rm", ()) for port in parse_port(told)]
    if not added and not removed:
        return
    path = ("EndpointSpec", "Ports")
    gone = {(port["TargetPort"], port["Protocol"]) for port in removed}
    replaced = {(port["TargetPort"], port["Protocol"], port.get("PublishedPort")) for port in added}
    kept = []
    for port in _read(spec, path) or ():
        target = (port.get("TargetPort"), port.get("Protocol") or "tcp")
        if target not in gone and (*target, port.get("PublishedPort")) not in replaced:
            kept.append(port)
    _put(patch, path, [*kept, *added])


def _read(spec: Spec, path: tuple[str, ...]) -> Any:
    value: Any = spec
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _put(patch: Patch, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        patch = patch.setdefault(name, {})
    patch[path[-1]] = value
