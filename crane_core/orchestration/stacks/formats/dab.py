"""Distributed Application Bundles 0.1: the JSON files that ``docker deploy`` of Docker 1.13 took (``.dab``).

Their services were published on ports that the Engine chooses, joined networks of the stack under their own names, and
carried the stack's label on the service and its containers; so it is here. ``WorkingDir`` and ``User``, which Docker
read and then forgot, are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL, DesiredStack
from crane_core.orchestration.stacks.formats.document import Document, pointer_to, read_json
from crane_core.orchestration.stacks.formats.engine_shapes import LABELS, TEXTS
from crane_core.orchestration.stacks.formats.naming import (
    NAME_RULE,
    PREDEFINED_NETWORKS,
    is_image,
    is_name,
    is_pinned,
    overlay,
    scoped,
    stack_labels,
)
from crane_core.orchestration.stacks.formats.request import StackRequest
from crane_core.orchestration.stacks.formats.shapes import TEXT, WHOLE, Each, Named, Record

VERSION = "0.1"

_BUNDLE = Record(
    {
        "Version": TEXT,
        "Services": Named(
            Record(
                {
                    "Image": TEXT,
                    "Command": TEXTS,
                    "Args": TEXTS,
                    "Env": TEXTS,
                    "Labels": LABELS,
                    "Ports": Each(Record({"Protocol": TEXT, "Port": WHOLE})),
                    "WorkingDir": TEXT,
                    "User": TEXT,
                    "Networks": TEXTS,
                }
            )
        ),
    }
)


def load_dab(request: StackRequest) -> DesiredStack:
    """Turn a bundle into what the stack shall be.

    :raises InvalidStackFile: With everything that is wrong with it.
    """
    document = read_json(one_file(request))
    bundle = _BUNDLE.take(document.value, "", document)
    if bundle.get("Version") is None:
        document.reject("/Version", f'The version is missing; write "Version": "{VERSION}".')
    elif bundle["Version"] != VERSION:
        document.reject("/Version", f'There is no bundle of version "{bundle["Version"]}"; write "{VERSION}".')
    check_stack_name(request, document)
    services = {
        scoped(request.name, name): _service(request.name, name, service or {}, document)
        for name, service in (bundle.get("Services") or {}).items()
    }
    if not services and not document.violations:
        document.reject("/Services", "The bundle has no services; name at least one.")
    document.stop_if_invalid()
    targets = [network["Target"] for service in services.values() for network in service["TaskTemplate"]["Networks"]]
    return DesiredStack(
        request.name,
        networks={name: overlay(request.name, name) for name in targets if name not in PREDEFINED_NETWORKS},
        services=services,
        external_networks=tuple(dict.fromkeys(name for name in targets if name in PREDEFINED_NETWORKS)),
        warnings=tuple(document.warnings),
        places=document.places(),
    )


def one_file(request: StackRequest) -> Any:
    """Return the only file of a request; formats other than Compose cannot be merged."""
    document = Document(request.files[0].name if request.files else "")
    if len(request.files) != 1:
        document.reject("", "A bundle is one file; only Compose files can be merged.")
    document.stop_if_invalid()
    return request.files[0]


def check_stack_name(request: StackRequest, document: Document) -> None:
    """Note when the stack cannot be called so."""
    if not is_name(request.name):
        document.reject("", f'A stack cannot be called "{request.name}"; {NAME_RULE}.')


def check_image(image: str | None, pointer: str, document: Document) -> None:
    """Note when there is no image, or none that could exist."""
    if document.rejected(pointer):
        return
    if not image:
        document.reject(pointer, "The image is missing; a service needs one.")
    elif not is_image(image):
        document.reject(
            pointer, f'"{image}" is not the name of an image; write it as in registry.example/team/web:1.2.'
        )
    elif not is_pinned(image):
        document.warn(pointer, f'"{image}" has neither a tag nor a digest, so whatever is latest will run.')


def _service(stack: str, name: str, service: Mapping[str, Any], document: Document) -> dict[str, Any]:
    at = pointer_to("/Services", name)
    if not is_name(name):
        document.reject(at, f'A service cannot be called "{name}"; {NAME_RULE}.')
    image = service.get("Image")
    check_image(image, pointer_to(at, "Image"), document)
    container = {
        "Image": image or "",
        "Labels": {STACK_LABEL: stack},
        "Command": service.get("Command"),
        "Args": service.get("Args"),
        "Env": service.get("Env"),
        "Dir": service.get("WorkingDir"),
        "User": service.get("User"),
    }
    ports = [
        _port(port or {}, f"{at}/Ports/{index}", document) for index, port in enumerate(service.get("Ports") or ())
    ]
    return {
        "Name": scoped(stack, name),
        "Labels": stack_labels(stack, service.get("Labels"), image or ""),
        "TaskTemplate": {
            "ContainerSpec": {member: value for member, value in container.items() if value},
            "Networks": [
                _attachment(stack, name, network, f"{at}/Networks/{index}", document)
                for index, network in enumerate(dict.fromkeys(service.get("Networks") or ()))
                if network is not None
            ],
        },
        "EndpointSpec": {"Ports": ports},
    }


def _port(port: Mapping[str, Any], at: str, document: Document) -> dict[str, Any]:
    number, protocol = port.get("Port"), (port.get("Protocol") or "tcp").lower()
    if not document.rejected(f"{at}/Port") and not 1 <= (number or 0) <= 65535:
        document.reject(f"{at}/Port", "A port is a number from 1 to 65535.")
    if protocol not in ("tcp", "udp", "sctp"):
        document.reject(f"{at}/Protocol", f'There is no protocol "{protocol}"; write tcp, udp or sctp.')
    return {"Protocol": protocol, "TargetPort": number}


def _attachment(stack: str, service: str, network: str, at: str, document: Document) -> dict[str, Any]:
    if not is_name(network):
        document.reject(at, f'A network cannot be called "{network}"; {NAME_RULE}.')
    if network in PREDEFINED_NETWORKS:
        return {"Target": network}
    return {"Target": scoped(stack, network), "Aliases": [service]}
