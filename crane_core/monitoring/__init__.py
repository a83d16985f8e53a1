"""Monitoring: how the Swarm and the server fare, for people and for Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import flask

from crane_core.containers import find_container_target
from crane_core.context import Crane, get_crane
from crane_core.contributions import Action, DoctorCheck, HealthCheck, HealthReport, Loop, Metric, Setting, Topic
from crane_core.events import Event
from crane_core.hookspecs import hookimpl
from crane_core.monitoring.dashboard.routes import blueprint as dashboard
from crane_core.monitoring.doctor.checks import find_checks
from crane_core.monitoring.doctor.routes import blueprint as doctor
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.feed.routes import TOPIC as EVENTS
from crane_core.monitoring.feed.routes import blueprint as feed
from crane_core.monitoring.feed.sources import Sources
from crane_core.monitoring.metrics import METRICS
from crane_core.monitoring.news import News
from crane_core.monitoring.routes import blueprint, pages
from crane_core.monitoring.stats.routes import READ_CONTAINERS, make_topics
from crane_core.monitoring.stats.routes import blueprint as stats
from crane_core.monitoring.stats.sampler import Sampler


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting(
        "monitoring.stats_seconds",
        float,
        10.0,
        "How often it is measured what containers use while nobody watches, in seconds; 0 measures nothing then.",
    )
    yield Setting(
        "monitoring.stats_gone",
        int,
        500,
        "How many containers that are gone have their last 24 hours remembered; each takes 33 KB.",
    )
    yield Setting(
        "monitoring.events_kept",
        int,
        10_000,
        "How many of the last events are kept for who asks what happened; they take 32 MiB at the most.",
    )


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("event:read", "See events, as far as they are about what they may see.", within=("stack", "node"))
    yield Action(
        READ_CONTAINERS, "See what containers use.", find_container_target, within=("stack", "node"), role="viewer"
    )
    yield Action(
        "dashboard:read",
        "See how the Swarm fares, as far as they may see what it is made of.",
        within=("stack", "node"),
    )
    yield Action("doctor:read", "Have it looked what is wrong with the Swarm.")
    yield Action("health:read", "See what is wrong with the server, not only that something is.")
    yield Action("metrics:read", "Read the figures for Prometheus.")


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield blueprint
    yield pages
    yield stats
    yield feed
    yield doctor
    yield dashboard


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield EVENTS
    yield from make_topics()


@hookimpl
def crane_loops() -> Iterator[Loop]:
    yield Loop("monitoring.closing", _close)
    yield Loop("monitoring.stats", lambda stop: get_crane().room(Sampler).run(stop))


def _close(stop: threading.Event) -> None:
    """Let nobody wait any more when the server stops: neither readers of events nor the sampler between two looks."""
    stop.wait()
    get_crane().room(Feed).close()
    get_crane().room(Sampler).close()


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(News)
    crane.room(Sources).start()


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(News).close()
    crane.room(Sources).close()


@hookimpl
def crane_event(event: Event) -> None:
    get_crane().room(Sources).hear_crane(event)


@hookimpl
def crane_health_checks() -> Iterator[HealthCheck]:
    yield HealthCheck("engine", _check_engine)
    yield HealthCheck("plugins", _check_plugins)
    yield HealthCheck("loops", _check_loops)


@hookimpl
def crane_doctor_checks() -> Iterator[DoctorCheck]:
    yield from find_checks()


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield from METRICS


def _check_engine() -> HealthReport:
    source = get_crane().cache.snapshot().source
    match source.state:
        case "fresh":
            return HealthReport("ok")
        case "never" if source.error is None:
            return HealthReport("degraded", "The Swarm has not been read yet.")
        case _:
            return HealthReport("degraded", f"What is shown may be old: {source.error}")


def _check_plugins() -> HealthReport:
    troubled = [plugin.name for plugin in get_crane().plugins if plugin.state in ("failed", "blocked")]
    if troubled:
        return HealthReport("degraded", f"Not running: {', '.join(troubled)}. See /api/v1/plugins.")
    return HealthReport("ok")


def _check_loops() -> HealthReport:
    waiting = [state.name for state in get_crane().loops.states.values() if state.state == "waiting"]
    if waiting:
        return HealthReport("degraded", f"Failed and about to be started again: {', '.join(waiting)}.")
    return HealthReport("ok")
