"""The shapes of a service's spec: which members the Engine knows, which it gives back, and what it fills in.

An Engine decodes a spec into typed structures and encodes it again: it drops what it does not know, most of what is
empty, and null; and it fills in a few defaults. The tables below say so for Engine API 1.41, as observed on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.testing.answers import Refusal


@dataclass(frozen=True)
class Member:
    """A member of a structure.

    :param kind: ``string``, ``uint``, ``int``, ``float``, ``bool``, ``map``, ``strings``, or the name of a structure.
    :param many: Whether it is a list of them.
    :param pointer: Whether empty differs from absent, so that zero is given back.
    :param always: Whether it is given back even when nobody sent it.
    :param default: What stands in for it when it was not sent.
    """

    kind: str
    many: bool = False
    pointer: bool = False
    always: bool = False
    default: Any = None


STRING, BOOL, MAP, STRINGS = Member("string"), Member("bool"), Member("map"), Member("strings")
INT, UINT = Member("int"), Member("uint")
INT_POINTER = Member("int", pointer=True)


def _of(kind: str) -> Member:
    return Member(kind, pointer=True)


def _list(kind: str) -> Member:
    return Member(kind, many=True)


_UPDATE = {
    "Parallelism": Member("uint", always=True, default=0),
    "Delay": INT,
    "FailureAction": Member("string", default="pause"),
    "Monitor": INT,
    "MaxFailureRatio": Member("float", always=True, default=0),
    "Order": Member("string", default="stop-first"),
}
_FILE = {"Name": STRING, "UID": STRING, "GID": STRING, "Mode": Member("uint", always=True, default=0)}

STRUCTURES: Mapping[str, Mapping[str, Member]] = {
    "ServiceSpec": {
        "Name": STRING,
        "Labels": Member("map", always=True, default={}),
        "TaskTemplate": Member("TaskSpec", pointer=True, always=True, default={}),
        "Mode": Member("ServiceMode", pointer=True, always=True, default={}),
        "UpdateConfig": _of("UpdateConfig"),
        "RollbackConfig": _of("UpdateConfig"),
        "Networks": _list("NetworkAttachmentConfig"),
        "EndpointSpec": _of("EndpointSpec"),
    },
    "ServiceMode": {
        "Replicated": _of("ReplicatedService"),
        "Global": _of("Nothing"),
        "ReplicatedJob": _of("ReplicatedJob"),
        "GlobalJob": _of("Nothing"),
    },
    "Nothing": {},
    "ReplicatedService": {"Replicas": Member("uint", pointer=True, default=1)},
    "ReplicatedJob": {"MaxConcurrent": Member("uint", pointer=True), "TotalCompletions": Member("uint", pointer=True)},
    "UpdateConfig": _UPDATE,
    "EndpointSpec": {"Mode": Member("string", default="vip"), "Ports": _list("PortConfig")},
    "PortConfig": {
        "Name": STRING,
        "Protocol": Member("string", default="tcp"),
        "TargetPort": UINT,
        "PublishedPort": UINT,
        "PublishMode": Member("string", default="ingress"),
    },
    "NetworkAttachmentConfig": {"Target": STRING, "Aliases": STRINGS, "DriverOpts": MAP},
    "TaskSpec": {
        "ContainerSpec": _of("ContainerSpec"),
        "PluginSpec": _of("Nothing"),
        "Resources": _of("ResourceRequirements"),
        "RestartPolicy": _of("RestartPolicy"),
        "Placement": _of("Placement"),
        "Networks": _list("NetworkAttachmentConfig"),
        "LogDriver": _of("Driver"),
        "ForceUpdate": Member("uint", always=True, default=0),
        "Runtime": Member("string", default="container"),
    },
    "ResourceRequirements": {"Limits": _of("Limit"), "Reservations": _of("Resources")},
    "Limit": {"NanoCPUs": INT, "MemoryBytes": INT, "Pids": INT},
    "Resources": {"NanoCPUs": INT, "MemoryBytes": INT, "GenericResources": _list("GenericResource")},
    "GenericResource": {
        "NamedResourceSpec": _of("NamedGenericResource"),
        "DiscreteResourceSpec": _of("DiscreteGenericResource"),
    },
    "NamedGenericResource": {"Kind": STRING, "Value": STRING},
    "DiscreteGenericResource": {"Kind": STRING, "Value": INT},
    "RestartPolicy": {
        "Condition": Member("string", default="any"),
        "Delay": INT_POINTER,
        "MaxAttempts": Member("uint", pointer=True, always=True, default=0),
        "Window": INT_POINTER,
    },
    "Placement": {
        "Constraints": STRINGS,
        "Preferences": _list("PlacementPreference"),
        "MaxReplicas": UINT,
        "Platforms": _list("Platform"),
    },
    "PlacementPreference": {"Spread": _of("SpreadOver")},
    "SpreadOver": {"SpreadDescriptor": Member("string", always=True, default="")},
    "Platform": {"Architecture": STRING, "OS": STRING},
    "Driver": {"Name": STRING, "Options": MAP},
    "ContainerSpec": {
        "Image": STRING,
        "Labels": MAP,
        "Command": STRINGS,
        "Args": STRINGS,
        "Hostname": STRING,
        "Env": STRINGS,
        "Dir": STRING,
        "User": STRING,
        "Groups": STRINGS,
        "Privileges": _of("Privileges"),
        "Init": Member("bool", pointer=True),
        "StopSignal": STRING,
        "TTY": BOOL,
        "OpenStdin": BOOL,
        "ReadOnly": BOOL,
        "Mounts": _list("Mount"),
        "StopGracePeriod": INT_POINTER,
        "Healthcheck": _of("HealthConfig"),
        "Hosts": STRINGS,
        "DNSConfig": _of("DNSConfig"),
        "Secrets": _list("SecretReference"),
        "Configs": _list("ConfigReference"),
        "Isolation": Member("string", default="default"),
        "Sysctls": MAP,
        "CapabilityAdd": STRINGS,
        "CapabilityDrop": STRINGS,
        "Ulimits": _list("Ulimit"),
    },
    "Privileges": {
        "CredentialSpec": Member("CredentialSpec", pointer=True, always=True),
        "SELinuxContext": Member("SELinuxContext", pointer=True, always=True),
    },
    "CredentialSpec": {
        "Config": Member("string", always=True, default=""),
        "File": Member("string", always=True, default=""),
        "Registry": Member("string", always=True, default=""),
    },
    "SELinuxContext": {
        "Disable": Member("bool", always=True, default=False),
        "User": Member("string", always=True, default=""),
        "Role": Member("string", always=True, default=""),
        "Type": Member("string", always=True, default=""),
        "Level": Member("string", always=True, default=""),
    },
    "HealthConfig": {"Test": STRINGS, "Interval": INT, "Timeout": INT, "StartPeriod": INT, "Retries": INT},
    "DNSConfig": {"Nameservers": STRINGS, "Search": STRINGS, "Options": STRINGS},
    "Ulimit": {
        "Name": STRING,
        "Hard": Member("int", always=True, default=0),
        "Soft": Member("int", always=True, default=0),
    },
    "SecretReference": {"File": _of("File"), "SecretID": STRING, "SecretName": STRING},
    "ConfigReference": {"File": _of("File"), "Runtime": _of("Nothing"), "ConfigID": STRING, "ConfigName": STRING},
    "File": _FILE,
    "Mount": {
        "Type": STRING,
        "Source": STRING,
        "Target": STRING,
        "ReadOnly": BOOL,
        "Consistency": STRING,
        "BindOptions": _of("BindOptions"),
        "VolumeOptions": _of("VolumeOptions"),
        "TmpfsOptions": _of("TmpfsOptions"),
    },
    "BindOptions": {"Propagation": STRING, "NonRecursive": BOOL},
    "VolumeOptions": {"NoCopy": BOOL, "Labels": MAP, "DriverConfig": _of("Driver")},
    "TmpfsOptions": {"SizeBytes": INT, "Mode": UINT},
}

_JSON_NAMES = {bool: "bool", str: "string", int: "number", float: "number", list: "array", dict: "object"}
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int": (int,),
    "uint": (int,),
    "float": (int, float),
    "map": (dict,),
    "strings": (list,),
}
_GO_NAMES = {"uint": "uint64", "int": "int64", "map": "map[string]string", "strings": "[]string", "float": "float32"}


def read(structure: str, value: Any, path: str = "") -> dict[str, Any]:
    """Return a value the way the Engine gives it back.

    :param structure: The name of its shape in :data:`STRUCTURES`.
    :raises Refusal: 400, when a member has the wrong type.
    """
    if not isinstance(value, dict):
        raise _mismatch(value, structure, path, f"swarm.{structure}")
    known: dict[str, Any] = {}
    for name, member in STRUCTURES[structure].items():
        sent = value.get(name)
        read_one = _read_member(structure, member, sent, f"{path}.{name}" if path else name)
        if read_one is not None or member.always:
            known[name] = read_one
    return known


def _read_member(structure: str, member: Member, sent: Any, path: str) -> Any:
    if member.kind in STRUCTURES:
        if sent is None:
            return dict(member.default) if member.default is not None else None
        if not member.many:
            return read(member.kind, sent, path)
        if not isinstance(sent, list):
            raise _mismatch(sent, structure, path, f"[]swarm.{member.kind}")
        return [read(member.kind, one, path) for one in sent] or None
    if sent is not None and (
        not isinstance(sent, _PYTHON_TYPES[member.kind]) or (isinstance(sent, bool) and member.kind != "bool")
    ):
        raise _mismatch(sent, structure, path, _GO_NAMES.get(member.kind, member.kind))
    if sent is None or (not sent and not member.pointer):
        return member.default
    return sent


def _mismatch(value: Any, structure: str, path: str, go_type: str) -> Refusal:
    found = _JSON_NAMES.get(type(value), "null")
    return Refusal(400, f"json: cannot unmarshal {found} into Go struct field {structure}.{path} of type {go_type}")
