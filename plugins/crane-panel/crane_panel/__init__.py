"""The web panel: its files, and nothing else; what it shows it asks of the REST API and the live socket."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from crane_core.hookspecs import hookimpl
from crane_panel.routes import make_blueprint


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield make_blueprint()
