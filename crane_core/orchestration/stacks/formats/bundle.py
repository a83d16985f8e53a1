"""Crane bundles: the JSON files that the Crane of 2016 deployed.

::

    {"Namespace": "shop", "Stack": {"Version": "0.1", "Services": {"web": {"Name": "web", "TaskTemplate": {...}}}}}

The content of ``Stack`` alone is taken too. The case of names is ignored, except where names are the operator's own
(labels, options). The services are the Engine's own specs, so whatever the Engine knows may stand in them.

A network that a service names is one of two things, and only the Swarm can tell which: a network of exactly that name
that exists already, or else one that the stack makes for itself under ``<stack>_<network>``. So each stands among the
networks of the stack under its full name, and in ``adoptable_networks`` with the plain one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL, DesiredStack
from crane_core.orchestration.stacks.formats.dab import check_image, check_stack_name, one_file
from crane_core.orchestration.stacks.formats.document import Document, pointer_to, read_json
from crane_core.orchestration.stacks.formats.engine_shapes import SERVICE
from crane_core.orchestration.stacks.formats.naming import (
    NAME_RULE,
    PREDEFINED_NETWORKS,
    is_name,
    overlay,
    plain,
    scoped,
    stack_labels,
)
from crane_core.orchestration.stacks.formats.request import StackRequest
from crane_core.orchestration.stacks.formats.shapes import TEXT, Named, Record

JSON = dict[str, Any]

REGISTRY_AUTH_LABEL = "crane.reserved.registry.auth"

# The least that the Engine gives to a container that is limited at all.
LEAST_NANO_CPUS = 1_000_000
LEAST_MEMORY_BYTES = 4 * 1024 * 1024

_STACK = Record({"Version": TEXT, "Services": Named(Record({**SERVICE, "RegistryAuth": TEXT}))})
_BUNDLE = Record({"Namespace": TEXT, "Stack": _STACK})

_CONSTRAINT_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]+")
_CONSTRAINT_VALUE = re.compile(r"[A-Za-z0-9 :_.*()?+\[\]\\^$|/-]+")

# What a member of the Engine's spec may say where it is one of few words.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "TaskTemplate/RestartPolicy/Condition": ("none", "on-failure", "any"),
    "UpdateConfig/FailureAction": ("continue", "pause", "rollback"),
    "UpdateConfig/Order": ("stop-first", "start-first"),
    "RollbackConfig/FailureAction": ("continue", "pause"),
    "RollbackConfig/Order": ("stop-first", "start-first"),
    "EndpointSpec/Mode": ("vip", "dnsrr"),
}
_NOT_NEGATIVE = (
    "TaskTemplate/RestartPolicy/Delay",
    "TaskTemplate/RestartPolicy/Window",
    "TaskTemplate/RestartPolicy/MaxAttempts",
    "TaskTemplate/ContainerSpec/StopGracePeriod",
    "UpdateConfig/Delay",
    "UpdateConfig/Monitor",
    "UpdateConfig/Parallelism",
    "RollbackConfig/Delay",
    "RollbackConfig/Monitor",
    "RollbackConfig/Parallelism",
    "Mode/Replicated/Replicas",
    "Mode/ReplicatedJob/MaxConcurrent",
    "Mode/ReplicatedJob/TotalCompletions",
)


def load_bundle(request: StackRequest) -> DesiredStack:
    """Turn a bundle into what the stack shall be.

    The stack's name is the one of the request; a ``Namespace`` that differs is told of and not used.

    :raises InvalidStackFile: With everything that is wrong with it.
    """
    document = read_json(one_file(request))
    check_stack_name(request, document)
    stack, at = _stack_of(request, document)
    services: dict[str, JSON] = {}
    attached: dict[str, list[str]] = {}
    pointers: dict[str, str] = {}
    for key, service in (stack.get("Services") or {}).items():
        pointer = pointer_to(f"{at}/Services", key)
        name = scoped(request.name, key)
        if name in services:
            document.reject(
                pointer, f'"{key}" is the same service as another one here; both are "{name}" in the Swarm.'
            )
            continue
        _check_service(key, service or {}, pointer, request.name, document)
        pointers[name] = pointer
        services[name], attached[name] = _service(request.name, key, service or {}, pointer, document)
    _check_published(services, pointers, request.name, document)
    document.stop_if_invalid()

    names = list(dict.fromkeys(network for networks in attached.values() for network in networks))
    made = {scoped(request.name, name): name for name in names if name not in PREDEFINED_NETWORKS}
    references = [service["TaskTemplate"]["ContainerSpec"] for service in services.values()]
    return DesiredStack(
        request.name,
        networks={full: overlay(request.name, full) for full in made},
        services=services,
        external_networks=tuple(name for name in names if name in PREDEFINED_NETWORKS),
        external_configs=_named(references, "Configs", "ConfigName"),
        external_secrets=_named(references, "Secrets", "SecretName"),
        adoptable_networks={full: name for full, name in made.items() if full != name},
        warnings=tuple(document.warnings),
        places=document.places(),
    )


def _stack_of(request: StackRequest, document: Document) -> tuple[JSON, str]:
    """Return the content of ``Stack`` and its pointer, whether it was sent alone or in a bundle."""
    value = document.value
    if isinstance(value, Mapping) and any(name.lower() == "services" for name in value):
        return _STACK.take(value, "", document), ""
    bundle = _BUNDLE.take(value, "", document)
    namespace = bundle.get("Namespace")
    if namespace is not None:
        if not is_name(namespace):
            document.reject("/Namespace", f'A stack cannot be called "{namespace}"; {NAME_RULE}.')
        elif namespace != request.name:
            document.warn(
                "/Namespace", f'The bundle is of "{namespace}"; it is deployed as "{request.name}", as you asked.'
            )
    if bundle.get("Stack") is None and not document.violations:
        document.reject("", 'There is no "Stack" in the bundle; its services stand in there.')
    written = next((name for name in value if name.lower() == "stack"), "Stack") if isinstance(value, Mapping) else ""
    return bundle.get("Stack") or {}, pointer_to("", written)


def _service(stack: str, key: str, service: JSON, at: str, document: Document) -> tuple[JSON, list[str]]:
    """Return a service's spec, and the networks that it joins as the bundle calls them."""
    spec = {member: value for member, value in service.items() if value is not None}
    task = {**(spec.get("TaskTemplate") or {})}
    container = {**(task.get("ContainerSpec") or {})}
    own = {label: value for label, value in (spec.get("Labels") or {}).items() if label != REGISTRY_AUTH_LABEL}
    if login := spec.pop("RegistryAuth", None):
        own[REGISTRY_AUTH_LABEL] = login
    networks = [
        *_attachments(spec.pop("Networks", None), f"{at}/Networks"),
        *_attachments(task.get("Networks"), f"{at}/TaskTemplate/Networks"),
    ]
    internal = plain(stack, key)
    joined: dict[str, JSON] = {}
    for network, pointer in networks:
        target = str(network.get("Target") or "")
        if target not in PREDEFINED_NETWORKS and not is_name(target):
            document.reject(pointer, f'A network cannot be called "{target}"; {NAME_RULE}.')
        elif target in PREDEFINED_NETWORKS:
            joined[target] = {"Target": target}
        else:
            aliases = network.get("Aliases") or [internal]
            joined[target] = {**network, "Target": scoped(stack, target), "Aliases": list(aliases)}
    container["Labels"] = {**(container.get("Labels") or {}), STACK_LABEL: stack}
    task["ContainerSpec"] = container
    task["Networks"] = list(joined.values())
    spec |= {
        "Name": scoped(stack, key),
        "Labels": stack_labels(stack, own, str(container.get("Image") or "")),
        "TaskTemplate": task,
    }
    return spec, list(joined)


