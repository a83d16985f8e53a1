"""HTTP in and out of configs, which show their content to who may see it."""

from __future__ import annotations

from flask import Response

from crane_core.cluster.configs.schemas import ConfigContentSchema, ConfigDetailSchema, ConfigSchema
from crane_core.cluster.data import operations
from crane_core.cluster.data.routes import find, make_routes
from crane_core.context import get_crane
from crane_core.http import answer
from crane_core.security import guard, identify

blueprint = make_routes("config", "Content that services are given as files.", ConfigSchema, ConfigDetailSchema)


@blueprint.route("/<name>/content")
@guard("config:reveal", by="name")
@blueprint.response(200, ConfigContentSchema, description="The content.")
def show_content(name: str) -> Response:
    """Show the content of a config."""
    headers = {"Cache-Control": "no-store"}
    return answer(operations.read_content(get_crane(), identify(), find("config", name).id), headers=headers)
