"""What nodes look like in requests and answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import marshmallow as ma

from crane_core.answers import (
    AnswerSchema,
    EngineSchema,
    SourceSchema,
    VersionSchema,
    docker,
    many,
    moment,
    number,
    one_of,
    part,
    text,
    truth,
    whole,
)
from crane_core.cluster.nodes.draining import OUTCOMES
from crane_core.cluster.nodes.joining import SCHEMES

ROLES = ("worker", "manager")
ROLES = ("manager", "worker")
STATES = ("ready", "down", "disconnected", "unknown")
AVAILABILITIES = ("active", "pause", "drain")
# A label is read as name=value by every program that shows it.
_LABEL = re.compile(r"[^\s=\x00-\x1f\x7f]{1,255}")
_LABEL_SAYS = "Its name has 1 to 255 characters, none of them a space, an equals sign or a control character."
_LONGEST_VALUE = 4096
_PEM = {
    "certificate": re.compile(r"-----BEGIN CERTIFICATE-----\s"),
    "key": re.compile(r"-----BEGIN (?:[A-Z]{1,10} )?PRIVATE KEY-----\s"),
}
_LONGEST_PEM = 65_536


def check_pem(kind: Literal["certificate", "key"]) -> Callable[[str], None]:
    """Return what objects to a text that is no certificate, or no key, as PEM; the text is not repeated."""

    def check(text: str) -> None:
        if len(text) > _LONGEST_PEM or not _PEM[kind].search(text):
            raise ma.ValidationError(f"This is no {kind} as PEM.")

    return check


def label_names() -> ma.fields.String:
    """Take the name of a label."""
    return ma.fields.String(validate=ma.validate.Regexp(re.compile(_LABEL.pattern + r"\Z"), error=_LABEL_SAYS))


def labels(says: str, *, removable: bool) -> ma.fields.Dict:
    """Take labels by their names.

    :param removable: Whether null stands for a label that is to be removed.
    """
    value = ma.fields.String(allow_none=removable, validate=ma.validate.Length(max=_LONGEST_VALUE))
    return ma.fields.Dict(label_names(), value, metadata={"description": says}, validate=ma.validate.Length(max=1000))


class AmountSchema(AnswerSchema):
    """An amount of resources."""

    cpus = number("Processors.")
    memory_bytes = whole("Bytes of memory.")
    generic = ma.fields.Dict(
        ma.fields.String(), ma.fields.Integer(), required=True, metadata={"description": "Generic resources by kind."}
    )


class CapacitySchema(AnswerSchema):
    """What a node has, and what of it is promised to its tasks."""

    total = part(AmountSchema, "What the node has.")
    reserved = part(AmountSchema, "What is set aside for its tasks.")
    limited = part(AmountSchema, "What those of its tasks that have limits may use at most; may exceed what there is.")
    free = part(AmountSchema, "What can still be reserved.")
    unlimited_tasks = whole("How many of its tasks have no limit of memory.")


class NodeSchema(EngineSchema):
    """A machine of the Swarm."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it joined.", optional=True)
    UpdatedAt = moment("When it last changed.", optional=True)
    Spec = docker("What an operator set: role, availability, labels.", optional=True)
    Description = docker("What it told of itself: host name, platform, resources, Engine.", optional=True)
    Status = docker("How it is, and its address.", optional=True)
    ManagerStatus = docker("How it fares as a manager; absent for a worker.", optional=True)
    name = text("Its host name; its id until it has told one.")
    role = text("manager or worker.")
    availability = text("active, pause or drain.")
    state = text("ready, down, disconnected or unknown.")
    leader = truth("Whether it leads the managers.")
    address = text("The address that the managers know it by.")
    engine_version = text("The version of its Engine.")
    tasks_running = whole("How many tasks run on it.")
    capacity = part(CapacitySchema, "What it has, and what of it is promised.")


