"""What stats of the past are asked by, and what they answer."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, number, one_of, text, truth, whole
from crane_core.moments import Moment, SpanQuery
from crane_history.stats.operations import FIGURES, SHORTEST_STEP


class StatsQuery(SpanQuery):
    """Which time is asked for."""

    class Meta:
        unknown = ma.RAISE

    since = Moment("From when on; 24 hours before its end by itself")
    until = Moment("Until when; now by itself")
    step = ma.fields.Integer(
        validate=ma.validate.Range(SHORTEST_STEP, 7 * 86_400),
        metadata={"description": "How far apart the points are, in seconds; as a chart has room for by itself."},
    )
    by = ma.fields.String(
        load_default="all",
        validate=ma.validate.OneOf(["all", "task"]),
        metadata={"description": "Whether the figures are those of all tasks together, or of each."},
    )


class MemorySchema(AnswerSchema):
    """Whether stats of the past can be asked for."""

    remembered = truth("Whether a Prometheus is set that remembers what was used.")


class SeriesSchema(AnswerSchema):
    """A figure in the order of time."""

    task = text("The task that it is of, as in shop_web.1; null for all together.", null=True)
    task_id = text("The id of that task.", null=True)
    points = many(
        ma.fields.List(ma.fields.Float()), "When, in seconds since 1970, and how much; a gap has no points in it."
    )
    least = number("The least of them; null where there are none.", null=True)
    mean = number("Their mean.", null=True)
    most = number("The most of them.", null=True)


class FigureSchema(AnswerSchema):
    """Something that was measured."""

    name = one_of([figure.name for figure in FIGURES], "What was measured.")
    unit = one_of({figure.unit: None for figure in FIGURES}, "In what.")
    series = many(SeriesSchema, "What it was; none where Prometheus knows nothing.")


class StatsSchema(AnswerSchema):
    """What something used over a span of time."""

    since = moment("When it begins.")
    until = moment("When it ends.")
    step = whole("How far apart the points are, in seconds.")
    figures = many(FigureSchema, "The figures.")
