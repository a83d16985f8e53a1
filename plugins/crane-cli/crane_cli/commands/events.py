"""crane events: what happens on every node, in the Swarm and in Crane, in one order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from crane_cli.command import Command, filtering, moment
from crane_cli.errors import Interrupted
from crane_cli.output import Item, print_table, show_time
from crane_cli.session import Session, style
from crane_cli.streams import read_on
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api

FILTERS = ("kind", "name", "stack", "service", "node", "source")
HEADINGS = ("WHEN", "NODE", "WHAT HAPPENED", "OBJECT", "BY", "DETAIL")
LOST = "events.lost"
# As many are asked for at a time at the most.
MOST = 1000


@click.command(cls=Command)
@filtering(FILTERS, short=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--since", metavar="WHEN", callback=moment, help="Not before: a moment, or how long ago, as in 10m.")
@click.option("--until", metavar="WHEN", callback=moment, help="Before: a moment, or how long ago.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, MOST),
    metavar="N",
    help="The last N events. Default: 100; all that are kept where --since or --until is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Write each event as one JSON object on a line.")
@click.pass_obj
def events(
    session: Session,
    /,
    *,
    filters: dict[str, list[str]],
    follow: bool,
    since: str | None,
    until: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """See what happens: on every node, in the Swarm, to tasks and in Crane, in one order.

    The last events, the newest last. A filter names whole kinds, as in kind=task.failed, or what stands before their
    dot, as in kind=container; several of them separated by commas. Engines tell of container, image, volume, network,
    daemon, plugin, node, service, config and secret; tasks of each state, as in task.running; and Crane of what it did,
    as in service.updated, stack.deployed or login.failed. Another kind is refused with those that there are. What the
    server could not keep or hear is told as events.lost.
    """
    api = session.api()
    query = {key: ",".join(values) for key, values in filters.items()}
    answer = _read(api, limit, {"since": since, "until": until, **query})
    if not session.for_people and not follow:
        session.give(answer)
        return
    as_json = as_json or not session.for_people
    _print(answer["items"], as_json)
    if not answer["items"] and not follow:
        session.note("There are no such events.")
    if follow:
        for event in _follow(session, api, {**query, "until": until}, str(answer["cursor"])):
            _print([event], as_json, headings=False)


def _read(api: Api, limit: int | None, query: Mapping[str, str | None]) -> Item:
    """Ask for the last events; for all of a span where nobody said how many."""
    spans = bool(query["since"] or query["until"])
    answer: Item = api.get("events", limit=limit or (MOST if spans else 100), **query)
    items = page = answer["items"]
    while spans and limit is None and len(page) == MOST:
        page = api.get("events", limit=MOST, before=page[0]["cursor"], **query)["items"]
        items = [*page, *items]
    return {**answer, "items": items}


def _print(items: Sequence[Item], as_json: bool, headings: bool = True) -> None:
    if as_json:
        for item in items:
            click.echo(json.dumps(item))
    elif headings:
        print_table(HEADINGS, map(_row, items))
    else:
        for item in items:
            line = "   ".join(visible("" if cell is None else cell) for cell in _row(item)).rstrip()
            click.echo(style(line, fg="yellow") if item.get("kind") == LOST else line)


def _follow(session: Session, api: Api, query: Mapping[str, str | None], cursor: str) -> Iterator[Item]:
    """Yield what happens after a cursor; where the connection drops, it goes on from the last event."""

    def read() -> Iterator[Item]:
        return api.lines("events", after=cursor, **query)

    try:
        for event in read_on(session, read, "stream", ends=query.get("until") is not None):
            cursor = str(event["cursor"])
            yield event
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped following.") from error


def _row(event: Item) -> Sequence[object]:
    return (
        show_time(event.get("at")),
        event.get("node"),
        event.get("kind"),
        event.get("name"),
        event.get("by"),
        _describe(event.get("detail") or {}),
    )


def _describe(detail: Item) -> str:
    if text := detail.get("text"):
        return str(text)
    plain = {key: value for key, value in detail.items() if value is not None and not isinstance(value, (dict, list))}
    return ", ".join(f"{key}={value}" for key, value in plain.items())
