"""HTTP in and out of the feed, and its topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Response, current_app, request

from crane_core.context import Crane, get_crane
from crane_core.contributions import Topic
from crane_core.engine.pool import Pool
from crane_core.http import Blueprint, Listing, answer, stream_lines
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.feed.kinds import demand_kinds
from crane_core.monitoring.feed.model import Entry, Filter, read_cursor, write_cursor
from crane_core.monitoring.feed.schemas import EventQuery, EventSchema, EventsSchema
from crane_core.openapi import NDJSON
from crane_core.security import Identity, decider, guard, identify

blueprint = Blueprint("feed", __name__, url_prefix="/api/v1/events", description="What happens, in one order.")

READ = "event:read"
# How many of the last events a follower of the topic has before them.
NEWEST = 200
# How long a stream is quiet at the most, in seconds.
HEARTBEAT_SECONDS = 15.0
# What a browser waits before it connects again, in milliseconds.
RETRY = 2000
_JSON, _EVENTS = "application/json", "text/event-stream"
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The cursor of the last event that the caller has; browsers send it by themselves.",
    "schema": {"type": "string"},
}


@blueprint.route("")
@guard(READ)
@blueprint.arguments(EventQuery, location="query")
@blueprint.response(200, EventsSchema, description="The events, the oldest first.")
@blueprint.response_stream(EventSchema, description="Each event when it happens, for who asks for one of these.")
@blueprint.request_header(_LAST_EVENT_ID)
def list_events(query: dict[str, Any]) -> Response:
    """List what happened last, or follow what happens, for who asks for server-sent events or NDJSON."""
    crane = get_crane()
    wanted = _read_filter(query)
    demand_kinds(crane, wanted.kinds or ())
    after = request.headers.get("Last-Event-ID") or query.get("after")
    if request.accept_mimetypes.best_match([_JSON, _EVENTS, NDJSON], _JSON) != _JSON:
        entries = follow(crane, identify(), wanted, after, _within_app())
        return stream_lines(entries, cursor=lambda entry: entry.cursor, show=lambda entry: entry.text, retry=RETRY)
    return answer(_find_page(crane, wanted, after, query), headers={"Cache-Control": "no-store"})


def _find_page(crane: Crane, wanted: Filter, after: str | None, query: Mapping[str, Any]) -> dict[str, Any]:
    feed, limit = crane.room(Feed), query["limit"]
    visible = _viewer(crane, identify(), wanted)
    if after is not None:
        place = feed.find(after)
        came = feed.after(place.number)
        found = list(islice(filter(visible, came), limit))
        cursor = write_cursor(feed.epoch, came[-1].number if came else place.number)
        if len(found) == limit:
            # There may be more: the next page begins after the last of this one.
            cursor = found[-1].cursor
        entries = [*([place.lost] if place.lost else ()), *found]
    else:
        before = None if (before_text := query.get("before")) is None else _find_before(feed, before_text)
        cursor = feed.cursor
        entries = list(islice(filter(visible, feed.newest_first(before)), limit))[::-1]
    return {
        "items": [entry.text for entry in entries],
        "cursor": cursor,
        "sources": [*crane.cache.sources(), *crane.room(Pool).sources()],
    }


def _find_before(feed: Feed, cursor: str) -> int:
    epoch, number = read_cursor(cursor)
    # Of what another run of the server had, nothing is left.
    return number if epoch == feed.epoch else 0


def follow(
    crane: Crane, identity: Identity, wanted: Filter, after: str | None, within: Callable[[], Any]
) -> Iterator[Entry | None]:
    """Return what somebody may see of what happens, from a cursor on; None when nothing did for a while.

    :param within: Opens a context of the application: that of the request is over while a stream goes on.
    :raises UnknownCursor: when the cursor is none; before anything is sent.
    """
    feed = crane.room(Feed)
    place = feed.find(after) if after is not None else None
    begin = place.number if place is not None else (0 if wanted.since is not None else feed.last)

    def entries() -> Iterator[Entry | None]:
        if place is not None and place.lost is not None:
            yield place.lost
        number = begin
        yield None
        while not feed.closed:
            came = feed.after(number)
            if came:
                number = came[-1].number
                with within():
                    # What somebody may see may have changed since the last look.
                    shown = list(filter(_viewer(crane, identity, wanted), came))
                yield from shown
            elif wanted.until is not None and time.time() >= wanted.until:
                return
            else:
                left = HEARTBEAT_SECONDS if wanted.until is None else min(HEARTBEAT_SECONDS, wanted.until - time.time())
                feed.wait(number, max(0.0, left))
                if feed.last == number:
                    yield None

    return entries()


def _within_app() -> Callable[[], Any]:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return app.app_context  # type: ignore[no-any-return]


def _viewer(crane: Crane, identity: Identity, wanted: Filter) -> Callable[[Entry], bool]:
    decide_on = decider(crane, identity, READ)
    return lambda entry: wanted.wants(entry) and (entry.target.kind == "event" or decide_on(entry.target).allows)


def find_newest(crane: Crane, identity: Identity, count: int) -> list[Entry]:
    """Return the newest entries that somebody may see, the oldest of them first."""
    visible = _viewer(crane, identity, Filter())
    return list(islice(filter(visible, crane.room(Feed).newest_first()), count))[::-1]


def _read_filter(query: Mapping[str, Any]) -> Filter:
    def words(name: str) -> frozenset[str] | None:
        text = query.get(name)
        return None if text is None else frozenset(part.strip() for part in text.split(",") if part.strip())

    def seconds(name: str) -> float | None:
        moment = query.get(name)
        return None if moment is None else moment.timestamp()

    return Filter(
        words("kind"),
        words("name"),
        words("stack"),
        words("service"),
        words("node"),
        words("source"),
        seconds("since"),
        seconds("until"),
    )


def _newest_listing(crane: Crane, _: Mapping[str, str]) -> Listing[Entry]:
    feed = crane.room(Feed)
    version = feed.cursor

    def rows() -> Iterable[Entry]:
        return list(islice(feed.newest_first(), NEWEST))[::-1]

    return Listing(
        version=version,
        rows=rows,
        action=READ,
        target=lambda entry: entry.target,
        fields={"name": lambda entry: entry.target.name},
        present=lambda entry: entry.text,
        sources=[*crane.cache.sources(), *crane.room(Pool).sources()],
        made_of=lambda entry: (entry.number,),
    )


TOPIC = Topic(
    "events",
    READ,
    f"The last {NEWEST} events, as `GET /api/v1/events` lists them.",
    _newest_listing,
    lambda entry: str(entry.cursor),
)
