"""What revisions are asked by, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, ViolationSchema, anything, many, moment, one_of, part, text, truth, whole
from crane_core.http import ListQuery, some_of
from crane_core.orchestration.changing import ChangeQuery
from crane_core.orchestration.operations.model import Outcome
from crane_core.orchestration.operations.schemas import VerdictSchema
from crane_core.orchestration.plans.schemas import ChangeSchema, SummarySchema
from crane_core.orchestration.services.routes import LoginSchema
from crane_history.revisions.operations import LARGEST


class RevisionSchema(AnswerSchema):
    """A revision of a stack: one deployment of a file."""

    id = text("Its stack and number, as in shop@12.")
    stack = text("The name of the stack.")
    number = whole("Counts from 1 for each stack.")
    by = text("Who deployed it.")
    at = moment("When that began.")
    ended_at = moment("When it came to its verdict; null before.", null=True)
    outcome = one_of(Outcome, "How it ended; null while it goes on.", null=True)
    cause = text("Why, in sentences.", null=True)
    operation = text("The id of the operation.")
    same_as = whole("The number of the earlier revision of which it is a deployment again.", null=True)
    summary = part(SummarySchema, "What it changed, in figures.")
    changed = text("The same in words, as in: 1 created, 2 updated.")


class RevisionFileSchema(AnswerSchema):
    """A stack file of a revision."""

    name = text("Its name.")
    content = text("The text; values that look secret are hidden.")


class RevisionAttachmentSchema(AnswerSchema):
    """A file that the stack file refers to."""

    path = text("Its path, as it stands in the stack file.")
    bytes = whole("How large it was; its content is sealed.")


class RevisionOptionsSchema(AnswerSchema):
    """How a revision was deployed."""

    format = text("What the files were said to be: auto, compose, dab or bundle.")
    profiles = many(ma.fields.String(), "The active profiles.")
    prune = truth("Whether what the files did not name any more was removed.")
    resolve_image = text("When the digest of an image was looked up.")
    working_dir = text("The sender's directory.")


class RevisionDetailSchema(RevisionSchema):
    """A revision, with all that is shown of it."""

    files = many(RevisionFileSchema, "The stack files.")
    variables = ma.fields.Dict(
        ma.fields.String(),
        ma.fields.String(),
        required=True,
        metadata={"description": "The variables that were sent, by name; values that look secret are hidden."},
    )
    attachments = many(RevisionAttachmentSchema, "The files that they refer to.")
    options = part(RevisionOptionsSchema, "How it was deployed.")
    images = ma.fields.Dict(
        ma.fields.String(),
        ma.fields.String(),
        required=True,
        metadata={"description": "The image of each service, with the digest that it had, where that was known."},
    )
    changes = many(ChangeSchema, "What was changed, as its plan said.")
    warnings = many(ViolationSchema, "What was noteworthy.")
    verdict = part(VerdictSchema, "How it ended, for each service.", null=True)


class FileDifferenceSchema(AnswerSchema):
    """How a stack file differs between two revisions."""

    name = text("Its name.")
    change = one_of(("added", "removed", "changed"), "What became of it.")
    diff = text("The lines that differ, as diff -u writes them; null for files of more than 10,000 lines.", null=True)
    hidden_differs = truth("Whether only values differ that are hidden.")


class AttachmentDifferenceSchema(AnswerSchema):
    """What became of a file that the stack files refer to."""

    path = text("Its path.")
    change = one_of(("added", "removed", "changed"), "What became of it.")


class ValueDifferenceSchema(AnswerSchema):
    """How something differs between two revisions; a value that is hidden in both differs all the same."""

    name = text("Its name.")
    from_ = anything("What it is in the one; null where it is not there.")
    from_.data_key = "from"
    to = anything("What it is in the other; null where it is not there.")


class RevisionDiffSchema(AnswerSchema):
    """How two revisions of a stack differ."""

    from_ = whole("The number of the one.")
    from_.data_key = "from"
    to = whole("The number of the other.")
    files = many(FileDifferenceSchema, "The stack files that differ.")
    variables = many(ValueDifferenceSchema, "The variables that differ; hidden ones are compared by what they hold.")
    attachments = many(AttachmentDifferenceSchema, "The files that they refer to and that differ.")
    options = many(ValueDifferenceSchema, "What differs of how they were deployed.")
    images = many(ValueDifferenceSchema, "The images that differ, by service.")


class RevisionQuery(ListQuery):
    """What revisions can be filtered by."""

    outcome = some_of(Outcome, "How they ended")
    by = ma.fields.String(metadata={"description": "Who deployed them."})


class RecentRevisionQuery(RevisionQuery):
    """What revisions of all stacks can be filtered by."""

    sort = ma.fields.String(
        load_default="", validate=ma.validate.Equal(""), metadata={"description": "Empty: the newest come first."}
    )

    @ma.validates("by", "q")
    def _require_text(self, value: str, data_key: str) -> None:
        if "\x00" in value:
            raise ma.ValidationError("A name has no such character.")


class DiffQuery(ma.Schema):
    """Which revisions to compare."""

    class Meta:
        unknown = ma.RAISE

    older = ma.fields.Integer(
        required=True,
        data_key="from",
        validate=ma.validate.Range(1, LARGEST),
        metadata={"description": "The number of the one."},
    )
    newer = ma.fields.Integer(
        load_default=None,
        data_key="to",
        validate=ma.validate.Range(1, LARGEST),
        metadata={"description": "The number of the other; the newest when left out."},
    )


class ReturnQuery(ChangeQuery):
    """How a revision is deployed again."""

    prune = ma.fields.Boolean(
        load_default=None,
        metadata={"description": "Remove what the revision does not name; as it was deployed then when left out."},
    )


class ReturnSchema(ma.Schema):
    """What is sent along when a revision is deployed again."""

    class Meta:
        unknown = ma.RAISE

    registry_logins = ma.fields.Dict(
        ma.fields.String(),
        ma.fields.Nested(LoginSchema),
        load_default=dict,
        metadata={"description": "Credentials by registry; those of then are not kept."},
    )
