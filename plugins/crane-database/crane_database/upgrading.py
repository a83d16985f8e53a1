"""Bringing tables to the newest revision: at the start of a server, under a lock, after a copy."""

from __future__ import annotations

import logging
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crane_core.context import Crane
from crane_core.errors import SetupError
from crane_database.connecting import alone, explain, make_engine, reaching
from crane_database.copies import copy_file
from crane_database.lines import Line, Standing, find_lines, read_standings, refuse_newer, tables_of
from crane_database.models import Model, UtcDateTime, db

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

log = logging.getLogger(__name__)
# What it has to say is said here, in words of our own.
logging.getLogger("alembic").setLevel(logging.WARNING)
_one_at_a_time = threading.Lock()


def upgrade(crane: Crane) -> list[Standing]:
    """Bring the tables of all plugins to their newest revision; return where they stood before.

    All of it happens, or nothing does.

    :raises SetupError: when a migration fails, or when the database is newer than what is installed.
    """
    lines = find_lines(crane.plugins)
    with reaching():
        with db.engine.connect() as connection:
            standings = read_standings(connection, lines)
        refuse_newer(standings)
        if not any(standing.pending for standing in standings):
            return standings
        # Another server may do the same just now; what is to be done is known only under the lock.
        with alone(db.engine) as connection:
            standings = read_standings(connection, lines)
            refuse_newer(standings)
            if any(standing.pending for standing in standings) and any(standing.revision for standing in standings):
                copy_file(db.engine.url, crane.data_directory)
            upgrade_lines(connection, standings)
    for standing in standings:
        if standing.pending:
            plugin, before, after = standing.line.plugin, standing.revision or "none", standing.line.head
            log.info("The tables of the plugin %s are at revision %s now; they were at %s.", plugin, after, before)
    return standings


def upgrade_lines(connection: sa.Connection, standings: Iterable[Standing]) -> None:
    """Upgrade the tables of plugins within a transaction."""
    standings = list(standings)
    for standing in standings:
        if standing.pending:
            upgrade_line(connection, standing.line, [each.line for each in standings])


def upgrade_line(connection: sa.Connection, line: Line, lines: Sequence[Line], revision: str = "head") -> None:
    """Bring the tables of one plugin to a revision, within a transaction.

    :raises SetupError: when a migration fails, or makes a table whose name does not begin with the plugin's.
    """
    scripts = _read_scripts(line)
    before = set(sa.inspect(connection).get_table_names())
    try:
        _run(connection, line, lines, lambda current, _: scripts._upgrade_revs(revision, current))
    except sa.exc.SQLAlchemyError as error:
        raise SetupError(f"The tables of the plugin {line.plugin} cannot be upgraded: {explain(error)}") from error
    made = set(sa.inspect(connection).get_table_names()) - before - {line.version_table}
    if foreign := sorted(made - set(tables_of(line, lines, made))):
        raise SetupError(
            f"A migration of the plugin {line.plugin} made the table {foreign[0]}; the names of its tables must start "
            f"with {line.prefix}."
        )


def find_drift(connection: sa.Connection, line: Line, lines: Sequence[Line]) -> list[Any]:
    """Return how the tables of a plugin differ from its models; nothing is how it should be."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    import_models(lines)
    context = MigrationContext.configure(connection, opts=_options(line, lines))
    return list(compare_metadata(context, Model.metadata))


def write_revision(line: Line, lines: Sequence[Line], message: str) -> Path | None:
    """Write the next migration of a plugin out of what its models say; None when nothing changed.

    The models are compared with an empty database that the present migrations are applied to, so that no database of
    anybody matters.
    """
    from alembic.autogenerate import RevisionContext
    from alembic.config import Config

    import_models(lines)
    number = f"{len(line.revisions) + 1:04}"
    arguments = {
        **dict.fromkeys(("sql", "splice", "branch_label", "version_path", "depends_on")),
        "message": message,
        "autogenerate": True,
        "head": "head",
        "rev_id": number,
    }
    revisions = RevisionContext(Config(), _read_scripts(line), arguments)

    def compare(current: Any, context: Any) -> list[Any]:
        revisions.run_autogenerate(current, context)
        return []

    with _scratch(lines) as connection:
        _run(connection, line, lines, compare, **_RENDERING)
        changes = revisions.generated_revisions[-1].upgrade_ops
        if changes is None or changes.is_empty():
            return None
        [script] = revisions.generate_scripts()
    assert script is not None
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40] or "change"
    written = Path(script.path)
    return written.rename(written.with_name(f"r{number}_{slug}.py"))


@contextmanager
def _scratch(lines: Sequence[Line]) -> Iterator[sa.Connection]:
    """Make an empty database, with the tables of all plugins, for as long as it is looked at."""
    with tempfile.TemporaryDirectory() as directory:
        engine = make_engine(sa.URL.create("sqlite", database=str(Path(directory, "scratch.db"))))
        with alone(engine) as connection:
            upgrade_lines(connection, [Standing(line, None) for line in lines])
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def import_models(lines: Iterable[Line]) -> None:
    """Import the models of plugins, and look at the names of their tables.

    :raises SetupError: when one does not begin with the name of its plugin.
    """
    lines = list(lines)
    for line in lines:
        import_module(line.models)
    for mapper in Model.registry.mappers:
        table = str(getattr(mapper.local_table, "name", ""))
        for line in lines:
            if mapper.class_.__module__ == line.models and not tables_of(line, lines, [table]):
                raise SetupError(
                    f"Plugin {line.plugin}: the table {table} of {mapper.class_.__name__} must have a name that starts "
                    f"with {line.prefix}."
                )


def _read_scripts(line: Line) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    here = str(Path(__file__).parent)
    return ScriptDirectory(here, version_locations=[str(line.directory)], messaging_opts={"quiet": True})


def _run(connection: sa.Connection, line: Line, lines: Sequence[Line], steps: Any, **options: Any) -> None:
    """Run what Alembic calls an environment, without the program that it would be."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={**_options(line, lines), "fn": steps, **options})
    # Migrations call functions of a module, which can be of one transaction at a time.
    with _one_at_a_time, Operations.context(context):
        context.run_migrations()


def _options(line: Line, lines: Sequence[Line]) -> dict[str, Any]:
    def belongs(thing: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
        table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", name)
        return bool(tables_of(line, lines, [str(table)]))

    return {
        "version_table": line.version_table,
        "include_object": belongs,
        "render_as_batch": True,
        "transactional_ddl": True,
        "compare_type": True,
    }


def _render(kind: str, thing: Any, _context: Any) -> str | bool:
    return "UtcDateTime()" if kind == "type" and isinstance(thing, UtcDateTime) else False


_RENDERING = {
    "target_metadata": Model.metadata,
    "render_item": _render,
    "upgrade_token": "upgrades",
    "downgrade_token": "downgrades",
    "alembic_module_prefix": "op.",
    "sqlalchemy_module_prefix": "sa.",
    "user_module_prefix": None,
    "process_revision_directives": None,
}
