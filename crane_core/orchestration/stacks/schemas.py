"""What is sent to deploy a stack, and what stacks look like in answers."""

from __future__ import annotations

import base64
import re
from typing import Any

import marshmallow as ma

from crane_core.answers import AnswerSchema, SourceSchema, ViolationSchema, many, one_of, text, truth, whole
from crane_core.errors import Invalid, Violation
from crane_core.http import ListQuery, some_of
from crane_core.orchestration.changing import ChangeQuery
from crane_core.orchestration.services.routes import LoginSchema
from crane_core.orchestration.services.schemas import ServiceSchema
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest
from crane_core.orchestration.stacks.operations import StackCondition

STACK_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


class SourceFileSchema(ma.Schema):
    """One stack file."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(1, 1024))
    content = ma.fields.String(required=True)


class AttachmentSchema(ma.Schema):
    """The content of a file that a stack file refers to."""

    content = ma.fields.String(required=True)
    encoding = ma.fields.String(load_default="text", validate=ma.validate.OneOf(["text", "base64"]))


class FilesSchema(ma.Schema):
    """Stack files, and everything that they may look at; the server looks at nothing else."""

    class Meta:
        unknown = ma.RAISE

    files = ma.fields.List(ma.fields.Nested(SourceFileSchema), required=True, validate=ma.validate.Length(1, 50))
    variables = ma.fields.Dict(ma.fields.String(), ma.fields.String(), load_default=dict)
    attachments = ma.fields.Dict(ma.fields.String(), ma.fields.Nested(AttachmentSchema), load_default=dict)
    working_dir = ma.fields.String(
        load_default="/", metadata={"description": "The sender's directory, where relative bind mounts start."}
    )
    home = ma.fields.String(load_default="/root", metadata={"description": "What ~ stands for."})
    profiles = ma.fields.List(ma.fields.String(), load_default=list)
    format = ma.fields.String(load_default="auto", validate=ma.validate.OneOf(["auto", "compose", "dab", "bundle"]))


class InspectedFilesSchema(FilesSchema):
    """Stack files to look at."""

    check = ma.fields.Boolean(
        load_default=False, metadata={"description": "Tell what is wrong with them too, as an editor wants to know."}
    )


class StackFilesSchema(FilesSchema):
    """A stack to plan or deploy."""

    resolve_image = ma.fields.String(load_default="always", validate=ma.validate.OneOf(["always", "changed", "never"]))
    prune = ma.fields.Boolean(load_default=False)
    registry_logins = ma.fields.Dict(ma.fields.String(), ma.fields.Nested(LoginSchema), load_default=dict)
    timeout = ma.fields.Float(load_default=None, allow_none=True, validate=ma.validate.Range(1))


class StackFiguresSchema(AnswerSchema):
    """What runs under one name, in figures."""

    name = text("Its name.")
    services_converged = whole("How many of them are as they should be.")
    tasks_running = whole("How many tasks run.")
    tasks_desired = whole("How many tasks should run.")
    state = one_of(StackCondition, "How it is: as its worst service.")
    updated_at = text("When a service of it last changed; empty without services.")
    updated_by = text("Who last changed it through Crane; null where no operation is kept that tells.", null=True)


class StackSchema(StackFiguresSchema):
    """A stack: what runs under one name, whoever deployed it."""

    services = whole("How many services it has.")


class OwnedSchema(AnswerSchema):
    """A network, config or secret that belongs to a stack."""

    id = text("Its id.")
    name = text("Its name.")


class StackDetailSchema(StackFiguresSchema):
    """A stack, with all that belongs to it."""

    services = many(ServiceSchema, "Its services.")
    services_total = whole("How many services it has.")
    networks = many(OwnedSchema, "Its networks.")
    configs = many(OwnedSchema, "Its configs.")
    secrets = many(OwnedSchema, "Its secrets.")
    sources = many(SourceSchema, "Where this comes from.")


class NeededVariableSchema(AnswerSchema):
    """A variable that a stack file names."""

    name = text("Its name.")
    default = text("What stands in for it; null when nothing does.", null=True)
    required = truth("Whether the file cannot be loaded without it.")
    message = text("What the file says when it is missing.", null=True)


class NeededPathSchema(AnswerSchema):
    """A file that a stack file refers to."""

    path = text("What it is called among the attachments.")
    written = text("The text that stands in the file, with its variables.")
    kind = text("config, secret, env_file, extends or credential_spec.")
    optional = truth("Whether the stack can be loaded without it.")


class FileNeedsSchema(AnswerSchema):
    """Everything that stack files name, so that a client knows what to send along."""

    format = text("compose, dab or bundle.")
    variables = many(NeededVariableSchema, "The variables.")
    paths = many(NeededPathSchema, "The files.")
    images = many(ma.fields.String(), "The images that the services run.")
    violations = many(ViolationSchema, "What keeps them from being deployed, if they were to be checked.")
    warnings = many(ViolationSchema, "What is worth knowing of them, if they were to be checked.")


class ExportSchema(AnswerSchema):
    """A stack as a Compose file."""

    content = text("The file.")
    notes = many(ViolationSchema, "What it cannot say, or says in another way.")


YAML = {"type": "string", "description": "A Compose file."}
JSON_SCHEMA = {"type": "object", "description": "A JSON Schema (draft 2020-12)."}


class DeployQuery(ChangeQuery):
    """How a stack is deployed."""

    prune = ma.fields.Boolean(
        load_default=False, metadata={"description": "Remove what the stack has and the file no longer names."}
    )


class StackQuery(ListQuery):
    """What stacks can be filtered by."""

    state = some_of(StackCondition, "How they are")


class ExportQuery(ma.Schema):
    """How a stack is given back."""

    class Meta:
        unknown = ma.RAISE

    reveal = ma.fields.Boolean(
        load_default=False, metadata={"description": "Write values that look secret; demands service:reveal."}
    )


def read_request(name: str, sent: dict[str, Any]) -> StackRequest:
    """Return what was sent as a request to load a stack.

    :raises Invalid: when an attachment is no base64 although it says so.
    """
    return StackRequest(
        name=name,
        files=tuple(SourceFile(file["name"], file["content"]) for file in sent["files"]),
        variables=sent["variables"],
        attachments={path: _content(path, attachment) for path, attachment in sent["attachments"].items()},
        working_dir=sent["working_dir"],
        home=sent["home"],
        profiles=tuple(sent["profiles"]),
        format=sent["format"],
    )


def _content(path: str, attachment: dict[str, str]) -> bytes:
    if attachment["encoding"] == "text":
        return attachment["content"].encode()
    try:
        return base64.b64decode(attachment["content"], validate=True)
    except ValueError as error:
        pointer = path.replace("~", "~0").replace("/", "~1")
        raise Invalid(violations=[Violation(f"/attachments/{pointer}/content", "This is no base64.")]) from error
