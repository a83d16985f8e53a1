"""What containers look like in answers, and what is sent to change them."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, EngineSchema, SourceSchema, docker, many, one_of, text, truth, whole

LONGEST_GRACE = 3600
STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")


class ContainerSchema(EngineSchema):
    """A container on a node, in the shape of the Engine's list."""

    id = text("Its id.")
    name = text("Its name on its node.")
    node = text("The host name of its node.")
    service = text("The service that made it; null for none, or one that is gone.", null=True)
    task = text("Its task, as in shop_web.1; null for none.", null=True)
    task_id = text("The id of its task; null for none.", null=True)
    stack = text("The stack that it belongs to; null outside a stack.", null=True)
    image = text("The image that it runs.")
    state = text(f"One of: {', '.join(STATES)}.")
    health = text("healthy, unhealthy or starting; null without a check.", null=True)
    exit_code = whole("What it ended with; null while it has not.", null=True)
    told_by = one_of(("engine", "task"), "Who tells of it: its node's Engine, or only its task.")
    fresh = truth("Whether its node answered just now.")
    warning = text("What acting on it means where the Swarm takes care of it; null elsewhere.", null=True)
    Names = many(ma.fields.String(), "Its names, with a slash before each.", optional=True)
    Labels = docker("Its labels, secrets hidden; absent where only its task tells of it.", optional=True)


class ContainerDetailSchema(ContainerSchema):
    """A container as its node's Engine inspects it; what looks secret is hidden."""

    error = text("Why its node's Engine could not be asked; null where it was.", null=True)
    sources = many(SourceSchema, "Where this comes from.")


class ProcessesSchema(AnswerSchema):
    """What runs in a container."""

    titles = many(ma.fields.String(), "What the columns are called.")
    processes = many(ma.fields.List(ma.fields.String()), "One line for each process.")


class FileChangeSchema(EngineSchema):
    """Something that differs from the container's image."""

    Path = text("The path.")
    Kind = whole("0 changed, 1 added, 2 deleted.")
    kind = one_of(("changed", "added", "deleted"), "The same in a word.")
    name = text("The path.")


class ContainerPortSchema(AnswerSchema):
    """A port of a container."""

    name = text("As in 80/tcp.")
    port = whole("The port inside the container.")
    protocol = text("tcp, udp or sctp.")
    address = text("The address of the node that it is published on; null where it is not.", null=True)
    published = whole("The port on the node; null where it is not published.", null=True)


class StopSchema(ma.Schema):
    """How long to wait."""

    class Meta:
        unknown = ma.RAISE

    timeout = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(0, LONGEST_GRACE),
        metadata={"description": "Seconds until it is killed; left out, what its image says, or 10."},
    )


class KillSchema(ma.Schema):
    """Which signal."""

    class Meta:
        unknown = ma.RAISE

    signal = ma.fields.String(
        load_default="KILL",
        validate=ma.validate.Regexp(r"^[A-Za-z0-9+-]{1,16}$", error="This is no signal, as in KILL or HUP."),
        metadata={"description": "As in KILL, TERM or HUP, or its number."},
    )


class RenameSchema(ma.Schema):
    """What to call it."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(
            r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$",
            error="A name has letters, digits, dots, dashes and underscores, begins with a letter or digit, and has "
            "at least two characters.",
        ),
        metadata={"description": "Its new name."},
    )


class RemoveQuery(ma.Schema):
    """How it is removed."""

    class Meta:
        unknown = ma.RAISE

    force = ma.fields.Boolean(load_default=False, metadata={"description": "Kill it first if it runs."})
    volumes = ma.fields.Boolean(
        load_default=False, metadata={"description": "Remove its volumes without a name with it."}
    )
