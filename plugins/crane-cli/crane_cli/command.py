"""Commands that share their options, and groups that import a command only when somebody uses it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from crane_cli.errors import CliError
from crane_cli.session import SERVER_VARIABLE, TOKEN_VARIABLE, Session

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OUTPUTS = ("table", "json", "yaml")
ENTRY_POINTS = "crane.cli"


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Note a shared option in the session; the one that stands nearest to the command wins."""
    if value is not None and option.name and not context.resilient_parsing:
        setattr(context.ensure_object(Session), option.name, value)


def shared_options(hidden: bool) -> list[click.Option]:
    """Return the options that every command takes, wherever they stand on the line."""
    told: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(
            ["--server"],
            metavar="URL",
            hidden=hidden,
            help=f"The Crane server. Default: {SERVER_VARIABLE}, then the one logged in to, then this machine's.",
            **told,
        ),
        click.Option(
            ["--token"],
            metavar="TOKEN",
            hidden=hidden,
            help=f"The token to show. Better, because others see a command line: {TOKEN_VARIABLE}, or crane login.",
            **told,
        ),
        click.Option(
            ["--ca"],
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False),
            hidden=hidden,
            help="Trust the certificates in this file instead of the system's.",
            **told,
        ),
        click.Option(
            ["-o", "--output"], type=click.Choice(OUTPUTS), help="How to write the answer. Default: table.", **told
        ),
    ]


class Command(click.Command):
    """A command that takes the shared options, and boolean options as ``--prune=true`` too, as docker does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options(hidden=True))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, a boolean option's value taken off first."""
        return super().parse_args(ctx, [arg for arg in map(self._without_value, args) if arg is not None])

    def _without_value(self, argument: str) -> str | None:
        name, equals, value = argument.partition("=")
        options = [option for option in self.params if isinstance(option, click.Option)]
        flags = {name for option in options if option.is_flag for name in option.opts}
        if not equals or name not in flags or value not in ("true", "false"):
            return argument
        return name if value == "true" else None


# What a group calls by one of these names is found by the other too, as docker and other programs have either.
OTHER_NAMES = {"show": "inspect", "inspect": "show", "ps": "tasks", "tasks": "ps"}


class Group(click.Group):
    """A group of commands that take the shared options."""

    command_class = Command

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, also by the other name that it has elsewhere."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, OTHER_NAMES.get(cmd_name, ""))


class LazyGroup(click.Group):
    """The program: its own groups by name, and the commands that other distributions add.

    :param lazy: For each name, ``module:attribute`` and the one line of help that is shown without importing it.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.params.extend(shared_options(hidden=False))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, other distributions' after the program's own."""
        return [*self.lazy, *sorted(set(_added()) - set(self.lazy))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        :raises CliError: The distribution that adds it is broken; it is named.
        """
        if cmd_name in self.lazy:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        entry = _added().get(cmd_name)
        return None if entry is None else _load(entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        rows = [(name, help_) for name, (_, help_) in self.lazy.items()]
        rows += [(name, _summary(entry)) for name, entry in sorted(_added().items()) if name not in self.lazy]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _added() -> dict[str, EntryPoint]:
    if not any(map(_adds, sys.path)):
        return {}
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _adds(place: str) -> bool:
    """Return whether a distribution in a place of the import path may add commands.

    Importing ``importlib.metadata`` takes a tenth of the time of ``crane --help``, and mostly there is nothing to find.
    """
    try:
        with os.scandir(place or ".") as entries:
            folders = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        # Not a folder: an archive, which only importlib.metadata can look into, or nothing.
        return os.path.isfile(place)
    return any(_names_group(f"{folder}/entry_points.txt") for folder in folders)


def _names_group(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return f"[{ENTRY_POINTS}]" in file.read()
    except OSError:
        return False


def _summary(entry: EntryPoint) -> str:
    return f"Added by {_distribution(entry)}."


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _load(entry: EntryPoint) -> click.Command:
    try:
        command = entry.load()
    except Exception as error:  # Whatever a stranger's module raises, only its own command fails.
        raise CliError(
            f"The command {entry.name} of {_distribution(entry)} cannot be loaded: {type(error).__name__}: {error}. "
            "The other commands work."
        ) from error
    if not isinstance(command, click.Command):
        raise CliError(f"{entry.value} of {_distribution(entry)} is no click command, so that {entry.name} cannot run.")
    return command


Decorator = Callable[[Any], Any]


def several(*decorators: Decorator) -> Decorator:
    """Join decorators into one, the first outermost."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


quiet_ids = click.option("-q", "--quiet", is_flag=True, help="Print IDs or names only.")
no_trunc = click.option("--no-trunc", is_flag=True, help="Print whole IDs and images.")
detach = click.option("-d", "--detach", is_flag=True, help="Exit once all is sent to the Swarm, without following it.")
quiet_progress = click.option("-q", "--quiet", is_flag=True, help="Print nothing but warnings and a bad end.")


def seconds(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Read an option that is a duration, in seconds."""
    from crane_cli.values import parse_duration

    return None if value is None else parse_duration(value) / 1e9


def _split(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> list[str]:
    return [name.strip() for told in value for name in told.split(",") if name.strip()]


nodes = click.option(
    "--node",
    "nodes",
    metavar="NODE",
    multiple=True,
    callback=_split,
    help="On this node only; for several repeat it, or write a,b. Default: on all.",
)
# What is no moment by itself: a bare number could be the beginning of a date.
_AGO = re.compile(r"([0-9]+(?:\.[0-9]+)?[smhd])+")


def moment(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Read an option that is a moment: RFC 3339, local without a zone, or how long ago."""
    from datetime import UTC, datetime, timedelta

    if value is None:
        return None
    from crane_cli.values import parse_duration

    try:
        if _AGO.fullmatch(value):
            found = datetime.now(UTC) - timedelta(seconds=parse_duration(value) / 1e9)
        else:
            found = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value} is no moment; write it as in 2026-05-04T12:00, 2026-05-04 or 2h (two hours ago)."
        ) from error
    return found.isoformat().replace("+00:00", "Z")


timeout = click.option(
    "--timeout", metavar="DURATION", callback=seconds, help="End as timed out after this long, as in 5m or 90s."
)
following = several(detach, quiet_progress, timeout)


def filtering(keys: Mapping[str, object] | Iterable[str], *, short: bool = True) -> Decorator:
    """Return the option ``--filter KEY=VALUE``, which may be repeated, for these keys.

    :param keys: Their names, or with their tests, of which some know all values that there are.
    :param short: Whether it is called ``-f`` too, as docker has it; not where that follows something.
    """
    names = ("-f", "--filter") if short else ("--filter",)
    tests = keys if isinstance(keys, Mapping) else dict.fromkeys(keys)
    told = f"Show only these: {', '.join(tests)}."

    def check(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> dict[str, list[str]]:
        wanted: dict[str, list[str]] = {}
        for pair in value:
            key, equals, wish = pair.partition("=")
            key = key.replace("_", "-")
            if not equals or key not in tests:
                raise click.BadParameter(f"{pair} is none of: {', '.join(f'{key}=...' for key in tests)}")
            words: Sequence[str] = getattr(tests[key], "words", ())
            if words and wish.lower() not in words:
                raise click.BadParameter(f"{key} is never {wish}; it is one of: {', '.join(words)}")
            wanted.setdefault(key, []).append(wish)
        return wanted

    return click.option(*names, "filters", metavar="KEY=VALUE", multiple=True, callback=check, help=told)
