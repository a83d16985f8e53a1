"""HTTP in and out: problem details, answers, lists, ETags, waiting.

Lists are the same everywhere: ``limit``, ``offset``, ``sort``, ``q`` and the list's own filters in; ``items``,
``total``, ``version`` and ``sources`` out, with the version as the ETag.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import logging
import secrets
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from typing import Any, Generic, TypeVar, get_args

import marshmallow as ma
import msgspec
from flask import Flask, Request, Response, request
from webargs.core import missing
from webargs.flaskparser import FlaskParser, abort, is_json_request
from werkzeug.exceptions import HTTPException

from crane_core.context import Crane, get_crane
from crane_core.errors import CraneError, Invalid, Violation
from crane_core.openapi import NDJSON, PROBLEM, DescribedBlueprint
from crane_core.security import Target, decider, identify, may_everything, refuse_foreign_pages
from crane_core.standing import Standing
from crane_core.websockets import find_socket

log = logging.getLogger(__name__)
Row = TypeVar("Row")

LONGEST_WAIT = 3600
DEEPEST_JSON = 100
_CODE_KEY = "crane.problem"
_encoder = msgspec.json.Encoder()
# A restarted server counts its versions anew, so an old ETag must not match by chance.
_EPOCH = secrets.token_hex(4)


class StrictParser(FlaskParser):
    """Reads what was sent; a schema alone decides about members that it does not know, in a query too."""

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not body or not is_json_request(req):
            return missing
        try:
            # Unlike json.loads it takes no text that could not be written again, and no NaN.
            sent = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            abort(400, exc=error, messages={"json": [f"This cannot be read as JSON: {error}."]})
        except RecursionError:
            abort(400, messages={"json": [_TOO_DEEP]})
        if _is_deeper(sent, DEEPEST_JSON):
            abort(400, messages={"json": [_TOO_DEEP]})
        return sent

    # webargs drops unknown members of a query otherwise, and a misspelt filter would list everything.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 (as the base class declares it)


_TOO_DEEP = f"Objects and lists are nested more than {DEEPEST_JSON} times."


def _is_deeper(value: Any, most: int) -> bool:
    """Tell whether objects and lists are nested too often; what walks through them by calling itself would give up."""
    level = [value]
    for _ in range(most + 1):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level = [each for members in inner for each in members if isinstance(each, (dict, list))]
        if not level:
            return False
    return True


class Blueprint(DescribedBlueprint):
    """A blueprint whose routes appear in the OpenAPI document."""

    ARGUMENTS_PARSER = StrictParser()


class ListQuery(ma.Schema):
    """What every list understands."""

    class Meta:
        unknown = ma.RAISE

    limit = ma.fields.Integer(
        load_default=100, validate=ma.validate.Range(0, 1000), metadata={"description": "How many items at the most."}
    )
    offset = ma.fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, 10**9),
        metadata={"description": "How many items to pass over."},
    )
    sort = ma.fields.String(
        load_default="", metadata={"description": "The member to sort by; with a leading minus the other way round."}
    )
    q = ma.fields.String(load_default="", metadata={"description": "Keep items whose name contains this."})


class SomeOf(ma.validate.Validator):
    """Demand one or more of a few words, separated by commas: a misspelt one would choose nothing, and not say why."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)

    def __call__(self, value: str) -> str:
        """Return what was sent. Raises ``ValidationError``."""
        for word in value.split(","):
            if word not in self.words:
                raise ma.ValidationError(f"There is no {word[:40]!r} here; there are {', '.join(self.words)}.")
        return value


def some_of(words: Any, says: str) -> ma.fields.String:
    """Describe a filter by a few words: those of a ``Literal``, or of a collection."""
    allowed = get_args(words) or tuple(words)
    told = f"{says}: {', '.join(allowed)}; several separated by commas."
    return ma.fields.String(validate=SomeOf(allowed), metadata={"description": told})


