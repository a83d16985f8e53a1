"""What the doctor is asked, and what it answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, one_of, text, words_of
from crane_core.contributions import Finding
from crane_core.monitoring.doctor.operations import CheckState

STATES = {"ok": None, "warning": None, "error": None}


class DoctorQuery(ma.Schema):
    """Whether to look anew."""

    class Meta:
        unknown = ma.RAISE

    fresh = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Look now; otherwise what was found less than a minute ago is told."},
    )


class FindingSchema(AnswerSchema):
    """Something that was found."""

    code = text("Names it, stable and in kebab case.")
    severity = one_of(words_of(Finding, "severity"), "How bad it is; unknown is what cannot be found out from here.")
    what = text("What is so, in a sentence.")
    where = text("What it is about; empty for the whole Swarm.")
    advice = text("What to do, in a sentence; empty where there is nothing to.")


class ExaminedSchema(AnswerSchema):
    """Something that was looked at."""

    name = text("Its name.")
    title = text("What it is, in a few words.")
    state = one_of(CheckState, "The worst of what was found.")
    findings = many(FindingSchema, "What was found, the worst first; none where all is well.")


class DoctorSchema(AnswerSchema):
    """What the doctor found."""

    state = one_of(STATES, "Whether something hurts (error), will hurt (warning), or not.")
    checked_at = moment("When it was looked.")
    checks = many(ExaminedSchema, "What was looked at.")
