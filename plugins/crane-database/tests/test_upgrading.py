"""Facts about migrations: run at the start, once, wholly or not at all, and each plugin for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crane_database
import pytest
from crane_database.connecting import make_engine
from crane_database.copies import list_copies
from crane_database.testing import find_drift
from crane_database.upgrading import import_models, write_revision
from flask import Flask
from sqlalchemy import Engine, inspect, make_url

from crane_core.context import Crane
from crane_core.errors import SetupError
from crane_core.plugins import Plugin

NOTE = "op.create_table('notes_note', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('text', sa.Text()))"
COLOUR = "op.add_column('notes_note', sa.Column('colour', sa.String(20)))"
TWO_STEPS_THEN_FAIL = f"{COLOUR}\nop.create_table('notes_tag', sa.Column('id', sa.Integer()))\nop.execute('SELEKT')"
Tables = Callable[..., Plugin]


def engine_of(url: str) -> Engine:
    """Open a database past every server."""
    parsed = make_url(url)
    return make_engine(parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed)


def ask(url: str, statement: str) -> list[Any]:
    """Run a statement in a database past every server."""
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def names(url: str) -> set[str]:
    """Return the names of all tables of a database."""
    engine = engine_of(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_hook_crane_database_migrations(open_database: Callable[..., Any], tables: Tables, database_url: str) -> None:
    with open_database(tables("notes", NOTE), **{"database.url": database_url}):
        pass

    assert names(database_url) == {
        "alembic_version_database", "database_lease", "database_backup", "alembic_version_notes", "notes_note",
    }  # fmt: skip
    assert ask(database_url, "SELECT version_num FROM alembic_version_notes") == [("0001",)]


def test_models_and_migrations_say_the_same(crane_app: Flask) -> None:
    assert find_drift(crane_app) == {}


def test_drift_is_noticed(crane_app: Flask, database_url: str) -> None:
    ask(database_url, "ALTER TABLE ledger_change ADD COLUMN extra VARCHAR(10)")

    assert "ledger" in find_drift(crane_app)


def test_tables_are_there_before_the_plugin_starts(
    run_server: Callable[..., Flask], tables: Tables, database_url: str
) -> None:
    plugin, seen = tables("notes", NOTE), []

    def crane_startup(app: Flask) -> None:
        with app.app_context():
            seen.append(crane_database.db.session.execute(crane_database.sa.text("SELECT * FROM notes_note")).all())

    plugin.module.crane_startup = crane_database.hookimpl(crane_startup)  # type: ignore[union-attr]

    run_server(plugin, **{"database.url": database_url})

    assert seen == [[]]


def test_later_migrations_are_run_at_a_later_start(
    open_database: Callable[..., Any], tables: Tables, database_url: str
) -> None:
    with open_database(tables("notes", NOTE), **{"database.url": database_url}):
        ask(database_url, "INSERT INTO notes_note (text) VALUES ('kept')")

    with open_database(tables("notes", NOTE, COLOUR), **{"database.url": database_url}):
        assert ask(database_url, "SELECT text, colour FROM notes_note") == [("kept", None)]


def test_plugin_that_is_removed_and_returns_finds_its_tables(
    open_database: Callable[..., Any], tables: Tables, database_url: str
) -> None:
    with open_database(tables("notes", NOTE), tables("other", "pass"), **{"database.url": database_url}):
        ask(database_url, "INSERT INTO notes_note (text) VALUES ('kept')")

    # Meanwhile another one goes on.
    other = tables("other", "pass", "op.create_table('other_thing', sa.Column('id', sa.Integer()))")
    with open_database(other, **{"database.url": database_url}):
        assert "other_thing" in names(database_url)
    with open_database(tables("notes", NOTE, COLOUR), other, **{"database.url": database_url}):
        assert ask(database_url, "SELECT text, colour FROM notes_note") == [("kept", None)]


def test_failing_migration_leaves_everything_as_it_was(
    make_server: Callable[..., Flask], open_database: Callable[..., Any], tables: Tables, database_url: str
) -> None:
    with open_database(tables("notes", NOTE), **{"database.url": database_url}):
        pass
    app = make_server(tables("notes", NOTE, TWO_STEPS_THEN_FAIL), **{"database.url": database_url})

    with (
        app.app_context(),
        pytest.raises(SetupError, match=r"The tables of the plugin notes cannot be upgraded: .*SELEKT"),
    ):
        crane_database.crane_startup(app)

    assert ask(database_url, "SELECT version_num FROM alembic_version_notes") == [("0001",)]
    assert "notes_tag" not in names(database_url)
    ask(database_url, "INSERT INTO notes_note (id, text) VALUES (1, 'the old columns are all there is')")
    assert ask(database_url, "SELECT * FROM notes_note") == [(1, "the old columns are all there is")]


def test_database_that_is_newer_than_the_plugin_stops_the_start(
    make_server: Callable[..., Flask], open_database: Callable[..., Any], tables: Tables, database_url: str
) -> None:
    with open_database(tables("notes", NOTE, COLOUR), **{"database.url": database_url}):
        pass
    app = make_server(tables("notes", NOTE), **{"database.url": database_url})

    with (
        app.app_context(),
        pytest.raises(SetupError, match="notes are at revision 0002, which the installed crane-notes"),
    ):
        crane_database.crane_startup(app)


def test_two_servers_that_start_at_once_upgrade_once(
    make_server: Callable[..., Flask], tables: Tables, database_url: str
) -> None:
    notes = [tables("notes", NOTE, COLOUR) for _ in range(2)]
    apps = [make_server(plugin, data="shared", **{"database.url": database_url}) for plugin in notes]
    failed: list[BaseException] = []
    ready = threading.Barrier(2)

    def begin(app: Flask) -> None:
        try:
            with app.app_context():
                ready.wait(60)
                crane_database.crane_startup(app)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=begin, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    assert ask(database_url, "SELECT version_num FROM alembic_version_notes") == [("0002",)]


def test_table_of_another_name_than_its_plugin_is_refused(
    make_server: Callable[..., Flask], tables: Tables, database_url: str
) -> None:
    stranger = "op.create_table('accounts_user', sa.Column('id', sa.Integer()))"
    app = make_server(tables("notes", stranger), **{"database.url": database_url})

    with app.app_context(), pytest.raises(SetupError, match=r"made the table accounts_user; .* must start with notes_"):
        crane_database.crane_startup(app)

    assert "accounts_user" not in names(database_url)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
class TestCopies:
    """Of a SQLite file, before its tables are changed."""

    def test_file_is_copied_before_an_upgrade(
        self, open_database: Callable[..., Any], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        settings = {"data": "data", "database.url": database_url}
        with open_database(tables("notes", NOTE), **settings):
            ask(database_url, "INSERT INTO notes_note (text) VALUES ('kept')")
        assert list_copies(tmp_path / "data") == [], "there was nothing to copy"

        with open_database(tables("notes", NOTE, COLOUR), **settings):
            pass

        [copy] = list_copies(tmp_path / "data")
        assert ask(f"sqlite:///{copy}", "SELECT * FROM notes_note") == [(1, "kept")]
        assert copy.stat().st_mode & 0o777 == 0o600

    def test_start_without_upgrade_copies_nothing(
        self, open_database: Callable[..., Any], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        for _ in range(2):
            with open_database(tables("notes", NOTE), data="data", **{"database.url": database_url}):
                pass

        assert list_copies(tmp_path / "data") == []

    def test_three_copies_are_kept(
        self, open_database: Callable[..., Any], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        for number in range(1, 6):
            steps = [NOTE, *(f"op.add_column('notes_note', sa.Column('c{n}', sa.Text()))" for n in range(1, number))]
            with open_database(tables("notes", *steps), data="data", **{"database.url": database_url}):
                pass

        copies = list_copies(tmp_path / "data")
        assert len(copies) == 3
        versions = [ask(f"sqlite:///{copy}", "SELECT version_num FROM alembic_version_notes") for copy in copies]
        assert versions == [[("0004",)], [("0003",)], [("0002",)]]

    def test_copy_that_cannot_be_written_stops_the_upgrade(
        self, make_server: Callable[..., Flask], open_database: Callable[..., Any], tables: Tables, database_url: str,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        with open_database(tables("notes", NOTE), data="data", **{"database.url": database_url}):
            pass
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data/copies").write_text("no directory")
        app = make_server(tables("notes", NOTE, COLOUR), data="data", **{"database.url": database_url})

        with app.app_context(), pytest.raises(SetupError, match="cannot be copied"):
            crane_database.crane_startup(app)

        assert ask(database_url, "SELECT version_num FROM alembic_version_notes") == [("0001",)]


def test_table_that_is_made_anew_keeps_what_refers_to_it(
    open_database: Callable[..., Any], tables: Tables, database_url: str
) -> None:
    link = (
        f"{NOTE}\nop.create_table('notes_link', sa.Column('id', sa.Integer(), primary_key=True), "
        "sa.Column('note', sa.Integer(), sa.ForeignKey('notes_note.id', ondelete='CASCADE')))"
    )
    rename = (
        "with op.batch_alter_table('notes_note') as batch:\n    batch.alter_column('text', new_column_name='words')"
    )
    with open_database(tables("notes", link), **{"database.url": database_url}):
        ask(database_url, "INSERT INTO notes_note (id, text) VALUES (1, 'kept')")
        ask(database_url, "INSERT INTO notes_link (id, note) VALUES (1, 1)")

    with open_database(tables("notes", link, rename), **{"database.url": database_url}):
        assert ask(database_url, "SELECT words FROM notes_note") == [("kept",)]
        assert ask(database_url, "SELECT * FROM notes_link") == [(1, 1)]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
class TestLines:
    """The files of a plugin's migrations are one line."""

    def start(self, make_server: Callable[..., Flask], plugin: Plugin, url: str) -> None:
        app = make_server(plugin, **{"database.url": url})
        with app.app_context():
            crane_database.crane_startup(app)

    def directory(self, tmp_path: Path) -> Path:
        [found] = (tmp_path / "site").iterdir()
        return found

    def test_two_that_follow_the_same_are_refused(
        self, make_server: Callable[..., Flask], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        plugin = tables("notes", NOTE, COLOUR)
        text = (self.directory(tmp_path) / "r0002.py").read_text()
        (self.directory(tmp_path) / "r0003.py").write_text(text.replace("'0002'", "'0003'"))

        with pytest.raises(SetupError, match="0002 and 0003 both follow 0001"):
            self.start(make_server, plugin, database_url)

    def test_one_that_follows_nothing_known_is_refused(
        self, make_server: Callable[..., Flask], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        plugin = tables("notes", NOTE, COLOUR, "pass")
        (self.directory(tmp_path) / "r0002.py").unlink()

        with pytest.raises(SetupError, match="the migration 0003 follows none"):
            self.start(make_server, plugin, database_url)

    def test_file_that_is_no_migration_is_refused(
        self, make_server: Callable[..., Flask], tables: Tables, database_url: str, tmp_path: Path
    ) -> None:
        plugin = tables("notes", NOTE)
        (self.directory(tmp_path) / "models.py").write_text("A = 1\n")

        with pytest.raises(SetupError, match=r"notes: models\.py does not say its revision"):
            self.start(make_server, plugin, database_url)

    def test_package_that_is_not_there_is_named(self, make_server: Callable[..., Flask], database_url: str) -> None:
        from crane_core.testing.plugins import make_plugin

        def crane_database_migrations() -> list[crane_database.Migrations]:
            return [crane_database.Migrations("crane_nowhere.models", "crane_nowhere.migrations")]

        plugin = make_plugin("notes", crane_database_migrations, requires=["database"])

        with pytest.raises(SetupError, match=r"no package crane_nowhere\.migrations"):
            self.start(make_server, plugin, database_url)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_next_migration_is_written_out_of_the_models(
    crane: Crane, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example's own migration is taken away and written anew; it makes the same tables."""
    import shutil
    from dataclasses import replace

    from crane_database.lines import find_lines

    own, line = find_lines(crane.plugins)
    shutil.copytree(line.directory, tmp_path / "migrations", ignore=shutil.ignore_patterns("r0*", "__pycache__"))
    empty = replace(line, directory=tmp_path / "migrations", revisions=())

    written = write_revision(empty, [own, empty], "Services, and changes!")

    assert written == tmp_path / "migrations/r0001_services_and_changes.py"
    text = written.read_text()
    assert "from crane_database import UtcDateTime, op, sa" in text
    assert "'ledger_change'" in text
    assert "database_lease" not in text
    again = replace(empty, revisions=("0001",))
    assert write_revision(again, [own, again], "Nothing") is None


def test_model_of_another_name_than_its_plugin_is_refused(crane: Crane) -> None:
    from dataclasses import replace

    from crane_database.lines import find_lines

    _, line = find_lines(crane.plugins)

    with pytest.raises(SetupError, match=r"the table ledger_\w+ of \w+ must have a name that starts with book_"):
        import_models([replace(line, plugin="book")])
