"""What is sent and answered about roles and actions."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, text, truth, whole
from crane_core.http import ListQuery

_DESCRIPTION = ma.validate.Length(max=1000)


class RoleQuery(ListQuery):
    """What roles can be filtered by."""

    built_in = ma.fields.Boolean(metadata={"description": "Whether they come with Crane."})
    action = ma.fields.String(metadata={"description": "An action that they hold."})


class RoleSchema(AnswerSchema):
    """A set of actions."""

    name = text("Its name.")
    description = text("What it is for.")
    built_in = truth("Whether it comes with Crane, and cannot be changed.")
    actions = many(ma.fields.String(), "The names of its actions.")
    grants = whole("How many grants give it, or withhold it.")
    created_at = moment("When it was made; null for those that come with Crane.", null=True)


class NewRoleSchema(ma.Schema):
    """A role to make."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True)
    description = ma.fields.String(load_default="", validate=_DESCRIPTION)
    actions = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "The names of its actions."})


class ChangedRoleSchema(ma.Schema):
    """What to change of a role; what is not named stays as it is."""

    class Meta:
        unknown = ma.RAISE

    description = ma.fields.String(validate=_DESCRIPTION)
    actions = ma.fields.List(ma.fields.String(), metadata={"description": "All of its actions from now on."})


class ActionSchema(AnswerSchema):
    """Something that somebody may be allowed to do."""

    name = text("Its name.")
    help = text("What whoever holds it may do.")
    kind = text("What it is done to.")
    within = many(
        ma.fields.String(),
        "What its objects may belong to: stack, node, registry. Only what is named here can be given on less than "
        "everything.",
    )
    roles = many(ma.fields.String(), "The names of the roles that hold it.")
