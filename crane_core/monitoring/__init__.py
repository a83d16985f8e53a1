"""Monitoring: how the Swarm and the server fare, for people and for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import flask

from crane_core.context import Crane, get_crane
from crane_core.contributions import Action, HealthCheck, HealthReport, Metric
from crane_core.hookspecs import hookimpl
from crane_core.monitoring.news import News
from crane_core.monitoring.routes import blueprint, pages


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("health:read", "See what is wrong with the server, not only that something is.")
    yield Action("metrics:read", "Read the figures for Prometheus.")


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield blueprint
    yield pages


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(News)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(News).close()


@hookimpl
def crane_health_checks() -> Iterator[HealthCheck]:
    yield HealthCheck("engine", _check_engine)
    yield HealthCheck("plugins", _check_plugins)
    yield HealthCheck("loops", _check_loops)


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield Metric(
        "crane_monitoring_engine_reachable", "Whether the Engine answered when it was last asked.", "gauge", _reachable
    )
    yield Metric("crane_monitoring_copy_age_seconds", "How old the copy of the Swarm is.", "gauge", _age)
    yield Metric("crane_monitoring_full_reads_total", "How often the whole Swarm was read.", "counter", _full_readings)
    yield Metric("crane_monitoring_events_dropped_total", "Events that no plugin was told of.", "counter", _dropped)
    yield Metric(
        "crane_monitoring_plugin_failures_total",
        "How often a plugin failed when it was told something.",
        "counter",
        _plugin_failures,
        ("plugin",),
    )
    yield Metric(
        "crane_monitoring_nodes", "Nodes by state and availability.", "gauge", _nodes, ("state", "availability")
    )


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


Samples = Iterable[tuple[Sequence[str], float]]


def _reachable() -> Samples:
    yield (), float(get_crane().cache.snapshot().source.state == "fresh")


def _age() -> Samples:
    crane = get_crane()
    age = crane.cache.snapshot().source.age(crane.cache.clock())
    if age is not None:
        yield (), age


def _full_readings() -> Samples:
    yield (), get_crane().watcher.full_readings


def _dropped() -> Samples:
    yield (), get_crane().events.dropped


def _plugin_failures() -> Samples:
    return [((plugin.name,), plugin.failures) for plugin in get_crane().plugins]


def _nodes() -> Samples:
    nodes = get_crane().cache.snapshot().nodes.values()
    return [(key, count) for key, count in sorted(Counter((node.state, node.availability) for node in nodes).items())]
