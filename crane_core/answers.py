"""What answers look like: the words and the shared schemas with which the OpenAPI document tells of them.

Nothing is dumped through these schemas: answers are made of records and plain values, which is quicker. A test holds
every answer against them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_type_hints

import marshmallow as ma

from crane_core.engine.snapshot import Source

Kind = type[ma.Schema]


# --- Words for the members of an answer ------------------------------------------------------------------------------


def text(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.String:
    """Describe a text."""
    return ma.fields.String(**_options(says, null, optional))


def whole(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.Integer:
    """Describe a whole number."""
    return ma.fields.Integer(**_options(says, null, optional))


def number(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.Float:
    """Describe a number."""
    return ma.fields.Float(**_options(says, null, optional))


def truth(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.Boolean:
    """Describe something that is or is not so."""
    return ma.fields.Boolean(**_options(says, null, optional))


def moment(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.DateTime:
    """Describe a moment, as RFC 3339 writes it."""
    return ma.fields.DateTime(**_options(says, null, optional))


def one_of(words: Any, says: str, *, null: bool = False, optional: bool = False) -> ma.fields.String:
    """Describe one of a few words: those of a ``Literal``, or of a collection."""
    allowed = get_args(words) or tuple(words)
    return ma.fields.String(validate=ma.validate.OneOf(allowed), **_options(says, null, optional))


def part(kind: Kind, says: str, *, null: bool = False, optional: bool = False) -> ma.fields.Nested:
    """Describe an object inside another."""
    return ma.fields.Nested(kind, **_options(says, null, optional))


def many(kind: Kind | ma.fields.Field[Any], says: str, *, optional: bool = False) -> ma.fields.List[Any]:
    """Describe a list of objects or of plain values."""
    inner = kind if isinstance(kind, ma.fields.Field) else ma.fields.Nested(kind)
    return ma.fields.List(inner, **_options(says, False, optional))


def named(kind: Kind, says: str, *, optional: bool = False) -> ma.fields.Dict:
    """Describe objects by their names."""
    return ma.fields.Dict(ma.fields.String(), ma.fields.Nested(kind), **_options(says, False, optional))


def docker(says: str, *, null: bool = False, optional: bool = False) -> ma.fields.Dict:
    """Describe an object of the Engine's, in the shape that the Engine's own API gives it."""
    return ma.fields.Dict(**_options(says, null, optional))


def anything(says: str) -> ma.fields.Raw:
    """Describe a value of any type."""
    return ma.fields.Raw(**_options(says, True, False))


def words_of(owner: type, member: str) -> Any:
    """Return the ``Literal`` that a class names as the type of a member."""
    return get_type_hints(owner)[member]


def _options(says: str, null: bool, optional: bool) -> dict[str, Any]:
    return {"required": not optional, "allow_none": null, "metadata": {"description": says}}


# --- Shared schemas --------------------------------------------------------------------------------------------------


class AnswerSchema(ma.Schema):
    """An object in an answer; later versions may add members to it."""

    class Meta:
        unknown = ma.EXCLUDE


class EngineSchema(ma.Schema):
    """An object in the Engine's own shape, with Crane's members beside the Engine's under lower-case names.

    The Engine's members begin with a capital, and an Engine may have more of them than are named.
    """

    class Meta:
        unknown = ma.INCLUDE


class VersionSchema(AnswerSchema):
    """The version of an object of the Swarm."""

    Index = whole("Rises with every change.", optional=True)


class ViolationSchema(AnswerSchema):
    """One thing that is wrong with what was sent, or worth knowing about it."""

    pointer = text("Where: a JSON pointer into what was sent.")
    detail = text("What is wrong and what to do about it, in a sentence.")
    line = whole("The line in the file, counted from 1.", optional=True)
    file = text("The name of the file.", optional=True)
    code = text("Names what it is, stable and in kebab case, where it has such a name.", optional=True)


class ProblemSchema(ma.Schema):
    """An error, as problem details (RFC 9457)."""

    class Meta:
        unknown = ma.INCLUDE

    type = text("A URN that names the kind of error.")
    code = text("Stable, in kebab case; what programs decide on.")
    status = whole("The status of the answer.")
    title = text("What kind of error it is, in a sentence.")
    detail = text("What is wrong and what to do, in a sentence.")
    errors = many(ViolationSchema, "One for each thing wrong, with its pointer.", optional=True)


class SourceSchema(AnswerSchema):
    """Where an answer comes from, and how old it is."""

    name = text("What was read.")
    state = one_of(words_of(Source, "state"), "Whether the last reading succeeded; never: none has yet.")
    age = number("Seconds since it was last read; null when never.", null=True)
    error = text("Why the last reading failed.", optional=True)


class ListSchema(AnswerSchema):
    """A page of a list that says how fresh it is."""

    total = whole("How many items there are on all pages together.")
    version = text("Changes when the list does; the ETag without its quotes.")
    sources = many(SourceSchema, "Where the items come from; empty where the server itself is asked.")


@cache
def list_of(item: Kind) -> Kind:
    """Return the schema of a list of objects."""
    name = f"{item.__name__.removesuffix('Schema')}List"
    members = {
        "__module__": item.__module__,
        "__doc__": ListSchema.__doc__,
        "items": many(item, "The items of this page."),
    }
    return type(f"{name}Schema", (ListSchema,), members)
