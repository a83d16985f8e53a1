"""What the OpenAPI document says of the timeline."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, docker, many, moment, one_of, part, text, truth, whole
from crane_core.moments import Moment, SpanQuery

_DIGITS = ma.validate.Range(0, 2**63 - 1)


class LineFilter(SpanQuery):
    """Which lines are asked for."""

    class Meta:
        unknown = ma.RAISE

    kind = ma.fields.String(
        metadata={"description": "Kinds, separated by commas, as in service.updated; service.* is all of a service."}
    )
    by = ma.fields.String(metadata={"description": "Who did it; several separated by commas."})
    stack = ma.fields.String(metadata={"description": "The stack that it belongs to."})
    target = ma.fields.String(metadata={"description": "The kind of object, as in service."})
    name = ma.fields.String(metadata={"description": "The name of the object."})
    operation = ma.fields.String(metadata={"description": "The operation that it was part of."})
    outcome = ma.fields.String(metadata={"description": "How it ended, as in converged."})
    since = Moment("Not before this moment")
    until = Moment("Before this moment")
    q = ma.fields.String(metadata={"description": "Contained in the name, kind, stack, caller, or what was asked for."})
    after = ma.fields.Integer(
        validate=_DIGITS, metadata={"description": "Go on after the line of this number: next of the page before."}
    )


class LineQuery(LineFilter):
    """Which page of lines is asked for."""

    limit = ma.fields.Integer(
        load_default=100, validate=ma.validate.Range(1, 1000), metadata={"description": "How many at the most."}
    )
    sort = ma.fields.String(
        load_default="-number",
        validate=ma.validate.OneOf(("-number", "number")),
        metadata={"description": "-number: the newest first; number: the oldest first."},
    )


class ExportQuery(LineFilter):
    """What is exported, and how."""

    format = ma.fields.String(
        validate=ma.validate.OneOf(("ndjson", "csv")),
        metadata={"description": "ndjson or csv; wins over the header Accept."},
    )


class CheckQuery(ma.Schema):
    """What the timeline is held against."""

    class Meta:
        unknown = ma.RAISE

    number = ma.fields.Integer(
        validate=ma.validate.Range(1, 2**63 - 1),
        metadata={"description": "The number of a line that was noted earlier."},
    )
    hash = ma.fields.String(
        validate=ma.validate.Regexp(r"[0-9a-f]{64}\Z"), metadata={"description": "The hash that it had."}
    )

    @ma.validates_schema
    def both_or_none(self, sent: dict[str, object], **_: object) -> None:
        """Demand a hash with a number, and the other way round."""
        if len(sent) == 1:
            [member] = {"number", "hash"} - sent.keys()
            raise ma.ValidationError("The number and the hash of a line are given together.", member)


class LineSchema(AnswerSchema):
    """One thing that happened."""

    number = whole("Its place in the timeline.")
    at = moment("When.")
    kind = text("What happened, as in service.updated, or request.refused.")
    what = text("What was asked for: a method and a route, the kind of an operation, an action; empty otherwise.")
    target = text("The kind of object that it is about.")
    name = text("The name of that object.")
    id = text("Its id, where it has one.")
    stack = text("The stack that it belongs to.", null=True)
    by = text("Who did it; empty when the Swarm did.")
    by_kind = text("What sort of caller: user, service, local, server or nobody; empty where it is not told.")
    address = text("Where the request came from; empty for what was no request.")
    outcome = text("How it ended: the outcome of a verdict, or the status and code of an answer.")
    operation = text("The operation that it was part of; empty for none.")
    previous = text("The hash of the line before.")
    hash = text("SHA-256 over this line, as canonical JSON without this member and with its detail.")


class WholeLineSchema(LineSchema):
    """One thing that happened, with all that is known of it."""

    detail = docker("What else is known: for operations the changes, field by field, and the verdict.")


class LineDetailSchema(WholeLineSchema):
    """One thing that happened, with all that is known of it and of its operation."""

    related = many(WholeLineSchema, "The other lines of the same operation, from the request to the verdict.")


class LinesSchema(AnswerSchema):
    """A page of the timeline."""

    items = many(LineSchema, "The lines of this page.")
    next = whole("Where the next page begins, for after; null when there is none.", null=True)


class BreakSchema(AnswerSchema):
    """Where the chain of lines is broken."""

    number = whole("The first line that is not as it was written.")
    kind = one_of(("missing", "changed", "inserted"), "What became of it.")
    detail = text("The same in a sentence.")


class ProofSchema(AnswerSchema):
    """Whether the timeline is as it was written."""

    intact = truth("Whether every line is there, and as it was written.")
    lines = whole("How many lines were checked.")
    first = whole("The oldest line that is kept.")
    last = whole("The newest line.")
    hash = text("The hash of the newest line; noted elsewhere, it proves all lines up to there.")
    broken = part(BreakSchema, "Where it is broken first; null when it is not.", null=True)
