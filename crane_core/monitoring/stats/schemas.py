"""What stats are asked by, and what they answer."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, SourceSchema, many, moment, number, one_of, part, text, truth, whole
from crane_core.http import ListQuery
from crane_core.moments import Moment, SpanQuery
from crane_core.monitoring.stats.past import UNITS


class UsageQuery(ListQuery):
    """What the list of those who use something can be filtered by."""

    stack = ma.fields.String(metadata={"description": "Their stack."})
    service = ma.fields.String(metadata={"description": "The name of their service."})
    node = ma.fields.String(metadata={"description": "The host name of their node."})
    course = ma.fields.Boolean(
        load_default=False, metadata={"description": "Tell of each how it went lately, too; nothing is hurried for it."}
    )


class SeriesQuery(SpanQuery):
    """Which time is asked for."""

    class Meta:
        unknown = ma.RAISE

    since = Moment("From when on, 24 hours ago at the most; an hour before its end by itself")
    until = Moment("Until when; now by itself")
    step = ma.fields.Integer(
        validate=ma.validate.Range(1, 86_400),
        metadata={
            "description": "How far apart the points are at least, in seconds; as a chart has room for by itself."
        },
    )
    by = ma.fields.String(
        load_default="all",
        validate=ma.validate.OneOf(["all", "task"]),
        metadata={"description": "Whether the figures are those of all containers together, or of each task."},
    )


class CourseSchema(AnswerSchema):
    """How something went in the last ten minutes: one mean for each half minute, the oldest first."""

    cpu = many(ma.fields.Float(allow_none=True), "Processors; null where nothing was measured.")
    memory = many(ma.fields.Float(allow_none=True), "Bytes; null where nothing was measured.")


class UsageSchema(AnswerSchema):
    """What something uses now."""

    id = text("Its id; the name of a stack.")
    name = text("Its name.")
    stack = text("The stack that it belongs to; null for none.", null=True)
    service = text("The service that it belongs to; null for none.", null=True)
    node = text("The node that it is on; null for what is on several.", null=True)
    cpu = number("How many processors it keeps busy; null while that is not known, as of the others.", null=True)
    cpu_limit = number("How many it may, or its node has; null without a limit.", null=True)
    cpu_percent = number("How much of that limit that is.", null=True)
    memory = number("How much memory it uses, in bytes, without the cache of files.", null=True)
    memory_limit = whole("How much it may, or its node has; null without a limit.", null=True)
    memory_percent = number("How much of that limit that is.", null=True)
    network_received = number("Bytes per second.", null=True)
    network_sent = number("Bytes per second.", null=True)
    disk_read = number("Bytes per second.", null=True)
    disk_written = number("Bytes per second.", null=True)
    pids = number("How many processes and threads it has.", null=True)
    containers = whole("How many containers these figures are the sum of.")
    missing = whole("How many tasks run whose figures are not known; they are not in the sum.")
    stale = truth("Whether the figures are old, because whoever measures them does not answer.")
    sampled_at = moment("When they were measured; null when never.", null=True)
    course = part(CourseSchema, "How it went lately, where that was asked for.", null=True, optional=True)


class SeriesSchema(AnswerSchema):
    """A figure in the order of time."""

    task = text("The task that it is of, as in shop_web.1; null for all together.", null=True)
    task_id = text("The id of that task.", null=True)
    points = many(
        ma.fields.List(ma.fields.Float()), "When, in seconds since 1970, and how much; a gap has no points in it."
    )
    least = number("The least of them.")
    mean = number("Their mean.")
    most = number("The most of them.")


class FigureSchema(AnswerSchema):
    """Something that was measured."""

    name = one_of(UNITS, "What was measured.")
    unit = one_of(dict.fromkeys(UNITS.values()), "In what.")
    series = many(SeriesSchema, "What it was; none where nothing is known.")


class StatsSchema(AnswerSchema):
    """What something used over a span of time."""

    since = moment("When it begins.")
    until = moment("When it ends.")
    step = whole("How far the points are apart, in seconds.")
    pace = number("How far samples are apart while nobody watches, in seconds; 0: nothing is sampled then.")
    figures = many(FigureSchema, "The figures.")
    sources = many(SourceSchema, "The nodes that were asked.")
