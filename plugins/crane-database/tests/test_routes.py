"""Facts about what callers are told of the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from crane_database import db, sa
from crane_database.backups import back_up
from crane_database.leases import list_leases
from crane_database.watching import Watch, check
from flask import Flask
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.security import Identity, Vote
from crane_core.testing.plugins import make_plugin


def until_held(app: Flask) -> None:
    """Wait until the loops have their leases, the example's and the core's; they begin on threads of their own."""
    deadline = time.monotonic() + 60
    with app.app_context():
        while len(list_leases()) < 2:
            assert time.monotonic() < deadline, "it took too long"
            db.session.rollback()
            threading.Event().wait(0.02)


def test_database_is_described(client: FlaskClient, crane_app: Flask, tmp_path: Path, database_url: str) -> None:
    with crane_app.app_context():
        back_up(crane_app.extensions["crane"], tmp_path / "backup", "correct horse")
    until_held(crane_app)

    told: Any = client.get("/api/v1/database").json

    assert told["kind"] == database_url.partition(":")[0]
    assert told["size"] > 0
    own, ledger = told["plugins"]
    assert own["tables"] == ["database_backup", "database_lease"]
    assert ledger == {
        "name": "ledger", "state": "current", "revision": "0001", "head": "0001", "pending": 0,
        "tables": ["ledger_change", "ledger_service"],
    }  # fmt: skip
    assert told["backup"]["bytes"] == (tmp_path / "backup").stat().st_size
    # As the core and the example ask for.
    assert [lease["name"] for lease in told["leases"]] == ["cluster.agent", "ledger.forget"]


def test_tables_are_listed_for_the_page_of_the_panel(client: FlaskClient) -> None:
    [page] = [page for page in client.get("/api/v1/pages").json["items"] if page["plugin"] == "database"]

    listed: Any = client.get(page["source"]).json

    assert page["group"] == "system"
    assert [row["name"] for row in listed["items"]] == ["database", "ledger"]
    assert {column["member"] for column in page["columns"]} <= listed["items"][0].keys()


def test_database_is_shown_to_who_may_see_it(run_server: Callable[..., Flask], database_url: str) -> None:
    def crane_authenticate(request: Any) -> Identity:
        return Identity("ann")

    def crane_authorize(identity: Identity, action: str, target: Any) -> Vote:
        return Vote.deny("nobody may") if action == "database:read" else Vote.allow()

    auth = make_plugin("auth", crane_authenticate, crane_authorize)
    client = run_server(auth, **{"database.url": database_url}).test_client()

    assert [client.get(f"/api/v1/database{end}").status_code for end in ("", "/plugins")] == [403, 403]


def test_health_and_figures_tell_what_is_known(client: FlaskClient, crane: Crane, crane_app: Flask) -> None:
    until_held(crane_app)
    with crane_app.app_context():
        crane.room(Watch).look()

    assert client.get("/api/v1/health").json["checks"]["database"] == {"state": "ok", "detail": ""}
    figures = client.get("/metrics").text
    assert "crane_database_reachable 1.0" in figures
    assert "crane_database_size_bytes" in figures
    assert 'crane_database_lease_fence{lease="ledger.forget"} 1.0' in figures


def test_database_that_went_away_is_told(crane: Crane, crane_app: Flask, client: FlaskClient) -> None:
    with crane_app.app_context():
        db.session.execute(sa.text("DROP TABLE database_lease"))
        db.session.execute(sa.text("DROP TABLE database_backup"))
        db.session.commit()
        crane.room(Watch).look()
        report = check()

    assert report.state == "degraded"
    assert "database_lease" in report.detail
    assert "Background on this error" not in report.detail
    answered = client.get("/api/v1/database")
    assert (answered.status_code, answered.json["code"]) == (503, "database-unavailable")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_look_that_began_before_the_database_went_away_does_not_hide_it(crane: Crane, crane_app: Flask) -> None:
    """The loop of the server looks as well, and a busy machine lets it wait after it has asked."""
    asked, later = threading.Event(), threading.Event()

    def look() -> None:
        with crane_app.app_context():
            crane.room(Watch).look()

    slow, quick = threading.Thread(target=look), threading.Thread(target=look)

    def dawdle(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread() is slow and "database_lease" in statement:
            asked.set()
            later.wait(60)

    with crane_app.app_context():
        sa.event.listen(db.engine, "after_cursor_execute", dawdle)
        slow.start()
        assert asked.wait(60)
        db.session.execute(sa.text("DROP TABLE database_lease"))
        db.session.commit()
        quick.start()
        quick.join(0.3)
        later.set()
        for thread in (slow, quick):
            thread.join()

        assert check().state == "degraded"


def test_request_that_finds_no_database_says_so(
    run_server: Callable[..., Flask], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """All connections are taken, as they are when a plugin keeps them."""

    def crane_authenticate(request: Any) -> None:
        raise sa.exc.TimeoutError("QueuePool limit of size 5 overflow 10 reached: a-detail")

    app = run_server(make_plugin("auth", crane_authenticate), **{"database.url": database_url})

    answered = app.test_client().get("/api/v1/plugins")

    assert (answered.status_code, answered.json["code"]) == (503, "database-unavailable")
    assert "a-detail" not in answered.text
    assert "a-detail" in caplog.text


@pytest.mark.usefixtures("ledger_module")
def test_answers_are_as_the_document_says(client: FlaskClient) -> None:
    from crane_database.schemas import DatabaseSchema

    told: Any = client.get("/api/v1/database").json

    assert set(told) == set(DatabaseSchema().fields)
    assert DatabaseSchema(unknown="raise").validate(told) == {}


def test_example_remembers_who_changed_what(client: FlaskClient, crane: Crane, ledger_module: ModuleType) -> None:
    body = {"files": [{"name": "stack.yml", "content": "services: {web: {image: nginx}}"}], "resolve_image": "never"}
    assert client.put("/api/v1/stacks/shop", json=body).status_code == 202
    crane.events.drain()

    [row] = client.get("/api/v1/ledger").json["items"]

    assert (row["name"], row["kind"], row["by"]) == ("shop_web", "service.created", "local")
