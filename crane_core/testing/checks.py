"""What the manager refuses: the checks of specs, in its own words."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from crane_core.testing.answers import Refusal, invalid, refuse
from crane_core.testing.placement import parse_constraint
from crane_core.testing.records import ServiceRecord, Store

_DNS_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?")
_DATA_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,62}[a-zA-Z0-9])?")
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.:_-]+/)?[a-z0-9._/-]+(?::[A-Za-z0-9_.-]{1,128})?(?:@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?"
)


def check_name(name: str) -> None:
    """Refuse what is no name of a service or network."""
    if not name:
        raise invalid("meta: name must be provided")
    if len(name) > 63:
        raise invalid("name must be 63 characters or fewer")
    if not _DNS_NAME.fullmatch(name):
        raise invalid("name must be valid as a DNS name component")


def check_data_name(name: str) -> None:
    """Refuse what is no name of a config or secret."""
    if not name:
        raise invalid("name must be provided")
    if not _DATA_NAME.fullmatch(name):
        raise invalid(
            "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, "
            "and the start and end character must be [a-zA-Z0-9]"
        )


def check_data(kind: str, data: str) -> None:
    """Refuse content that is empty, too large, or no base64."""
    try:
        size = len(base64.b64decode(data, validate=True))
    except binascii.Error:
        position = next((i for i, letter in enumerate(data) if not letter.isalnum() and letter not in "+/="), 0)
        raise Refusal(400, f"illegal base64 data at input byte {position}") from None
    most = 1024000 if kind == "config" else 512000
    if not 0 < size < most:
        raise invalid(f"{kind} data must be larger than 0 and less than {most} bytes")


def check_service(store: Store, sent: dict[str, Any], spec: dict[str, Any], present: ServiceRecord | None) -> None:
    """Refuse a service's spec that the Engine would refuse.

    :param sent: As it was sent.
    :param spec: As the Engine would give it back.
    :param present: The service that it is to replace.
    """
    modes = [mode for mode, value in (sent.get("Mode") or {}).items() if value is not None]
    if len(modes) > 1:
        raise Refusal(400, "must specify only one service mode")
    template = spec["TaskTemplate"]
    container = template.get("ContainerSpec")
    if container is None:
        raise Refusal(400, "mismatched Runtime and *Spec fields")
    _check_choices(spec)
    check_name(spec.get("Name", ""))
    _check_container(container)
    _check_resources(template.get("Resources") or {})
    _check_placement(template.get("Placement") or {})
    _check_endpoint(store, spec, present)
    _check_references(store, container)
    is_job = any(mode in spec["Mode"] for mode in ("ReplicatedJob", "GlobalJob"))
    if is_job and "UpdateConfig" in spec:
        raise invalid("Jobs may not have an update config")
    named = store.services.named(spec["Name"])
    if named is not None and named is not present:
        raise refuse(
            "AlreadyExists", f"name conflicts with an existing object: service {spec['Name']} already exists", 409
        )


def _check_choices(spec: dict[str, Any]) -> None:
    policy = spec["TaskTemplate"].get("RestartPolicy") or {}
    if policy.get("Condition", "any") not in ("none", "on-failure", "any"):
        raise Refusal(400, f'invalid RestartCondition: "{policy["Condition"]}"')
    for name in ("UpdateConfig", "RollbackConfig"):
        config = spec.get(name) or {}
        if config.get("FailureAction", "pause") not in ("pause", "continue", "rollback"):
            raise Refusal(400, f"unrecognized update failure action {config['FailureAction']}")
        if config.get("Order", "stop-first") not in ("stop-first", "start-first"):
            raise Refusal(400, f"unrecognized update order {config['Order']}")
        if not 0 <= config.get("MaxFailureRatio", 0) <= 1:
            raise invalid("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1")


def _check_container(container: dict[str, Any]) -> None:
    image = container.get("Image", "")
    if not image:
        raise invalid("ContainerSpec: image reference must be provided")
    if not _IMAGE.fullmatch(image):
        raise invalid(f'ContainerSpec: "{image}" is not a valid repository/tag')
    targets: set[str] = set()
    for mount in container.get("Mounts") or ():
        if mount.get("Target", "") in targets:
            raise invalid(f"ContainerSpec: duplicate mount point: {mount['Target']}")
        targets.add(mount.get("Target", ""))


def _check_resources(resources: dict[str, Any]) -> None:
    for part in ("Limits", "Reservations"):
        amounts = resources.get(part) or {}
        if 0 < (cpus := amounts.get("NanoCPUs", 0)) < 10**6:
            raise invalid(f"invalid cpu value {cpus / 1e9:g}: Must be at least 0.001")
        if 0 < (memory := amounts.get("MemoryBytes", 0)) < 4 * 2**20:
            raise invalid(f"invalid memory value {memory}: Must be at least 4MiB")


def _check_placement(placement: dict[str, Any]) -> None:
    for constraint in placement.get("Constraints") or ():
        if parse_constraint(constraint) is None:
            raise refuse("Unknown", "constraint expected one operator from ==, !=", 500)


def _check_endpoint(store: Store, spec: dict[str, Any], present: ServiceRecord | None) -> None:
    endpoint = spec.get("EndpointSpec") or {}
    ports = endpoint.get("Ports") or ()
    if endpoint.get("Mode") == "dnsrr" and any(port["PublishMode"] == "ingress" for port in ports):
        raise invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode")
    seen: set[tuple[str, int, str]] = set()
    for port in ports:
        published = port.get("PublishedPort", 0)
        key = (port["Protocol"], published, port["PublishMode"])
        if published and key in seen:
            raise invalid("EndpointSpec: duplicate published ports provided")
        seen.add(key)
        if not published:
            continue
        for other in store.services:
            if other is not present and (clash := _clash(other, port)):
                raise invalid(
                    f"port '{published}' is already in use by service '{other.name}' ({other.id}) as {clash} port"
                )


def _clash(other: ServiceRecord, port: dict[str, Any]) -> str:
    """Return how another service holds a port: as an ingress or as a host-published one; empty when it does not."""
    for taken in (other.body.get("Endpoint") or {}).get("Ports") or ():
        if (taken["Protocol"], taken.get("PublishedPort")) != (port["Protocol"], port["PublishedPort"]):
            continue
        if taken["PublishMode"] == "ingress":
            return "an ingress"
        if port["PublishMode"] == "ingress":
            return "a host-published"
    return ""


def _check_references(store: Store, container: dict[str, Any]) -> None:
    for reference in container.get("Secrets") or ():
        if reference.get("SecretID", "") not in store.secrets:
            raise invalid(f"secret not found: {reference.get('SecretName', '')}")
    for reference in container.get("Configs") or ():
        if reference.get("ConfigID", "") not in store.configs:
            raise invalid(f"config not found: {reference.get('ConfigName', '')}")
