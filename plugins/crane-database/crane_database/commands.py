"""crane-server db: upgrade, check, backup, restore, revision."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crane_core.errors import SetupError

if TYPE_CHECKING:
    from crane_core.context import Crane

SHORTEST = 8


@click.group()
def db() -> None:
    """Look after the database: its tables, backups, and what they are restored from."""


@contextmanager
def _opened() -> Iterator[Crane]:
    """Build the server without starting it, with its database."""
    from crane_core.cli import build
    from crane_database.connecting import connect, disconnect

    app = build()
    connect(app)
    try:
        with app.app_context():
            yield app.extensions["crane"]
    finally:
        disconnect(app)


@db.command()
def upgrade() -> None:
    """Bring the tables of all plugins to their newest revision, as the start of the server does."""
    from crane_database.upgrading import upgrade as upgrade_tables

    with _opened() as crane:
        for standing in upgrade_tables(crane):
            plugin, head = standing.line.plugin, standing.line.head
            if standing.pending:
                click.echo(f"{plugin}: upgraded from {standing.revision or 'nothing'} to {head}")
            else:
                click.echo(f"{plugin}: at {head}, nothing to do")


@db.command()
def check() -> None:
    """Say at which revision each plugin's tables are, and whether the database is sound; exit status 1 if it is not."""
    from crane_database.connecting import describe_url, reaching
    from crane_database.lines import find_lines, read_standings
    from crane_database.models import db as database
    from crane_database.operations import find_damage

    with _opened() as crane, reaching(), database.engine.connect() as connection:
        click.echo(f"{connection.dialect.name}: {describe_url(database.engine.url)}")
        well = True
        for standing in read_standings(connection, find_lines(crane.plugins)):
            revision = standing.revision or "none"
            told = {
                "current": "current",
                "pending": f"{len(standing.pending)} to come; run crane-server db upgrade, or start the server",
                "newer": f"newer than the installed {standing.line.distribution}",
            }[standing.state]
            well = well and standing.state == "current"
            click.echo(f"{standing.line.plugin}: revision {revision}, {told}")
        damage = find_damage(connection)
        click.echo(f"integrity: {damage or 'ok'}")
    if damage or not well:
        sys.exit(1)


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the passphrase from this file's first line.",
)
def backup(file: Path, passphrase_file: Path | None) -> None:
    """Write everything that the server remembers into one encrypted file; the server may run meanwhile.

    The passphrase comes from --passphrase-file, else from the setting database.backup_passphrase, else it is asked for.
    Nothing can be restored without it.
    """
    from crane_database.backups import back_up

    with _opened() as crane:
        summary = back_up(crane, file, _find_passphrase(crane, passphrase_file, new=True))
    click.echo(
        f"{file}: {_count(summary.rows, 'row')} of {_count(summary.tables, 'table')}, {_count(summary.files, 'file')}"
    )
    for plugin in summary.left_out:
        click.echo(f"Left out: the tables of {plugin}, which does not run here.", err=True)


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the passphrase from this file's first line.",
)
@click.option("--replace", is_flag=True, help="Replace what the database holds now.")
def restore(file: Path, passphrase_file: Path | None, replace: bool) -> None:
    """Put back what a backup holds, into SQLite or PostgreSQL; all of it, or nothing. Stop the server first."""
    from crane_database.backups import restore as put_back

    with _opened() as crane:
        summary = put_back(crane, file, _find_passphrase(crane, passphrase_file, new=False), replace=replace)
    click.echo(
        f"Restored {_count(summary.rows, 'row')} of {_count(summary.tables, 'table')}, {_count(summary.files, 'file')}."
    )


@db.command()
@click.argument("plugin")
@click.option("-m", "--message", required=True, help="What it does, in a few words.")
def revision(plugin: str, message: str) -> None:
    """Write the next migration of a plugin, for its author: what its models say and its migrations do not yet do."""
    from crane_core.cli import build
    from crane_database.lines import find_lines
    from crane_database.upgrading import write_revision

    app = build()
    lines = find_lines(app.extensions["crane"].plugins)
    line = next((line for line in lines if line.plugin == plugin), None)
    if line is None:
        names = ", ".join(line.plugin for line in lines)
        raise SetupError(f"No plugin {plugin} that has tables runs here. There are {names}.")
    with app.app_context():
        path = write_revision(line, lines, message)
    click.echo(str(path) if path else f"{plugin}: its migrations do all that its models say.")


def _find_passphrase(crane: Crane, file: Path | None, *, new: bool) -> str:
    """Find the passphrase of a backup; asked for twice when it is new, because nobody can read it afterwards."""
    if file is not None:
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"{file} cannot be read as text.") from error
        found = lines[0].strip() if lines else ""
    elif not (found := str(crane.settings["database.backup_passphrase"])):
        if not sys.stdin.isatty():
            raise SetupError(
                "There is no terminal to ask for the passphrase. Say --passphrase-file FILE, or set "
                "database.backup_passphrase."
            )
        found = str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    if new and len(found) < SHORTEST:
        raise SetupError(f"The passphrase must have at least {SHORTEST} characters.")
    return found


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
