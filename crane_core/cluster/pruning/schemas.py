"""What previews and prunes look like in answers, and what is sent for one."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, one_of, text, whole


class PrunableSchema(AnswerSchema):
    """Something that nothing uses."""

    id = text("Its id.")
    name = text("What it is called.")
    bytes = whole("How much room it takes at least.")
    detail = text("What else there is to know of it.")


class NodePreviewSchema(AnswerSchema):
    """What may go on one node."""

    node = text("The host name of the node.")
    state = one_of(("ready", "missing"), "missing: its Engine could not be asked, and nothing is removed there.")
    error = text("Why it could not be asked.", null=True)
    bytes = whole("How much room is gained at least.")
    items = many(PrunableSchema, "What would be removed.")
    kept = whole("How many are used and stay.")


class PreviewSchema(AnswerSchema):
    """What a prune would remove."""

    token = text("What the prune is carried out with, for ten minutes.")
    bytes = whole("How much room is gained at least.")
    count = whole("How many would be removed.")
    nodes = many(NodePreviewSchema, "Node by node.")


class PrunedSchema(PrunableSchema):
    """What became of one thing."""

    outcome = one_of(("removed", "kept", "failed"), "What became of it.")
    why = text("Why it is still there; null where it is not.", null=True)


class NodePruningSchema(AnswerSchema):
    """What came of a prune on one node."""

    node = text("The host name of the node.")
    state = one_of(("done", "missing"), "missing: its Engine did not answer to the end.")
    error = text("Why it did not.", null=True)
    bytes = whole("How much room was gained at least.")
    items = many(PrunedSchema, "What became of each.")


class PruningSchema(AnswerSchema):
    """What came of a prune."""

    bytes = whole("How much room was gained at least.")
    count = whole("How many were removed.")
    nodes = many(NodePruningSchema, "Node by node.")


class PruneSchema(ma.Schema):
    """What to carry out."""

    class Meta:
        unknown = ma.RAISE

    token = ma.fields.String(required=True, metadata={"description": "The token of the preview."})
