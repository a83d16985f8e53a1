"""Facts about crane-server db."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from crane_database import sealing
from crane_database.connecting import make_engine
from crane_database.testing import Cluster
from sqlalchemy import make_url

from crane_core.cli import main
from crane_core.plugins import discover

from .conftest import EXAMPLE


class Done(NamedTuple):
    """How a program ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
# Takes a lease, says so, and holds it until it is killed.
HOLD = """
import sys, threading
from crane_core import app as application
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.contributions import Loop
from crane_core.testing.plugins import make_plugin
from crane_core.plugins import discover

def crane_loops():
    def run(stop):
        sys.stdout.write("holds\\n")
        sys.stdout.flush()
        stop.wait()
    return [Loop("work.do", run, once=True)]

plugins = [plugin for plugin in discover() if plugin.name == "database"]
app = application.create_app(
    {"database.lease_seconds": 9.0, "plugins.disabled": []},
    plugins=[*plugins, make_plugin("work", crane_loops, requires=["database"])],
    transport=MemoryAdapter(MemorySwarm(nodes=1)),
)
application.start(app)
# A line as a whole: the loop writes on a thread of its own.
sys.stdout.write("started\\n")
sys.stdout.flush()
sys.stdin.read()
application.stop(app)
"""


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The variables of a server with the database of the test and the example."""
    described = tmp_path / "site/crane_ledger-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: crane-ledger\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[crane]\nledger = crane_ledger\n")
    (tmp_path / "site/crane_ledger").symlink_to(EXAMPLE / "crane_ledger")
    (tmp_path / "crane.toml").touch()
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    others = {name: value for name, value in os.environ.items() if not name.startswith("CRANE_")}
    # Whatever else has tables and is installed here is none of these tests' business.
    disabled = [plugin.name for plugin in discover() if plugin.name not in ("database", "ledger")]
    return {
        **others,
        "CRANE_PLUGINS_DISABLED": ",".join(disabled),
        "PYTHONPATH": str(tmp_path / "site"),
        "CRANE_CONFIG": str(tmp_path / "crane.toml"),
        "CRANE_SERVER_DATA_DIRECTORY": str(tmp_path / "data"),
        "CRANE_DATABASE_URL": database_url,
    }


@pytest.fixture
def run_program(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run crane-server db as a program of its own."""

    def act(*arguments: str) -> Done:
        command = [sys.executable, "-m", "crane_core.cli", "db", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        return Done(done.returncode, done.stdout, done.stderr)

    return act


@pytest.fixture
def run(
    environment: dict[str, str],
    ledger_module: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Run crane-server db in this process, which is quicker: Python starts once."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level

    def act(*arguments: str, **variables: str) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.syspath_prepend(environment["PYTHONPATH"])
            patch.setattr(sys, "argv", ["crane-server", "db", *arguments])
            for name in [name for name in os.environ if name.startswith("CRANE_")]:
                patch.delenv(name)
            for name, value in {**environment, **variables}.items():
                if name.startswith("CRANE_"):
                    patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    yield act
    root.handlers[:], root.level = kept


def test_database_is_upgraded_checked_backed_up_and_restored(run: Run, tmp_path: Path, database_url: str) -> None:
    before = run("check")
    upgraded = run("upgrade")
    after = run("check")

    assert before.returncode == 1, before.stderr
    assert "ledger: revision none, 1 to come" in before.stdout
    assert (upgraded.returncode, upgraded.stderr.count("\n")) == (0, 2), upgraded.stderr
    assert "ledger: upgraded from nothing to 0001" in upgraded.stdout
    assert after.returncode == 0, after.stdout
    assert "integrity: ok" in after.stdout

    refused = run("backup", "crane.backup")
    backed_up = run("backup", "crane.backup", "--passphrase-file", "passphrase")
    occupied = run("restore", "crane.backup", "--passphrase-file", "passphrase")
    fresh = f"sqlite:///{tmp_path}/fresh/crane.db"
    wrong = run("restore", "crane.backup", CRANE_DATABASE_BACKUP_PASSPHRASE="wrong", CRANE_DATABASE_URL=fresh)
    restored = run("restore", "crane.backup", "--passphrase-file", "passphrase", CRANE_DATABASE_URL=fresh)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "There is no terminal to ask for the passphrase" in refused.stderr
    assert (backed_up.returncode, backed_up.stdout) == (0, "crane.backup: 0 rows of 3 tables, 0 files\n")
    assert (occupied.returncode, occupied.stdout) == (2, "")
    assert "crane-server: The database holds data already, in database_backup." in occupied.stderr
    assert (wrong.returncode, "The passphrase is wrong" in wrong.stderr) == (2, True)
    assert (restored.returncode, restored.stdout) == (0, "Restored 0 rows of 3 tables, 0 files.\n"), restored.stderr
    assert "Traceback" not in refused.stderr + occupied.stderr + wrong.stderr


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_database_that_cannot_be_had_is_one_line(run: Run, postgresql_cluster: Cluster) -> None:
    for url in (postgresql_cluster.url("x", password="canary-7f3a"), "canary-7f3a"):
        done = run("upgrade", CRANE_DATABASE_URL=url)

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("crane-server: ")
        assert done.stderr.count("\n") == 1
        assert "canary" not in done.stderr


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_damaged_database_is_told(run: Run, database_url: str) -> None:
    assert run("upgrade").returncode == 0
    path = make_url(database_url).database
    connection = sqlite3.connect(str(path))
    connection.execute("INSERT INTO ledger_change VALUES (1, 99, 'x', 'ann', '2026-01-01 00:00:00')")
    connection.commit()
    connection.close()

    done = run("check")

    assert done.returncode == 1
    assert "integrity: A row of ledger_change refers to one of ledger_service that there is not." in done.stdout


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
class TestPassphrase:
    """Where the passphrase comes from."""

    def test_short_one_is_refused(self, run: Run) -> None:
        assert run("upgrade").returncode == 0

        done = run("backup", "crane.backup", CRANE_DATABASE_BACKUP_PASSPHRASE="short")

        assert (done.returncode, "at least 8 characters" in done.stderr) == (2, True)

    def test_file_that_is_no_text_is_refused(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "passphrase").write_bytes(b"\xff\xfe\x00")

        done = run("backup", "crane.backup", "--passphrase-file", "passphrase")

        assert (done.returncode, "cannot be read as text" in done.stderr) == (2, True)

    def test_it_is_asked_twice_on_a_terminal_and_not_shown(
        self, run: Run, environment: dict[str, str], tmp_path: Path
    ) -> None:
        assert run("upgrade").returncode == 0
        import pty

        terminal, side = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "crane_core.cli", "db", "backup", "crane.backup"],
            env=environment, cwd=tmp_path, stdin=side, stdout=side, stderr=side, start_new_session=True,
        )  # fmt: skip
        os.close(side)
        told = b""
        try:
            for question in (b"Passphrase: ", b"Repeat for confirmation: "):
                while not told.endswith(question):
                    told += os.read(terminal, 1000)
                os.write(terminal, b"correct horse battery\n")
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
            os.close(terminal)

        assert b"correct" not in told
        with (tmp_path / "crane.backup").open("rb") as file:
            assert b"ledger" in sealing.Opener(file, "correct horse battery").readline()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_migration_is_written_for_its_author(run_program: Run, tmp_path: Path) -> None:
    package = tmp_path / "site/crane_book"
    (package / "migrations").mkdir(parents=True)
    (tmp_path / "site/crane_book-1.0.dist-info").mkdir()
    (tmp_path / "site/crane_book-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: crane-book\nVersion: 1.0\n"
    )
    (tmp_path / "site/crane_book-1.0.dist-info/entry_points.txt").write_text("[crane]\nbook = crane_book\n")
    (package / "__init__.py").write_text(
        "from crane_core.hookspecs import hookimpl\n"
        "from crane_database import Migrations\n"
        'requires = ("database",)\n'
        "@hookimpl\n"
        "def crane_database_migrations():\n"
        '    yield Migrations("crane_book.models", "crane_book.migrations")\n'
    )
    model = (
        "from datetime import datetime\n"
        "from crane_database import Mapped, Model, mapped_column\n"
        "class Page(Model):\n"
        '    __tablename__ = "book_page"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    read_at: Mapped[datetime]\n"
    )
    (package / "models.py").write_text(model)
    (package / "migrations/__init__.py").touch()

    first = run_program("revision", "book", "-m", "Pages")
    (package / "models.py").write_text(model + "    colour: Mapped[str | None]\n")
    second = run_program("revision", "book", "-m", "Colours")
    upgraded = run_program("upgrade")
    unknown = run_program("revision", "boook", "-m", "x")

    assert first.stdout == f"{package}/migrations/r0001_pages.py\n", first.stderr
    assert second.stdout == f"{package}/migrations/r0002_colours.py\n", second.stderr
    assert "book: upgraded from nothing to 0002" in upgraded.stdout, upgraded.stderr
    assert (unknown.returncode, "There are database, book, ledger." in unknown.stderr) == (2, True), unknown.stderr


def test_lease_of_a_server_that_was_killed_is_taken_within_its_time(
    environment: dict[str, str], database_url: str
) -> None:
    import time

    processes: list[subprocess.Popen[Any]] = []

    def begin() -> subprocess.Popen[Any]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    try:
        first = begin()
        assert first.stdout is not None
        assert {first.stdout.readline(), first.stdout.readline()} == {"started\n", "holds\n"}
        second = begin()
        assert second.stdout is not None
        assert second.stdout.readline() == "started\n"
        first.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        assert second.stdout.readline() == "holds\n"
        # A lease, and a third of it until the other one asks; the rest is for a busy machine.
        assert time.monotonic() - killed < 9 + 9 / 3 + 20
        [(holder, fence)] = rows(database_url)
        assert (holder.split(":")[1], fence) == (str(second.pid), 2)
        second.communicate("", timeout=60)
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def rows(url: str) -> list[Any]:
    """Return who holds the lease, with its fence."""
    parsed = make_url(url)
    engine = make_engine(parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT holder, fence FROM database_lease WHERE name = 'work.do'").all()
    engine.dispose()
    return [tuple(row) for row in found]
