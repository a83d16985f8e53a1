"""Lines of migrations: for each plugin its revisions, as they stand in its package, and where its tables are.

They are read without Alembic, whose import would make every start of the server longer; it is needed only when there is
something to change.
"""

from __future__ import annotations

import ast
import importlib.util
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from crane_core.errors import SetupError
from crane_core.plugins import Plugins
from crane_database.contributions import Migrations

VERSION_PREFIX = "alembic_version_"

# Python 3.11 counts how deep it is in a tree for all threads together, and fails where two parse at once.
_PARSING = threading.Lock()


@dataclass(frozen=True)
class Line:
    """The migrations of one plugin.

    :param plugin: Its name.
    :param distribution: What it was installed with, for people.
    :param directory: Where the files are.
    :param revisions: All of them, the oldest first.
    """

    plugin: str
    distribution: str
    models: str
    directory: Path
    revisions: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """What the names of its tables begin with."""
        return f"{self.plugin.replace('-', '_')}_"

    @property
    def version_table(self) -> str:
        """The table that says at which revision its tables are."""
        return VERSION_PREFIX + self.prefix.removesuffix("_")

    @property
    def head(self) -> str | None:
        """The newest revision; None while there is none at all."""
        return self.revisions[-1] if self.revisions else None


@dataclass(frozen=True)
class Standing:
    """At which revision the tables of a plugin are; ``newer`` are those of a later version of the plugin."""

    line: Line
    revision: str | None

    @property
    def state(self) -> Literal["current", "pending", "newer"]:
        """Whether there is something to do."""
        if self.revision == self.line.head:
            return "current"
        return "pending" if self.revision is None or self.revision in self.line.revisions else "newer"

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions that are still to come."""
        if self.revision is None:
            return self.line.revisions
        known = self.line.revisions
        return known[known.index(self.revision) + 1 :] if self.revision in known else ()


def find_lines(plugins: Plugins) -> list[Line]:
    """Find the migrations of all plugins, those who are required first.

    :raises SetupError: when the migrations of one are no line.
    """
    lines: dict[str, Line] = {}
    for owner, migrations in plugins.collect("crane_database_migrations"):
        if owner in lines:
            raise SetupError(f"Plugin {owner} contributes two lines of migrations; a plugin has one.")
        plugin = plugins.find(owner)
        lines[owner] = _read_line(owner, plugin.distribution if plugin else "", migrations)
    return list(lines.values())


def _read_line(owner: str, distribution: str, migrations: Migrations) -> Line:
    try:
        found = importlib.util.find_spec(migrations.package)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise SetupError(f"Plugin {owner}: there is no package {migrations.package} with its migrations.")
    directory = Path(next(iter(found.submodule_search_locations)))
    after = _read_revisions(owner, directory)
    return Line(owner, distribution or owner, migrations.models, directory, _in_order(owner, after))


def _read_revisions(owner: str, directory: Path) -> dict[str | None, str]:
    """Return each revision by the one that it follows."""
    after: dict[str | None, str] = {}
    for path in sorted(directory.glob("*.py")):
        if path.name == "__init__.py":
            continue
        named = _read_names(path)
        if not isinstance(named.get("revision"), str) or "down_revision" not in named:
            raise SetupError(f"Plugin {owner}: {path.name} does not say its revision and its down_revision.")
        before, revision = named["down_revision"], str(named["revision"])
        if before in after:
            raise SetupError(
                f"Plugin {owner}: the migrations {after[before]} and {revision} both follow "
                f"{before or 'nothing'}; they must be one line."
            )
        after[before] = revision
    return after


def _in_order(owner: str, after: Mapping[str | None, str]) -> tuple[str, ...]:
    order: list[str] = []
    before: str | None = None
    while (revision := after.get(before)) is not None and revision not in order:
        order.append(revision)
        before = revision
    if lost := set(after.values()) - set(order):
        raise SetupError(f"Plugin {owner}: the migration {min(lost)} follows none of the others.")
    return tuple(order)


def _read_names(path: Path) -> dict[str, str | None]:
    named: dict[str, str | None] = {}
    with _PARSING:
        tree = ast.parse(path.read_text("utf-8"), str(path))
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        text = value.value if isinstance(value, ast.Constant) else ...
        if isinstance(target, ast.Name) and (text is None or isinstance(text, str)):
            named[target.id] = text
    return named


def read_standings(connection: sa.Connection, lines: Iterable[Line]) -> list[Standing]:
    """Read at which revisions a database is."""
    tables = set(sa.inspect(connection).get_table_names())
    return [
        Standing(line, _read_revision(connection, line) if line.version_table in tables else None) for line in lines
    ]


def _read_revision(connection: sa.Connection, line: Line) -> str | None:
    version = sa.table(line.version_table, sa.column("version_num"))
    found: str | None = connection.execute(sa.select(version.c.version_num)).scalar()
    return found


def refuse_newer(standings: Iterable[Standing]) -> None:
    """Go on only if the installed plugins know what the database holds.

    :raises SetupError: when one is older than its tables.
    """
    for standing in standings:
        if standing.state == "newer":
            raise SetupError(
                f"The tables of the plugin {standing.line.plugin} are at revision {standing.revision}, which the "
                f"installed {standing.line.distribution} does not know: it is older than the database. Install the "
                "newer version again, or restore a backup."
            )


def tables_of(line: Line, lines: Iterable[Line], names: Iterable[str]) -> list[str]:
    """Return those tables that belong to a plugin: of several prefixes that fit, the longest counts."""
    others = [other.prefix for other in lines if other.prefix.startswith(line.prefix) and other.prefix != line.prefix]
    return sorted(name for name in names if name.startswith(line.prefix) and not name.startswith(tuple(others)))
