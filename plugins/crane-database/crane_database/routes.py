"""HTTP in and out of the database."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list
from crane_core.security import Target, guard
from crane_database.schemas import DatabaseSchema, TablesSchema

blueprint = Blueprint("database", __name__, url_prefix="/api/v1/database", description="What the server remembers.")


@blueprint.route("")
@guard("database:read")
@blueprint.response(200, DatabaseSchema, description="The database.")
def show() -> Response:
    """Show where the database is, its tables, leases and the last backup."""
    from crane_database.operations import describe

    return answer(describe(get_crane()))


@blueprint.route("/plugins")
@guard("database:read")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(TablesSchema, description="The plugins that have tables.")
def list_tables(query: dict[str, Any]) -> Response:
    """List the plugins that have tables."""
    from crane_database.operations import describe_tables

    crane = get_crane()
    rows = describe_tables(crane)
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="database:read",
        target=lambda row: Target("database", row["name"]),
        fields={member: itemgetter(member) for member in ("name", "state", "revision", "pending")},
    )
    return answer_list(crane, listing, query)
