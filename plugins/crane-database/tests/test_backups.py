"""Facts about backups: everything comes back, on either database, or nothing is changed."""

from __future__ import annotations

import io
import json
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from crane_database import BackupFiles, db, sa, sealing
from crane_database.backups import back_up, restore
from crane_database.copies import list_copies
from crane_database.sealing import Opener, Sealer
from crane_database.testing import Cluster

from crane_core.context import Crane
from crane_core.errors import SetupError
from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

from .test_upgrading import COLOUR, NOTE, ask

PASSPHRASE = "correct horse battery"
# A column of each kind, a name with a capital, and a table that refers to itself.
EVERYTHING = """
op.create_table(
    "kinds_thing",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("parent", sa.Integer(), sa.ForeignKey("kinds_thing.id")),
    sa.Column("Text", sa.Text()),
    sa.Column("number", sa.BigInteger()),
    sa.Column("real", sa.Float()),
    sa.Column("truth", sa.Boolean()),
    sa.Column("blob", sa.LargeBinary()),
    sa.Column("moment", sa.DateTime(timezone=True)),
    sa.Column("day", sa.Date()),
    sa.Column("price", sa.Numeric(12, 2)),
    sa.Column("document", sa.JSON()),
    sa.Column("word", sa.Uuid()),
)
op.create_table("kinds_count", sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True))
"""
VALUES = {
    "id": 2,
    "parent": 1,
    "Text": 'é漢"\n\\ \U0001f600',
    "number": 2**62,
    "real": 0.1,
    "truth": True,
    "blob": bytes(range(256)),
    "document": json.dumps({"a": [1, None, "ü"], "b": None}),
}
OpenDatabase = Callable[..., Any]
Tables = Callable[..., Plugin]


