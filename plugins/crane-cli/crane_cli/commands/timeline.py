"""crane timeline: look at what happened, export it, and check that nothing is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crane_cli.command import Group, moment, several, shared_options
from crane_cli.errors import NOT_CONVERGED, Interrupted, WrongUse
from crane_cli.output import Item, print_table, show_time
from crane_cli.session import Session, style
from crane_cli.streams import read_on
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api

PAGE = 1000
HEADINGS = ("NUMBER", "WHEN", "WHAT HAPPENED", "OBJECT", "BY", "OUTCOME", "ASKED")


class Listing(Group):
    """A group that does something by itself too, and takes the shared options there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["invoke_without_command"] = True
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options(hidden=True))


_filters = several(
    click.option("--kind", metavar="KIND", help="Only this kind, as in service.updated or request.*; or several, a,b."),
    click.option("--by", metavar="NAME", help="Only what this caller did."),
    click.option("--stack", metavar="STACK", help="Only what is about this stack."),
    click.option("--name", metavar="NAME", help="Only what is about the object of this name."),
    click.option("--operation", metavar="ID", help="Only what was part of this operation."),
    click.option("--outcome", metavar="OUTCOME", help="Only what ended so, as in failed."),
    click.option("--since", metavar="WHEN", callback=moment, help="Not before: a moment, or how long ago, as in 2h."),
    click.option("--until", metavar="WHEN", callback=moment, help="Before: a moment, or how long ago."),
    click.option("--search", "q", metavar="TEXT", help="Only where a name, a kind or a caller contains this."),
)


@click.group(cls=Listing)
@_filters
@click.option("-n", "--limit", type=click.IntRange(1), default=50, metavar="N", help="The newest N lines. Default: 50.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.pass_context
def timeline(context: click.Context, /, *, limit: int, follow: bool, **filters: str | None) -> None:
    """See what happened, who did it, and how it ended.

    The newest lines, the newest last. Everything that changed through Crane is there, every request that was to change
    something, also those that were refused, and what happened in the Swarm by itself.
    """
    if context.invoked_subcommand is not None:
        if any(value is not None for value in filters.values()) or follow:
            raise WrongUse(f"Options of {context.invoked_subcommand} stand after its name.")
        return
    session: Session = context.obj
    api = session.api()
    newest = _newest(api) if follow else 0
    lines, answer = _find(api, limit, filters)
    if not session.for_people:
        if follow:
            raise WrongUse("What is followed has no end, and is no JSON or YAML; take crane timeline export instead.")
        session.give({**answer, "items": lines})
        return
    print_table(HEADINGS, (_row(line) for line in reversed(lines)))
    if not lines:
        session.note("There are no such lines.")
    if follow:
        _follow(session, api, filters, after=int(lines[0]["number"]) if lines else newest)


def _find(api: Api, limit: int, filters: Mapping[str, str | None]) -> tuple[list[Item], Item]:
    """Return the newest lines, from as many pages as it takes, and the last page."""
    lines: list[Item] = []
    after = None
    while True:
        page: Item = api.get("timeline", limit=min(PAGE, limit - len(lines)), after=after, **filters)
        lines += page.get("items") or ()
        after = page.get("next")
        if after is None or len(lines) >= limit:
            return lines, page


def _newest(api: Api) -> int:
    newest = api.get("timeline", limit=1).get("items") or ()
    return int(newest[0]["number"]) if newest else 0


def _follow(session: Session, api: Api, filters: Mapping[str, str | None], after: int) -> None:
    def read() -> Iterator[Item]:
        return api.lines("timeline", "follow", after=after, **filters)

    try:
        for line in read_on(session, read, "stream"):
            after = int(line["number"])
            click.echo("   ".join(visible("" if cell is None else cell) for cell in _row(line)).rstrip())
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped following.") from error


def _row(line: Item) -> Sequence[object]:
    what = f"{line.get('target') or ''} {line.get('name') or ''}".strip()
    return (
        line.get("number"),
        show_time(line.get("at")),
        line.get("kind"),
        what,
        line.get("by"),
        line.get("outcome"),
        line.get("what"),
    )


@timeline.command()
@click.argument("number", type=click.IntRange(0))
@click.pass_obj
def show(session: Session, number: int) -> None:
    """Show one line, with what it changed and how it ended."""
    line: Item = session.api().get("timeline", str(number))
    if not session.for_people:
        session.give(line)
        return
    for title, value in (
        ("Number", line.get("number")),
        ("When", show_time(line.get("at"))),
        ("What", line.get("kind")),
        ("Object", _row(line)[3]),
        ("By", " from ".join(str(line[name]) for name in ("by", "address") if line.get(name))),
        ("Asked", line.get("what")),
        ("Outcome", line.get("outcome")),
        ("Operation", line.get("operation")),
    ):
        if value:
            click.echo(visible(f"{title + ':':<11}{value}"))
    whole = [line, *(line.get("related") or ())]
    for each in whole:
        _tell_changes(each.get("detail") or {})
    causes = [verdict.get("cause") for each in whole if (verdict := (each.get("detail") or {}).get("verdict"))]
    for cause in causes:
        click.echo(visible(f"Verdict:   {cause}"))
    if len(whole) > 1:
        click.echo("\nOf the same operation:")
        print_table(HEADINGS[:6], (_row(each)[:6] for each in whole[1:]))


def _tell_changes(detail: Item) -> None:
    for change in detail.get("changes") or ():
        click.echo(visible(f"\n{change.get('action')} {change.get('kind')} {change.get('name')}"))
        for field in change.get("fields") or ():
            click.echo(visible(f"    {field.get('path')}"))
            for sign, member in (("-", "old"), ("+", "new")):
                if field.get(member) is not None:
                    click.echo(visible(f"      {sign} {field[member]}"))


@timeline.command()
@_filters
@click.option(
    "--format", "form", type=click.Choice(("ndjson", "csv")), default="ndjson", help="How to write it. Default: ndjson."
)
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write into this file. Default: standard output.",
)
@click.pass_obj
def export(session: Session, /, *, form: str, path: str | None, **filters: str | None) -> None:
    """Export the timeline, the oldest line first.

    As one JSON object a line, each with its hash, so that it can be checked elsewhere; or as CSV.
    """
    query = {**filters, "format": form}
    if path is None:
        session.api().copy(sys.stdout.buffer, "timeline", "export", **query)
        return
    # Half of an export is not mistaken for one.
    part = Path(f"{path}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            session.api().copy(file, "timeline", "export", **query)
        part.replace(path)
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


@timeline.command()
@click.option("--number", type=click.IntRange(1), metavar="N", help="A line that was noted earlier.")
@click.option("--hash", "noted", metavar="HASH", help="The hash that it had.")
@click.pass_obj
@click.pass_context
def check(context: click.Context, session: Session, /, *, number: int | None, noted: str | None) -> None:
    """Check that no line was removed, changed or inserted.

    Exit status 1 when one was. Note the number and the hash of the newest line elsewhere: with these two, it shows too
    if the whole timeline was written anew.
    """
    found: Item = session.api().get("timeline", "check", number=number, hash=noted)
    if session.for_people:
        broken = found.get("broken")
        told = (
            f"{found.get('lines')} lines are there as they were written, {found.get('first')} to {found.get('last')}."
        )
        if broken:
            click.echo(style(visible(f"The timeline is broken. {broken.get('detail')}"), fg="red"))
        else:
            click.echo(visible(told))
            click.echo(visible(f"The hash of line {found.get('last')} is {found.get('hash')}"))
    else:
        session.give(found)
    if not found.get("intact"):
        context.exit(NOT_CONVERGED)
