"""What API tokens are asked by, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_auth.logins.schemas import Sent, line
from crane_core.answers import AnswerSchema, moment, text, truth
from crane_core.http import ListQuery

LONGEST_DAYS = 36500


def _limit(says: str, longest: int) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=[ma.validate.Length(1, longest), ma.validate.Regexp(r"[^\x00-\x20\x7f]+\Z")]),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, 200),
        metadata={"description": says},
    )


class NewTokenSchema(Sent):
    """A token of one's own."""

    name = line("What it is for; several may be called the same.", 100)
    actions = _limit("What it may at the most; all that its account may when left out.", 100)
    stacks = _limit("The stacks that it is limited to, by name or pattern as in shop-*; no limit when left out.", 100)
    days = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, LONGEST_DAYS),
        metadata={"description": "How many days it is good for; as many as the server allows when left out."},
    )


class NewServiceTokenSchema(NewTokenSchema):
    """A token of a service account."""

    account = line("The name of the service account.", 320)


class TokenSchema(AnswerSchema):
    """An API token; its secret is shown once, when it is made."""

    id = text("Its id.")
    name = text("What it is for.")
    account = text("The name of the account that it stands for.")
    actions = ma.fields.List(
        ma.fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "What it may at the most; null for all that its account may."},
    )
    stacks = ma.fields.List(
        ma.fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "The stacks that it is limited to; null without such a limit."},
    )
    created_at = moment("When it was made.")
    created_by = text("Who made it.")
    used_at = moment("When it was last used, to the minute; null when never.", null=True)
    expires_at = moment("Until when it is good; null for as long as it is not removed.", null=True)
    expired = truth("Whether that is over.")


class MadeTokenSchema(TokenSchema):
    """An API token that was just made."""

    token = text("The token, shown this once: send it as Authorization: Bearer.")


class TokenQuery(ListQuery):
    """What tokens can be filtered by."""

    account = ma.fields.String(metadata={"description": "The names of accounts, separated by commas."})