class NodeDetailSchema(NodeSchema):
    """A machine of the Swarm, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")


class NodeChangeSchema(ma.Schema):
    """What is to be changed about a node; what is left out stays as it is."""

    class Meta:
        unknown = ma.RAISE

    labels = labels("Labels to set; null removes one, and all others stay.", removable=True)
    role = ma.fields.String(validate=ma.validate.OneOf(ROLES), metadata={"description": "manager or worker."})
    availability = ma.fields.String(
        validate=ma.validate.OneOf(AVAILABILITIES), metadata={"description": "active, pause or drain."}
    )


class TlsSchema(ma.Schema):
    """The certificates for an Engine, as PEM; used for this request and never shown or kept."""

    class Meta:
        unknown = ma.RAISE

    ca = ma.fields.String(
        required=True,
        validate=check_pem("certificate"),
        metadata={"description": "The authority that signed the Engine's certificate."},
    )
    certificate = ma.fields.String(
        required=True,
        validate=check_pem("certificate"),
        metadata={"description": "The client's certificate."},
    )
    key = ma.fields.String(
        required=True,
        load_only=True,
        validate=check_pem("key"),
        metadata={"description": "Its key."},
    )


def _check_url(url: str) -> None:
    scheme, found, rest = url.partition("://")
    if not found or scheme not in SCHEMES or not rest.strip("/") or len(url) > 1000 or re.search(r"\s", url):
        raise ma.ValidationError("Write it as in tcp://host:2376, ssh://user@host or unix:///path.")


class JoinSchema(ma.Schema):
    """An Engine that is to become a node."""

    class Meta:
        unknown = ma.RAISE

    url = ma.fields.String(
        required=True,
        validate=_check_url,
        metadata={"description": "Where its Engine is reached: tcp://host:2376, ssh://user@host or unix:///path."},
    )
    tls = ma.fields.Nested(TlsSchema, metadata={"description": "Its certificates, for tcp:// with TLS."})
    role = ma.fields.String(
        load_default="worker", validate=ma.validate.OneOf(ROLES), metadata={"description": "What it becomes."}
    )
    availability = ma.fields.String(
        load_default="active",
        validate=ma.validate.OneOf(AVAILABILITIES),
        metadata={"description": "Whether it takes tasks."},
    )
    labels = labels("Labels that it is given.", removable=False)
    advertise_address = ma.fields.String(
        load_default="", metadata={"description": "The address that other nodes reach it at, where it has several."}
    )
    listen_address = ma.fields.String(load_default="", metadata={"description": "Where it listens for other managers."})
    data_path_address = ma.fields.String(
        load_default="", metadata={"description": "The address for the traffic of overlay networks."}
    )


class NoteSchema(AnswerSchema):
    """Something to know about a task that moves."""

    code = text("local-volume, bind-mount or interrupted.")
    detail = text("What it is, in a sentence.")


class FateSchema(AnswerSchema):
    """What would become of a task."""

    id = text("Its id.")
    name = text("Its service and slot or node, as in shop_web.1.")
    service = text("The name of its service; null when that is gone.", null=True)
    stack = text("The stack of its service.", null=True)
    outcome = one_of(OUTCOMES, " ".join(f"{name}: {says}" for name, says in OUTCOMES.items()))
    node = text("The host name of the node where its replacement would start.", null=True)
    node_id = text("The id of that node.", null=True)
    why = text("Why its replacement would wait.", null=True)
    notes = many(NoteSchema, "What to know about its move.")


class DrainPlanSchema(AnswerSchema):
    """What a change of a node's availability would do to its tasks. Nothing was changed."""

    node = text("The host name of the node.")
    availability = one_of(AVAILABILITIES, "What the node would be.")
    tasks = many(FateSchema, "Its tasks that the caller may see.")
    counts = ma.fields.Dict(
        ma.fields.String(validate=ma.validate.OneOf(OUTCOMES)),
        ma.fields.Integer(),
        required=True,
        metadata={"description": "How many of all its tasks have each outcome."},
    )
    hidden = whole("How many of its tasks the caller may not see.")
    sources = many(SourceSchema, "Where this comes from.")