class WaitQuery(ma.Schema):
    """How long to wait for the end of an operation before answering."""

    class Meta:
        unknown = ma.RAISE

    wait = ma.fields.Float(
        load_default=0.0,
        validate=ma.validate.Range(0, LONGEST_WAIT),
        metadata={"description": "Seconds to wait for the verdict; 0 answers at once."},
    )


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a value as JSON: dicts, dataclasses or records."""
    return Response(_encoder.encode(value), status, headers, mimetype="application/json")


def answer_unless_known(value: Any, known_by: Any = None) -> Response:
    """Answer with a value as JSON, or with 304 when the caller has it already.

    :param known_by: What the ETag is made of, where the value holds what changes without being news, as ages do; the
        value itself unless given.
    """
    body = _encoder.encode(value)
    etag = hashlib.blake2b(body if known_by is None else _encoder.encode(known_by), digest_size=12).hexdigest()
    return _answer_known(etag) or Response(body, headers=_headers(etag), mimetype="application/json")


def _answer_known(etag: str) -> Response | None:
    """Answer 304 when the caller has the version of an ETag already."""
    # Weak as well: a proxy that compresses turns a strong ETag into a weak one.
    return Response(status=304, headers=_headers(etag)) if request.if_none_match.contains_weak(etag) else None


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """A list before it is asked for: what it is made of, and what it can be filtered and sorted by.

    :param version: Changes when any item does.
    :param rows: Makes all rows; not called when a caller who may see everything already has this version.
    :param action: The action that whoever sees a row must hold on its target; None where the rows were chosen for the
        caller already. A topic demands its own action then.
    :param fields: How to read what can be sorted and filtered by; ``name`` is what ``q`` looks into.
    :param present: Turns a row into what is answered; called for the page only.
    :param sources: Where the rows come from, with state and age.
    :param made_of: Returns what the presentation of a row is made of, so that who follows the list makes it anew only
        when one of these is another object, or another number or text; None makes all anew with each version.
    """

    version: str
    rows: Callable[[], Iterable[Row]]
    action: str | None
    target: Callable[[Row], Target]
    fields: Mapping[str, Callable[[Row], Any]]
    present: Callable[[Row], Any] = field(default=lambda row: row)
    sources: Sequence[Mapping[str, Any]] = ()
    made_of: Callable[[Row], tuple[object, ...]] | None = None


def read_members(*names: str, **others: str) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """Return the fields of a list whose rows are JSON: members by their names, and others by what is sent instead."""
    return {name: itemgetter(member) for name, member in {**dict(zip(names, names, strict=True)), **others}.items()}


class Pages:
    """The encoded pages that were asked for last, for as long as their lists do not change.

    Only pages are kept that everybody would see alike; what plugins decide about is decided anew for each request.
    """

    KEPT = 16

    def __init__(self, crane: Crane) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[msgspec.Raw, int]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, path: str, etag: str) -> tuple[msgspec.Raw, int] | None:
        """Return the items of a page and the total, if they are kept."""
        with self._lock:
            if (page := self._kept.get((path, etag))) is not None:
                self._kept.move_to_end((path, etag))
            return page

    def keep(self, path: str, etag: str, page: tuple[msgspec.Raw, int]) -> None:
        """Keep a page in place of the one that was not asked for longest."""
        with self._lock:
            self._kept[path, etag] = page
            while len(self._kept) > self.KEPT:
                self._kept.popitem(last=False)


def answer_list(crane: Crane, listing: Listing[Row], query: Mapping[str, Any]) -> Response:
    """Answer with a page of a list, or with 304 when the caller has this version already.

    Any member of ``query`` that the list can be filtered by keeps the rows where it is equal; several values separated
    by commas keep the rows where it is one of them. A member that is a list keeps the row if any of its values does.

    :raises Invalid: for a member to sort by that the list does not have.
    """
    if may_everything(identify()):
        etag = _etag(listing.version, request.query_string)
        if known := _answer_known(etag):
            return known
        pages = crane.room(Pages)
        if (page := pages.find(request.path, etag)) is None:
            page = _make_page(listing, list(listing.rows()), query)
            pages.keep(request.path, etag, page)
    else:
        # What somebody may see changes without any item; only the page itself tells whether they have seen it.
        page = _make_page(listing, _find_visible(crane, listing), query)
        etag = _etag(listing.version, request.query_string, identify().name, bytes(page[0]), page[1])
        if known := _answer_known(etag):
            return known
    items, total = page
    return answer({"items": items, "total": total, "version": etag, "sources": listing.sources}, headers=_headers(etag))


def answer_page(items: Sequence[Any], total: int, sources: Sequence[Mapping[str, Any]] = ()) -> Response:
    """Answer with a page of a list that was chosen elsewhere, as by a database; or with 304 when the caller has it.

    :param items: What the caller may see of this page.
    :param total: How many items they may see on all pages together.
    """
    page = _encoder.encode(items)
    etag = _etag(page, total)
    if known := _answer_known(etag):
        return known
    told = {"items": msgspec.Raw(page), "total": total, "version": etag, "sources": sources}
    return answer(told, headers=_headers(etag))


def _find_visible(crane: Crane, listing: Listing[Row]) -> list[Row]:
    action, identity = listing.action, identify()
    if action is None:
        return list(listing.rows())
    decide_on, target = decider(crane, identity, action), listing.target
    return [row for row in listing.rows() if decide_on(target(row)).allows]


def _make_page(listing: Listing[Row], rows: list[Row], query: Mapping[str, Any]) -> tuple[msgspec.Raw, int]:
    """Return the items of the page that is asked for, encoded, and how many there are in all."""
    rows = _sorted(_filtered(rows, listing.fields, query), listing.fields, query["sort"])
    chosen = rows[query["offset"] : query["offset"] + query["limit"]]
    return msgspec.Raw(_encoder.encode([listing.present(row) for row in chosen])), len(rows)


def _etag(*parts: object) -> str:
    return hashlib.blake2b(repr((_EPOCH, *parts)).encode(), digest_size=12).hexdigest()


def _filtered(rows: list[Row], fields: Mapping[str, Callable[[Row], Any]], query: Mapping[str, Any]) -> list[Row]:
    if needle := str(query["q"]).casefold():
        name = fields["name"]
        rows = [row for row in rows if needle in str(name(row)).casefold()]
    for member, wanted in query.items():
        if member in fields and wanted is not None and member not in ListQuery().fields:
            read, values = fields[member], set(str(wanted).split(","))
            rows = [row for row in rows if not values.isdisjoint(_texts(read(row)))]
    return rows


def _texts(value: Any) -> list[str]:
    """Return what a member is compared by; one that holds several values has several."""
    return [str(each) for each in value] if isinstance(value, (list, tuple, frozenset)) else [str(value)]


def _sorted(rows: list[Row], fields: Mapping[str, Callable[[Row], Any]], sort: str) -> list[Row]:
    member = sort.removeprefix("-") or "name"
    if member not in fields:
        raise Invalid(
            "The list cannot be sorted like this.",
            violations=[Violation("/sort", f"There is no {member} to sort by; there are {', '.join(sorted(fields))}.")],
        )
    read = fields[member]
    # None sorts first; two of them are never compared any further.
    return sorted(rows, key=lambda row: ((value := read(row)) is not None, value), reverse=sort[:1] == "-")


def stream_lines(
    values: Iterable[Any],
    *,
    cursor: Callable[[Any], str] | None = None,
    show: Callable[[Any], Any] = lambda value: value,
    retry: int | None = None,
) -> Response:
    """Answer with values as they come: as server-sent events, or one JSON object a line for who asks for that.

    It ends when the caller may not have it any more: nothing is sent after that, and the connection is closed at once.

    :param values: The values; None for a sign of life.
    :param cursor: Returns what a browser that comes back sends as ``Last-Event-ID``.
    :param show: Turns a value into what is sent.
    :param retry: The milliseconds that a browser waits before it comes back.
    """
    if request.accept_mimetypes.best_match(["text/event-stream", NDJSON]) == NDJSON:
        lines = (_encoder.encode(show(value)) + b"\n" if value is not None else b"\n" for value in values)
        return stream_bytes(lines, NDJSON)

    def frame(value: Any) -> bytes:
        number = f"id: {cursor(value)}\n".encode() if cursor is not None else b""
        return number + b"data: " + _encoder.encode(show(value)) + b"\n\n"

    def frames() -> Iterator[bytes]:
        if retry is not None:
            yield f"retry: {retry}\n\n".encode()
        for value in values:
            yield frame(value) if value is not None else b": \n\n"

    return stream_bytes(frames(), "text/event-stream")


def stream_bytes(pieces: Iterable[bytes], mimetype: str) -> Response:
    """Answer with pieces as they come; it ends as :func:`stream_lines` does."""
    standing = get_crane().room(Standing)
    connection = find_socket(request.environ)

    def end(reason: str) -> None:
        # Whoever writes still waits for the next value; the caller is not left waiting with them.
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    visitor = standing.admit(end)
    allowed = takewhile(lambda piece: standing.may_stay(visitor), pieces)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = Response(allowed, mimetype=mimetype, headers=headers)

    def leave() -> None:
        standing.leave(visitor)
        if isinstance(pieces, Generator):
            # What it holds is let go now, and not when it is forgotten.
            pieces.close()

    response.call_on_close(leave)
    return response


# --- Errors -------------------------------------------------------------------------------------------------------


def handle_errors(app: Flask) -> None:
    """Give every error the shape of problem details, whatever raised it."""

    @app.errorhandler(CraneError)
    def crane_error(error: CraneError) -> Response:
        log.info("%s %s: %s: %s", request.method, request.path, error.code, error.detail)
        return _problem(error.to_problem(), error.headers.items())

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        problem: dict[str, Any] = {
            "type": f"urn:crane:error:{_code(error)}",
            "code": _code(error),
            "status": status,
            "title": Invalid.title if status == Invalid.status else error.name,
            "detail": _DETAILS.get(status) or error.description or error.name,
        }
        if violations := list(_schema_violations(getattr(error, "data", None))):
            problem["detail"] = "What was sent is not valid; each thing wrong is named."
            problem["errors"] = [violation.to_json() for violation in violations]
        # The headers matter: Allow of a 405, Retry-After of a 429.
        headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
        return _problem(problem, headers)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        request_id = secrets.token_hex(8)
        log.exception("%s %s failed; request id %s.", request.method, request.path, request_id)
        problem = CraneError(
            f"Something went wrong inside the server; its log has more under the request id {request_id}.",
            request_id=request_id,
        )
        return _problem(problem.to_problem())

    app.before_request(refuse_foreign_pages)


_UNKNOWN_MEMBER = "Unknown field."  # as marshmallow says it
_DETAILS = {
    404: "There is nothing under this address; /api/v1/docs lists what there is.",
    405: "This address does not take that method.",
    413: "What was sent is too large.",
}


def _code(error: HTTPException) -> str:
    if error.code == Invalid.status:
        return Invalid.code
    return error.name.lower().replace(" ", "-")


def _problem(problem: Mapping[str, Any], headers: Iterable[tuple[str, str]] = ()) -> Response:
    response = Response(_encoder.encode(problem), problem["status"], mimetype=PROBLEM)
    request.environ[_CODE_KEY] = problem["code"]
    response.headers.extend(list(headers))
    if problem["status"] == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def problem_code() -> str:
    """Return the code of the problem that the current request is answered with; empty when it is none."""
    return str(request.environ.get(_CODE_KEY, ""))


def _schema_violations(data: Mapping[str, Any] | None) -> Iterable[Violation]:
    """Turn what marshmallow found into violations; its messages are a tree of members, per location."""
    data = data or {}
    known = list(getattr(data.get("schema"), "fields", ()))
    for members in (data.get("messages") or {}).values():
        for violation in _walk("", members):
            member = violation.path.removeprefix("/")
            if known and "/" not in member and violation.detail == _UNKNOWN_MEMBER:
                nearest = difflib.get_close_matches(member, known, 1)
                hint = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(sorted(known))}."
                violation = Violation(violation.path, f"There is no member {member}. {hint}")
            yield violation


def _walk(pointer: str, messages: Any) -> Iterable[Violation]:
    if isinstance(messages, Mapping):
        for member, inner in messages.items():
            yield from _walk(pointer if member == "_schema" else f"{pointer}/{member}", inner)
    elif isinstance(messages, list):
        for message in messages:
            yield from _walk(pointer, message)
    else:
        yield Violation(pointer, str(messages))
