"""The timeline: everything that happened, and every request that was to change something."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_core.auditing import Answered
from crane_core.context import get_crane
from crane_core.contributions import Action, HealthCheck, HealthReport, Loop, Metric, Page, Setting, Topic
from crane_core.events import Event
from crane_history.timeline.entries import Entry
from crane_history.timeline.routes import blueprint, find_line, newest_listing
from crane_history.timeline.routes import pages as panel_pages
from crane_history.timeline.writer import Writer

if TYPE_CHECKING:
    import flask

# What is old is removed so long after the start, when there is less to do, and so often from then on.
FIRST_SECONDS = 60.0
FORGET_SECONDS = 3600.0


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield Setting(
        "history.keep_days", float, 365.0, "How long lines of the timeline are kept, in days; 0 keeps them for ever."
    )
    yield Setting(
        "history.keep_lines", int, 1_000_000, "How many lines of the timeline are kept at the most; 0 keeps all."
    )


def actions() -> Iterator[Action]:
    """Contribute actions."""
    yield Action(
        "timeline:read", "See what happened, as far as it is about what they may see.", find_line, within=("stack",)
    )


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield blueprint
    yield panel_pages


def topics() -> Iterator[Topic]:
    """Contribute topics of the live socket."""
    yield Topic(
        "timeline",
        "timeline:read",
        "The newest lines of the timeline, as `GET /api/v1/timeline` lists them.",
        newest_listing,
        lambda line: str(line["number"]),
    )


def pages() -> Iterator[Page]:
    """Contribute pages of the panel."""
    yield Page(
        "/timeline",
        "Timeline",
        "system",
        "timeline:read",
        module="/api/v1/timeline/page.js",
        words={"zh-CN": {"Timeline": "时间线"}},
    )


def health_checks() -> Iterator[HealthCheck]:
    """Contribute health checks."""

    def check() -> HealthReport:
        writer = get_crane().room(Writer)
        if writer.problem:
            return HealthReport("degraded", f"The timeline cannot be written: {writer.problem}")
        return HealthReport("ok")

    yield HealthCheck("timeline", check)


def metrics() -> Iterator[Metric]:
    """Contribute figures."""
    yield Metric(
        "crane_history_lines_written_total",
        "Lines of the timeline that this server wrote.",
        "counter",
        lambda: [((), float(get_crane().room(Writer).written))],
    )
    yield Metric(
        "crane_history_lines_dropped_total",
        "Lines of the timeline that were lost because it could not be written fast enough.",
        "counter",
        lambda: [((), float(get_crane().room(Writer).dropped))],
    )
    yield Metric(
        "crane_history_lines_waiting",
        "Lines of the timeline that wait to be written.",
        "gauge",
        lambda: [((), float(get_crane().room(Writer).waiting))],
    )


def loops() -> Iterator[Loop]:
    """Contribute loops."""
    # Of several servers that share the database, one forgets for all.
    yield Loop("history.forget", _forget, once=True)


def _forget(stop: threading.Event) -> None:
    from crane_database import current_lease, session

    from crane_history.timeline.operations import forget_old

    pause = FIRST_SECONDS
    while not stop.wait(pause):
        with session():
            forget_old(get_crane(), current_lease().confirm)
        pause = FORGET_SECONDS


def startup(app: flask.Flask) -> None:
    """Begin to write."""
    app.extensions["crane"].room(Writer).start(app)


def shutdown(app: flask.Flask) -> None:
    """Write what is left."""
    app.extensions["crane"].room(Writer).stop()


def event(event: Event) -> None:
    """Keep what happened."""
    get_crane().room(Writer).add(Entry.from_event(event))


def request(answered: Answered) -> None:
    """Keep what was asked for."""
    get_crane().room(Writer).add(Entry.from_request(answered))
