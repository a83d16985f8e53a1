"""Whose the networks, configs, secrets and volumes are that a service would use.

The Swarm lets any service use any of them, so that who may change one stack could read what belongs to another. What a
stack uses already it may go on using: somebody who was allowed to has given it to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.data import DataKind
from crane_core.engine.parts import ServiceSpec
from crane_core.engine.records import Config, Network, Secret, Service
from crane_core.errors import Violation
from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.security import Identity, Target, decide, may_everything

_CONTAINER = "/TaskTemplate/ContainerSpec"
_POINTERS = {
    "network": "/TaskTemplate/Networks",
    "config": f"{_CONTAINER}/Configs",
    "secret": f"{_CONTAINER}/Secrets",
    "volume": f"{_CONTAINER}/Mounts",
}
Used = tuple[str, str]


class Belongings:
    """What of the Swarm somebody may let services use; for one plan."""

    def __init__(self, crane: Crane, snapshot: Snapshot, identity: Identity) -> None:
        self._crane = crane
        self._snapshot = snapshot
        self._identity = identity

    def refuse(self, spec: Mapping[str, Any], stack: str | None) -> Iterator[Violation]:
        """Object to what a service would use and its deployer may not give to it.

        :param spec: The final spec, referring to everything by name.
        """
        if may_everything(self._identity):
            return
        label = (spec.get("Labels") or {}).get(STACK_LABEL) or None
        if label not in (None, stack) and not self._decide("stack:update", Target("stack", label, stack=label)):
            detail = f"It would become part of the stack {label}, which you may not change."
            yield Violation("/Labels", detail, code="belongs-to-another")
        known = self._used_already(str(spec.get("Name", "")), stack)
        for kind, name in sorted(_uses(spec) - known):
            if owner := self._find_owner(kind, name, stack):
                yield Violation(
                    _POINTERS[kind],
                    f"The {kind} {name} belongs to {owner}, which you may not change. "
                    "Ask who may to let this service use it.",
                    code="belongs-to-another",
                )

    def may_take(self, kind: DataKind, live: Config | Secret, stack: str) -> bool:
        """Tell whether a stack may take a config or a secret as its own."""
        return live.stack == stack or self._may_change(kind, live, stack)

    def _find_owner(self, kind: str, name: str, stack: str | None) -> str:
        """Return whose it is in words, empty where the deployer may use it."""
        if kind == "volume":
            return self._find_mounting(name, stack)
        found: Network | Config | Secret | None = {
            "network": self._snapshot.network_named,
            "config": self._snapshot.config_named,
            "secret": self._snapshot.secret_named,
        }[kind](name)
        # A network that belongs to no stack is there to be shared.
        if found is None or (stack and found.stack == stack) or (kind == "network" and not found.stack):
            return ""
        if self._may_change(kind, found, stack):
            return ""
        return f"the stack {found.stack}" if found.stack else "no stack"

    def _may_change(self, kind: str, found: Network | Config | Secret, stack: str | None) -> bool:
        # Whoever made it for a stack by hand has called it as the stack would.
        if not found.stack and stack and found.name.startswith(f"{stack}_"):
            return True
        target = Target(kind, found.name, found.id, found.stack, found.labels)
        return may_everything(self._identity) or self._decide("stack:update", target)

    def _find_mounting(self, volume: str, stack: str | None) -> str:
        for service in self._mounting.get(volume, ()):
            if stack and service.stack == stack:
                continue
            target = Target("service", service.name, service.id, service.stack, service.labels)
            if not self._decide("service:update", target):
                return f"the stack {service.stack}" if service.stack else f"the service {service.name}"
        return ""

    def _decide(self, action: str, target: Target) -> bool:
        return decide(self._crane, self._identity, action, target).allows

    @cached_property
    def _mounting(self) -> Mapping[str, list[Service]]:
        mounting: dict[str, list[Service]] = {}
        for service in self._snapshot.services.values():
            for mount in service.spec.TaskTemplate.ContainerSpec.Mounts or ():
                if mount.Type == "volume" and mount.Source:
                    mounting.setdefault(mount.Source, []).append(service)
        return mounting

    def _used_already(self, name: str, stack: str | None) -> set[Used]:
        live = self._snapshot.service_named(name)
        own = self._snapshot.services_of(stack) if stack else [live] if live and not live.stack else []
        return {used for service in own for used in self._uses_of(service.spec)}

    def _uses_of(self, spec: ServiceSpec) -> Iterator[Used]:
        task = spec.TaskTemplate
        yield from (("config", each.ConfigName) for each in task.ContainerSpec.Configs or ())
        yield from (("secret", each.SecretName) for each in task.ContainerSpec.Secrets or ())
        yield from (("volume", each.Source) for each in task.ContainerSpec.Mounts or () if each.Type == "volume")
        for attachment in (*(task.Networks or ()), *(spec.Networks or ())):
            network = self._snapshot.networks.get(attachment.Target)
            yield "network", network.name if network else attachment.Target


def _uses(spec: Mapping[str, Any]) -> set[Used]:
    task = spec.get("TaskTemplate") or {}
    container = task.get("ContainerSpec") or {}
    attachments = [*(task.get("Networks") or ()), *(spec.get("Networks") or ())]
    mounts = [mount for mount in container.get("Mounts") or () if str(mount.get("Type", "")).lower() == "volume"]
    return {
        *(("config", str(each.get("ConfigName", ""))) for each in container.get("Configs") or ()),
        *(("secret", str(each.get("SecretName", ""))) for each in container.get("Secrets") or ()),
        *(("network", str(each.get("Target", ""))) for each in attachments),
        *(("volume", str(each["Source"])) for each in mounts if each.get("Source")),
    }
