"""What the Swarm looks like in requests and answers."""

from __future__ import annotations

import re

import marshmallow as ma

from crane_core.answers import (
    AnswerSchema,
    EngineSchema,
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
from crane_core.cluster.nodes.schemas import AVAILABILITIES, check_pem, labels
from crane_core.cluster.swarm.operations import ROLES

_MOST = 1_000_000
_HOUR = 3600


def _count(says: str) -> ma.fields.Integer:
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(0, _MOST), metadata={"description": says})


class SwarmSchema(EngineSchema):
    """The Swarm, without its secrets."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it was made.", optional=True)
    UpdatedAt = moment("When it last changed.", optional=True)
    Spec = docker("What an operator set; secrets are hidden.")
    TLSInfo = docker("The authority that vouches for its nodes.", optional=True)
    RootRotationInProgress = truth("Whether nodes are being given certificates of a new authority.", optional=True)
    DataPathPort = whole("The port of the traffic of overlay networks.", optional=True)
    DefaultAddrPool = many(ma.fields.String(), "Where overlay networks get their addresses from.", optional=True)
    SubnetSize = whole("The length of the prefix of those.", optional=True)
    task_history_limit = whole("How many tasks are kept for each slot or node.", null=True)
    snapshot_interval = whole("After how many entries of their log managers write a snapshot.", null=True)
    keep_old_snapshots = whole("How many snapshots are kept besides the last.", null=True)
    log_entries_for_slow_followers = whole("How many entries are kept for managers that lag behind.", null=True)
    heartbeat_seconds = number("How often nodes tell that they live.", null=True)
    certificate_expiry_seconds = number("How long certificates of nodes are good for.", null=True)
    autolock = truth("Whether a manager needs a key after its Engine was started anew.")
    nodes = whole("How many nodes it has.")
    managers = whole("How many of them are managers.")
    managers_reachable = whole("How many managers answer.")
    majority = whole("How many managers must answer for anything to be changed.")
    spare_managers = whole("How many more managers may be lost; below zero nothing can be changed.")


class SwarmChangeSchema(ma.Schema):
    """What is to be changed about the Swarm; what is left out stays as it is."""

    class Meta:
        unknown = ma.RAISE

    labels = labels("Labels to set; null removes one, and all others stay.", removable=True)
    task_history_limit = _count("How many tasks are kept for each slot or node.")
    snapshot_interval = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(1, _MOST),
        metadata={"description": "After how many entries of their log managers write a snapshot."},
    )
    keep_old_snapshots = _count("How many snapshots are kept besides the last.")
    log_entries_for_slow_followers = _count("How many entries are kept for managers that lag behind.")
    heartbeat_seconds = ma.fields.Float(
        validate=ma.validate.Range(1, 300), metadata={"description": "How often nodes tell that they live; 1 to 300."}
    )
    certificate_expiry_seconds = ma.fields.Float(
        validate=ma.validate.Range(_HOUR, 100 * 365 * 24 * _HOUR),
        metadata={"description": "How long certificates of nodes are good for; an hour at least."},
    )
    autolock = ma.fields.Boolean(
        metadata={"description": "Whether a manager needs a key after its Engine was started anew."}
    )


class InitSchema(ma.Schema):
    """How a Swarm is made."""

    class Meta:
        unknown = ma.RAISE

    advertise_address = ma.fields.String(
        load_default="", metadata={"description": "The address that other nodes reach it at, where it has several."}
    )
    listen_address = ma.fields.String(
        load_default="0.0.0.0:2377", metadata={"description": "Where it listens for other nodes."}
    )
    data_path_address = ma.fields.String(
        load_default="", metadata={"description": "The address for the traffic of overlay networks."}
    )
    data_path_port = ma.fields.Integer(
        strict=True,
        load_default=None,
        validate=ma.validate.Range(1024, 49151),
        metadata={"description": "The port for that; 4789 unless told otherwise."},
    )
    address_pools = ma.fields.List(
        ma.fields.String(validate=ma.validate.Regexp(re.compile(r"[0-9.]{7,15}/[0-9]{1,2}\Z"))),
        load_default=list,
        validate=ma.validate.Length(max=100),
        metadata={"description": "Where overlay networks get their addresses from, as in 10.20.0.0/16."},
    )
    subnet_size = ma.fields.Integer(
        strict=True,
        load_default=None,
        validate=ma.validate.Range(8, 29),
        metadata={"description": "The length of the prefix of those; 24 unless told otherwise."},
    )
    availability = ma.fields.String(
        load_default="active",
        validate=ma.validate.OneOf(AVAILABILITIES),
        metadata={"description": "Whether its first node takes tasks."},
    )
    autolock = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Whether a manager needs a key after its Engine was started anew."},
    )
    force_new_cluster = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Start over from what this manager knows, after the majority of managers was lost."},
    )


class MadeSchema(AnswerSchema):
    """A Swarm that was made."""

    node_id = text("The id of its first node.")


class TokensSchema(AnswerSchema):
    """What machines join with. Whoever has it can become a node."""

    worker = text("Makes a worker.")
    manager = text("Makes a manager, which can do everything to the Swarm.")


class RotateTokensSchema(ma.Schema):
    """Which tokens are replaced."""

    class Meta:
        unknown = ma.RAISE

    roles = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(ROLES)),
        load_default=lambda: list(ROLES),
        validate=ma.validate.Length(1, 2),
        metadata={"description": "worker, manager; both unless told otherwise."},
    )


class JoinCommandSchema(AnswerSchema):
    """How a machine becomes a node."""

    role = one_of(ROLES, "What it becomes.")
    command = text("What to run on the machine; it holds the token.")
    token = text("The token.")
    addresses = many(ma.fields.String(), "Where managers take nodes in, the leader first.")


class AuthoritySchema(ma.Schema):
    """An authority of one's own that is to vouch for nodes; left out, the Swarm makes one."""

    class Meta:
        unknown = ma.RAISE

    certificate = ma.fields.String(
        load_default="", validate=check_pem("certificate"), metadata={"description": "Its certificate as PEM."}
    )
    key = ma.fields.String(
        load_default="",
        load_only=True,
        validate=check_pem("key"),
        metadata={"description": "Its key as PEM; never shown again."},
    )

    @ma.validates_schema
    def _check(self, data: dict[str, str], **_: object) -> None:
        if bool(data["certificate"]) != bool(data["key"]):
            missing = "key" if data["certificate"] else "certificate"
            raise ma.ValidationError("An authority of one's own needs both its certificate and its key.", missing)


class UnlockKeySchema(AnswerSchema):
    """What a manager needs after its Engine was started anew."""

    unlock_key = text("The key. Keep it outside the Swarm.")


class UnlockSchema(ma.Schema):
    """What unlocks a manager."""

    class Meta:
        unknown = ma.RAISE

    unlock_key = ma.fields.String(
        required=True,
        load_only=True,
        validate=ma.validate.Length(1, 500),
        metadata={"description": "The key, as in SWMKEY-1-...; never shown again."},
    )
