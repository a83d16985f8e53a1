"""Backups: one file with the tables of every plugin and the files that plugins name.

The tables are told value by value, each with the revision of its plugin, so that a backup of SQLite can be restored
into PostgreSQL and the other way round. A restored plugin is brought to its newest revision afterwards.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import sqlalchemy as sa

from crane_core.context import Crane
from crane_core.errors import SetupError
from crane_database.connecting import alone, reaching
from crane_database.copies import copy_file
from crane_database.lines import (
    VERSION_PREFIX,
    Line,
    find_lines,
    read_standings,
    refuse_newer,
    tables_of,
)
from crane_database.models import BackupRow, LeaseRow, db
from crane_database.sealing import DamagedBackup, Opener, Sealer
from crane_database.upgrading import upgrade_line, upgrade_lines
from crane_database.values import decode, encode_row, reading, to_line, writing

ROWS = 200
BLOCK = 48 * 1024
# Leases are of the servers that run now.
_LEFT_OUT = {LeaseRow.__tablename__}


@dataclass
class Summary:
    """What a backup holds, or what was restored."""

    plugins: dict[str, str] = field(default_factory=dict)
    tables: int = 0
    rows: int = 0
    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list)


# --- Making one ---------------------------------------------------------------------------------------------------


def back_up(crane: Crane, path: Path, passphrase: str) -> Summary:
    """Write a backup, all of it as it was at one moment; the server may run meanwhile.

    :raises SetupError: when it cannot be written; a file that was there before stays as it was then.
    """
    with reaching(), _replacing(path) as file:
        sealer = Sealer(file, passphrase)
        summary = _write(crane, sealer)
        sealer.close()
    summary.bytes = path.stat().st_size
    with reaching():
        db.session.add(BackupRow(made_at=datetime.now(UTC), bytes=summary.bytes))
        db.session.commit()
    return summary


def _write(crane: Crane, sealer: Sealer) -> Summary:
    lines = find_lines(crane.plugins)
    summary = Summary()
    with _one_moment(db.engine) as connection:
        standings = [each for each in read_standings(connection, lines) if each.revision is not None]
        refuse_newer(standings)
        summary.plugins = {each.line.plugin: str(each.revision) for each in standings}
        names = sa.inspect(connection).get_table_names()
        known = {each.line.version_table for each in standings}
        summary.left_out = sorted(
            name.removeprefix(VERSION_PREFIX) for name in names if name.startswith(VERSION_PREFIX) and name not in known
        )
        sealer.write(
            to_line({"crane": crane.version, "made": f"{datetime.now(UTC):%FT%TZ}", "plugins": summary.plugins})
        )
        for table in _reflect(connection, [each.line for each in standings], lines):
            if table.name not in _LEFT_OUT:
                summary.tables += 1
                summary.rows += _write_table(connection, table, sealer)
    for file in _find_files(crane):
        summary.files += _write_file(crane.data_directory, file, sealer)
    sealer.write(to_line({"end": [summary.tables, summary.rows, summary.files]}))
    return summary


def _write_table(connection: sa.Connection, table: sa.Table, sealer: Sealer) -> int:
    columns = list(table.columns)
    sealer.write(to_line({"table": table.name, "columns": [column.name for column in columns]}))
    count = 0
    found = connection.execution_options(yield_per=ROWS).execute(sa.select(*map(reading, columns)).select_from(table))
    for rows in found.partitions():
        sealer.write(to_line({"rows": [encode_row(table.name, row) for row in rows]}))
        count += len(rows)
    return count


def _find_files(crane: Crane) -> Iterator[Path]:
    root = crane.data_directory
    seen: set[Path] = set()
    for owner, files in crane.plugins.collect("crane_database_backup_files"):
        pattern = PurePosixPath(files.pattern)
        if pattern.is_absolute() or ".." in pattern.parts:
            raise SetupError(f"Plugin {owner}: {files.pattern} is no pattern of files below the data directory.")
        for path in sorted(root.glob(files.pattern)):
            if path.is_file() and not path.is_symlink() and path not in seen:
                seen.add(path)
                yield path


def _write_file(root: Path, path: Path, sealer: Sealer) -> int:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            sealer.write(to_line({"file": path.relative_to(root).as_posix(), "mode": mode}))
            while block := file.read(BLOCK):
                sealer.write(to_line({"data": base64.b64encode(block).decode()}))
    except FileNotFoundError:
        # A server that runs removes some, and replaces others as a whole.
        return 0
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from error
    return 1


@contextlib.contextmanager
def _one_moment(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Read in one transaction that sees nothing of what others write meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        try:
            yield connection
        finally:
            connection.rollback()


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that only its owner reads, under another name until it is whole."""
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        written.unlink(missing_ok=True)


