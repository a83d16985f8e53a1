"""A backup that is sent to the server is restored by its next start."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from crane_database import Staged, db, sa
from crane_database.backups import back_up
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.errors import Invalid
from crane_core.plugins import Plugin

from .test_upgrading import NOTE

PASSPHRASE = "correct horse battery"
RunServer = Callable[..., Flask]


@pytest.fixture
def notes(tables: Callable[..., Plugin]) -> Plugin:
    """A plugin with a table."""
    return tables("notes", NOTE)


@pytest.fixture
def backup(run_server: RunServer, notes: Plugin, tmp_path: Path) -> bytes:
    """A backup of a server that has a note."""
    app = run_server(notes, data="first")
    write(app, "of the first")
    with app.app_context():
        back_up(app.extensions["crane"], tmp_path / "backup", PASSPHRASE)
    application.stop(app)
    return (tmp_path / "backup").read_bytes()


@pytest.fixture
def other(run_server: RunServer, notes: Plugin, database_url: str) -> Callable[[], Flask]:
    """Start another server, again and again on the same database."""
    return lambda: run_server(notes, data="second", **{"database.url": database_url})


def put(app: Flask, sent: bytes, passphrase: str = PASSPHRASE) -> Crane:
    """Send a backup to a server."""
    crane: Crane = app.extensions["crane"]
    with app.app_context():
        crane.room(Staged).put(io.BytesIO(sent), passphrase)
    return crane


def write(app: Flask, text: str) -> None:
    """Write a note."""
    with app.app_context():
        db.session.execute(sa.text("INSERT INTO notes_note (text) VALUES (:text)"), {"text": text})
        db.session.commit()


def read(app: Flask) -> list[str]:
    """Return the notes of a server."""
    with app.app_context():
        return list(db.session.execute(sa.text("SELECT text FROM notes_note")).scalars())


def test_next_start_restores_in_place_of_what_there_was(backup, other):
    app = other()
    write(app, "of the second")
    crane = put(app, backup)
    assert read(app) == ["of the second"]
    application.stop(app)

    again = other()

    assert read(again) == ["of the first"]
    assert crane.room(Staged).find_problem() is None
    assert not (crane.data_directory / "restore").exists(), "and no passphrase is left"


@pytest.mark.parametrize(
    ("change", "passphrase", "sentence"),
    [
        (lambda sent: sent, "another", "passphrase is wrong"),
        (lambda sent: sent[:-40], PASSPHRASE, "cut off"),
        (lambda sent: sent[:-1] + bytes([sent[-1] ^ 1]), PASSPHRASE, "altered"),
        (lambda sent: b"no backup", PASSPHRASE, "no backup of Crane"),
        (lambda sent: b"", PASSPHRASE, "no backup of Crane"),
    ],
)
def test_what_cannot_be_restored_is_refused_at_once(backup, other, change, passphrase, sentence):
    app = other()

    with pytest.raises(Invalid) as refused:
        put(app, change(backup), passphrase)

    assert sentence in refused.value.violations[0].detail
    assert list((app.extensions["crane"].data_directory / "restore").iterdir()) == []


def test_backup_of_a_plugin_that_is_not_here_is_refused(backup, run_server):
    app = run_server(data="without")

    with pytest.raises(Invalid) as refused:
        put(app, backup)

    assert "the plugin notes, which does not run here" in refused.value.violations[0].detail


def test_restoring_that_fails_is_tried_once_and_the_server_goes_on(backup, other, run_server):
    app = other()
    put(app, backup)
    application.stop(app)

    # Without the plugin whose tables it holds.
    without = run_server(data="second")

    crane: Crane = without.extensions["crane"]
    assert "the plugin notes" in str(crane.room(Staged).find_problem())
    assert [path.name for path in (crane.data_directory / "restore").iterdir()] == ["problem"]
