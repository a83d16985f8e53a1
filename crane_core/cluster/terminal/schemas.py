"""What the routes of terminals take and answer."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma

from crane_core.answers import AnswerSchema, number, text, truth, whole
from crane_core.cluster.terminal.conversation import MOST_CELLS
from crane_core.http import ListQuery

_NO_CONTROL = re.compile(r"[^\x00-\x1f\x7f]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
MOST_WORDS, LONGEST_WORD, MOST_VARIABLES = 256, 32 * 1024, 100


def _text(description: str, longest: int, default: str = "") -> ma.fields.String:
    plain = ma.validate.Regexp(re.compile(rf"\A{_NO_CONTROL.pattern}\Z"), error="It may hold no control characters.")
    return ma.fields.String(
        load_default=default,
        validate=[ma.validate.Length(max=longest), plain],
        metadata={"description": description},
    )


def _has_no_nul(word: str) -> None:
    if "\0" in word:
        raise ma.ValidationError("An argument may hold no NUL.")


class OrderSchema(ma.Schema):
    """What is to be run, and how."""

    class Meta:
        unknown = ma.RAISE

    command = ma.fields.List(
        ma.fields.String(validate=[ma.validate.Length(max=LONGEST_WORD), _has_no_nul]),
        load_default=[],
        validate=ma.validate.Length(max=MOST_WORDS),
        metadata={"description": "The program and its arguments; a shell, the first of bash, ash, sh, when empty."},
    )
    tty = ma.fields.Boolean(load_default=True, metadata={"description": "Whether it has a terminal."})
    user = _text("The user, or user:group; the container's own when empty.", 256)
    working_directory = _text("Where it begins; the container's own when empty.", 4096)
    environment = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Regexp(re.compile(rf"\A{_VARIABLE.pattern}\Z"))),
        values=ma.fields.String(validate=[ma.validate.Length(max=LONGEST_WORD), _has_no_nul]),
        load_default={},
        validate=ma.validate.Length(max=MOST_VARIABLES),
        metadata={"description": "Variables that it has besides the container's own."},
    )
    columns = ma.fields.Integer(
        load_default=80,
        validate=ma.validate.Range(1, MOST_CELLS),
        metadata={"description": "How wide the terminal is."},
    )
    rows = ma.fields.Integer(
        load_default=24,
        validate=ma.validate.Range(1, MOST_CELLS),
        metadata={"description": "How high the terminal is."},
    )

    @ma.pre_load
    def refuse_privileges(self, sent: Any, **_: Any) -> Any:
        """Say why there is no such member, which docker has."""
        if isinstance(sent, dict) and "privileged" in sent:
            raise ma.ValidationError("Nothing is run privileged: it would be root on the node.", "privileged")
        return sent


class ServiceOrderSchema(OrderSchema):
    """What is to be run in a task of a service, and how."""

    task = _text(
        "The task: its slot or node, its name as in web.1, or its id or the beginning of it; one that runs when empty.",
        256,
    )


class PlaceSchema(AnswerSchema):
    """Where a terminal is, or was."""

    container = text("The name of the container.")
    container_id = text("Its id.")
    node = text("The node that it is on.")
    task = text("The task that it is of.", null=True)
    service = text("The service of that task.", null=True)
    stack = text("The stack that it belongs to.", null=True)


class TicketSchema(PlaceSchema):
    """What opens the WebSocket of a terminal once."""

    ticket = text("Offered as the second subprotocol of the WebSocket.")
    seconds = number("How long it is good.")
    address = text("Where the WebSocket is, on this server.")


class RecordingQuery(ListQuery):
    """What recordings can be filtered by."""

    by = ma.fields.String(metadata={"description": "Whose terminals."})
    node = ma.fields.String(metadata={"description": "The node that they were on."})
    service = ma.fields.String(metadata={"description": "The service that they were in."})
    stack = ma.fields.String(metadata={"description": "The stack that they were in."})
    open = ma.fields.Boolean(metadata={"description": "Whether they are still recorded."})


class RecordingSchema(PlaceSchema):
    """A recorded terminal."""

    id = text("The id of the terminal.")
    name = text("The same as its id.")
    by = text("Who sat in front of it.")
    started_at = whole("When it was opened, in seconds since 1970.")
    seconds = number("How long it lasted, or has lasted so far.")
    bytes = whole("How large its file is.")
    open = truth("Whether it is still recorded.")
    command = text("What was run, without what looks secret.")
    user = text("As whom; the container's own user when empty.")