# --- Restoring one ------------------------------------------------------------------------------------------------


def restore(crane: Crane, path: Path, passphrase: str, *, replace: bool = False) -> Summary:
    """Put back what a backup holds; all of it, or nothing.

    :param replace: Whether what the database holds now may go.
    :raises SetupError: when the backup cannot be read or does not fit; nothing is changed then.
    """
    root = crane.data_directory
    staged = root / f".restoring-{secrets.token_hex(4)}"
    try:
        with path.open("rb") as file, reaching():
            opener = Opener(file, passphrase)
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            staged.mkdir(mode=0o700)
            with _Swap(root, staged) as swap, alone(db.engine) as connection:
                summary = _Restoring(crane, connection, opener, staged, replace).run()
                # Last, because what is done to files cannot be taken back together with the transaction, only after it.
                swap.put_in_place()
        summary.bytes = path.stat().st_size
        return summary
    except OSError as error:
        raise SetupError(f"{error.filename or path} cannot be used: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def check_backup(crane: Crane, path: Path, passphrase: str) -> None:
    """Read a backup from end to end, and change nothing.

    :raises SetupError: when it could not be restored here: its passphrase is another, it is not whole, or it holds what
        the installed plugins do not know.
    """
    with path.open("rb") as file:
        opener = Opener(file, passphrase)
        _check_head(json.loads(opener.readline() or b"{}"), find_lines(crane.plugins))
        last = b""
        while line := opener.readline():
            last = line
        if "end" not in json.loads(last or b"{}"):
            raise DamagedBackup("The backup is not whole.")


def _check_head(head: Mapping[str, Any], lines: Iterable[Line]) -> dict[str, str]:
    """Return the revisions that a backup begins with; refuse those that nobody here knows."""
    if "plugins" not in head:
        raise DamagedBackup("The backup was cut off.")
    revisions: dict[str, str] = head["plugins"]
    by_name = {line.plugin: line for line in lines}
    for plugin, revision in revisions.items():
        if plugin not in by_name:
            raise SetupError(
                f"The backup holds tables of the plugin {plugin}, which does not run here. Install it, or take it off "
                "plugins.disabled, and restore again."
            )
        if revision not in by_name[plugin].revisions:
            raise SetupError(
                f"The backup holds tables of the plugin {plugin} at revision {revision}, which the installed "
                f"{by_name[plugin].distribution} does not know: the backup was made by a newer version."
            )
    return revisions


class _Restoring:
    """One backup on its way into a database."""

    def __init__(self, crane: Crane, connection: sa.Connection, opener: Opener, staged: Path, replace: bool) -> None:
        self._crane, self._connection, self._opener, self._staged = crane, connection, opener, staged
        self._replace = replace
        self._lines = find_lines(crane.plugins)
        self._summary = Summary()

    def run(self) -> Summary:
        revisions = _check_head(self._read(), self._lines)
        self._make_room()
        chosen = [line for line in self._lines if line.plugin in revisions]
        for line in chosen:
            upgrade_line(self._connection, line, self._lines, revisions[line.plugin])
        tables = _reflect(self._connection, chosen, self._lines)
        with self._without_foreign_keys(tables):
            # Migrations may have put rows in.
            for table in tables:
                self._connection.execute(sa.delete(table))
            self._load({table.name: table for table in tables})
        _set_sequences(self._connection, tables)
        upgrade_lines(self._connection, read_standings(self._connection, self._lines))
        self._summary.plugins = revisions
        return self._summary

    def _read(self) -> dict[str, Any]:
        line = self._opener.readline()
        if not line:
            raise DamagedBackup("The backup was cut off.")
        record: dict[str, Any] = json.loads(line)
        return record

    def _make_room(self) -> None:
        tables = _reflect(self._connection, self._lines, self._lines)
        held = [table.name for table in tables if table.name not in _LEFT_OUT and self._has_rows(table)]
        if held and not self._replace:
            raise SetupError(
                f"The database holds data already, in {', '.join(held[:3])}{' ...' if held[3:] else ''}. Restore into "
                "an empty one, or say --replace to have it replaced."
            )
        if held:
            copy_file(db.engine.url, self._crane.data_directory)
        for table in tables:
            for key in _foreign_keys(table, self._connection):
                self._connection.execute(sa.schema.DropConstraint(key))
        for table in reversed(tables):
            self._connection.execute(sa.schema.DropTable(table))
        names = set(sa.inspect(self._connection).get_table_names())
        for line in self._lines:
            if line.version_table in names:
                self._connection.execute(sa.schema.DropTable(sa.Table(line.version_table, sa.MetaData())))

    def _has_rows(self, table: sa.Table) -> bool:
        return self._connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).scalar() is not None

    @contextlib.contextmanager
    def _without_foreign_keys(self, tables: Sequence[sa.Table]) -> Iterator[None]:
        """Load rows in any order; SQLite does not look at foreign keys before the end of the transaction anyway."""
        keys = [key for table in tables for key in _foreign_keys(table, self._connection)]
        for key in keys:
            self._connection.execute(sa.schema.DropConstraint(key))
        yield
        for key in keys:
            self._connection.execute(sa.schema.AddConstraint(key))

    def _load(self, tables: Mapping[str, sa.Table]) -> None:
        columns: list[sa.Column[Any]] = []
        insert: sa.Insert | None = None
        file: BinaryIO | None = None
        with contextlib.ExitStack() as stack:
            while "end" not in (record := self._read()):
                if "table" in record:
                    table = self._find_table(tables, record["table"], record["columns"])
                    columns = [table.columns[name] for name in record["columns"]]
                    dialect = self._connection.dialect.name
                    insert = sa.insert(table).values({each.name: writing(each, dialect) for each in columns})
                    self._summary.tables += 1
                elif "rows" in record and insert is not None:
                    rows = [
                        {column.name: decode(value, column) for column, value in zip(columns, row, strict=True)}
                        for row in record["rows"]
                    ]
                    self._connection.execute(insert, rows)
                    self._summary.rows += len(rows)
                elif "file" in record:
                    stack.close()
                    file = stack.enter_context(self._open_file(record["file"], record["mode"]))
                    self._summary.files += 1
                elif "data" in record and file is not None:
                    file.write(base64.b64decode(record["data"]))
        if record["end"] != [self._summary.tables, self._summary.rows, self._summary.files] or self._opener.readline():
            raise DamagedBackup("The backup is not whole.")

    def _find_table(self, tables: Mapping[str, sa.Table], name: str, columns: Sequence[str]) -> sa.Table:
        if name not in tables:
            raise SetupError(f"The backup holds the table {name}, which the migrations of its plugin do not make.")
        if missing := [column for column in columns if column not in tables[name].columns]:
            raise SetupError(
                f"The backup holds the column {missing[0]} of {name}, which the migrations of its plugin do not make."
            )
        return tables[name]

    def _open_file(self, name: str, mode: int) -> BinaryIO:
        path = self._staged / "new" / name
        if not path.resolve().is_relative_to((self._staged / "new").resolve()):
            raise DamagedBackup(f"The backup holds a file that would be outside the data directory: {name}.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o777), "wb")


class _Swap:
    """Puts restored files in the place of those that are there, and back when the transaction fails after all."""

    def __init__(self, root: Path, staged: Path) -> None:
        self._root, self._new, self._old = root, staged / "new", staged / "old"
        self._done: list[Path] = []

    def put_in_place(self) -> None:
        """Put all of them in place."""
        for path in sorted(self._new.rglob("*")):
            if path.is_file():
                name = path.relative_to(self._new)
                target, kept = self._root / name, self._old / name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if target.exists():
                    target.replace(kept)
                path.replace(target)
                self._done.append(name)

    def __enter__(self) -> _Swap:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        for name in self._done:
            if (self._old / name).exists():
                (self._old / name).replace(self._root / name)
            else:
                (self._root / name).unlink(missing_ok=True)


def _reflect(connection: sa.Connection, chosen: Iterable[Line], lines: Sequence[Line]) -> list[sa.Table]:
    """Return the tables of some plugins as they are in the database, those that others refer to first."""
    present = sa.inspect(connection).get_table_names()
    names = {name for line in chosen for name in tables_of(line, lines, present)}
    metadata = sa.MetaData()
    metadata.reflect(connection, only=sorted(names))
    with warnings.catch_warnings():
        # Tables that refer to each other in a circle have no order, and need none.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        return [table for table in metadata.sorted_tables if table.name in names]


def _foreign_keys(table: sa.Table, connection: sa.Connection) -> list[sa.ForeignKeyConstraint]:
    # SQLite has no way to drop one, and needs none.
    return [] if connection.dialect.name == "sqlite" else list(table.foreign_key_constraints)


def _set_sequences(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Have PostgreSQL number new rows after those that were restored."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables:
        for column in table.columns:
            if not isinstance(column.type, sa.Integer):
                continue
            quoted = connection.dialect.identifier_preparer.format_table(table)
            sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(quoted, column.name))).scalar()
            most = connection.execute(sa.select(sa.func.max(column))).scalar()
            if sequence and most is not None:
                connection.execute(sa.select(sa.func.setval(sequence, max(most, 1))))