def _attachments(networks: Any, at: str) -> Iterator[tuple[JSON, str]]:
    for index, network in enumerate(networks or ()):
        yield ({"Target": network} if isinstance(network, str) else network or {}), f"{at}/{index}"


def _check_service(key: str, service: JSON, at: str, stack: str, document: Document) -> None:
    """Note what the Engine would refuse, and what Crane has always refused."""
    if not is_name(key):
        document.reject(at, f'A service cannot be called "{key}"; {NAME_RULE}.')
    name = service.get("Name")
    if not name:
        if not document.rejected(f"{at}/Name"):
            document.reject(f"{at}/Name", 'The name is missing; write the service\'s name as "Name".')
    elif not is_name(name):
        document.reject(f"{at}/Name", f'A service cannot be called "{name}"; {NAME_RULE}.')
    elif plain(stack, name) != plain(stack, key):
        document.warn(f"{at}/Name", f'The service is called "{plain(stack, key)}", as its key says, not "{name}".')
    check_image(_at(service, "TaskTemplate/ContainerSpec/Image"), f"{at}/TaskTemplate/ContainerSpec/Image", document)
    for path in _NOT_NEGATIVE:
        if (_at(service, path) or 0) < 0:
            document.reject(f"{at}/{path}", "This cannot be negative; leave it out for the default.")
    for path, words in _WORDS.items():
        word = _at(service, path)
        if word and word not in words:
            document.reject(f"{at}/{path}", f'"{word}" is not known here; write {" or ".join(words)}.')
    _check_resources(service, at, document)
    _check_constraints(service, at, document)
    _check_ports(service, at, document)
    _check_references(service, at, document)
    modes = [mode for mode, value in (service.get("Mode") or {}).items() if value is not None]
    if len(modes) > 1:
        document.reject(f"{at}/Mode", f"A service has one mode, and here are {' and '.join(modes)}; keep one.")


