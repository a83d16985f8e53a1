"""Write the reference of the command line from the commands themselves.

``python -m crane_cli.reference`` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from crane_cli.errors import EXIT_STATUSES
from crane_cli.main import cli
from crane_cli.session import DEFAULT_SERVER, SERVER_VARIABLE, TOKEN_VARIABLE

VARIABLES = {
    SERVER_VARIABLE: f"The server that commands go to. Default: the one logged in to, then `{DEFAULT_SERVER}`.",
    TOKEN_VARIABLE: "The token to show, for programs; people log in with `crane login`.",
    "XDG_CONFIG_HOME": "Where the folder `crane` with the file `cli.json` is, which keeps logins (mode 0600).",
    "DOCKER_CONFIG": "The folder of docker's `config.json`, for `--with-registry-auth`.",
    "NO_COLOR": "When set, nothing is coloured.",
}


def render() -> str:
    """Return the reference as Markdown: every command and option, the variables and the exit statuses."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    context = click.Context(cli, info_name="crane")
    yield "# The command line"
    yield ""
    yield "`crane` speaks with a Crane server by its HTTP API. Its own options may also stand after a command."
    yield ""
    yield "## Exit status"
    yield ""
    yield from _table(("Status", "Meaning"), ((str(status), meaning) for status, meaning in EXIT_STATUSES.items()))
    yield "## Variables"
    yield ""
    yield from _table(("Variable", "Meaning"), ((f"`{name}`", meaning) for name, meaning in VARIABLES.items()))
    yield from _command(cli, context)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}"
    yield ""
    yield from _help(command)
    yield "```text"
    yield command.get_usage(context)
    yield "```"
    yield ""
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    yield from _options(options, context)
    if isinstance(command, click.Group):
        # Commands that other distributions add are not part of this program's reference.
        for name in getattr(command, "lazy", None) or command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _command(child, click.Context(child, info_name=name, parent=context))


def _help(command: click.Command) -> Iterator[str]:
    for paragraph in (command.help or "").strip().split("\n\n"):
        lines = paragraph.strip().split("\n")
        if lines[0].strip() == "\b":
            yield "```text"
            yield from (line.strip() for line in lines[1:])
            yield "```"
        else:
            yield " ".join(line.strip() for line in lines)
        yield ""


def _options(options: list[click.Option], context: click.Context) -> Iterator[str]:
    rows = []
    for option in options:
        record = option.get_help_record(context)
        if record is not None:
            rows.append((f"`{record[0]}`", record[1]))
    if rows:
        yield from _table(("Option", "Meaning"), rows)


def _table(headings: tuple[str, str], rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "| --- | --- |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    click.echo(render(), nl=False)
