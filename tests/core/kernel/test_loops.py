"""Facts about loops: started, started again, stopped."""

from __future__ import annotations

import threading

import pytest

from crane_core import loops
from crane_core.contributions import Loop
from crane_core.loops import LoopRunner


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FIRST_PAUSE", 0.001)


def test_loop_runs_until_it_is_stopped() -> None:
    running = threading.Event()

    def run(stop: threading.Event) -> None:
        running.set()
        stop.wait()

    runner = LoopRunner()
    runner.start([Loop("history.prune", run)])
    assert running.wait(60)
    assert runner.states["history.prune"].state == "running"

    assert runner.stop(60) == []
    assert runner.states["history.prune"].state == "stopped"


def test_loop_that_fails_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    recovered = threading.Event()
    attempts: list[int] = []

    def run(stop: threading.Event) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise RuntimeError("out of order")
        recovered.set()
        stop.wait()

    runner = LoopRunner()
    runner.start([Loop("history.prune", run)])
    assert recovered.wait(60)

    assert runner.stop(60) == []
    state = runner.states["history.prune"]
    assert state.failures == 2
    assert state.error == "RuntimeError: out of order"
    assert caplog.text.count("The loop history.prune failed") == 2
    assert all(record.exc_info for record in caplog.records if record.name == loops.__name__)


def test_pause_grows_with_failures_and_starts_anew_after_a_long_good_run(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 0.0, 0.0, 0.0, 100.0, 100.0 + 2 * loops.LONGEST_PAUSE, 200.0])
    recovered = threading.Event()
    attempts: list[int] = []

    def run(stop: threading.Event) -> None:
        attempts.append(1)
        if len(attempts) == 4:
            recovered.set()
            return
        raise RuntimeError("out of order")

    runner = LoopRunner(clock=lambda: next(times))
    runner.start([Loop("history.prune", run)])
    assert recovered.wait(60)
    assert runner.stop(60) == []

    pauses = [record.args[1] for record in caplog.records if record.args and record.args[0] == "history.prune"]
    assert pauses == [0.001, 0.002, 0.001]


def test_loop_that_ends_by_itself_is_not_started_again() -> None:
    runs: list[int] = []
    runner = LoopRunner()

    runner.start([Loop("history.once", lambda stop: runs.append(1))])

    assert runner.stop(60) == []
    assert runs == [1]


def test_loop_that_does_not_stop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    go, begun = threading.Event(), threading.Event()

    def run(stop: threading.Event) -> None:
        begun.set()
        go.wait(30)

    runner = LoopRunner()
    runner.start([Loop("history.stuck", run)])
    assert begun.wait(60)

    late = runner.stop(timeout=0.01)

    go.set()
    assert late == ["crane-history.stuck"]
    assert "left behind: crane-history.stuck" in caplog.text


def test_failing_loop_does_not_disturb_another(caplog: pytest.LogCaptureFixture) -> None:
    failed, fine = threading.Event(), threading.Event()

    def fail(stop: threading.Event) -> None:
        failed.set()
        raise RuntimeError("out of order")

    def work(stop: threading.Event) -> None:
        fine.set()
        stop.wait()

    runner = LoopRunner()
    runner.start([Loop("a.broken", fail), Loop("b.fine", work)])
    assert failed.wait(60)
    assert fine.wait(60)

    assert runner.stop(60) == []
    assert runner.states["b.fine"].failures == 0
