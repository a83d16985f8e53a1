"""What is sent about configs and secrets, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, EngineSchema, VersionSchema, docker, many, moment, part, text, truth, whole
from crane_core.http import ListQuery

LONGEST_LABEL = 4096


class DataQuery(ListQuery):
    """What configs and secrets can be filtered by."""

    stack = ma.fields.String(metadata={"description": "Their stack."})
    used = ma.fields.String(
        validate=ma.validate.OneOf(["true", "false"]), metadata={"description": "Whether any service uses them."}
    )


class ContentSchema(ma.Schema):
    """A content: as text or as base64, one of both."""

    content = ma.fields.String(load_only=True, metadata={"description": "The content, where it is text."})
    data = ma.fields.String(load_only=True, metadata={"description": "The content as base64, whatever it is."})


class DataWishSchema(ContentSchema):
    """A config or a secret to be made."""

    name = ma.fields.String(required=True, metadata={"description": "Its name; it cannot be changed."})
    labels = ma.fields.Dict(
        ma.fields.String(validate=ma.validate.Length(1, LONGEST_LABEL)),
        ma.fields.String(validate=ma.validate.Length(max=LONGEST_LABEL)),
        load_default=dict,
        metadata={"description": "Its labels."},
    )
    template = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Whether each task's node fills in the content as a template, with what the task is."},
    )


class LabelsSchema(ma.Schema):
    """Labels to change; null removes one, and those that are not named stay."""

    labels = ma.fields.Dict(
        ma.fields.String(validate=ma.validate.Length(1, LONGEST_LABEL)),
        ma.fields.String(allow_none=True, validate=ma.validate.Length(max=LONGEST_LABEL)),
        required=True,
    )


class DataSchema(EngineSchema):
    """What a config and a secret have in common."""

    ID = text("Its id.")
    Version = part(VersionSchema, "Its version.")
    CreatedAt = moment("When it was made.", optional=True)
    UpdatedAt = moment("When its labels last changed.", optional=True)
    Spec = docker("Its name and labels, never its content; labels that look secret are hidden.")
    name = text("Its name.")
    stack = text("Its stack; null outside a stack.", null=True)
    services = whole("How many services use it.")


class FileSchema(EngineSchema):
    """The file that it is in a container."""

    Name = text("Its path; one that does not begin at the root is below the usual place.", optional=True)
    UID = text("Whose it is.", optional=True)
    GID = text("Which group it belongs to.", optional=True)
    Mode = whole("Its permissions as a number.", optional=True)


class UseSchema(AnswerSchema):
    """A service that uses a config or a secret."""

    id = text("The service's id.")
    name = text("The service's name.")
    stack = text("The service's stack; null outside a stack.", null=True)
    files = many(FileSchema, "The files that it is in the service's containers.")
    former = truth("Whether only the spec refers to it that a rollback of the service returns to.")
