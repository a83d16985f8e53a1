"""HTTP in and out of stats, and their topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Response

from crane_core.context import Crane, get_crane
from crane_core.contributions import Topic
from crane_core.engine.chosen import name_known
from crane_core.engine.pool import Pool
from crane_core.http import Blueprint, Listing, answer, answer_list
from crane_core.monitoring.stats.operations import (
    Kind,
    Row,
    find_row,
    find_rows,
    present_row,
    version_of,
)
from crane_core.monitoring.stats.past import find_course, find_series, find_span
from crane_core.monitoring.stats.rings import FIGURES
from crane_core.monitoring.stats.sampler import ALL, Sampler
from crane_core.monitoring.stats.schemas import SeriesQuery, StatsSchema, UsageQuery, UsageSchema
from crane_core.openapi import described
from crane_core.security import demanded_target, guard, may_miss

blueprint = Blueprint("stats", __name__, url_prefix="/api/v1/stats", description="What is used, and was in 24 hours.")

READ_CONTAINERS = "container:read-stats"
# What a kind is called where there are several.
PLURALS: Mapping[Kind, str] = {
    "service": "services",
    "stack": "stacks",
    "node": "nodes",
    "task": "tasks",
    "container": "containers",
}


def usage_listing(crane: Crane, kind: Kind) -> Listing[Row]:
    """Return the list of what everything of a kind uses; whoever asks for it watches it."""
    crane.room(Sampler).note_interest(*ALL)
    return _listing(crane, kind, lambda: find_rows(crane, kind).values())


def one_listing(crane: Crane, kind: Kind, name: str) -> Listing[Row]:
    """Return what one thing uses, as a list of one; nothing while there is no such thing."""
    row = find_row(crane, kind, name)
    if row is not None:
        crane.room(Sampler).note_interest(kind, row.id)
    return _listing(crane, kind, lambda: [] if row is None else [row])


def _listing(crane: Crane, kind: Kind, rows: Callable[[], Iterable[Row]]) -> Listing[Row]:
    crane.watcher.note_interest()
    return Listing(
        version=version_of(crane),
        rows=rows,
        action=action_of(kind),
        target=lambda row: row.target,
        fields={
            "name": lambda row: row.name,
            "stack": lambda row: row.stack,
            "service": lambda row: row.service,
            "node": lambda row: row.node,
            "cpu_percent": lambda row: row.cpu_percent,
            "memory_percent": lambda row: row.memory_percent,
            "containers": lambda row: row.containers,
            **{figure: _reader(figure) for figure in FIGURES},
        },
        present=lambda row: present_row(crane, row),
        sources=[*crane.cache.sources(), *crane.room(Pool).sources()],
        made_of=lambda row: (
            row.sample, row.name, int(row.fresh), row.containers, row.missing,
            str(row.cpu_limit), str(row.memory_limit), row.node,
        ),
    )  # fmt: skip


def action_of(kind: Kind) -> str:
    """Return the action that whoever sees what a kind uses must hold."""
    return READ_CONTAINERS if kind == "container" else f"{kind}:read"


def _reader(figure: str) -> Callable[[Row], Any]:
    return lambda row: row.get(figure)


@dataclass(frozen=True)
class _Kind:
    """The routes of one kind.

    :param place: The last part of the address of one.
    :param of_all: What the list says, in a sentence.
    :param of_one: What one says.
    """

    place: str
    of_all: str
    of_one: str


_KINDS: Mapping[Kind, _Kind] = {
    "service": _Kind("<name>", "List what services use.", "Show what a service used in the last 24 hours."),
    "stack": _Kind("<name>", "List what stacks use.", "Show what a stack used in the last 24 hours."),
    "node": _Kind(
        "<name>",
        "List what the containers of nodes use.",
        "Show what the containers of a node used in the last 24 hours.",
    ),
    "task": _Kind("<task_id>", "List what tasks use.", "Show what a task used in the last 24 hours."),
    "container": _Kind(
        "<path:name>",
        "List what containers use, also those of no service.",
        "Show what a container used in the last 24 hours.",
    ),
}


def _add_routes(kind: Kind, told: _Kind) -> None:
    """Add the list of what everything of a kind uses, and what one used."""
    plural, by = PLURALS[kind], "task_id" if kind == "task" else "name"

    @blueprint.route(f"/{plural}", endpoint=f"list_{plural}")
    @blueprint.doc(operationId=f"list{kind.title()}Stats")
    @guard(action_of(kind))
    @blueprint.arguments(UsageQuery, location="query")
    @blueprint.response_list(UsageSchema, description="What each uses now.")
    @described(told.of_all)
    def list_all(query: dict[str, Any]) -> Response:
        return _answer_list(kind, query)

    @blueprint.route(f"/{plural}/{told.place}", endpoint=f"show_{kind}")
    @blueprint.doc(operationId=f"show{kind.title()}Stats")
    @guard(action_of(kind), by=by)
    @blueprint.arguments(SeriesQuery, location="query")
    @blueprint.response(200, StatsSchema, description="What it used.")
    @described(told.of_one)
    def show(query: dict[str, Any], **named: str) -> Response:
        return _answer_series(kind, query)


for _kind, _told in _KINDS.items():
    _add_routes(_kind, _told)


def _answer_list(kind: Kind, query: dict[str, Any]) -> Response:
    crane = get_crane()
    book = crane.room(Sampler).book
    query = name_known(crane.cache.snapshot(), query, may_miss, lambda name: book.sum("stack", name) is not None)
    if not query["course"]:
        return answer_list(crane, usage_listing(crane, kind), query)
    # Whoever looks at how it went does not watch how it goes.
    listing = _listing(crane, kind, lambda: find_rows(crane, kind).values())
    present = listing.present
    return answer_list(
        crane, replace(listing, present=lambda row: {**present(row), "course": find_course(crane, kind, row.id)}), query
    )


def _answer_series(kind: Kind, query: dict[str, Any]) -> Response:
    crane, target = get_crane(), demanded_target()
    assert target is not None, "the guard has looked it up"
    crane.room(Sampler).note_interest(kind, target.name if kind == "stack" else target.id)
    span = find_span(crane, query.get("since"), query.get("until"), query.get("step"))
    return answer(find_series(crane, kind, target, span, by_task=query["by"] == "task"))


def make_topics() -> list[Topic]:
    """Return the topics: the list of each kind, and each single one."""
    topics = []
    for kind, plural in PLURALS.items():
        parameter = "id" if kind in ("task", "container") else "name"
        topics += [
            Topic(
                f"stats/{plural}",
                action_of(kind),
                f"What all {plural} use, as `GET /api/v1/stats/{plural}` lists it, every two seconds.",
                lambda crane, _, kind=kind: usage_listing(crane, kind),  # type: ignore[misc]
                _key,
            ),
            Topic(
                f"stats/{plural}/{{{parameter}}}",
                action_of(kind),
                f"What one {kind} uses, as `GET /api/v1/stats/{plural}` lists it, every two seconds.",
                lambda crane, found, kind=kind, parameter=parameter: one_listing(crane, kind, found[parameter]),  # type: ignore[misc]
                _key,
            ),
        ]
    return topics


def _key(row: Row) -> str:
    return row.id
