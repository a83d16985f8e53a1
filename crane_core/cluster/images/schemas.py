"""What images look like in answers, and what is sent to change them."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, EngineSchema, docker, many, moment, one_of, text, truth, whole


class NodeImageSchema(EngineSchema):
    """An image on a node, in the shape of the Engine's list."""

    Id = text("Its id.")
    id = text("Its id; the same on all nodes that have the same content.")
    name = text("Its first name; the beginning of its id where it has none.")
    node = text("The host name of the node.")
    tags = many(ma.fields.String(), "Its names with their tags.")
    digests = many(ma.fields.String(), "Its names with the digests that registries know them by.")
    size = whole("How many bytes it takes, what it shares with others included.")
    created_at = moment("When it was made.", null=True)
    containers = whole("How many containers of the node were made of it, stopped ones included.")
    services = whole("How many services name it, whether or not they have tasks.")
    in_use = truth("Whether a container or a service needs it.")
    dangling = truth("Whether it has no name any more.")


class ImageDetailSchema(EngineSchema):
    """An image as an Engine inspects it, and the nodes that have it."""

    Id = text("Its id.")
    id = text("Its id.")
    name = text("Its first name.")
    nodes = many(NodeImageSchema, "What each node has of it.")
    Config = docker("What its containers start from; values that look secret are hidden.", optional=True)


class ImageStepSchema(EngineSchema):
    """A step that an image was made by."""

    Id = text("The id of what it made, or <missing>.")
    name = text("Its number, the last step being the first.")
    size = whole("How many bytes it added.")
    created_at = moment("When it was done.", null=True)


class ImagePullSchema(AnswerSchema):
    """How a pull fares on one node, or, without a node, how it ended on all."""

    node = text("The host name of the node; null for the verdict of all.", null=True)
    image = text("The image.")
    state = one_of(
        ("pulling", "pulled", "current", "failed", "done"),
        "pulling; then how it ended: pulled, current (the node had it already) or failed; of all: done or failed.",
    )
    detail = text("What the Engine says.", optional=True)
    layers = whole("How many layers there are.", optional=True)
    layers_done = whole("How many of them are there.", optional=True)
    bytes = whole("How many bytes are fetched, as far as it is known.", optional=True)
    bytes_done = whole("How many of them have come.", optional=True)
    id = text("The id of the image; null where it failed.", null=True, optional=True)
    previous_id = text("What the node called so before; null for nothing.", null=True, optional=True)
    digest = text("The digest that the registry knows it by.", null=True, optional=True)
    pulled = whole("On how many nodes it is new.", optional=True)
    current = whole("On how many nodes it was there already.", optional=True)
    failed = whole("On how many nodes it failed.", optional=True)


class ImageOutcomeSchema(AnswerSchema):
    """What came of a change on one node."""

    node = text("The host name of the node.")
    outcome = one_of(("tagged", "untagged", "removed", "failed"), "What became of it.")
    deleted = many(ma.fields.String(), "What was deleted.")
    untagged = many(ma.fields.String(), "The names that were taken from it.")
    why = text("Why it failed; null where it did not.", null=True)


class ImageOutcomesSchema(AnswerSchema):
    """What came of a change on each node."""

    nodes = many(ImageOutcomeSchema, "Node by node.")


class PullLoginSchema(ma.Schema):
    """A credential for a registry; never shown again."""

    class Meta:
        unknown = ma.RAISE

    username = ma.fields.String(required=True)
    password = ma.fields.String(required=True, load_only=True)


class PullSchema(ma.Schema):
    """What to pull, and where."""

    class Meta:
        unknown = ma.RAISE

    image = ma.fields.String(required=True, metadata={"description": "The image, as in nginx:1.27."})
    nodes = ma.fields.List(
        ma.fields.String(),
        load_default=list,
        metadata={"description": "Host names or ids of nodes; left out, all that the caller may pull on."},
    )
    registry_login = ma.fields.Nested(
        PullLoginSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "A credential; left out, what plugins know."},
    )


class TagSchema(ma.Schema):
    """Which image, and what to call it."""

    class Meta:
        unknown = ma.RAISE

    image = ma.fields.String(required=True, metadata={"description": "The image, by name or id."})
    tag = ma.fields.String(required=True, metadata={"description": "Its further name, as in shop:tested."})
    nodes = ma.fields.List(
        ma.fields.String(),
        load_default=list,
        metadata={"description": "Host names or ids of nodes; left out, all that have it."},
    )
