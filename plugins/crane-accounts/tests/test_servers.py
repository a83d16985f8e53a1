"""Several servers on one database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crane_accounts
import pytest
from crane_accounts.keeping import Directories
from crane_database import db, sa
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter


@pytest.fixture
def other(
    swarm: MemorySwarm, crane_app: Flask, make_plugins: Any, database_url: str, tmp_path: Path
) -> Iterator[Flask]:
    """A second server on the same database, over the same Swarm."""
    settings = {"server.data_directory": str(tmp_path / "other"), "database.url": database_url}
    app = application.create_app(settings, environ={}, plugins=make_plugins(), transport=MemoryAdapter(swarm))
    app.extensions["crane"].watcher.look()
    application.start(app)
    yield app
    application.stop(app)


def asked(app: Flask, name: str, path: str) -> int:
    return app.test_client().get(f"/api/v1{path}", headers={"X-Account": name}).status_code


def test_what_one_server_changes_the_other_notices(
    root: Callable[..., Any], people: Any, crane: Crane, other: Flask
) -> None:
    people(ann="viewer")
    there: Crane = other.extensions["crane"]
    with other.app_context():
        there.room(Directories).look()
    assert asked(other, "ann", "/services") == 200
    seen = there.rights.version

    root("PATCH", "/users/ann", {"disabled": True})
    with other.app_context():
        there.room(Directories).look()

    assert there.rights.version > seen
    assert asked(other, "ann", "/services") == 401
    assert there.room(Directories).current == crane.room(Directories).current


def test_word_of_rights_that_changed_elsewhere_goes_round(crane_app: Flask, crane: Crane, other: Flask) -> None:
    """As when a session is revoked, of which the directory knows nothing."""
    there: Crane = other.extensions["crane"]
    with other.app_context():
        there.room(Directories).look()
    here_seen, there_seen = crane.rights.version, there.rights.version

    crane.rights.changed()
    for app in (crane_app, other):
        with app.app_context():
            app.extensions["crane"].room(Directories).look()

    assert (crane.rights.version, there.rights.version) == (here_seen + 1, there_seen + 1)


def test_own_word_is_no_news_to_a_server_that_looks_at_that_moment(crane_app: Flask, crane: Crane) -> None:
    """Its loop looks a few times a second: here just when the word is in the database, and before this server knows."""
    room, seen = crane.room(Directories), crane.rights.version

    def look() -> None:
        with crane_app.app_context():
            room.look()

    looking, here = threading.Thread(target=look), threading.current_thread()

    def look_meanwhile(*_: Any) -> None:
        # Loops of the server write to the database as well.
        if threading.current_thread() is here:
            looking.start()
            looking.join(0.3)

    sa.event.listen(db.session, "after_commit", look_meanwhile)
    try:
        crane.rights.changed()
    finally:
        sa.event.remove(db.session, "after_commit", look_meanwhile)
    looking.join()

    assert crane.rights.version == seen + 1


def test_account_of_a_moment_ago_is_known_elsewhere(crane_app: Flask, other: Flask) -> None:
    with crane_app.app_context():
        made = crane_accounts.make_first_admin("ann")

    with other.app_context():
        assert crane_accounts.has_admin()
        assert crane_accounts.find_account("ann") == made
        assert crane_accounts.identity_of(made.id) is not None


def test_first_admin_is_made_on_one_server_only(crane_app: Flask, other: Flask) -> None:
    with other.app_context():
        crane_accounts.make_first_admin("ann")

    with crane_app.app_context(), pytest.raises(crane_accounts.errors.AlreadySetUp):
        crane_accounts.make_first_admin("bob")
