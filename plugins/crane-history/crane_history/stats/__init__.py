"""Stats: what services, stacks and the tasks of a node used over days and weeks, read from Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_core.contributions import Setting
from crane_history.stats.routes import blueprint

if TYPE_CHECKING:
    import flask


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield Setting(
        "history.prometheus_url",
        str,
        "",
        "The Prometheus that scrapes cAdvisor on every node, as in http://prometheus:9090; none when empty.",
    )
    yield Setting("history.prometheus_token", str, "", "The bearer token that Prometheus asks for.", secret=True)


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield blueprint
