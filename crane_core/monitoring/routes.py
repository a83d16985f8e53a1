"""HTTP in and out of health and metrics."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import flask
from flask import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from crane_core.context import Crane, get_crane
from crane_core.contributions import HealthCheck, HealthReport, Metric
from crane_core.errors import CraneError
from crane_core.http import Blueprint, answer
from crane_core.monitoring.schemas import HealthSchema
from crane_core.security import Target, guard, may, public

blueprint = Blueprint("monitoring", __name__, url_prefix="/api/v1", description="How the server fares.")
pages = flask.Blueprint("monitoring_pages", __name__)
log = logging.getLogger(__name__)

_SEVERITY = ("ok", "degraded", "failed")


@blueprint.route("/health")
@public("Load balancers ask it without a login; what is wrong is told only to who may know.")
@blueprint.response(200, HealthSchema, description="ok, or degraded when the server works in part.")
@blueprint.alt_response(503, schema=HealthSchema, description="The server does not work.")
def health() -> Response:
    """Tell whether the server works."""
    crane = get_crane()
    reports = {check.name: _run(check) for check in crane.health_checks}
    worst = max((report.state for report in reports.values()), key=_SEVERITY.index, default="ok")
    told: dict[str, object] = {"state": worst}
    if _may_know():
        told["version"] = crane.version
        told["checks"] = {name: {"state": report.state, "detail": report.detail} for name, report in reports.items()}
        told["sources"] = crane.cache.sources()
    return answer(told, 503 if worst == "failed" else 200, {"Cache-Control": "no-store"})


def _run(check: HealthCheck) -> HealthReport:
    try:
        return check.check()
    except Exception:
        # A plugin's mistake must not look as if nothing worked, nor hide what the other checks found.
        log.exception("The health check %s failed.", check.name)
        return HealthReport("degraded", "The check itself failed; the log of the server tells where.")


def _may_know() -> bool:
    try:
        return may("health:read", Target("server"))
    except CraneError:
        # Whoever cannot be identified is told no more than the state.
        return False


@pages.route("/metrics")
@guard("metrics:read")
def metrics() -> Response:
    """Give all figures in the format of Prometheus."""
    crane = get_crane()
    return Response(generate_latest(crane.room(Registry)), mimetype=CONTENT_TYPE_LATEST)


class Registry(CollectorRegistry):
    """The room of one server that reads contributed metrics whenever somebody asks for them."""

    def __init__(self, crane: Crane) -> None:
        super().__init__(auto_describe=False)
        self.register(_Contributed(crane.metrics))
        ProcessCollector(registry=self)
        PlatformCollector(registry=self)


class _Contributed(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for metric in self._metrics:
            family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            samples = family(metric.name, metric.help, labels=metric.labels)
            try:
                for labels, figure in metric.read():
                    samples.add_metric(labels, figure)
            except Exception:
                # Whoever watches the server should not lose all figures by one plugin's mistake.
                log.exception("The metric %s cannot be read.", metric.name)
                continue
            yield samples

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        return []
