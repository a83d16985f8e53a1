"""What can go wrong with stats of the past."""

from __future__ import annotations

from crane_core.errors import CraneError, NotFound


class NoPrometheus(NotFound):
    """No Prometheus was named to read from."""

    code, title = "no-prometheus", "No Prometheus is set."


class PrometheusUnavailable(CraneError):
    """Prometheus does not answer, or not what it is asked for."""

    status, code, title = 502, "prometheus-unavailable", "Prometheus does not answer."
