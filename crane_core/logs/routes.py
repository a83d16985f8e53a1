"""HTTP in and out of logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, current_app, request

from crane_core.context import Crane, get_crane
from crane_core.http import Blueprint, stream_bytes
from crane_core.logs.logs import Logs
from crane_core.logs.origins import Kind, find_subject
from crane_core.logs.query import LogQuery, Query, read_query
from crane_core.logs.reading import Reading
from crane_core.logs.rights import hide_from
from crane_core.logs.schemas import LogEntrySchema
from crane_core.logs.writing import Form, to_piece
from crane_core.openapi import NDJSON, described
from crane_core.security import guard, identify
from crane_core.websockets import find_socket, has_hung_up

blueprint = Blueprint("logs", __name__, url_prefix="/api/v1", description="What containers print.")

_FORMS: dict[str, Form] = {"text/plain": "text", NDJSON: "ndjson", "text/event-stream": "sse"}
_TEXT = {"type": "string", "description": "One line for each line that was printed."}


_WHERE: Mapping[Kind, tuple[str, str]] = {
    "service": ("services/<name>", "Read what all tasks of a service print."),
    "stack": (
        "stacks/<name>",
        "Read what all services of a stack print, as far as the caller may read their logs.",
    ),
    "task": ("tasks/<task_id>", "Read what a task prints."),
    "container": ("containers/<path:name>", "Read what a container prints, on whatever node it is."),
}


def _add_route(kind: Kind, place: str, says: str) -> None:
    """Add the route of the logs of one kind; its place names what they are of."""
    by = "task_id" if kind == "task" else "name"

    @blueprint.route(f"/{place}/logs", endpoint=f"{kind}_logs")
    @guard(f"{kind}:read-logs", by=by)
    @blueprint.arguments(LogQuery, location="query")
    @blueprint.response(200, _TEXT, content_type="text/plain")
    @blueprint.response_stream(LogEntrySchema, description="The lines, in the order of time.")
    @described(says)
    def read(query: dict[str, Any], **named: str) -> Response:
        return _answer(kind, named[by], query)


for _kind, (_place, _says) in _WHERE.items():
    _add_route(_kind, _place, _says)


def _answer(kind: Kind, name: str, sent: dict[str, Any]) -> Response:
    crane = get_crane()
    query = read_query(sent)
    subject = find_subject(crane, kind, name)
    hide = hide_from(crane, identify(), current_app._get_current_object())  # type: ignore[attr-defined]
    mimetype = request.accept_mimetypes.best_match(list(_FORMS)) or "text/plain"
    crane.about_to_wait()
    pieces = _read(crane, Reading(crane, subject, query, hide), query, _FORMS[mimetype], kind in ("stack", "service"))
    # The first piece comes before the answer begins, so that what goes wrong until then is answered as a problem.
    return stream_bytes(_begun(pieces), mimetype)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")

    def go_on() -> Iterator[bytes]:
        try:
            yield first
            yield from pieces
        finally:
            pieces.close()  # type: ignore[attr-defined]

    return go_on()


def _read(crane: Crane, reading: Reading, query: Query, form: Form, named: bool) -> Iterator[bytes]:
    # Read before anything is decided: what changes meanwhile is decided anew.
    rights = crane.rights.version
    connection = find_socket(request.environ)
    with reading, crane.room(Logs).reading():
        for part in reading.parts():
            if (version := crane.rights.version) != rights:
                rights = version
                reading.ask_anew()
            if part is None and connection is not None and has_hung_up(connection):
                return
            yield to_piece(part, reading.sieve, form, query.timestamps, named)
