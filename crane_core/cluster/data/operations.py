"""Configs and secrets: making them, labelling them, removing them, and who uses them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crane_core.context import Crane
from crane_core.engine.data import Data, DataKind, encode, find_data, get_data
from crane_core.engine.errors import InUse, Outdated
from crane_core.engine.parts import FileTarget
from crane_core.engine.records import STACK_LABEL, Service
from crane_core.engine.snapshot import Snapshot, referred_ids
from crane_core.errors import EngineUnavailable
from crane_core.events import Event
from crane_core.security import Identity, Target, decide

__all__ = ["Use", "create", "read_content", "relabel", "remove", "uses_of"]

JSON = dict[str, Any]


@dataclass(frozen=True)
class Use:
    """One service that uses a config or a secret.

    :param files: The files that it is in its containers.
    :param former: Whether only the spec refers to it that a rollback of the service returns to.
    """

    service: Service
    files: tuple[FileTarget, ...] = ()
    former: bool = False


def uses_of(snapshot: Snapshot, data: Data) -> Iterator[Use]:
    """Yield the services that use a config or a secret; last those that would by a rollback."""
    users = {service.id: service for service in snapshot.users_of(data.id)}
    for service in users.values():
        container = service.spec.TaskTemplate.ContainerSpec
        references = [
            *((each.ConfigID, each.File) for each in container.Configs or ()),
            *((each.SecretID, each.File) for each in container.Secrets or ()),
        ]
        yield Use(service, tuple(file for id_, file in references if id_ == data.id and file is not None))
    for service in snapshot.services.values():
        previous = service.previous_spec
        if service.id not in users and previous is not None and data.id in referred_ids(previous):
            yield Use(service, former=True)


def create(crane: Crane, identity: Identity, kind: DataKind, wish: Mapping[str, Any]) -> Data:
    """Make a config or a secret.

    :param wish: ``name``, ``labels``, ``template`` and the content, as ``content`` or ``data``.
    :raises NameTaken: when there is one of that name.
    """
    body: JSON = {"Name": wish["name"], "Labels": dict(wish["labels"]), "Data": encode(kind, wish)}
    if wish["template"]:
        body["Templating"] = {"Name": "golang"}
    id_ = crane.engine.create(kind, body)
    snapshot = _refresh(crane, kind, id_)
    stack = body["Labels"].get(STACK_LABEL) or None
    crane.emit(Event(f"{kind}.created", wish["name"], id_, stack, identity.name))
    return _read_back(snapshot, kind, id_)


def relabel(
    crane: Crane,
    identity: Identity,
    kind: DataKind,
    id_: str,
    labels: Mapping[str, str | None],
    versions: Sequence[str],
) -> Data:
    """Change labels; null removes one, and those that are not named stay.

    :param versions: The versions of the object that the caller knows; any when empty.
    :raises Outdated: when it was changed meanwhile.
    """
    live = crane.engine.inspect(kind, id_)
    spec, version = live["Spec"], live["Version"]["Index"]
    if versions and str(version) not in versions:
        raise Outdated(
            f"The {kind} {spec['Name']} was changed meanwhile: it is at version {version}. Read it again.",
            version=version,
        )
    kept = {name: value for name, value in (spec.get("Labels") or {}).items() if name not in labels}
    wanted = {**kept, **{name: value for name, value in labels.items() if value is not None}}
    if wanted != (spec.get("Labels") or {}):
        crane.engine.update(kind, id_, version, {**spec, "Labels": wanted})
        crane.emit(Event(f"{kind}.updated", spec["Name"], id_, wanted.get(STACK_LABEL) or None, identity.name))
    return _read_back(_refresh(crane, kind, id_), kind, id_)


def remove(crane: Crane, identity: Identity, kind: DataKind, id_: str) -> None:
    """Remove a config or a secret that no service uses.

    :raises InUse: while services do, or may return to it; it names those users that the caller may see.
    """
    data = get_data(crane.watcher.fresh(), kind, id_)
    if users := crane.cache.snapshot().users_of(data.id):
        raise InUse(
            f"The {kind} {data.name} is used by {_say_users(crane, identity, users)}. "
            "Give them another one first, or rotate it.",
        )
    if crane.cache.snapshot().returning_to(data.id):
        raise InUse(
            f"Services are being moved away from {data.name}, and return to it if that fails. "
            "Remove it when their updates have ended."
        )
    crane.engine.remove(kind, data.id)
    _refresh(crane, kind, data.id)
    crane.emit(Event(f"{kind}.removed", data.name, data.id, data.stack, identity.name))


def read_content(crane: Crane, identity: Identity, id_: str) -> JSON:
    """Return the content of a config: as text where it is one, and as base64 in any case; plugins are told of it."""
    live = crane.engine.inspect("config", id_)
    data = str(live["Spec"].get("Data") or "")
    try:
        text: str | None = base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = None
    config = find_data(crane.cache.snapshot(), "config", id_)
    stack = config.stack if config else None
    crane.emit(Event("config.revealed", str(live["Spec"]["Name"]), id_, stack, identity.name))
    return {"name": live["Spec"]["Name"], "content": text, "data": data}


def _say_users(crane: Crane, identity: Identity, users: Sequence[Service]) -> str:
    """Say in words who uses something; services that somebody may not see are only counted."""
    seen = [
        each.name
        for each in users
        if decide(
            crane, identity, "service:read", Target("service", each.name, each.id, each.stack, each.labels)
        ).allows
    ]
    words = sorted(seen)[:5]
    if more := len(users) - len(words):
        words.append(f"{more} more service{'' if more == 1 else 's'}" if words else _count(more))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _count(services: int) -> str:
    return f"{services} service{'' if services == 1 else 's'} that you may not see"


def _read_back(snapshot: Snapshot, kind: DataKind, id_: str) -> Data:
    """Return what was just written.

    :raises EngineUnavailable: when it could not be read again, although it was written.
    """
    if (found := find_data(snapshot, kind, id_)) is None:
        raise EngineUnavailable(f"The {kind} was written, and could not be read again. Look at the list.")
    return found


def _refresh(crane: Crane, kind: DataKind, id_: str) -> Snapshot:
    return crane.watcher.refresh(configs=[id_]) if kind == "config" else crane.watcher.refresh(secrets=[id_])
