"""What health looks like in answers."""

from __future__ import annotations

from crane_core.answers import AnswerSchema, SourceSchema, many, named, one_of, text, words_of
from crane_core.contributions import HealthReport

HEALTH = words_of(HealthReport, "state")


class CheckSchema(AnswerSchema):
    """What a health check found."""

    state = one_of(HEALTH, "How it fares.")
    detail = text("What is wrong, in a sentence; empty when nothing is.")


class HealthSchema(AnswerSchema):
    """How the server fares; callers who may not know more are told the state only."""

    state = one_of(HEALTH, "The worst that any check found.")
    version = text("The version of the server.", optional=True)
    checks = named(CheckSchema, "What each check found, by its name.", optional=True)
    sources = many(SourceSchema, "Where the figures of the Swarm come from.", optional=True)
