"""What secrets look like in answers."""

from __future__ import annotations

from crane_core.answers import SourceSchema, many
from crane_core.cluster.data.schemas import DataSchema


class SecretSchema(DataSchema):
    """A secret: content that services are given as a file, and that nobody is ever shown."""


class SecretDetailSchema(SecretSchema):
    """A secret, and how fresh that is."""

    sources = many(SourceSchema, "Where this comes from.")
