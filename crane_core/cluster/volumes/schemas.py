"""What volumes look like in answers, and what is sent to make them."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, EngineSchema, SourceSchema, docker, many, text, truth, whole


class VolumeSchema(EngineSchema):
    """A volume on a node, in the shape of the Engine's list."""

    Name = text("Its name.")
    Labels = docker("Its labels; values that look secret are hidden.", null=True, optional=True)
    Options = docker("The options of its driver; passwords are hidden.", null=True, optional=True)
    id = text("The node, a slash, and its name: what it is known by among the volumes of all nodes.")
    name = text("Its name.")
    node = text("The host name of its node.")
    driver = text("Its driver.")
    scope = text("local, or global for what all nodes share.")
    stack = text("The stack that it belongs to; null outside a stack.", null=True)
    anonymous = truth("Whether nobody gave it its name.")
    containers = whole("How many containers of the node mount it, stopped ones included.")
    services = whole("How many services name it, whether or not they have tasks.")
    in_use = truth("Whether a container or a service needs it.")
    size = whole("How many bytes it has, where its node was asked for sizes and knows; null elsewhere.", null=True)


class VolumeUserSchema(AnswerSchema):
    """Who uses a volume."""

    id = text("The id.")
    name = text("The name.")


class VolumeDetailSchema(VolumeSchema):
    """A volume, who uses it, and how fresh that is."""

    used_by_containers = many(VolumeUserSchema, "The containers that mount it, as far as the caller may see them.")
    used_by_services = many(VolumeUserSchema, "The services that name it, as far as the caller may see them.")
    sources = many(SourceSchema, "Where this comes from.")


class NewVolumeSchema(ma.Schema):
    """A volume to make."""

    class Meta:
        unknown = ma.RAISE

    node = ma.fields.String(required=True, metadata={"description": "The host name or id of the node."})
    name = ma.fields.String(
        load_default="",
        validate=ma.validate.Regexp(
            r"^([a-zA-Z0-9][a-zA-Z0-9_.-]{1,254})?$",
            error="A name has letters, digits, dots, dashes and underscores, begins with a letter or digit, and has "
            "at least two characters.",
        ),
        metadata={"description": "Its name; left out, the Engine makes one up."},
    )
    driver = ma.fields.String(load_default="local", metadata={"description": "Its driver."})
    options = ma.fields.Dict(
        ma.fields.String(),
        ma.fields.String(),
        load_default=dict,
        metadata={"description": "The driver's options, as in type, device and o of the driver local."},
    )
    labels = ma.fields.Dict(
        ma.fields.String(), ma.fields.String(), load_default=dict, metadata={"description": "Its labels."}
    )
