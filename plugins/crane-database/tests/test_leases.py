"""Facts about leases: one holder at a time, by the clock of the database, and fences for those who do not know yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from crane_database import current_lease, db, sa, session
from crane_database.errors import LeaseLost
from crane_database.leases import Holder, Lease, list_leases
from flask import Flask, current_app

from crane_core import app as application
from crane_core.contributions import Loop
from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

# No lease is over before a test is: a busy machine may let a thread wait for many seconds. Where one is to be over, the
# test says so in the database. It is renewed, and asked for, all the more often.
LEASE_SECONDS = 120.0
PAUSE_SECONDS = 0.1
PATIENCE = 60.0


class Work:
    """A loop that runs on one server at a time, and what it did, for a test to look at."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        self.leases: list[Lease] = []

    def run(self, stop: threading.Event) -> None:
        self.leases.append(current_lease())
        self.ended.clear()
        self.begun.set()
        stop.wait()
        self.ended.set()

    def plugin(self) -> Plugin:
        """Return a plugin that contributes it."""

        def crane_loops() -> Iterator[Loop]:
            yield Loop("work.do", self.run, once=True)

        return make_plugin("work", crane_loops, requires=["database"])


@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    """Two servers share a database, and a lease is not over soon."""
    return {"database.url": database_url, "database.lease_seconds": LEASE_SECONDS}


@pytest.fixture
def holders(open_database: Callable[..., Any], settings: dict[str, Any]) -> Iterator[tuple[Holder, Holder]]:
    """Two holders of leases in one database."""
    with open_database(**settings) as crane:
        yield Holder(crane), Holder(crane)


@pytest.fixture
def make_server(make_server: Callable[..., Flask]) -> Callable[..., Flask]:
    """Build servers that look often at their leases."""

    def make(*plugins: Plugin, **options: Any) -> Flask:
        app = make_server(*plugins, **options)
        app.extensions["crane"].room(Holder).pause = PAUSE_SECONDS
        return app

    return make


def end_lease() -> None:
    """Let so much time go by for the database that a lease is over unless it is renewed."""
    ended = sa.text("UPDATE database_lease SET expires = expires - :seconds WHERE name = 'work.do'")
    db.session.execute(ended, {"seconds": LEASE_SECONDS + 1})
    db.session.commit()


def read_end() -> float:
    """Return when the lease is over, by the clock of the database."""
    end = db.session.execute(sa.text("SELECT expires FROM database_lease WHERE name = 'work.do'")).scalar_one()
    db.session.rollback()
    return float(end)


