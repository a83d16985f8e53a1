"""HTTP in and out of the Swarm as a whole."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.cluster.nodes.routes import matcher
from crane_core.cluster.swarm import operations
from crane_core.cluster.swarm.schemas import (
    AuthoritySchema,
    InitSchema,
    JoinCommandSchema,
    MadeSchema,
    RotateTokensSchema,
    SwarmChangeSchema,
    SwarmSchema,
    TokensSchema,
    UnlockKeySchema,
    UnlockSchema,
)
from crane_core.context import get_crane
from crane_core.http import Blueprint, answer
from crane_core.openapi import ETAG, IF_MATCH, LOCATION
from crane_core.security import guard, identify

blueprint = Blueprint("swarm", __name__, url_prefix="/api/v1/swarm", description="The Swarm as a whole.")

# What holds a secret is in nobody's cache.
_SECRET = {"Cache-Control": "no-store"}


class RoleQuery(ma.Schema):
    """What a machine is to become."""

    class Meta:
        unknown = ma.RAISE

    role = ma.fields.String(
        load_default="worker",
        validate=ma.validate.OneOf(operations.ROLES),
        metadata={"description": "worker or manager."},
    )


def _answer_swarm(shown: dict[str, Any]) -> Response:
    return answer(shown, headers={"ETag": f'"{shown["Version"]["Index"]}"'})


@blueprint.route("")
@guard("swarm:read")
@blueprint.response(200, SwarmSchema, description="The Swarm; the ETag is its version.", headers=ETAG)
def show() -> Response:
    """Show the Swarm."""
    return _answer_swarm(operations.show_swarm(get_crane()))


@blueprint.route("", methods=["PATCH"])
@guard("swarm:update")
@blueprint.arguments(SwarmChangeSchema)
@blueprint.response(200, SwarmSchema, description="The Swarm as it is then.", headers=ETAG)
@blueprint.request_header(IF_MATCH)
def patch(members: dict[str, Any]) -> Response:
    """Change how the Swarm is set up; what is not named stays as it is."""
    return _answer_swarm(operations.change_swarm(get_crane(), identify().name, members, matcher()))


@blueprint.route("/init", methods=["POST"])
@guard("swarm:init")
@blueprint.arguments(InitSchema)
@blueprint.response(201, MadeSchema, description="The Swarm was made.", headers=LOCATION)
def init(members: dict[str, Any]) -> Response:
    """Make the Engine the first manager of a new Swarm."""
    node_id = operations.init_swarm(get_crane(), identify().name, members)
    return answer({"node_id": node_id}, 201, {"Location": "/api/v1/swarm"})


@blueprint.route("/join-tokens")
@guard("swarm:read-tokens")
@blueprint.response(200, TokensSchema, description="The tokens.")
def tokens() -> Response:
    """Show the tokens with which machines join."""
    return answer(operations.read_tokens(get_crane()), headers=_SECRET)


@blueprint.route("/join-tokens/rotate", methods=["POST"])
@guard("swarm:rotate")
@blueprint.arguments(RotateTokensSchema)
@blueprint.response(204, description="The old tokens let nobody in any more.")
def rotate_tokens(sent: dict[str, Any]) -> Response:
    """Replace the tokens with which machines join."""
    operations.rotate_tokens(get_crane(), identify().name, tuple(sent["roles"]))
    return Response(status=204)


@blueprint.route("/join-command")
@guard("swarm:read-tokens")
@blueprint.arguments(RoleQuery, location="query")
@blueprint.response(200, JoinCommandSchema, description="The command, with its token.")
def join_command(query: dict[str, Any]) -> Response:
    """Show the command that makes a machine a node."""
    return answer(operations.join_command(get_crane(), query["role"]), headers=_SECRET)


@blueprint.route("/ca/rotate", methods=["POST"])
@guard("swarm:rotate")
@blueprint.arguments(AuthoritySchema)
@blueprint.response(200, SwarmSchema, description="The Swarm; nodes get their certificates one after the other.")
def rotate_ca(sent: dict[str, Any]) -> Response:
    """Replace the authority that vouches for nodes, and the certificate of each node."""
    shown = operations.rotate_ca(get_crane(), identify().name, sent["certificate"], sent["key"])
    return _answer_swarm(shown)


@blueprint.route("/unlock-key")
@guard("swarm:read-unlock-key")
@blueprint.response(200, UnlockKeySchema, description="The key.")
def unlock_key() -> Response:
    """Show the key that managers need after their Engine was started anew."""
    return answer({"unlock_key": operations.read_unlock_key(get_crane())}, headers=_SECRET)


@blueprint.route("/unlock-key/rotate", methods=["POST"])
@guard("swarm:rotate")
@blueprint.response(204, description="The old key unlocks nothing any more.")
def rotate_unlock_key() -> Response:
    """Replace the key that managers need after their Engine was started anew."""
    operations.rotate_unlock_key(get_crane(), identify().name)
    return Response(status=204)


@blueprint.route("/unlock", methods=["POST"])
@guard("swarm:unlock")
@blueprint.arguments(UnlockSchema)
@blueprint.response(204, description="The manager takes part again.")
def unlock(sent: dict[str, Any]) -> Response:
    """Unlock the manager that the server speaks with."""
    operations.unlock(get_crane(), sent["unlock_key"])
    return Response(status=204)
