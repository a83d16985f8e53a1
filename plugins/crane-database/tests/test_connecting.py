"""Facts about where the database is: found, spoken with, and named without its password."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import crane_database
import pytest
from crane_database import db, sa
from crane_database.connecting import connect, describe_url, find_url, write_ahead
from crane_database.testing import PASSWORD, Cluster
from flask import Flask

from crane_core.errors import SetupError

CANARY = "canary-7f3a"
MakeServer = Callable[..., Flask]


def start(app: Flask) -> None:
    """Start the plugin alone."""
    with app.app_context():
        crane_database.crane_startup(app)


def test_sqlite_in_the_data_directory_is_the_default(make_server: MakeServer, tmp_path: Path) -> None:
    app = make_server(data="data")

    start(app)

    assert (tmp_path / "data/crane.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_files_beside_the_database_are_read_by_its_owner_only(make_server: MakeServer, tmp_path: Path) -> None:
    app = make_server(data="data")
    start(app)

    with app.app_context():
        db.session.execute(sa.text("INSERT INTO database_lease VALUES ('a', 'b', 1, 1)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}

    assert set(modes) == {"crane.db", "crane.db-wal", "crane.db-shm"}
    assert set(modes.values()) == {0o600}


def test_sqlite_is_set_as_it_was_measured(make_server: MakeServer) -> None:
    app = make_server()
    start(app)

    with app.app_context():
        found = {
            name: db.session.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30000}


class Contended(sqlite3.Connection):
    """A connection that SQLite refuses at first, as it does when two make the same new file at one moment."""

    refusals = 2
    code = sqlite3.SQLITE_BUSY

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(*arguments)


def test_new_file_that_another_server_makes_too_is_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crane.db", factory=Contended)) as connection:
        write_ahead(connection)

        assert connection.refusals == 0
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_file_that_cannot_be_had_is_not_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crane.db", factory=Contended)) as connection:
        connection.code = sqlite3.SQLITE_READONLY
        with pytest.raises(sqlite3.OperationalError):
            write_ahead(connection)

        assert connection.refusals == 1


def test_reading_does_not_wait_for_the_writer_and_writers_wait_for_each_other(make_server: MakeServer) -> None:
    app = make_server()
    start(app)
    insert = sa.text("INSERT INTO database_lease VALUES (:name, 'b', 1, 1)")
    count = sa.text("SELECT count(*) FROM database_lease")
    began, done = threading.Event(), threading.Event()

    def write() -> None:
        with app.app_context():
            began.set()
            db.session.execute(insert, {"name": "second"})
            db.session.commit()
            done.set()

    with app.app_context():
        db.session.execute(insert, {"name": "first"})
        thread = threading.Thread(target=write)
        thread.start()
        assert began.wait(60)
        with app.app_context():
            assert db.session.execute(count).scalar() == 0
        assert not done.wait(0.1)
        db.session.commit()
        assert done.wait(60)
        thread.join()
        assert db.session.execute(count).scalar() == 2


def test_savepoint_commits_nothing(open_database: Callable[..., Any], database_url: str) -> None:
    with open_database(**{"database.url": database_url}):
        with db.session.begin_nested():
            db.session.execute(sa.text("INSERT INTO database_lease VALUES ('a', 'b', 1, 1)"))
        db.session.rollback()

        assert db.session.execute(sa.text("SELECT count(*) FROM database_lease")).scalar() == 0


def test_moments_come_back_in_utc(open_database: Callable[..., Any], database_url: str) -> None:
    from datetime import UTC, datetime, timedelta, timezone

    from crane_database.models import BackupRow

    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5)))
    with open_database(**{"database.url": database_url}):
        db.session.add(BackupRow(made_at=moment, bytes=1))
        db.session.commit()
        db.session.expire_all()
        found = db.session.scalars(sa.select(BackupRow.made_at)).one()
        later = db.session.scalar(sa.select(sa.func.count()).where(BackupRow.made_at > moment - timedelta(seconds=1)))

    assert (found, found.tzinfo, later) == (moment, UTC, 1)


def test_moment_without_time_zone_is_refused(open_database: Callable[..., Any], database_url: str) -> None:
    from datetime import datetime

    from crane_database.models import BackupRow

    with open_database(**{"database.url": database_url}):
        db.session.add(BackupRow(made_at=datetime(2026, 1, 1), bytes=1))
        with pytest.raises(sa.exc.StatementError, match="has no time zone"):
            db.session.commit()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql//crane:{CANARY}@db/crane", "is no address of a database"),
        (f"postgresql://crane:{CANARY}@db:port/crane", "is no address of a database"),
        (CANARY, "is no address of a database"),
        (f"mysql://crane:{CANARY}@db/crane", "must begin with postgresql:// or sqlite:///"),
        (f"postgresql+psycopg2://crane:{CANARY}@db/crane", "must begin with postgresql:// or sqlite:///"),
        (f"postgresql://crane:{CANARY}@db", "names no database"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "must name a file"),
    ],
)
def test_address_that_is_none_is_told_without_password(make_server: MakeServer, url: str, said: str) -> None:
    app = make_server(**{"database.url": url})

    with pytest.raises(SetupError, match=said) as caught:
        start(app)

    assert CANARY not in "".join(map(str, (caught.value, caught.value.__cause__)))


def test_server_that_does_not_answer_is_told(make_server: MakeServer) -> None:
    app = make_server(**{"database.url": f"postgresql://crane:{CANARY}@127.0.0.1:1/crane"})

    with pytest.raises(SetupError, match=r"The database cannot be used: .*127\.0\.0\.1.*refused") as caught:
        start(app)

    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_password_is_told_and_not_shown(make_server: MakeServer, postgresql_cluster: Cluster) -> None:
    name = postgresql_cluster.make_database()
    app = make_server(**{"database.url": postgresql_cluster.url(name, password=CANARY)})

    with pytest.raises(SetupError, match="password authentication failed for user") as caught:
        start(app)

    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_right_password_is_shown_nowhere(make_server: MakeServer, postgresql_cluster: Cluster) -> None:
    name = postgresql_cluster.make_database()
    app = make_server(**{"database.url": postgresql_cluster.url(name, password=PASSWORD)})
    start(app)
    client = app.test_client()

    told = client.get("/api/v1/database")

    assert told.json["where"] == f"127.0.0.1:{postgresql_cluster.port}/{name}"
    assert PASSWORD not in told.text + client.get("/api/v1/settings").text + repr(app.extensions["crane"].settings)


def test_database_that_is_not_there_is_told(make_server: MakeServer, postgresql_cluster: Cluster) -> None:
    app = make_server(**{"database.url": postgresql_cluster.url("nothing-of-this-name")})

    with pytest.raises(SetupError, match='database "nothing-of-this-name" does not exist'):
        start(app)


def test_directory_that_cannot_be_made_is_told(make_server: MakeServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app = make_server(**{"database.url": f"sqlite:///{tmp_path}/file/crane.db"})

    with pytest.raises(SetupError, match=r"file/crane\.db cannot be opened: "):
        start(app)


def test_file_that_is_no_database_is_told(make_server: MakeServer, tmp_path: Path) -> None:
    (tmp_path / "crane.db").write_bytes(os.urandom(8192))
    app = make_server(**{"database.url": f"sqlite:///{tmp_path}/crane.db"})

    with pytest.raises(SetupError, match="The database cannot be used: file is not a database"):
        start(app)


def test_too_few_connections_are_refused(make_server: MakeServer) -> None:
    app = make_server(**{"database.connections": 1})

    with pytest.raises(SetupError, match=r"database\.connections must be at least 2"):
        start(app)


def test_usual_names_of_postgresql_are_understood(make_server: MakeServer) -> None:
    for name in ("postgres", "postgresql", "postgresql+psycopg"):
        url = find_url(make_server(**{"database.url": f"{name}://crane:x@db:5/a"}).extensions["crane"])

        assert (url.drivername, describe_url(url)) == ("postgresql+psycopg", "db:5/a")


def test_second_start_of_one_application_keeps_its_database(make_server: MakeServer) -> None:
    app = make_server()
    start(app)

    connect(app)

    with app.app_context():
        assert db.session.execute(sa.text("SELECT count(*) FROM database_lease")).scalar() == 0