def until(true: Callable[[], Any]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it took too long"
        threading.Event().wait(0.02)


def test_one_has_a_lease_at_a_time(holders: tuple[Holder, Holder]) -> None:
    ann, bob = holders

    lease = ann.take("work.do")

    assert lease is not None
    assert (lease.name, lease.holder, lease.fence) == ("work.do", ann.name, 1)
    assert bob.take("work.do") is None
    assert ann.keep(lease)
    assert [(row["name"], row["holder"]) for row in list_leases()] == [("work.do", ann.name)]


def test_leases_of_two_names_are_two(holders: tuple[Holder, Holder]) -> None:
    ann, bob = holders

    assert ann.take("work.do")
    assert bob.take("work.other")


def test_lease_that_was_given_back_can_be_taken_at_once_and_has_a_higher_fence(holders: tuple[Holder, Holder]) -> None:
    ann, bob = holders
    lease = ann.take("work.do")
    assert lease is not None

    ann.give_back(lease)
    taken = bob.take("work.do")

    assert taken is not None
    assert taken.fence == lease.fence + 1
    assert not ann.keep(lease)


def test_lease_that_nobody_keeps_is_taken_when_it_is_over(holders: tuple[Holder, Holder]) -> None:
    ann, bob = holders
    assert ann.take("work.do")
    assert bob.take("work.do") is None

    end_lease()
    taken = bob.take("work.do")

    assert taken is not None
    assert taken.fence == 2


def test_write_of_who_lost_a_lease_is_refused(holders: tuple[Holder, Holder]) -> None:
    ann, bob = holders
    lease = ann.take("work.do")
    assert lease is not None
    with session():
        lease.confirm()
    ann.give_back(lease)
    assert bob.take("work.do")

    with session(), pytest.raises(LeaseLost, match=r"The lease work\.do of .* is over"):
        lease.confirm()


def test_many_who_take_a_lease_at_once_get_it_once(open_database: Callable[..., Any], settings: dict[str, Any]) -> None:
    with open_database(**settings) as crane:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        ready, got = threading.Barrier(8), []

        def take() -> None:
            with app.app_context():
                ready.wait(PATIENCE)
                got.append(Holder(crane).take("work.do"))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    assert len(got) == 8
    assert len([lease for lease in got if lease]) == 1


def test_loop_runs_on_one_of_two_servers_and_moves_when_that_one_stops(
    make_server: Callable[..., Flask], settings: dict[str, Any]
) -> None:
    works = Work(), Work()
    apps = [make_server(work.plugin(), data="shared", **settings) for work in works]
    for app in apps:
        application.start(app)
    try:
        until(lambda: works[0].begun.is_set() or works[1].begun.is_set())
        first, second = (0, 1) if works[0].begun.is_set() else (1, 0)
        # Renewed again and again, while the other asks for it as often.
        with apps[first].app_context():
            for _ in range(3):
                before = read_end()
                until(lambda before=before: read_end() > before)
        assert not works[second].begun.is_set()
    finally:
        application.stop(apps[first])
    assert works[first].ended.is_set()

    try:
        assert works[second].begun.wait(PATIENCE)
        assert works[second].leases[0].fence > works[first].leases[0].fence
    finally:
        application.stop(apps[second])


def test_loop_stops_when_its_lease_is_lost_and_waits_for_it_again(
    run_server: Callable[..., Flask], settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    app = run_server(work.plugin(), **settings)
    assert work.begun.wait(PATIENCE)
    mine = work.leases[0]

    # As another server would have it after this one was paused for long.
    with app.app_context():
        stolen = sa.text("UPDATE database_lease SET holder = 'another', fence = fence + 1 WHERE name = 'work.do'")
        db.session.execute(stolen)
        db.session.commit()

    assert work.ended.wait(PATIENCE)
    assert "The lease of the loop work.do was lost" in caplog.text
    with app.app_context():
        with pytest.raises(LeaseLost):
            mine.confirm()
        db.session.rollback()
        assert len(work.leases) == 1
        end_lease()
    until(lambda: len(work.leases) == 2)
    assert work.leases[1].fence > mine.fence + 1


def test_loop_that_fails_lets_go_of_its_lease_and_is_started_again(
    run_server: Callable[..., Flask], settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Lease] = []
    again = threading.Event()

    def fail(stop: threading.Event) -> None:
        seen.append(current_lease())
        if len(seen) == 1:
            raise RuntimeError("out of order")
        again.set()
        stop.wait()

    def crane_loops() -> list[Loop]:
        return [Loop("work.do", fail, once=True)]

    run_server(make_plugin("work", crane_loops, requires=["database"]), **settings)

    assert again.wait(PATIENCE)
    assert seen[1].fence == seen[0].fence + 1
    assert "The loop work.do failed" in caplog.text


def test_loop_that_need_not_run_once_holds_no_lease(run_server: Callable[..., Flask], settings: dict[str, Any]) -> None:
    asked = threading.Event()
    refused: list[str] = []

    def run(stop: threading.Event) -> None:
        try:
            current_lease()
        except RuntimeError as error:
            refused.append(str(error))
        asked.set()

    def crane_loops() -> list[Loop]:
        return [Loop("work.do", run)]

    run_server(make_plugin("work", crane_loops, requires=["database"]), **settings)

    assert asked.wait(PATIENCE)
    assert refused == ["Nothing here runs by a lease. Contribute the loop with once=True."]


def test_fence_of_another_lease_confirms_nothing(holders: tuple[Holder, Holder]) -> None:
    lease = holders[0].take("work.do")
    assert lease is not None

    with session(), pytest.raises(LeaseLost):
        replace(lease, fence=lease.fence + 1).confirm()
