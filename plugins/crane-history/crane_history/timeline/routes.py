"""HTTP in and out of the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Any

import flask
from flask import Response, current_app, request

from crane_core.context import Crane, get_crane
from crane_core.http import Blueprint, Listing, answer, answer_unless_known, stream_lines
from crane_core.openapi import NDJSON
from crane_core.security import Target, demand, guard, identify
from crane_history.timeline.schemas import (
    CheckQuery,
    ExportQuery,
    LineDetailSchema,
    LineFilter,
    LineQuery,
    LineSchema,
    LinesSchema,
    ProofSchema,
)

if TYPE_CHECKING:
    from flask import Flask

CSV = "text/csv"
# How many lines a follower of the topic has before them.
NEWEST = 200
blueprint = Blueprint("timeline", __name__, url_prefix="/api/v1/timeline", description="What happened, in order.")
pages = flask.Blueprint("timeline_pages", __name__)


def find_line(number: str) -> Target:
    """Find a line of the timeline as the target of an action: what it is about."""
    from crane_history.timeline.operations import get_line, target_of

    return target_of(get_line(int(number)))


@blueprint.route("")
@blueprint.doc(operationId="listTimeline")
@guard("timeline:read")
@blueprint.arguments(LineQuery, location="query")
@blueprint.response_unless_known(LinesSchema, description="A page of the timeline.")
def list_lines(query: dict[str, Any]) -> Response:
    """List what happened."""
    from crane_history.timeline.operations import find_page

    page = find_page(get_crane(), identify(), {**query, "oldest_first": query["sort"] == "number"})
    return answer_unless_known({"items": page.lines, "next": page.next})


@blueprint.route("/<int:number>")
@blueprint.doc(operationId="showTimelineEntry")
@guard("timeline:read", by="number")
@blueprint.response(200, LineDetailSchema, description="The line.")
def show(number: int) -> Response:
    """Show one thing that happened, and what else is known of its operation."""
    from crane_history.timeline import operations

    return answer(operations.show(get_crane(), identify(), number))


@blueprint.route("/check")
@blueprint.doc(operationId="checkTimeline")
@guard("timeline:read")
@blueprint.arguments(CheckQuery, location="query")
@blueprint.response(200, ProofSchema, description="What was found.")
def check(query: dict[str, Any]) -> Response:
    """Check whether every line of the timeline is there, and as it was written."""
    from crane_history.timeline.operations import prove

    # It is about all lines together, also about those that not everybody may see.
    demand("timeline:read", Target("timeline", "chain"))
    return answer(prove((query["number"], query["hash"]) if query else None))


@blueprint.route("/export")
@blueprint.doc(operationId="exportTimeline")
@guard("timeline:read")
@blueprint.arguments(ExportQuery, location="query")
@blueprint.response(
    200,
    {
        "type": "string",
        "description": "One JSON object a line.",
        "x-item": {"$ref": "#/components/schemas/history.WholeLine"},
    },
    content_type=NDJSON,
    description="The lines, the oldest first.",
)
@blueprint.alt_response(
    200,
    schema={"type": "string", "description": "A heading, then a row for each line."},
    content_type=CSV,
    description="The lines as CSV.",
)
def export(query: dict[str, Any]) -> Response:
    """Export the timeline, as one JSON object a line or as CSV."""
    from crane_history.timeline import operations
    from crane_history.timeline.exporting import to_csv, to_ndjson

    crane, identity = get_crane(), identify()
    chosen = query.pop("format", None)
    wants_csv = chosen == "csv" or (
        chosen is None and request.accept_mimetypes.best_match([NDJSON, CSV], default=NDJSON) == CSV
    )
    lines = _one_by_one(operations.export(crane, identity, query))
    frames = to_csv(lines) if wants_csv else to_ndjson(lines)
    name = f"timeline.{'csv' if wants_csv else 'ndjson'}"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(frames, mimetype=CSV if wants_csv else NDJSON, headers=headers)


@blueprint.route("/follow")
@blueprint.doc(operationId="followTimeline")
@guard("timeline:read")
@blueprint.arguments(LineFilter, location="query")
@blueprint.response_stream(LineSchema, description="Each line when it is written.")
def follow(query: dict[str, Any]) -> Response:
    """Follow what happens, as server-sent events or as one JSON object a line."""
    from crane_history.timeline import operations

    return stream_lines(_one_by_one(operations.follow(get_crane(), identify(), query)))


@pages.route("/api/v1/timeline/page.js")
@guard("timeline:read")
def send_page() -> Response:
    """Send the page of the panel."""
    text = files("crane_history.timeline").joinpath("page.js").read_bytes()
    return Response(text, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


def newest_listing(crane: Crane, _: Mapping[str, str]) -> Listing[dict[str, Any]]:
    """Return the newest lines, for who follows them."""
    from crane_history.timeline.operations import read_newest

    version, read = read_newest(crane, NEWEST)
    return Listing(
        version=version,
        rows=read,
        action="timeline:read",
        target=lambda line: Target(line["target"] or "timeline", line["name"], line["id"], line["stack"]),
        fields={"name": lambda line: line["name"]},
        made_of=lambda line: (line["number"],),
    )


def _one_by_one(batches: Iterable[list[Any]]) -> Iterator[Any]:
    """Take the values of batches; each is made in a context of the application, because that of the request is over."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return chain.from_iterable(_within(app, iter(batches)))


def _within(app: Flask, batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
    while True:
        with app.app_context():
            if (batch := next(batches, None)) is None:
                return
        yield batch
