"""What configs look like in answers."""

from __future__ import annotations

from crane_core.answers import AnswerSchema, SourceSchema, many, text
from crane_core.cluster.data.schemas import DataSchema


class ConfigSchema(DataSchema):
    """A config: content that services are given as a file."""

    digest = text("sha256: and the hash of its content.")


class ConfigDetailSchema(ConfigSchema):
    """A config, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")


class ConfigContentSchema(AnswerSchema):
    """The content of a config."""

    name = text("The config's name.")
    content = text("Its content; null where that is no text.", null=True)
    data = text("Its content as base64.")
