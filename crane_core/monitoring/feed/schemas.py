"""What the feed is asked by, and what it answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, SourceSchema, docker, many, moment, one_of, text, whole
from crane_core.http import some_of
from crane_core.moments import Moment, SpanQuery
from crane_core.monitoring.feed.model import Source


def _words(says: str) -> ma.fields.String:
    return ma.fields.String(metadata={"description": f"{says}; several separated by commas."})


class EventQuery(SpanQuery):
    """Which events are asked for."""

    class Meta:
        unknown = ma.RAISE

    after = ma.fields.String(metadata={"description": "The cursor of the last event that the caller has."})
    before = ma.fields.String(metadata={"description": "Only what came before this cursor, the last of it."})
    limit = ma.fields.Integer(
        load_default=100,
        validate=ma.validate.Range(1, 1000),
        metadata={"description": "How many events at the most, of a list."},
    )
    kind = _words(
        "Their kinds, whole as in task.failed or what stands before the dot as in container, of those that there are"
    )
    name = _words("What they are about, by name")
    stack = _words("Their stacks")
    service = _words("Their services, by name")
    node = _words("Their nodes, by host name")
    source = some_of(Source, "Where they come from")
    since = Moment("From when on, of what is kept")
    until = Moment("Until when; a stream then ends")


class EventSchema(AnswerSchema):
    """Something that happened."""

    cursor = text("What to ask with for what came after it.")
    number = whole("Counts up while the server runs.")
    at = moment("When.")
    source = one_of(Source, "Who told: Crane, the Swarm's manager, a node's Engine, or the copy of the tasks.")
    kind = text("What happened, as in container.die, task.failed, service.updated; events.lost stands for a hole.")
    name = text("What it happened to; empty where that has no name.")
    id = text("Its id.")
    node = text("The node that it happened on, or to; null where it is none's.", null=True)
    stack = text("The stack that it is about.", null=True)
    service = text("The service that it is about.", null=True)
    by = text("Who asked for it; empty when nobody is known to have.")
    detail = docker("What else is known.")


class EventsSchema(AnswerSchema):
    """Some of what happened, the oldest first."""

    items = many(EventSchema, "The events.")
    cursor = text("What to ask with for what comes next.")
    sources = many(SourceSchema, "The nodes whose events are followed.")