@pytest.fixture(autouse=True, scope="module")
def _cheap() -> Iterator[None]:
    """Guessing a passphrase may be cheap here."""
    kept, sealing.COST = sealing.COST, (4, 8, 1)
    yield
    sealing.COST = kept


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of another empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/other/crane.db"
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    return cluster.url(cluster.make_database())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup is."""
    return tmp_path / "crane.backup"


def add_changes(module: ModuleType, count: int) -> None:
    """Have the example remember something."""
    from datetime import UTC, datetime

    service = module.Service(name="shop_web")
    for number in range(count):
        at = datetime(2026, 1, 1, 12, number % 60, 0, 123456, tzinfo=UTC)
        db.session.add(module.Change(service=service, kind="service.updated", by=f"ann{number}", at=at))
    db.session.commit()


def ledger_rows(module: ModuleType) -> list[tuple[Any, ...]]:
    """Return all that the example remembers."""
    changes = db.session.scalars(sa.select(module.Change).order_by(module.Change.id))
    return [(each.id, each.service.name, each.kind, each.by, each.at) for each in changes]


def thing(connection: Any) -> dict[str, Any]:
    """Return the row of all kinds, as its database tells of it."""
    table = sa.Table("kinds_thing", sa.MetaData(), autoload_with=connection)
    row = connection.execute(sa.select(table).where(table.c.id == 2)).mappings().one()
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def test_backup_is_restored_on_another_machine_and_another_database(
    open_database: OpenDatabase, ledger: Plugin, ledger_module: ModuleType, tables: Tables, database_url: str,
    other_url: str, file: Path,
) -> None:  # fmt: skip
    notes = tables("notes", NOTE)
    with open_database(ledger, notes, **{"database.url": database_url}) as crane:
        add_changes(ledger_module, 450)
        ask(database_url, "INSERT INTO notes_note (text) VALUES ('of another plugin')")
        remembered = ledger_rows(ledger_module)
        (crane.data_directory / "ledger").mkdir(parents=True)
        (crane.data_directory / "ledger/seal.key").write_bytes(b"\0key\xff")
        (crane.data_directory / "ledger/seal.key").chmod(0o600)
        (crane.data_directory / "operations").mkdir()
        (crane.data_directory / "operations/0123456789abcdef.json").write_text("{}")
        (crane.data_directory / "unnamed.txt").write_text("of nobody")
        summary = back_up(crane, file, PASSPHRASE)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (summary.tables, summary.rows, summary.files) == (4, 452, 2)

    with open_database(ledger, notes, **{"database.url": other_url}) as crane:
        restored = restore(crane, file, PASSPHRASE)

        assert (restored.tables, restored.rows, restored.files) == (4, 452, 2)
        assert ledger_rows(ledger_module) == remembered
        assert ask(other_url, "SELECT id, text FROM notes_note") == [(1, "of another plugin")]
        assert (crane.data_directory / "ledger/seal.key").read_bytes() == b"\0key\xff"
        assert (crane.data_directory / "ledger/seal.key").stat().st_mode & 0o777 == 0o600
        assert (crane.data_directory / "operations/0123456789abcdef.json").read_text() == "{}"
        assert not (crane.data_directory / "unnamed.txt").exists()
        assert [path.name for path in crane.data_directory.iterdir() if path.name.startswith(".")] == []
        # New rows are numbered after those that were restored.
        add_changes_of_another(ledger_module)
        assert ledger_rows(ledger_module)[-1][0] == 451


def add_changes_of_another(module: ModuleType) -> None:
    """Have the example remember one more change, of another service."""
    from datetime import UTC, datetime

    service = module.Service(name="shop_db")
    db.session.add(module.Change(service=service, kind="service.created", by="bob", at=datetime.now(UTC)))
    db.session.commit()


def test_values_of_every_kind_come_back(
    open_database: OpenDatabase, tables: Tables, database_url: str, other_url: str, file: Path
) -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal
    from uuid import UUID

    kinds = tables("kinds", EVERYTHING)
    word, moment = UUID(int=7), datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
    with open_database(kinds, **{"database.url": database_url}) as crane:
        table = sa.Table("kinds_thing", sa.MetaData(), autoload_with=db.session.connection())
        lite = db.engine.dialect.name == "sqlite"
        given = {
            **VALUES,
            "document": json.loads(str(VALUES["document"])),
            "moment": moment.replace(tzinfo=None) if lite else moment,
            "day": date(2026, 2, 3),
            "price": Decimal("12.30"),
            "word": word.hex if lite else word,
        }
        # The one that is referred to comes later, so that no order of rows would do.
        empty = dict.fromkeys(given) | {"id": 1, "document": sa.null()}
        db.session.execute(sa.insert(table).values(**empty))
        db.session.execute(sa.insert(table).values(**given))
        db.session.execute(sa.update(table).where(table.c.id == 1).values(parent=2))
        db.session.commit()
        back_up(crane, file, PASSPHRASE)

    with open_database(kinds, **{"database.url": other_url}) as crane:
        restore(crane, file, PASSPHRASE)
        found = thing(db.session.connection())
        nothing = ask(other_url, "SELECT document IS NULL, parent FROM kinds_thing WHERE id = 1")

    assert (str(UUID(str(found.pop("word")))), found.pop("price")) == (str(word), Decimal("12.30"))
    assert found.pop("moment").replace(tzinfo=UTC) == moment
    assert found.pop("day") == date(2026, 2, 3)
    assert found.pop("document") == json.loads(str(VALUES["document"]))
    assert found == {name: value for name, value in VALUES.items() if name != "document"}
    assert [(bool(null), parent) for null, parent in nothing] == [(True, 2)]


def test_hook_crane_database_backup_files(
    open_database: OpenDatabase, database_url: str, file: Path, tmp_path: Path
) -> None:
    def crane_database_backup_files() -> list[BackupFiles]:
        return [BackupFiles("notes/*.key"), BackupFiles("notes/a.key"), BackupFiles("not-there")]

    plugin = make_plugin("notes", crane_database_backup_files, requires=["database"])
    with open_database(plugin, **{"database.url": database_url}) as crane:
        directory = crane.data_directory / "notes"
        directory.mkdir(parents=True)
        (directory / "a.key").write_bytes(b"x" * 200_000)
        (directory / "b.txt").write_bytes(b"no key")
        (tmp_path / "outside").write_text("secret")
        (directory / "link.key").symlink_to(tmp_path / "outside")
        summary = back_up(crane, file, PASSPHRASE)

    assert summary.files == 1
    with open_database(plugin, data="elsewhere", **{"database.url": database_url}) as crane:
        restore(crane, file, PASSPHRASE, replace=True)
        assert (crane.data_directory / "notes/a.key").read_bytes() == b"x" * 200_000


@pytest.mark.parametrize("pattern", ["../crane.toml", "/etc/passwd"])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_files_outside_the_data_directory_are_refused(
    open_database: OpenDatabase, database_url: str, file: Path, pattern: str
) -> None:
    def crane_database_backup_files() -> list[BackupFiles]:
        return [BackupFiles(pattern)]

    plugin = make_plugin("notes", crane_database_backup_files, requires=["database"])
    with open_database(plugin, **{"database.url": database_url}) as crane, pytest.raises(SetupError, match="notes: "):
        back_up(crane, file, PASSPHRASE)

    assert not file.exists()


def test_backup_of_an_older_revision_is_upgraded(
    open_database: OpenDatabase, tables: Tables, database_url: str, other_url: str, file: Path
) -> None:
    with open_database(tables("notes", NOTE), **{"database.url": database_url}) as crane:
        ask(database_url, "INSERT INTO notes_note (text) VALUES ('old')")
        back_up(crane, file, PASSPHRASE)

    with open_database(tables("notes", NOTE, COLOUR), **{"database.url": other_url}) as crane:
        restore(crane, file, PASSPHRASE)

    assert ask(other_url, "SELECT text, colour FROM notes_note") == [("old", None)]
    assert ask(other_url, "SELECT version_num FROM alembic_version_notes") == [("0002",)]


def test_tables_that_refer_to_those_of_another_plugin_come_back(
    open_database: OpenDatabase, tables: Tables, database_url: str, other_url: str, file: Path
) -> None:
    link = (
        "op.create_table('above_link', sa.Column('id', sa.Integer(), primary_key=True), "
        "sa.Column('note', sa.Integer(), sa.ForeignKey('notes_note.id')))"
    )
    # By its name it comes before the one that it refers to.
    plugins = [tables("notes", NOTE), tables("above", link, requires=("database", "notes"))]
    with open_database(*plugins, **{"database.url": database_url}) as crane:
        ask(database_url, "INSERT INTO notes_note (id, text) VALUES (7, 'seven')")
        ask(database_url, "INSERT INTO above_link (id, note) VALUES (1, 7)")
        back_up(crane, file, PASSPHRASE)

    with open_database(*plugins, **{"database.url": other_url}) as crane:
        restore(crane, file, PASSPHRASE)
        restore(crane, file, PASSPHRASE, replace=True)

    joined = "SELECT text FROM above_link JOIN notes_note ON notes_note.id = above_link.note"
    assert ask(other_url, joined) == [("seven",)]
    with pytest.raises(sa.exc.IntegrityError):
        ask(other_url, "INSERT INTO above_link (id, note) VALUES (2, 99)")


def test_tables_that_refer_to_each_other_come_back(
    open_database: OpenDatabase, tables: Tables, database_url: str, other_url: str, file: Path
) -> None:
    circle = (
        "op.create_table('circle_a', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('b', sa.Integer()))\n"
        "op.create_table('circle_b', sa.Column('id', sa.Integer(), primary_key=True), "
        "sa.Column('a', sa.Integer(), sa.ForeignKey('circle_a.id', name='b_a')))\n"
        "with op.batch_alter_table('circle_a') as batch:\n"
        "    batch.create_foreign_key('a_b', 'circle_b', ['b'], ['id'])"
    )
    plugin = tables("circle", circle)
    with open_database(plugin, **{"database.url": database_url}) as crane:
        for statement in (
            "INSERT INTO circle_a VALUES (1, NULL)", "INSERT INTO circle_b VALUES (2, 1)", "UPDATE circle_a SET b = 2",
        ):  # fmt: skip
            ask(database_url, statement)
        back_up(crane, file, PASSPHRASE)

    with open_database(plugin, **{"database.url": other_url}) as crane:
        restore(crane, file, PASSPHRASE)
        restore(crane, file, PASSPHRASE, replace=True)

    assert (ask(other_url, "SELECT * FROM circle_a"), ask(other_url, "SELECT * FROM circle_b")) == ([(1, 2)], [(2, 1)])


def test_column_that_no_migration_makes_is_told(
    open_database: OpenDatabase, tables: Tables, database_url: str, other_url: str, file: Path
) -> None:
    plugin = tables("notes", NOTE)
    with open_database(plugin, **{"database.url": database_url}) as crane:
        ask(database_url, "ALTER TABLE notes_note ADD COLUMN mine VARCHAR(10)")
        back_up(crane, file, PASSPHRASE)

    with (
        open_database(plugin, **{"database.url": other_url}) as crane,
        pytest.raises(
            SetupError, match="the column mine of notes_note, which the migrations of its plugin do not make"
        ),
    ):
        restore(crane, file, PASSPHRASE)


def test_rows_that_a_migration_makes_are_not_there_twice(
    open_database: OpenDatabase, tables: Tables, database_url: str, file: Path
) -> None:
    seeding = f"{NOTE}\nop.execute(\"INSERT INTO notes_note (id, text) VALUES (1, 'made by the migration')\")"
    with open_database(tables("notes", seeding), **{"database.url": database_url}) as crane:
        ask(database_url, "UPDATE notes_note SET text = 'changed since'")
        back_up(crane, file, PASSPHRASE)
        restore(crane, file, PASSPHRASE, replace=True)

    assert ask(database_url, "SELECT * FROM notes_note") == [(1, "changed since")]


def test_backup_holds_one_moment_while_others_write(
    open_database: OpenDatabase, tables: Tables, database_url: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = f"{NOTE}\n{NOTE.replace('notes_note', 'notes_zebra')}"
    written = threading.Event()
    write = Sealer.write

    def write_slowly(sealer: Sealer, data: bytes) -> None:
        write(sealer, data)
        # After the first table was read and before the second.
        if b'"rows"' in data and not written.is_set():
            written.set()
            ask(database_url, "INSERT INTO notes_zebra (id, text) VALUES (2, 'too late')")

    with open_database(tables("notes", two), **{"database.url": database_url}) as crane:
        for table in ("notes_note", "notes_zebra"):
            ask(database_url, f"INSERT INTO {table} (id, text) VALUES (1, 'in time')")
        monkeypatch.setattr(Sealer, "write", write_slowly)
        summary = back_up(crane, file, PASSPHRASE)

    assert written.is_set()
    assert summary.rows == 2


class TestRefusals:
    """What keeps a backup from being restored is told in a sentence, and nothing is changed."""

    @pytest.fixture
    def backed_up(
        self, open_database: OpenDatabase, tables: Tables, database_url: str, file: Path
    ) -> Iterator[tuple[Crane, Plugin]]:
        notes = tables("notes", NOTE)
        with open_database(notes, **{"database.url": database_url}) as crane:
            rows = [{"id": number, "text": f"{hash((number, 'x')):x}" * 5} for number in range(3000)]
            db.session.execute(sa.text("INSERT INTO notes_note (id, text) VALUES (:id, :text)"), rows)
            db.session.commit()
            (crane.data_directory / "operations").mkdir(parents=True)
            (crane.data_directory / "operations/0.json").write_text("backed up")
            back_up(crane, file, PASSPHRASE)
            db.session.execute(sa.text("DELETE FROM notes_note WHERE id > 9"))
            db.session.commit()
            (crane.data_directory / "operations/0.json").write_text("changed since")
            yield crane, notes

    def check_unchanged(self, crane: Crane, url: str) -> None:
        assert ask(url, "SELECT count(*) FROM notes_note") == [(10,)]
        assert (crane.data_directory / "operations/0.json").read_text() == "changed since"
        assert [path.name for path in crane.data_directory.iterdir() if path.name.startswith(".")] == []

    def test_database_that_holds_data_is_not_replaced_unasked(
        self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path
    ) -> None:
        with pytest.raises(SetupError, match="holds data already, in database_backup, notes_note"):
            restore(backed_up[0], file, PASSPHRASE)

        self.check_unchanged(backed_up[0], database_url)

    def test_database_is_replaced_when_that_is_said_and_copied_before(
        self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path
    ) -> None:
        crane, _ = backed_up

        restore(crane, file, PASSPHRASE, replace=True)

        assert ask(database_url, "SELECT count(*) FROM notes_note") == [(3000,)]
        assert (crane.data_directory / "operations/0.json").read_text() == "backed up"
        copies = list_copies(crane.data_directory)
        assert len(copies) == (1 if database_url.startswith("sqlite") else 0)

    def test_wrong_passphrase(self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path) -> None:
        with pytest.raises(SetupError, match="The passphrase is wrong"):
            restore(backed_up[0], file, "something else", replace=True)

        self.check_unchanged(backed_up[0], database_url)

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.999])
    def test_truncated(self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path, kept: float) -> None:
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * kept)])

        with pytest.raises(SetupError, match="cut off"):
            restore(backed_up[0], file, PASSPHRASE, replace=True)

        self.check_unchanged(backed_up[0], database_url)

    def test_altered_near_its_end(self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[-20] ^= 1
        file.write_bytes(data)

        with pytest.raises(SetupError, match="altered"):
            restore(backed_up[0], file, PASSPHRASE, replace=True)

        self.check_unchanged(backed_up[0], database_url)

    def test_plugin_that_is_not_installed_here(
        self, backed_up: tuple[Crane, Plugin], open_database: OpenDatabase, file: Path, tmp_path: Path
    ) -> None:
        url = f"sqlite:///{tmp_path}/fresh.db"
        with (
            open_database(**{"database.url": url}) as crane,
            pytest.raises(SetupError, match="plugin notes, which does"),
        ):
            restore(crane, file, PASSPHRASE)

    def test_plugin_that_is_older_here(
        self, open_database: OpenDatabase, tables: Tables, database_url: str, file: Path, tmp_path: Path
    ) -> None:
        with open_database(tables("notes", NOTE, COLOUR), **{"database.url": database_url}) as crane:
            back_up(crane, file, PASSPHRASE)
        url = f"sqlite:///{tmp_path}/fresh.db"

        with (
            open_database(tables("notes", NOTE), **{"database.url": url}) as crane,
            pytest.raises(SetupError, match="notes at revision 0002, which the installed crane-notes does not know"),
        ):
            restore(crane, file, PASSPHRASE)

    def test_row_that_refers_to_nothing(
        self, backed_up: tuple[Crane, Plugin], open_database: OpenDatabase, tables: Tables, file: Path, other_url: str
    ) -> None:
        link = (
            "op.create_table('links_a', sa.Column('id', sa.Integer(), primary_key=True), "
            "sa.Column('up', sa.Integer(), sa.ForeignKey('links_a.id')))"
        )
        head = {"crane": "1", "made": "", "plugins": {"links": "0001"}}
        forge(file, head, {"table": "links_a", "columns": ["id", "up"]}, {"rows": [[1, 99]]}, {"end": [1, 1, 0]})

        with open_database(tables("links", link), **{"database.url": other_url}) as crane, pytest.raises(SetupError):
            restore(crane, file, PASSPHRASE)

        assert ask(other_url, "SELECT * FROM links_a") == []

    @pytest.mark.parametrize("name", ["../outside", "/tmp/crane-outside", "a/../../outside"])
    def test_file_that_would_be_outside_the_data_directory(
        self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path, name: str
    ) -> None:
        head = {"crane": "1", "made": "", "plugins": {}}
        forge(file, head, {"file": name, "mode": 0o644}, {"data": "eA=="}, {"end": [0, 0, 1]})

        with pytest.raises(SetupError, match="outside the data directory"):
            restore(backed_up[0], file, PASSPHRASE, replace=True)

        self.check_unchanged(backed_up[0], database_url)

    def test_backup_without_its_end(self, backed_up: tuple[Crane, Plugin], database_url: str, file: Path) -> None:
        forge(file, {"crane": "1", "made": "", "plugins": {}}, {"end": [1, 1, 1]})

        with pytest.raises(SetupError, match="not whole"):
            restore(backed_up[0], file, PASSPHRASE, replace=True)

        self.check_unchanged(backed_up[0], database_url)


def forge(file: Path, *records: Any) -> None:
    """Write a backup that no server wrote."""
    data = io.BytesIO()
    sealer = Sealer(data, PASSPHRASE)
    for record in records:
        sealer.write(json.dumps(record).encode() + b"\n")
    sealer.close()
    file.write_bytes(data.getvalue())


@contextmanager
def no_room() -> Iterator[None]:
    """Have the system refuse to write files of more than a few bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_file_that_was_there_stays_when_a_backup_fails(
    open_database: OpenDatabase, database_url: str, file: Path
) -> None:
    file.write_text("the one before")

    with (
        open_database(**{"database.url": database_url}) as crane,
        pytest.raises(SetupError, match="cannot be written: File too large"),
        no_room(),
    ):
        back_up(crane, file, PASSPHRASE)

    assert file.read_text() == "the one before"
    assert [path.name for path in file.parent.iterdir() if path.name.endswith(".new")] == []


def test_backup_tells_which_tables_it_left_out_and_when_it_was_made(
    open_database: OpenDatabase, tables: Tables, database_url: str, file: Path
) -> None:
    with open_database(tables("notes", NOTE), **{"database.url": database_url}):
        pass

    with open_database(**{"database.url": database_url}) as crane:
        summary = back_up(crane, file, PASSPHRASE)
        [row] = db.session.execute(sa.text("SELECT bytes FROM database_backup")).all()

    assert summary.left_out == ["notes"]
    assert row.bytes == file.stat().st_size
    with file.open("rb") as opened:
        assert json.loads(Opener(opened, PASSPHRASE).readline())["plugins"] == {"database": "0001"}
