"""The chain of the timeline: nothing is removed, changed or inserted unseen; and nobody waits for it to be written."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crane_database import db, sa, session
from crane_history import timeline
from crane_history.timeline import chain, operations, writer
from crane_history.timeline.entries import Entry
from crane_history.timeline.writer import Writer
from flask import Flask
from flask.testing import FlaskClient

from crane_core import app as application
from crane_core.context import Crane
from crane_core.events import Event
from crane_core.plugins import Plugin
from crane_core.security import SERVER
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.waiting import until

NOW = datetime.now(UTC)


def parts(app: Flask) -> Crane:
    """Return the parts of a server."""
    found: Crane = app.extensions["crane"]
    return found


def writer_of(app: Flask) -> Writer:
    """Return what writes the timeline of a server."""
    return parts(app).room(Writer)


def entries(count: int, at: datetime = NOW) -> list[Entry]:
    """Return so many entries."""
    return [Entry("a.done", at, name=f"thing{number}") for number in range(count)]


def add(app: Flask, *new: Entry) -> None:
    """Write entries, and wait until they are there."""
    for entry in new:
        writer_of(app).add(entry)
    assert writer_of(app).drain(60)


@pytest.fixture
def run_server(database_url: str, crane_plugins: list[Plugin], tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Run servers that share a database; all are stopped afterwards."""
    running: list[Flask] = []

    def run(**settings: Any) -> Flask:
        overrides = {
            "server.data_directory": str(tmp_path / f"data{len(running)}"),
            "database.url": database_url,
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        app = application.create_app(
            overrides,
            environ={},
            # Each server keeps its own state of a plugin.
            plugins=[replace(plugin) for plugin in crane_plugins],
            transport=MemoryAdapter(MemorySwarm(nodes=1)),
        )
        application.start(app)
        running.append(app)
        return app

    yield run
    for app in running:
        application.stop(app)


@pytest.fixture
def run_sql(crane_app: Flask) -> Callable[[str], None]:
    """Meddle with the database, past the server."""

    def act(statement: str) -> None:
        with session(crane_app):
            db.session.execute(sa.text(statement))
            db.session.commit()

    return act


# --- Proof --------------------------------------------------------------------------------------------------------


def test_empty_timeline_is_intact(client: FlaskClient) -> None:
    assert client.get("/api/v1/timeline/check").json == {
        "intact": True,
        "lines": 0,
        "first": 1,
        "last": 0,
        "hash": "0" * 64,
        "broken": None,
    }


def test_timeline_that_nobody_touched_is_intact(crane_app: Flask, client: FlaskClient) -> None:
    # More than are read at a time.
    add(crane_app, *entries(chain.STRIDE + 5))

    found = client.get("/api/v1/timeline/check").json

    assert (found["intact"], found["lines"], found["first"], found["last"]) == (True, 1005, 1, 1005)


@pytest.mark.parametrize(
    ("statement", "number", "kind"),
    [
        ("DELETE FROM history_line WHERE number = 4", 4, "missing"),
        ("DELETE FROM history_line WHERE number BETWEEN 4 AND 6", 4, "missing"),
        ("DELETE FROM history_line WHERE number = 1", 1, "missing"),
        ("DELETE FROM history_line WHERE number > 7", 8, "missing"),
        ("DELETE FROM history_line", 1, "missing"),
        ("DELETE FROM history_chain", 9, "inserted"),
        ('UPDATE history_line SET "by" = hash WHERE number = 4', 4, "changed"),
        ("UPDATE history_line SET detail = '{ }' WHERE number = 9", 9, "changed"),
        ("UPDATE history_line SET hash = previous WHERE number = 4", 4, "changed"),
        ("UPDATE history_line SET number = 10 WHERE number = 9", 10, "inserted"),
        (
            'INSERT INTO history_line SELECT 10, at, kind, what, target, name, object_id, stack, "by", by_kind, '
            "address, outcome, operation, detail, previous, hash FROM history_line WHERE number = 9",
            10,
            "inserted",
        ),
        (f"UPDATE history_chain SET last_hash = '{'a' * 64}'", 9, "changed"),
    ],
)
def test_whatever_is_done_to_a_line_shows(
    crane_app: Flask, client: FlaskClient, run_sql: Callable[[str], None], statement: str, number: int, kind: str
) -> None:
    add(crane_app, *entries(9))

    run_sql(statement)

    found = client.get("/api/v1/timeline/check").json
    assert not found["intact"]
    assert (found["broken"]["number"], found["broken"]["kind"]) == (number, kind)
    assert f"line {number} " in found["broken"]["detail"]


def test_line_that_was_forged_with_a_hash_of_its_own_shows(
    crane_app: Flask, client: FlaskClient, run_sql: Callable[[str], None]
) -> None:
    add(crane_app, *entries(3))
    with session(crane_app):
        columns = dict(operations.get_line(2)._mapping)
    forged = chain.make_hash({**columns, "name": "other"})
    run_sql(f"UPDATE history_line SET name = 'other', hash = '{forged}' WHERE number = 2")

    broken = client.get("/api/v1/timeline/check").json["broken"]

    assert (broken["number"], broken["kind"]) == (3, "inserted")


def test_chain_that_was_written_anew_does_not_have_the_hash_that_was_noted(
    crane_app: Flask, client: FlaskClient, run_sql: Callable[[str], None]
) -> None:
    add(crane_app, *entries(3))
    noted = client.get("/api/v1/timeline/check").json
    query = f"number={noted['last']}&hash={noted['hash']}"
    add(crane_app, *entries(1))
    assert client.get(f"/api/v1/timeline/check?{query}").json["intact"]

    run_sql("DELETE FROM history_line")
    run_sql("DELETE FROM history_chain")
    add(crane_app, *entries(2))
    shorter = client.get(f"/api/v1/timeline/check?{query}").json["broken"]
    add(crane_app, *entries(2))
    other = client.get(f"/api/v1/timeline/check?{query}").json["broken"]

    assert client.get("/api/v1/timeline/check").json["intact"], "by itself it looks well"
    assert (shorter["kind"], shorter["number"]) == ("missing", 3)
    assert (other["kind"], other["number"]) == ("changed", 3)


@pytest.mark.parametrize(
    ("query", "pointer"), [("number=1", "/hash"), (f"hash={'a' * 64}", "/number"), ("number=1&hash=xyz", "/hash")]
)
def test_half_a_note_is_refused(client: FlaskClient, query: str, pointer: str) -> None:
    answer = client.get(f"/api/v1/timeline/check?{query}")

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_timeline_goes_on_after_its_last_line_when_the_row_of_the_chain_is_lost(
    crane_app: Flask, client: FlaskClient, run_sql: Callable[[str], None]
) -> None:
    add(crane_app, *entries(3))
    run_sql("DELETE FROM history_chain")

    add(crane_app, *entries(1))

    assert client.get("/api/v1/timeline/check").json["last"] == 4


# --- Several servers ----------------------------------------------------------------------------------------------


def test_two_servers_write_one_chain(run_server: Callable[..., Flask]) -> None:
    servers = [run_server(), run_server()]
    together = threading.Barrier(2)

    def write(app: Flask) -> None:
        together.wait()
        for _ in range(20):
            add(app, *entries(10))

    threads = [threading.Thread(target=write, args=(app,)) for app in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    proofs = [app.test_client().get("/api/v1/timeline/check").json for app in servers]
    assert proofs[0] == proofs[1]
    assert (proofs[0]["intact"], proofs[0]["lines"]) == (True, 400)


def test_what_another_server_writes_is_followed_too(run_server: Callable[..., Flask]) -> None:
    one, other = run_server(), run_server()
    with one.app_context():
        told = operations.follow(parts(one), SERVER, {"after": 0})
        add(other, *entries(1))
        lines = next(told)
        told.close()

    assert [line and line["number"] for line in lines] == [1]


# --- Retention ----------------------------------------------------------------------------------------------------


def forget(app: Flask) -> None:
    """Remove what is old."""
    with session(app):
        operations.forget_old(parts(app), lambda: None)
    assert writer_of(app).drain(60)


def test_old_lines_are_removed_and_the_rest_is_proved(run_server: Callable[..., Flask]) -> None:
    app = run_server(history__keep_days=30.0)
    client = app.test_client()
    add(app, *entries(1500, NOW - timedelta(days=31)), *entries(5))
    noted = client.get("/api/v1/timeline/check").json

    forget(app)

    newest = client.get("/api/v1/timeline?limit=1").json["items"][0]
    found = client.get(f"/api/v1/timeline/check?number={noted['last']}&hash={noted['hash']}").json
    assert newest["kind"] == "history.shortened"
    assert client.get(f"/api/v1/timeline/{newest['number']}").json["detail"] == {
        "first": 1,
        "last": 1500,
        "lines": 1500,
    }
    assert (found["intact"], found["first"], found["lines"]) == (True, 1501, 6)
    assert client.get("/api/v1/timeline/1500").json["detail"] == "There is no line 1500; there are 1501 to 1506."


def test_lines_beyond_those_that_are_kept_are_removed(run_server: Callable[..., Flask]) -> None:
    app = run_server(history__keep_lines=3)
    add(app, *entries(10))

    forget(app)
    forget(app)

    # The second time, what told of the first is one of the three.
    lines = app.test_client().get("/api/v1/timeline?sort=number").json["items"]
    assert [line["number"] for line in lines] == [9, 10, 11, 12]
    assert app.test_client().get("/api/v1/timeline/check").json["intact"]


def test_loop_removes_what_is_old_by_itself(run_server: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(timeline, "FORGET_SECONDS", 0.01)
    app = run_server(history__keep_days=30.0)

    add(app, *entries(5, NOW - timedelta(days=31)))

    check = "/api/v1/timeline/check"
    until(lambda: app.test_client().get(check).json["first"] == 6)


def test_everything_is_kept_for_who_says_so(run_server: Callable[..., Flask]) -> None:
    app = run_server(history__keep_lines=0, history__keep_days=0.0)
    add(app, *entries(5, NOW - timedelta(days=4000)))

    forget(app)

    assert app.test_client().get("/api/v1/timeline/check").json["lines"] == 5


def test_what_was_missing_before_it_was_old_is_told(run_server: Callable[..., Flask]) -> None:
    app = run_server(history__keep_days=30.0)
    add(app, *entries(10, NOW - timedelta(days=31)))
    with session(app):
        db.session.execute(sa.text("DELETE FROM history_line WHERE number = 4"))
        db.session.commit()

    forget(app)

    newest = app.test_client().get("/api/v1/timeline?limit=1").json["items"][0]
    told = app.test_client().get(f"/api/v1/timeline/{newest['number']}").json["detail"]
    assert told == {"first": 1, "last": 10, "lines": 9}


def test_another_server_that_forgets_is_left_alone(run_server: Callable[..., Flask]) -> None:
    app = run_server(history__keep_lines=1)
    add(app, *entries(5))

    def lost() -> None:
        raise RuntimeError("another server has it now")

    with session(app), pytest.raises(RuntimeError):
        operations.forget_old(parts(app), lost)

    assert app.test_client().get("/api/v1/timeline/check").json["lines"] == 5


# --- Writing ------------------------------------------------------------------------------------------------------


def test_what_happened_before_the_server_stopped_is_there_after_it(run_server: Callable[..., Flask]) -> None:
    app = run_server()
    for number in range(700):
        parts(app).emit(Event("a.done", f"thing{number}"))

    application.stop(app)

    lines = run_server().test_client().get("/api/v1/timeline?kind=a.done&limit=1000").json["items"]
    assert len(lines) == 700


class TestTroubles:
    """The database does not answer; SQLite is enough for that."""

    @pytest.fixture
    def database_url(self, tmp_path: Path) -> str:
        """A database that can be made to fail."""
        return f"sqlite:///{tmp_path}/database/crane.db"

    @pytest.fixture
    def break_database(
        self, run_server: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., tuple[Flask, Callable[[], None]]]:
        """Run a server whose timeline cannot be written, and return what mends it."""
        monkeypatch.setattr(writer, "RETRY_SECONDS", 0.01)

        def act() -> tuple[Flask, Callable[[], None]]:
            app = run_server()
            rename(app, "history_chain", "elsewhere")
            return app, lambda: rename(app, "elsewhere", "history_chain")

        return act

    def test_nobody_waits_and_what_is_lost_is_told(
        self, break_database: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(writer, "MOST_WAITING", 10)
        app, mend = break_database()
        add_one = writer_of(app).add
        add_one(Entry("first.done", NOW))
        until(lambda: bool(writer_of(app).problem))
        for entry in entries(15):
            add_one(entry)
        health = app.test_client().get("/api/v1/health").json["checks"]["timeline"]
        metrics = app.test_client().get("/metrics").text
        mend()
        assert writer_of(app).drain(60)

        lines = app.test_client().get("/api/v1/timeline?sort=number").json["items"]
        assert [line["kind"] for line in lines] == ["first.done", *["a.done"] * 10, "history.dropped"]
        assert app.test_client().get("/api/v1/timeline/12").json["detail"] == {"lines": 5}
        assert health["state"] == "degraded"
        assert "crane_history_lines_dropped_total 5.0" in metrics
        assert "The timeline cannot be written as fast as things happen" in caplog.text
        assert app.test_client().get("/api/v1/health").json["checks"]["timeline"]["state"] == "ok"

    def test_what_waits_is_bounded_in_bytes_too(self, break_database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writer, "MOST_WAITING_BYTES", 5000)
        app, mend = break_database()
        writer_of(app).add(Entry("first.done", NOW))
        until(lambda: bool(writer_of(app).problem))
        for _ in range(5):
            writer_of(app).add(Entry("a.done", NOW, detail='{"a":"' + "x" * 1000 + '"}'))

        assert (writer_of(app).waiting, writer_of(app).dropped) == (4, 2)
        mend()

    def test_server_stops_all_the_same_and_says_what_is_lost(
        self, break_database: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        app, _ = break_database()
        writer_of(app).add(Entry("a.done", NOW))

        with caplog.at_level(logging.ERROR):
            application.stop(app)

        assert "lines of the timeline that could not be written: 1. no such table: history_chain" in caplog.text


def rename(app: Flask, old: str, new: str) -> None:
    """Give a table another name."""
    with session(app):
        db.session.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))
        db.session.commit()
