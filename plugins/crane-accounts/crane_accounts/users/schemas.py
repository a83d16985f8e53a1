"""What is sent and answered about accounts."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, one_of, text, truth, whole
from crane_core.http import ListQuery

KINDS = ("user", "service")
_DISPLAY_NAME = ma.validate.Length(max=200)
_EMAIL = ma.validate.And(
    ma.validate.Length(max=320), ma.validate.Regexp(r"^$|^[^@\s]+@[^@\s]+$", error="This is no address.")
)


class UserQuery(ListQuery):
    """What accounts can be filtered by."""

    kind = ma.fields.String(metadata={"description": "user or service: accounts of programs."})
    source = ma.fields.String(metadata={"description": "Who vouches for them."})
    disabled = ma.fields.Boolean(metadata={"description": "Whether they are disabled."})
    group = ma.fields.String(metadata={"description": "A group that they are in."})


class UserSchema(AnswerSchema):
    """A user, or the account of a program."""

    id = whole("Never given to another account.")
    name = text("Its name.")
    kind = one_of(KINDS, "service is the account of a program.")
    display_name = text("What people call it.")
    email = text("Where mail reaches it; empty when it is not known.")
    disabled = truth("Whether it may do nothing at all.")
    source = text("Who vouches for it: local, or where its logins come from.")
    groups = many(ma.fields.String(), "The names of the groups that it is in.")
    admin = truth("Whether it is a user who may do everything.")
    created_at = moment("When it was made.")


class NewUserSchema(ma.Schema):
    """An account to make."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True)
    kind = ma.fields.String(load_default="user", validate=ma.validate.OneOf(KINDS))
    display_name = ma.fields.String(load_default="", validate=_DISPLAY_NAME)
    email = ma.fields.String(load_default="", validate=_EMAIL)


class ChangedUserSchema(ma.Schema):
    """What to change of an account; what is not named stays as it is."""

    class Meta:
        unknown = ma.RAISE

    display_name = ma.fields.String(validate=_DISPLAY_NAME)
    email = ma.fields.String(validate=_EMAIL)
    disabled = ma.fields.Boolean()
