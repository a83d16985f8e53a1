"""What sessions are asked by, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, moment, text, truth
from crane_core.http import ListQuery


class SessionSchema(AnswerSchema):
    """A login of a browser or a program, until it ends."""

    id = text("Its id.")
    name = text("The name of the account.")
    method = text("The way by which it began: password, oidc, passkey ...")
    address = text("The address that it began from.")
    device = text("What the browser or program says to be.")
    created_at = moment("When it began.")
    used_at = moment("When it was last used, to the minute.")
    expires_at = moment("When it ends unless it is used.")
    current = truth("Whether it is the session of this request.")


class SessionQuery(ListQuery):
    """What sessions can be filtered by."""

    name = ma.fields.String(metadata={"description": "The names of accounts, separated by commas."})
    method = ma.fields.String(metadata={"description": "The ways by which they began, separated by commas."})
