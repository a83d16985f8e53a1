"""Turning what the Engine answers into records, without stopping the other threads.

A list is first cut into the bytes of its items, which is quick, and then decoded item by item, so that another thread
may take over after each of them. Strings and specs that many tasks have in common are kept once.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Raw

from crane_core.engine.parts import (
    AttachedNetwork,
    ConfigSpec,
    DriverChoice,
    NetworkAttachment,
    ObjectVersion,
    Part,
    TaskSpec,
    TaskStatus,
)
from crane_core.engine.records import Config, Network, Node, Secret, Service, Task

Record = TypeVar("Record")


class _WireAttachment(Part, frozen=True):
    Network: Raw = Raw(b"{}")
    Addresses: tuple[str, ...] | None = None


class _WireTask(Part, frozen=True):
    ID: str
    Version: ObjectVersion
    CreatedAt: str = ""
    UpdatedAt: str = ""
    Labels: dict[str, str] | None = None
    Spec: Raw = Raw(b"{}")
    ServiceID: str = ""
    Slot: int = 0
    NodeID: str = ""
    Status: TaskStatus = TaskStatus()
    DesiredState: str = ""
    NetworksAttachments: tuple[_WireAttachment, ...] | None = None
    JobIteration: ObjectVersion | None = None


class _WireConfigSpec(Part, frozen=True):
    Name: str = ""
    Labels: dict[str, str] | None = None
    Data: str | None = None
    Templating: DriverChoice | None = None


class _WireConfig(Part, frozen=True):
    ID: str
    Version: ObjectVersion
    CreatedAt: str = ""
    UpdatedAt: str = ""
    Spec: _WireConfigSpec = _WireConfigSpec()


_items = msgspec.json.Decoder(list[Raw] | None)
_service = msgspec.json.Decoder(Service)
_task = msgspec.json.Decoder(_WireTask)
_task_spec = msgspec.json.Decoder(TaskSpec)
_attached_network = msgspec.json.Decoder(AttachedNetwork)
_config = msgspec.json.Decoder(_WireConfig)
_node = msgspec.json.Decoder(Node)
_network = msgspec.json.Decoder(Network)
_secret = msgspec.json.Decoder(Secret)


def split(raw: bytes) -> list[Raw]:
    """Cut a list into the bytes of its items."""
    return _items.decode(raw) or []


def decode_services(raw: bytes) -> list[Service]:
    """Decode the answer of ``GET /services``."""
    # Each service keeps the bytes of its specs; without the copy it would keep the bytes of the whole list.
    return [_service.decode(bytes(item)) for item in split(raw)]


def decode_service(raw: bytes) -> Service:
    """Decode the answer of ``GET /services/{id}``; it has no ``ServiceStatus``."""
    return _service.decode(raw)


def decode_tasks(raw: bytes) -> list[Task]:
    """Decode the answer of ``GET /tasks``."""
    return list(_make_tasks(_task.decode(item) for item in split(raw)))


def decode_nodes(raw: bytes) -> list[Node]:
    """Decode the answer of ``GET /nodes``."""
    return [_node.decode(item) for item in split(raw)]


def decode_networks(raw: bytes) -> list[Network]:
    """Decode the answer of ``GET /networks``."""
    return [_network.decode(item) for item in split(raw)]


def decode_configs(raw: bytes) -> list[Config]:
    """Decode the answer of ``GET /configs``, keeping a hash of each content in place of it."""
    return [_make_config(_config.decode(item)) for item in split(raw)]


def decode_secrets(raw: bytes) -> list[Secret]:
    """Decode the answer of ``GET /secrets``."""
    return [_secret.decode(item) for item in split(raw)]


def digest_of(content: bytes) -> str:
    """Return what :attr:`Config.digest` is for this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _make_config(wire: _WireConfig) -> Config:
    spec = ConfigSpec(Name=wire.Spec.Name, Labels=wire.Spec.Labels, Templating=wire.Spec.Templating)
    return Config(
        ID=wire.ID,
        Version=wire.Version,
        CreatedAt=wire.CreatedAt,
        UpdatedAt=wire.UpdatedAt,
        Spec=spec,
        digest=digest_of(base64.b64decode(wire.Spec.Data or "")),
    )


def _make_tasks(wire_tasks: Iterable[_WireTask]) -> Iterator[Task]:
    known: dict[str, str] = {}
    specs: dict[bytes, TaskSpec] = {}
    networks: dict[bytes, AttachedNetwork] = {}
    for wire in wire_tasks:
        yield Task(
            ID=wire.ID,
            Version=wire.Version,
            CreatedAt=wire.CreatedAt,
            UpdatedAt=wire.UpdatedAt,
            Labels=wire.Labels or None,
            Spec=_decode_once(_task_spec, wire.Spec, specs),
            ServiceID=_keep_once(wire.ServiceID, known),
            Slot=wire.Slot,
            NodeID=_keep_once(wire.NodeID, known),
            Status=_make_status(wire.Status, known),
            DesiredState=_keep_once(wire.DesiredState, known),
            NetworksAttachments=_make_attachments(wire.NetworksAttachments, networks),
            JobIteration=wire.JobIteration,
        )


def _make_status(wire: TaskStatus, known: dict[str, str]) -> TaskStatus:
    ports = wire.PortStatus
    return TaskStatus(
        Timestamp=wire.Timestamp,
        State=_keep_once(wire.State, known),
        Message=_keep_once(wire.Message, known),
        Err=_keep_once(wire.Err, known),
        ContainerStatus=wire.ContainerStatus,
        # The Engine writes "PortStatus": {} for every task; nothing is lost by keeping none.
        PortStatus=ports if ports is not None and ports.Ports else None,
    )


def _make_attachments(
    wire: tuple[_WireAttachment, ...] | None, networks: dict[bytes, AttachedNetwork]
) -> tuple[NetworkAttachment, ...] | None:
    if not wire:
        return None
    return tuple(
        NetworkAttachment(_decode_once(_attached_network, one.Network, networks), one.Addresses) for one in wire
    )


def _keep_once(text: str, known: dict[str, str]) -> str:
    return known.setdefault(text, text)


def _decode_once(decoder: msgspec.json.Decoder[Record], raw: Raw, known: dict[bytes, Record]) -> Record:
    key = bytes(raw)
    if (found := known.get(key)) is None:
        found = known[key] = decoder.decode(key)
    return found
