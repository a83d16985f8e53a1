"""crane logs: what services, stacks, tasks and containers print, from all nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from crane_cli.command import Command, moment, several
from crane_cli.errors import INTERRUPTED, CliError, Refused, WrongUse
from crane_cli.kinds import NOT_FOUND, narrow
from crane_cli.seen import Seen
from crane_cli.session import Session, on_terminal, style
from crane_cli.streams import read_on
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api

KINDS = ("service", "stack", "task", "container")
COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow", "bright_green")
# What only colours text, which containers may do on a terminal.
_COLOURED = re.compile("(\x1b\\[[0-9;]{0,20}m|\t)")

Line = Mapping[str, Any]


def _tail(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None or value == "all" or (value.isascii() and value.isdecimal()):
        return value
    raise click.BadParameter(f"{value} is no number of lines; write a number or all.")


reading = several(
    click.option("-f", "--follow", is_flag=True, help="Go on with what is printed, until Ctrl-C."),
    click.option("--since", metavar="WHEN", callback=moment, help="Not before: a moment, or how long ago, as in 5m."),
    click.option("--until", metavar="WHEN", callback=moment, help="Not after: a moment, or how long ago."),
    click.option(
        "-n",
        "--tail",
        metavar="N",
        callback=_tail,
        help="The newest N lines, or all. Default: 500, or all where since or until is given.",
    ),
    click.option("--grep", metavar="PATTERN", help="Only lines in which this regular expression is found."),
    click.option("-i", "--ignore-case", is_flag=True, help="Whether its letters are small or capital does not matter."),
    click.option("--invert", is_flag=True, help="Only the other lines."),
    click.option("--task", metavar="TASK", help="Only one task: its name as in web.1, its slot, or its id."),
    click.option("--stream", type=click.Choice(("stdout", "stderr")), help="Only what went there."),
    click.option("-t", "--timestamps", is_flag=True, help="Say of each line when it was printed."),
)


@click.command(cls=Command)
@click.argument("target", metavar="TARGET")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="What TARGET is. Default: what is called exactly so, or the first of these.",
)
@reading
@click.pass_obj
def logs(session: Session, /, target: str, kind: str | None, **options: Any) -> None:
    """Show what a service, a stack, a task or a container prints.

    The lines of all its containers in the order of time, from whatever nodes. With -f, tasks that start later are
    followed too; what becomes of containers and nodes meanwhile is told on standard error.
    """
    show(session, [kind] if kind else list(KINDS), target, **options)


def logs_of(kind: str) -> click.Command:
    """Return the command ``logs`` of the group of one kind."""
    told = {"stack": "all services of a stack print", "service": "all tasks of a service print"}

    @click.command("logs", cls=Command, help=f"Show what {told.get(kind, f'a {kind} prints')}, from whatever nodes.")
    @click.argument("target", metavar=kind.upper())
    @reading
    @click.pass_obj
    def command(session: Session, /, target: str, **options: Any) -> None:
        show(session, [kind], target, **options)

    return command


def show(session: Session, kinds: list[str], target: str, /, *, follow: bool, **options: Any) -> None:
    """Print a log: of what is called exactly so, or else of the first of these kinds that there is."""
    if session.output == "yaml":
        raise WrongUse("A log is written as text, or with -o json as one JSON object a line.")
    if follow and options["until"]:
        raise WrongUse("What is followed has no end: leave out --until or --follow.")
    printer = Printer(session, target if kinds == ["stack"] else "", timestamps=options.pop("timestamps"))
    query = {name: value for name, value in options.items() if value not in (None, False)}
    api = session.api()
    try:
        meant = narrow(api, kinds, target)
        if not meant:
            raise WrongUse(f"There is no service, stack, task or container {target}.")
        for told in _read(session, api, meant, target, follow=follow, query=query):
            printer.print(told)
    except KeyboardInterrupt:
        # Whoever stops a log that has no end has what they wanted.
        click.get_current_context().exit(INTERRUPTED)
    if printer.kept_from_all:
        raise CliError("Nothing of it could be read.")


def _read(
    session: Session, api: Api, kinds: list[str], target: str, *, follow: bool, query: dict[str, Any]
) -> Iterator[Line]:
    """Yield what the server tells; when the connection drops, go on where it did."""
    if not follow:
        yield from _open(api, kinds, target, query)
        return
    seen, asked = Seen(), {**query, "follow": "true"}
    # That there is no such log, or no server, is told at once.
    opened = [_open(api, kinds, target, asked)]

    def read() -> Iterator[Line]:
        if opened:
            return opened.pop()
        again = {**asked, "since": seen.since, "tail": "all"} if seen.since else asked
        return api.lines(f"{kinds[0]}s", target, "logs", **again)

    for told in read_on(session, read, "log"):
        if "line" not in told or seen.note(told):
            yield told


def _open(api: Api, kinds: list[str], target: str, query: dict[str, Any]) -> Iterator[Line]:
    """Return the log of the first of these kinds that has such a target; only that one is left in the list."""
    refused: Refused | None = None
    for kind in list(kinds):
        lines = api.lines(f"{kind}s", target, "logs", **query)
        try:
            first = next(lines, None)
        except Refused as error:
            if error.status not in (403, NOT_FOUND) or len(kinds) == 1:
                raise
            # Who may not read it is told so, rather than that there is no container of that name.
            refused = error if refused is None or refused.status == NOT_FOUND else refused
            continue
        kinds[:] = [kind]
        return _put_before(first, lines)
    raise refused or WrongUse(f"There is nothing called {target}.")


def _put_before(first: Line | None, rest: Iterator[Line]) -> Iterator[Line]:
    if first is not None:
        yield first
    yield from rest


class Printer:
    """Prints lines on standard output, and what else is told on standard error.

    :param stack: The stack whose name need not stand before the name of each of its services.
    """

    def __init__(self, session: Session, stack: str, *, timestamps: bool) -> None:
        self._session = session
        self._stack = stack
        self._timestamps = timestamps
        self._colours: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._lines = 0
        self._width = 0
        # On a terminal nothing is printed that it would carry out; a file gets what was printed.
        self._show: Callable[[str], str] = _tame if on_terminal() else str

    def print(self, told: Line) -> None:
        """Print what the server told."""
        source = told["source"] if isinstance(told.get("source"), Mapping) else {}
        before = self._states.get(key := str(source.get("key")))
        if source:
            self._states[key] = str(source.get("state"))
        self._lines += "line" in told
        if not self._session.for_people:
            click.echo(json.dumps(told))
        elif "line" in told:
            self._print_line(told)
        elif "lost" in told:
            self._session.warn(f"{told['lost']} lines were left out: they came faster than they were read.")
        elif source:
            self._tell_source(source, before)

    @property
    def kept_from_all(self) -> bool:
        """Whether there are containers, none of which could be read."""
        return not self._lines and set(self._states.values()) == {"unreachable"}

    def _print_line(self, line: Line) -> None:
        name = visible(str(line.get("name") or "")).removeprefix(f"{self._stack}_")
        self._width = max(self._width, len(name))
        colour = self._colours.setdefault(str(line.get("container")), COLOURS[len(self._colours) % len(COLOURS)])
        stamp = f"{visible(line.get('time'))} " if self._timestamps else ""
        before = style(f"{name.ljust(self._width)} | ", fg=colour)
        click.echo(f"{stamp}{before}{self._show(str(line['line']))}")

    def _tell_source(self, source: Line, before: str | None) -> None:
        state = source.get("state")
        name = f"{source.get('name')} on {source.get('node')}" if source.get("node") else str(source.get("name"))
        reason = f": {source['reason']}" if source.get("reason") else ""
        if state == "unreachable" and before != state:
            self._session.warn(f"Nothing comes from {name}{reason}")
        elif state == "following" and before in ("unreachable", "waiting"):
            self._session.note(f"{name} is followed again." if before == "unreachable" else f"{name} has started.")
        elif state == "waiting":
            self._session.note(f"{name} has not started{reason}")
        elif state == "ended" and before is not None:
            code = source.get("exit_code")
            with_code = "" if code is None else f" with exit code {code}"
            self._session.note(f"{name} has ended{with_code}{reason or '.'}")


def _tame(text: str) -> str:
    parts = _COLOURED.split(text)
    # What was coloured is not to colour what comes after it.
    after = "\x1b[0m" if len(parts) > 1 and any(part.startswith("\x1b") for part in parts[1::2]) else ""
    return "".join(part if at % 2 else visible(part) for at, part in enumerate(parts)) + after
