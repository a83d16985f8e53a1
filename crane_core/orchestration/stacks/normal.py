"""The normal form of a service spec: two specs that the Engine would carry out alike have the same one.

What the Engine fills in, drops and reorders when a spec is read back was found out on an Engine 20.10 (API 1.41); the
pairs of specs sent and read back are kept beside the tests. Times are in nanoseconds, as in all of the Engine's JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

JSON = dict[str, Any]

SECOND = 1_000_000_000
DEFAULT_STOP_GRACE_PERIOD = 10 * SECOND
DEFAULT_RESTART_DELAY = 5 * SECOND
DEFAULT_MONITOR = 5 * SECOND

# Their keys are the operator's own words, so an empty value in them says something.
OPAQUE = frozenset({"DriverOpts", "Labels", "Options", "Sysctls"})
# Objects that say something by being there, even when they are empty.
_MARKERS = frozenset({"Global", "GlobalJob", "Replicated", "ReplicatedJob", "Runtime"})
# Where zero or false is not the same as nothing said.
_TELLING_ZEROS = frozenset(
    {"Delay", "Init", "MaxConcurrent", "MemorySwappiness", "Parallelism", "Replicas", "StopGracePeriod", "SwapBytes"}
    | {"TotalCompletions"}
)


def normalise(spec: Mapping[str, Any]) -> JSON:
    """Return the normal form of a service spec.

    References stay as they are: whoever compares a desired spec with a live one fills in the ids of networks, configs
    and secrets first. The image stays as written, with or without its digest.

    >>> normalise({"Name": "web", "EndpointSpec": {"Mode": "vip"}, "Labels": None})
    {'Name': 'web', 'Mode': {'Replicated': {'Replicas': 1}}}
    """
    task = dict(spec.get("TaskTemplate") or {})
    if spec.get("Networks") and not task.get("Networks"):
        # Before API 1.25 a service's networks stood beside its task template, and the Engine still takes them there.
        task["Networks"] = spec["Networks"]
    full = {
        **{key: value for key, value in spec.items() if key != "Networks"},
        "TaskTemplate": _task(task),
        "Mode": _mode(spec.get("Mode") or {}),
        "UpdateConfig": _update(spec.get("UpdateConfig")),
        "RollbackConfig": _update(spec.get("RollbackConfig")),
        "EndpointSpec": _endpoint(spec.get("EndpointSpec") or {}),
    }
    pruned: JSON = _pruned(full)
    return pruned


def item_key(member: str) -> Callable[[Mapping[str, Any]], str] | None:
    """Return what tells the items of a list apart, None where the list has no such key."""
    return _ITEM_KEYS.get(member)


def normal_port(port: Mapping[str, Any]) -> JSON:
    """Return a published port with what the Engine fills in."""
    return {**port, "Protocol": port.get("Protocol") or "tcp", "PublishMode": port.get("PublishMode") or "ingress"}


def environment(variables: Sequence[str]) -> dict[str, str | None]:
    """Return variables by name, the last of a name winning as in the container; None for a name without ``=``."""
    named: dict[str, str | None] = {}
    for variable in variables:
        name, sign, value = variable.partition("=")
        named[name] = value if sign else None
    return named


def _task(task: JSON) -> JSON:
    task["ContainerSpec"] = _container(dict(task.get("ContainerSpec") or {}))
    task["RestartPolicy"] = _without(
        task.get("RestartPolicy"), Condition=("any",), Delay=(DEFAULT_RESTART_DELAY,), MaxAttempts=(0,), Window=(0,)
    )
    placement = dict(task.get("Placement") or {})
    placement["Constraints"] = sorted({_constraint(written) for written in placement.get("Constraints") or ()})
    placement["Platforms"] = sorted(placement.get("Platforms") or (), key=json.dumps)
    task["Placement"] = placement
    task["Networks"] = [
        {**network, "Aliases": sorted(set(network.get("Aliases") or ()))} for network in task.get("Networks") or ()
    ]
    if task.get("Runtime") == "container":
        del task["Runtime"]
    return task


def _container(container: JSON) -> JSON:
    container = _without(container, Isolation=("default",), StopGracePeriod=(DEFAULT_STOP_GRACE_PERIOD,))
    variables = environment(container.get("Env") or ())
    container["Env"] = [name if value is None else f"{name}={value}" for name, value in sorted(variables.items())]
    container["Groups"] = sorted(set(container.get("Groups") or ()))
    for member in ("CapabilityAdd", "CapabilityDrop"):
        container[member] = sorted({_capability(name) for name in container.get(member) or ()})
    container["Mounts"] = [_mount(mount) for mount in container.get("Mounts") or ()]
    return container


def _mount(mount: Mapping[str, Any]) -> JSON:
    return _without({**mount, "Type": mount.get("Type") or "bind"}, Consistency=("default",))


def _mode(mode: Mapping[str, Any]) -> JSON:
    if mode.get("ReplicatedJob") is not None:
        job = mode["ReplicatedJob"]
        concurrent = _given(job.get("MaxConcurrent"), 1)
        total = _given(job.get("TotalCompletions"), concurrent)
        return {"ReplicatedJob": {"MaxConcurrent": concurrent, "TotalCompletions": total}}
    for name in ("Global", "GlobalJob"):
        if mode.get(name) is not None:
            return {name: {}}
    return {"Replicated": {"Replicas": _given((mode.get("Replicated") or {}).get("Replicas"), 1)}}


def _update(config: Mapping[str, Any] | None) -> JSON:
    # The Engine updates one task at a time when it is told nothing, and all at once when it is told an empty object.
    if config is None:
        return {}
    said = _without(
        {**config, "Parallelism": config.get("Parallelism") or 0},
        Delay=(0,),
        FailureAction=("pause", ""),
        MaxFailureRatio=(0,),
        Monitor=(0, DEFAULT_MONITOR),
        Order=("stop-first", ""),
    )
    said = {name: value for name, value in said.items() if value is not None}
    return {} if said == {"Parallelism": 1} else said


def _endpoint(endpoint: Mapping[str, Any]) -> JSON:
    ports = [normal_port(port) for port in endpoint.get("Ports") or ()]
    return _without({**endpoint, "Ports": ports}, Mode=("vip",))


def _without(values: Mapping[str, Any] | None, **defaults: tuple[Any, ...]) -> JSON:
    """Return the values without those that are what the Engine does anyway."""
    return {name: value for name, value in (values or {}).items() if value not in defaults.get(name, ())}


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value


def _constraint(written: str) -> str:
    for operator in ("==", "!="):
        key, found, value = written.partition(operator)
        if found:
            return f"{key.strip()} {operator} {value.strip()}"
    return written.strip()


def _capability(name: str) -> str:
    upper = name.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def _pruned(value: Any, member: str = "") -> Any:
    """Drop what says nothing, and put lists whose order says nothing into one order."""
    if isinstance(value, Mapping):
        if member in OPAQUE:
            return dict(value)
        inner = {key: _pruned(item, key) for key, item in value.items()}
        return {key: item for key, item in inner.items() if not _says_nothing(key, item)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_pruned(item) for item in value]
        key_of = item_key(member)
        if key_of is not None:
            items.sort(key=lambda item: (key_of(item), json.dumps(item, sort_keys=True)))
        return items
    return value


def _says_nothing(member: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return not value and member not in _MARKERS
    if isinstance(value, (bool, int, float)):
        return not value and member not in _TELLING_ZEROS
    return not value


def _port_key(port: Mapping[str, Any]) -> str:
    target = f"{port.get('TargetPort', 0)}/{port.get('Protocol') or 'tcp'}"
    return f"{port['PublishedPort']}:{target}" if port.get("PublishedPort") else target


def _file_key(name_member: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda reference: str((reference.get("File") or {}).get("Name") or reference.get(name_member) or "")


def _generic_resource_key(resource: Mapping[str, Any]) -> str:
    named = resource.get("NamedResourceSpec") or {}
    kind = (resource.get("DiscreteResourceSpec") or named).get("Kind", "")
    return f"{kind}={named['Value']}" if named.get("Value") else str(kind)


_ITEM_KEYS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "Configs": _file_key("ConfigName"),
    "GenericResources": _generic_resource_key,
    "Mounts": lambda mount: str(mount.get("Target", "")),
    "Networks": lambda network: str(network.get("Target", "")),
    "Ports": _port_key,
    "Secrets": _file_key("SecretName"),
    "Ulimits": lambda limit: str(limit.get("Name", "")),
}
