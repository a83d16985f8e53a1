"""What is sent and answered about groups."""

from __future__ import annotations

import marshmallow as ma

from crane_accounts.users.schemas import KINDS
from crane_core.answers import AnswerSchema, many, moment, one_of, text, truth, whole
from crane_core.http import ListQuery

_DESCRIPTION = ma.validate.Length(max=1000)


class GroupSchema(AnswerSchema):
    """A group of accounts."""

    name = text("Its name.")
    description = text("What it is for.")
    members = whole("How many accounts are in it.")
    grants = whole("How many grants it has.")
    created_at = moment("When it was made.")


class NewGroupSchema(ma.Schema):
    """A group to make."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True)
    description = ma.fields.String(load_default="", validate=_DESCRIPTION)


class ChangedGroupSchema(ma.Schema):
    """What to change of a group."""

    class Meta:
        unknown = ma.RAISE

    description = ma.fields.String(required=True, validate=_DESCRIPTION)


class MemberQuery(ListQuery):
    """What members can be filtered by."""

    kind = ma.fields.String(metadata={"description": "user or service."})
    source = ma.fields.String(metadata={"description": "Who put them there."})


class MemberSchema(AnswerSchema):
    """An account in a group."""

    name = text("The name of the account.")
    kind = one_of(KINDS, "service is the account of a program.")
    display_name = text("What people call it.")
    disabled = truth("Whether it may do nothing at all.")
    sources = many(
        ma.fields.String(), "Who put it there: local, or where its logins come from, which takes it out again there."
    )


class NewMemberSchema(ma.Schema):
    """An account to put into a group."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(required=True, metadata={"description": "The name of the account."})
