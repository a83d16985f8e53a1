"""What operations look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import (
    AnswerSchema,
    ViolationSchema,
    many,
    moment,
    number,
    one_of,
    part,
    text,
    truth,
    whole,
    words_of,
)
from crane_core.orchestration.operations.model import Outcome, ServiceState, State, Step
from crane_core.orchestration.plans.model import Kind, Verb


class StepSchema(AnswerSchema):
    """One call of the Engine: creating, updating or removing one object."""

    kind = one_of(Kind, "What sort of object.")
    name = text("Its name.")
    action = one_of(Verb, "What is done to it.")
    state = one_of(words_of(Step, "state"), "What became of it.")
    error = text("Why it failed, or was left out.", null=True)
    late = truth("Whether it waits until every service has converged; it is left out when one does not.")


class FailingSchema(AnswerSchema):
    """A task that does not run as it should."""

    task = text("Its id.")
    slot = whole("Its slot; null for a service that runs once on each node.", null=True)
    node = text("The host name of its node; null while it has none.", null=True)
    state = text("Its state, in the Engine's words.")
    error = text("What is wrong with it.")
    exit_code = whole("What its container ended with; null while there is none.", null=True)
    count = whole("How many attempts at the same place have failed since the operation began.")


class ServiceProgressSchema(AnswerSchema):
    """How far one service is."""

    name = text("Its name.")
    id = text("Its id.")
    state = one_of(ServiceState, "How it fares.")
    desired = whole("How many tasks should run.")
    running = whole("How many tasks run; for a job, how many have completed.")
    updated = whole("How many tasks run and are made from the new spec.")
    total = whole("How many tasks are to be made from the new spec.")
    message = text("The same in words.")
    failing = many(
        FailingSchema,
        "The tasks that do not run as they should; of an update that is rolled back, those it failed with.",
    )
    code = text("Names the cause once the state is final; empty before.")
    advice = text("What to do about it.", null=True)


class ServiceVerdictSchema(AnswerSchema):
    """How an operation ended for one service."""

    name = text("The service.")
    outcome = one_of(Outcome, "How it ended.")
    cause = text("Why, in words.")
    code = text("Names the cause, in kebab case.")
    advice = text("What to do about it.", null=True)


class VerdictSchema(AnswerSchema):
    """How an operation ended, and why."""

    outcome = one_of(Outcome, "How it ended: that of its worst service.")
    cause = text("Why, in sentences.")
    code = text("Names the cause, in kebab case; what programs decide on.")
    services = many(ServiceVerdictSchema, "The same for each service.")
    created = many(ma.fields.String(), "What was made before a failure and still stands, each as kind and name.")
    advice = text("What to do about it.", null=True)


class OperationSchema(AnswerSchema):
    """A change that somebody asked for, from its first step to its verdict."""

    id = text("Its id.")
    kind = text("What is done, as in stack.deploy or service.scale.")
    target = text("The name of the stack or service that is changed.")
    stack = text("The stack that this belongs to; null outside a stack.", null=True)
    by = text("Who asked for it.")
    plan_id = text("The plan that it carries out.")
    state = one_of(State, "applying: changes are sent; unknown-yet: the Engine does not answer.")
    created_at = moment("When it began.")
    ended_at = moment("When it ended.", null=True)
    timeout = number("Seconds after which it ends as timed out; null to end when nothing moves any more.", null=True)
    steps = many(StepSchema, "The calls of the Engine, in their order.")
    services = many(ServiceProgressSchema, "How far each service is.")
    warnings = many(ViolationSchema, "What is worth knowing.")
    verdict = part(VerdictSchema, "How it ended; null before.", null=True)
    revision = whole("Rises whenever anything of it changes.")
