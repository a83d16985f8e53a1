"""HTTP in and out of rotations."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.context import get_crane
from crane_core.engine.data import Data, DataKind, get_data
from crane_core.engine.records import Config
from crane_core.http import Blueprint
from crane_core.openapi import described
from crane_core.orchestration.changing import ChangeQuery, answer_change, demand_services, response_change
from crane_core.orchestration.rotations.operations import plan_rotation
from crane_core.security import Target, guard, identify

blueprint = Blueprint(
    "rotations",
    __name__,
    url_prefix="/api/v1",
    description="Giving services another content of the configs and secrets that they use.",
)


class RotationSchema(ma.Schema):
    """A new content, as text or as base64, one of both."""

    content = ma.fields.String(load_only=True, metadata={"description": "The content, where it is text."})
    data = ma.fields.String(load_only=True, metadata={"description": "The content as base64, whatever it is."})
    keep_old = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Keep the old version, so that services can be rolled back by hand afterwards."},
    )


def find_config(name: str) -> Target:
    """Find a config as the target of an action."""
    return _target_of(get_data(get_crane().cache.snapshot(), "config", name))


def find_secret(name: str) -> Target:
    """Find a secret as the target of an action."""
    return _target_of(get_data(get_crane().cache.snapshot(), "secret", name))


def _target_of(data: Data) -> Target:
    return Target("config" if isinstance(data, Config) else "secret", data.name, data.id, data.stack, data.labels)


def _add_route(kind: DataKind) -> None:
    """Add the route that rotates configs, or secrets."""

    @blueprint.route(f"/{kind}s/<name>/rotate", methods=["POST"], endpoint=f"rotate_{kind}")
    @guard(f"{kind}:rotate", by="name")
    @blueprint.arguments(ChangeQuery, location="query")
    @blueprint.arguments(RotationSchema)
    @response_change(blueprint, description="The operation that rotates it.")
    @described(_ROTATES.format(kind))
    def rotate(query: dict[str, Any], wish: dict[str, Any], name: str) -> Response:
        return _rotate(kind, query, wish, name)


_ROTATES = """Give a {} another content: a new version of it, and one update of each service that uses it.

Whoever asks for it must be allowed to change those services. The old version is removed once all of them have
converged, and stays when one does not.
"""
_add_route("config")
_add_route("secret")


def _rotate(kind: DataKind, query: dict[str, Any], wish: dict[str, Any], name: str) -> Response:
    crane = get_crane()
    data = get_data(crane.cache.snapshot(), kind, name)
    plan = plan_rotation(crane, identify(), kind, data.id, wish, query["timeout"])
    demand_services(plan)
    return answer_change(plan, query)
