"""crane top: who uses most, again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shutil import get_terminal_size

import click

from crane_cli.api import Api
from crane_cli.command import Command, nodes
from crane_cli.commands.usage import describe
from crane_cli.errors import Dropped, Interrupted, Unreachable
from crane_cli.output import Item, lay_out, tell_age
from crane_cli.session import Session, on_terminal, style
from crane_cli.visible import visible

KINDS = ("services", "stacks", "nodes", "tasks", "containers")
SORTS: Mapping[str, str] = {
    "cpu": "-cpu",
    "cpu%": "-cpu_percent",
    "memory": "-memory",
    "memory%": "-memory_percent",
    "received": "-network_received",
    "sent": "-network_sent",
    "read": "-disk_read",
    "written": "-disk_written",
    "pids": "-pids",
    "name": "name",
}
PAUSE_SECONDS = 2.0
# How often in a row the server may not answer.
MOST_FAILURES = 5


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(KINDS), default="services")
@click.option("--sort", type=click.Choice(tuple(SORTS)), default="cpu", help="Who stands first. Default: cpu.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), metavar="N", help="The first N. Default: what fits.")
@click.option("--stack", metavar="STACK", help="Only what belongs to this stack.")
@click.option("--service", metavar="SERVICE", help="Only what belongs to this service.")
@nodes
@click.option("--once", is_flag=True, help="Show it once, and end.")
@click.option("--json", "as_json", is_flag=True, help="Show it once, as JSON.")
@click.pass_obj
def top(
    session: Session,
    /,
    *,
    kind: str,
    sort: str,
    limit: int | None,
    stack: str | None,
    service: str | None,
    nodes: list[str],
    once: bool,
    as_json: bool,
) -> None:
    """Show what services, stacks, nodes, tasks or containers use, who uses most first.

    On a terminal until Ctrl-C. Memory is without the cache of files. What a node's containers use together is what the
    node is said to use. A rate takes two samples: what began a moment ago has none.
    """
    if as_json:
        session.output = "json"
    api = session.api()
    query = {"sort": SORTS[sort], "stack": stack, "service": service, "node": ",".join(nodes) or None}
    if not session.for_people or once or not on_terminal():
        answer = _ask(api, kind, limit or 100, query)
        tell_age(session, answer)
        if session.for_people:
            click.echo("\n".join(_lines(kind, answer)))
        else:
            session.give(answer)
        return
    _watch(session, api, kind, limit, query)


def _ask(api: Api, kind: str, limit: int, query: Mapping[str, str | None]) -> Item:
    answer: Item = api.get("stats", kind, limit=limit, **query)
    return answer


def _watch(session: Session, api: Api, kind: str, limit: int | None, query: Mapping[str, str | None]) -> None:
    """Draw it anew every two seconds. Raises ``Interrupted`` on Ctrl-C."""
    failures = 0
    try:
        while True:
            height = get_terminal_size().lines
            try:
                answer = _ask(api, kind, limit or max(1, height - 4), query)
                failures = 0
            except (Dropped, Unreachable) as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                click.echo(style(visible(f"{error.message} Trying again."), fg="yellow"), err=True)
                session.pause(PAUSE_SECONDS)
                continue
            _draw(kind, answer, height)
            session.pause(PAUSE_SECONDS)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped looking.") from error


def _draw(kind: str, answer: Item, height: int) -> None:
    silent = [source["name"] for source in answer.get("sources") or () if source.get("state") != "fresh"]
    shown, total = len(answer["items"]), answer.get("total")
    first = f"{shown} of {total} {kind}" + (f"; not answering: {', '.join(silent)}" if silent else "")
    lines = [style(visible(first), bold=True), *_lines(kind, answer)][: max(2, height - 1)]
    # The lines are written over those before, so that nothing flickers.
    click.echo("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", nl=False)


def _lines(kind: str, answer: Item) -> list[str]:
    place = ("node",) if kind in ("tasks", "containers") else ()
    headings = (
        "NAME",
        *(heading.upper() for heading in place),
        *("CPU", "CPU %", "MEMORY", "MEM %", "RECEIVED", "SENT", "READ", "WRITTEN", "PIDS", "TASKS", ""),
    )
    lines = lay_out(headings, (_row(item, place) for item in answer["items"]))
    if not answer["items"]:
        lines.append("There is nothing to show.")
    return lines


def _row(item: Item, place: Sequence[str]) -> Sequence[object]:
    def percent(member: str) -> str:
        return "" if item.get(member) is None else f"{item[member]:.1f}"

    def amount(member: str, unit: str) -> str:
        return describe(item.get(member), unit)

    count = int(item.get("containers") or 0)
    missing = int(item.get("missing") or 0)
    cpu = item.get("cpu")
    return (
        item.get("name"),
        *(item.get(member) for member in place),
        "" if cpu is None else f"{cpu:.2f}",
        percent("cpu_percent"),
        amount("memory", "bytes"),
        percent("memory_percent"),
        *(
            amount(member, "bytes per second")
            for member in ("network_received", "network_sent", "disk_read", "disk_written")
        ),
        "" if item.get("pids") is None else f"{item['pids']:.0f}",
        f"{count} of {count + missing}" if missing else str(count),
        "old" if item.get("stale") else "",
    )
