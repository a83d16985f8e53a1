"""What is sent and answered about grants and rights."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, one_of, part, text, truth, whole
from crane_core.http import ListQuery

EFFECTS = ("allow", "deny")
SCOPES = ("everything", "stack", "node", "registry")


class GrantQuery(ListQuery):
    """What grants can be filtered by."""

    effect = ma.fields.String(metadata={"description": "allow or deny."})
    role = ma.fields.String(metadata={"description": "The role that they give, or withhold."})
    account = ma.fields.String(metadata={"description": "The account that has them itself."})
    group = ma.fields.String(metadata={"description": "The group that has them."})
    scope = ma.fields.String(metadata={"description": "everything, stack, node or registry."})
    on = ma.fields.String(metadata={"description": "The name or pattern, exactly as it was given."})


class GrantSchema(AnswerSchema):
    """A role that is given to somebody, or withheld from them."""

    id = whole("Its number.")
    name = text("What it says, in words.")
    effect = one_of(EFFECTS, "deny withholds the role, whatever else is granted.")
    role = text("The name of the role.")
    account = text("The account that has it; null where a group does.", null=True)
    group = text("The group that has it; null where an account does.", null=True)
    scope = one_of(SCOPES, "What it is about.")
    on = text("The name of a stack, node or repository, in which * stands for anything; empty for everything.")
    created_by = text("Who granted it.")
    created_at = moment("When.")


class NewGrantSchema(ma.Schema):
    """A grant to make, to an account or to a group."""

    class Meta:
        unknown = ma.RAISE

    effect = ma.fields.String(
        load_default="allow",
        validate=ma.validate.OneOf(EFFECTS),
        metadata={"description": "deny withholds the role, whatever else is granted."},
    )
    role = ma.fields.String(required=True, metadata={"description": "The name of the role."})
    account = ma.fields.String(load_default=None, allow_none=True, metadata={"description": "The account to have it."})
    group = ma.fields.String(load_default=None, allow_none=True, metadata={"description": "The group to have it."})
    scope = ma.fields.String(
        load_default="everything", validate=ma.validate.OneOf(SCOPES), metadata={"description": "What it is about."}
    )
    on = ma.fields.String(
        load_default="",
        metadata={"description": "The name of a stack, node or repository; * stands for anything, as in shop-*."},
    )

    @ma.validates_schema
    def validate_holder(self, members: dict[str, object], **_: object) -> None:
        """Refuse a grant to nobody, to two, or on nothing."""
        if bool(members.get("account")) == bool(members.get("group")):
            raise ma.ValidationError("Name an account or a group, and not both.", "account")
        if (members["scope"] == "everything") == bool(members.get("on")):
            raise ma.ValidationError("Name what it is on, unless it is on everything.", "on")


class RightsQuery(ma.Schema):
    """Whose rights, on what."""

    class Meta:
        unknown = ma.RAISE

    account = ma.fields.String(load_default="", metadata={"description": "Whose; the caller's own unless told."})
    group = ma.fields.String(load_default="", metadata={"description": "What a group gives its members."})
    kind = ma.fields.String(load_default="", metadata={"description": "The kind of an object, as in stack."})
    name = ma.fields.String(load_default="", metadata={"description": "Its name; the kind as a whole without."})
    action = ma.fields.String(load_default="", metadata={"description": "Only this action."})

    @ma.validates_schema
    def validate_one(self, members: dict[str, str], **_: object) -> None:
        """Refuse what cannot be asked together."""
        if members["account"] and members["group"]:
            raise ma.ValidationError("Name an account or a group, and not both.", "group")
        if members["name"] and not members["kind"]:
            raise ma.ValidationError("Say what kind of object it is.", "kind")


class SpeakingSchema(AnswerSchema):
    """A grant that speaks for or against it."""

    id = whole("Its number.")
    effect = one_of(EFFECTS, "Whether it speaks for it.")
    text = text("What it says, in words.")


class RightSchema(AnswerSchema):
    """Whether somebody may do one thing, and why."""

    action = text("The action.")
    help = text("What whoever holds it may do.")
    allowed = truth("Whether they may.")
    reason = text("Why, or why not.")
    grants = many(SpeakingSchema, "The grants that speak for it or against it.")


class TargetSchema(AnswerSchema):
    """What rights were asked for on."""

    kind = text("The kind of the object; empty for everything.")
    name = text("Its name; empty for the kind as a whole.")
    stack = text("The stack that it belongs to.", null=True)


class RightsSchema(AnswerSchema):
    """What somebody may do, and why."""

    account = text("Whose rights these are; null for those of a group.", null=True)
    group = text("The group; null for those of an account.", null=True)
    target = part(TargetSchema, "On what.")
    rights = many(RightSchema, "One for each action.")