def _check_resources(service: JSON, at: str, document: Document) -> None:
    for part in ("Limits", "Reservations"):
        path = f"TaskTemplate/Resources/{part}"
        given = _at(service, path) or {}
        if (cpus := given.get("NanoCPUs") or 0) and cpus < LEAST_NANO_CPUS:
            document.reject(
                f"{at}/{path}/NanoCPUs", f"Give at least {LEAST_NANO_CPUS}, which is 0.001 processors, or 0."
            )
        if (memory := given.get("MemoryBytes") or 0) and memory < LEAST_MEMORY_BYTES:
            document.reject(f"{at}/{path}/MemoryBytes", f"Give at least {LEAST_MEMORY_BYTES}, which is 4 MiB, or 0.")


def _check_constraints(service: JSON, at: str, document: Document) -> None:
    for index, constraint in enumerate(_at(service, "TaskTemplate/Placement/Constraints") or ()):
        if constraint is None:
            continue
        operator = "==" if "==" in constraint else "!="
        key, found, value = (part.strip() for part in constraint.partition(operator))
        if not (found and _CONSTRAINT_KEY.fullmatch(key) and _CONSTRAINT_VALUE.fullmatch(value)):
            pointer = f"{at}/TaskTemplate/Placement/Constraints/{index}"
            document.reject(pointer, f'"{constraint}" is no constraint; write it as in node.labels.disk == ssd.')


def _check_ports(service: JSON, at: str, document: Document) -> None:
    endpoint = service.get("EndpointSpec") or {}
    ports = [port or {} for port in endpoint.get("Ports") or ()]
    at = f"{at}/EndpointSpec"
    if endpoint.get("Mode") == "dnsrr" and any((port.get("PublishMode") or "ingress") == "ingress" for port in ports):
        document.reject(f"{at}/Mode", "A service in the mode dnsrr cannot publish ports; use the mode vip.")
    for index, port in enumerate(ports):
        if port in ports[:index]:
            document.reject(f"{at}/Ports/{index}", "This port is given twice; give it once.")
        for member, least in (("TargetPort", 1), ("PublishedPort", 0)):
            number, pointer = port.get(member), f"{at}/Ports/{index}/{member}"
            if not least <= (number or 0) <= 65535 and not document.rejected(pointer):
                document.reject(pointer, f"A port is a number from {least} to 65535.")
        for member, words in (("Protocol", ("tcp", "udp", "sctp")), ("PublishMode", ("ingress", "host"))):
            if (word := port.get(member)) and word not in words:
                document.reject(
                    f"{at}/Ports/{index}/{member}", f'"{word}" is not known here; write {" or ".join(words)}.'
                )


def _check_published(services: Mapping[str, JSON], pointers: Mapping[str, str], stack: str, document: Document) -> None:
    """Note each port that two services of the bundle want; only the Swarm knows about those of others."""
    taken: dict[tuple[int, str], str] = {}
    for name, spec in services.items():
        for index, port in enumerate((spec.get("EndpointSpec") or {}).get("Ports") or ()):
            number = (port or {}).get("PublishedPort")
            if not number or port.get("PublishMode") == "host":
                continue
            wanted = (number, port.get("Protocol") or "tcp")
            holder = taken.setdefault(wanted, name)
            if holder != name:
                pointer = f"{pointers[name]}/EndpointSpec/Ports/{index}/PublishedPort"
                document.reject(
                    pointer, f'Port {number}/{wanted[1]} is published by "{plain(stack, holder)}" too; choose another.'
                )


def _check_references(service: JSON, at: str, document: Document) -> None:
    container = _at(service, "TaskTemplate/ContainerSpec") or {}
    for member, name in (("Configs", "ConfigName"), ("Secrets", "SecretName")):
        for index, reference in enumerate(container.get(member) or ()):
            if not (reference or {}).get(name):
                pointer = f"{at}/TaskTemplate/ContainerSpec/{member}/{index}"
                document.reject(pointer, f'Give the name as "{name}"; ids are of one Swarm only.')


def _named(containers: list[JSON], member: str, name: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(reference[name] for container in containers for reference in container.get(member) or ())
    )


def _at(service: Any, path: str) -> Any:
    """Return what stands at a path of member names, None where nothing does."""
    for member in path.split("/"):
        service = service.get(member) if isinstance(service, Mapping) else None
    return service
