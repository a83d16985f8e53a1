"""What plans look like in answers."""

from __future__ import annotations

from crane_core.answers import (
    AnswerSchema,
    ProblemSchema,
    ViolationSchema,
    anything,
    many,
    moment,
    one_of,
    part,
    text,
    truth,
    whole,
)
from crane_core.orchestration.plans.model import Kind, Verb


class FieldChangeSchema(AnswerSchema):
    """One field of a spec that changes; values that look secret are hidden."""

    path = text("A JSON pointer into the spec; items of a list that have a name are named by it.")
    old = anything("The value before; null where there was none.")
    new = anything("The value after; null where there is none.")


class ChangeSchema(AnswerSchema):
    """What happens to one object."""

    kind = one_of(Kind, "What sort of object.")
    name = text("Its name.")
    action = one_of(Verb, "What is done to it; keep: nothing.")
    restarts = whole("How many running tasks are replaced.")
    reason = text("Why, where it is not plain from the rest.", null=True)
    reason_code = text("Names that reason, in kebab case; null where there is none.", null=True)
    image = text("The image that its tasks will run.", null=True)
    credential = text("Whose login the image is pulled with; never its password.", null=True)
    version = whole("The version of the object that the change was made from.", null=True)
    fields_ = many(FieldChangeSchema, "What differs.")
    fields_.data_key = "fields"


class SummarySchema(AnswerSchema):
    """A plan in figures."""

    create = whole("How many objects are created.")
    update = whole("How many are updated.")
    remove = whole("How many are removed.")
    keep = whole("How many are left alone.")
    restarts = whole("How many running tasks are replaced.")


class PlanSchema(AnswerSchema):
    """What a change would do, worked out before anything happens."""

    id = text("Its id, to apply it by.")
    kind = text("The operation that applying it starts, as in stack.deploy.")
    target = text("The name of the stack or service that is changed.")
    stack = text("The stack that this belongs to; null outside a stack.", null=True)
    created_at = moment("When it was made.")
    expires_at = moment("When it is forgotten.")
    applied_at = moment("When it was applied; null before.", null=True)
    by = text("Who asked for it.")
    prune = truth("Whether what the stack has and the files no longer name is removed.")
    changes = many(ChangeSchema, "What happens to each object.")
    warnings = many(ViolationSchema, "What is worth knowing.")
    violations = many(ViolationSchema, "What keeps it from being applied.")
    summary = part(SummarySchema, "The same in figures.")


class PlanConflictSchema(ProblemSchema):
    """Why a plan cannot be applied now."""

    plan = part(PlanSchema, "The new plan, with the code plan-outdated.", optional=True)
