"""Lists of configs, of secrets, and of the services that use one."""

from __future__ import annotations

from typing import Any

import msgspec

from crane_core.cluster.data.operations import Use, uses_of
from crane_core.context import Crane
from crane_core.engine.data import Data, DataKind, find_data
from crane_core.engine.records import Config
from crane_core.engine.snapshot import Kind, Snapshot
from crane_core.http import Listing
from crane_core.redaction import redact
from crane_core.security import Target


def target_of(data: Data) -> Target:
    """Return a config or a secret as the target of an action."""
    kind = "config" if isinstance(data, Config) else "secret"
    return Target(kind, data.name, data.id, data.stack, data.labels)


def present_data(snapshot: Snapshot, data: Data) -> dict[str, Any]:
    """Return a config or a secret in Docker's shape, and what Crane knows of it beside that."""
    shown = msgspec.to_builtins(data)
    return {
        **shown,
        "Spec": redact(shown.get("Spec", {})),
        "name": data.name,
        "stack": data.stack,
        "services": len(snapshot.users_of(data.id)),
    }


def data_listing(crane: Crane, kind: DataKind) -> Listing[Data]:
    """Return the list of configs, or of secrets."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    plural: Kind = "configs" if kind == "config" else "secrets"
    return Listing(
        version=f"{snapshot.versions[plural]}.{snapshot.versions['services']}",
        rows=lambda: snapshot.configs.values() if kind == "config" else snapshot.secrets.values(),
        action=f"{kind}:read",
        target=target_of,
        fields={
            "name": lambda data: data.name,
            "stack": lambda data: data.stack,
            "created_at": lambda data: data.CreatedAt,
            "updated_at": lambda data: data.UpdatedAt,
            "services": lambda data: len(snapshot.users_of(data.id)),
            "used": lambda data: "true" if snapshot.users_of(data.id) else "false",
        },
        present=lambda data: present_data(snapshot, data),
        sources=crane.cache.sources(),
        made_of=lambda data: (data, len(snapshot.users_of(data.id))),
    )


def use_listing(crane: Crane, kind: DataKind, name: str) -> Listing[Use]:
    """Return the list of the services that use a config or a secret; an empty one while there is no such object."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    data = find_data(snapshot, kind, name)
    return Listing(
        version=f"{snapshot.versions['services']}.{data.id if data else ''}",
        rows=lambda: uses_of(snapshot, data) if data else (),
        action="service:read",
        target=_service_target,
        fields={
            "name": lambda use: use.service.name,
            "stack": lambda use: use.service.stack,
            "former": lambda use: "true" if use.former else "false",
        },
        present=_present_use,
        sources=crane.cache.sources(),
        made_of=lambda use: (use.service, use.former, data.id if data else ""),
    )


def _service_target(use: Use) -> Target:
    service = use.service
    return Target("service", service.name, service.id, service.stack, service.labels)


def _present_use(use: Use) -> dict[str, Any]:
    return {
        "id": use.service.id,
        "name": use.service.name,
        "stack": use.service.stack,
        "files": use.files,
        "former": use.former,
    }
