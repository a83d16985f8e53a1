"""Restoring a backup instead of a first administrator: those who were there come back with it."""

from __future__ import annotations

import logging
import sys
from typing import Any

import marshmallow as ma
from crane_accounts import AlreadySetUp, has_admin
from crane_database import Staged
from flask import Response, request

from crane_auth import throttle
from crane_auth.errors import CannotRestart
from crane_auth.logins.schemas import Sent
from crane_auth.setup import demand_token
from crane_core.answers import AnswerSchema, truth
from crane_core.context import get_crane
from crane_core.http import Blueprint, answer
from crane_core.security import public

log = logging.getLogger(__name__)
blueprint = Blueprint("restore", __name__, url_prefix="/api/v1/auth/restore", description="Beginning with a backup.")
TOKEN_HEADER = "Crane-Setup-Token"  # noqa: S105 (the name of a header)


_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["passphrase", "file"],
                "properties": {
                    "passphrase": {"type": "string", "description": "What the backup is encrypted with."},
                    "file": {"type": "string", "format": "binary", "description": "What crane-server db backup wrote."},
                },
            }
        }
    },
}


class TokenSchema(ma.Schema):
    """Who may restore."""

    class Meta:
        unknown = ma.EXCLUDE

    token = ma.fields.String(
        required=True, data_key=TOKEN_HEADER, metadata={"description": "The setup token that the server said."}
    )


class BackupSchema(ma.Schema):
    """The backup."""

    class Meta:
        unknown = ma.RAISE

    file = ma.fields.Raw(required=True)


class PassphraseSchema(Sent):
    """What the backup is encrypted with."""

    passphrase = ma.fields.String(required=True, validate=ma.validate.Length(1, 1024))


class RestartingSchema(AnswerSchema):
    """What happens next."""

    restarting = truth("Whether the server starts anew, and restores the backup before it answers again: always.")


@blueprint.before_request
def demand_setup_token() -> None:
    """Take so much from nobody but whoever holds the setup token, which therefore comes before all of it."""
    crane = get_crane()
    if has_admin():
        raise AlreadySetUp("There is an administrator already. Stop the server and use: crane-server db restore")
    key = throttle.of_address(request.remote_addr or "")
    throttle.count(crane, [key])
    demand_token(crane, request.headers.get(TOKEN_HEADER, ""))
    throttle.take_back(key)
    # With None, that of every other request would count.
    request.max_content_length = sys.maxsize


@blueprint.route("", methods=["POST"])
@blueprint.doc(operationId="restoreBackup", requestBody=_BODY)
@public("Whoever holds the setup token begins with a backup; nobody is known before.")
@blueprint.arguments(TokenSchema, location="headers")
@blueprint.response(202, RestartingSchema, description="The backup is whole; the server starts anew with it.")
def restore(_who: dict[str, Any]) -> Response:
    """Begin with a backup, in place of what the server remembers so far."""
    crane = get_crane()
    if crane.restart is None:
        raise CannotRestart
    # Fields and files of one form: flask-smorest tells of either, and so both are told of above.
    parser = blueprint.ARGUMENTS_PARSER
    sent = parser.parse(PassphraseSchema(), request, location="form")
    files = parser.parse(BackupSchema(), request, location="files")
    crane.room(Staged).put(files["file"].stream, sent["passphrase"])
    log.info("A backup was sent by the page of the first start; the server starts anew to restore it.")
    response = answer({"restarting": True}, 202)
    response.call_on_close(crane.restart)
    return response
