"""Servers with a database, on SQLite and on PostgreSQL; and plugins with tables, made on the spot."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import Any

import crane_database
import pytest
from crane_database import Migrations
from flask import Flask

from crane_core import app as application
from crane_core.plugins import Plugin
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin

EXAMPLE = Path(__file__).parents[3] / "docs/examples/crane-ledger"
RunServer = Callable[..., Flask]


def database_plugin() -> Plugin:
    """Return the plugin under test, as its entry point gives it."""
    return Plugin("database", "crane-database", "0.1.0", module=crane_database)


@pytest.fixture(scope="session")
def ledger_module() -> Iterator[ModuleType]:
    """The example of the documentation; its models are defined once in a process."""
    sys.path.insert(0, str(EXAMPLE))
    yield import_module("crane_ledger")
    sys.path.remove(str(EXAMPLE))


@pytest.fixture
def ledger(ledger_module: ModuleType) -> Plugin:
    """The example as a plugin."""
    return Plugin("ledger", "crane-ledger", "1.0", module=ledger_module)


@pytest.fixture
def crane_plugins(ledger: Plugin) -> list[Plugin]:
    """The database and the example."""
    return [database_plugin(), ledger]


@pytest.fixture
def crane_settings(database_url: str) -> dict[str, Any]:
    """The database of the test."""
    return {"database.url": database_url}


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Build servers that a test starts itself; each with a data directory of its own unless it is told which."""
    built: list[Flask] = []

    def make(*plugins: Plugin, data: str = "", **settings: Any) -> Flask:
        directory = tmp_path / (data or f"data{len(built)}")
        app = application.create_app(
            {"server.data_directory": str(directory), **settings},
            environ={},
            plugins=[database_plugin(), *plugins],
            transport=MemoryAdapter(MemorySwarm(nodes=1)),
        )
        built.append(app)
        return app

    yield make
    for app in built:
        crane_database.crane_shutdown(app)


@pytest.fixture
def run_server(make_server: Callable[..., Flask]) -> Iterator[RunServer]:
    """Run servers; all are stopped afterwards."""
    running: list[Flask] = []

    def run(*plugins: Plugin, **options: Any) -> Flask:
        app = make_server(*plugins, **options)
        running.append(app)
        application.start(app)
        return app

    yield run
    for app in running:
        application.stop(app)


@pytest.fixture
def open_database(make_server: Callable[..., Flask]) -> Callable[..., Any]:
    """Give a server its database, and upgrade it, without starting anything; for use as a context."""

    @contextmanager
    def opened(*plugins: Plugin, **options: Any) -> Iterator[Any]:
        app = make_server(*plugins, **options)
        with app.app_context():
            crane_database.crane_startup(app)
            yield app.extensions["crane"]

    return opened


MIGRATION = """
from crane_database import op, sa

revision = {revision!r}
down_revision = {before!r}


def upgrade():
{body}
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plugin]:
    """Make a plugin out of the bodies of its migrations."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    made: list[str] = []

    def make(name: str, *bodies: str, requires: tuple[str, ...] = ("database",)) -> Plugin:
        package = f"{tmp_path.name.replace('-', '_')}_{name}_{len(made)}"
        made.append(package)
        directory = tmp_path / "site" / package
        directory.mkdir(parents=True)
        (directory / "__init__.py").touch()
        before = None
        for number, body in enumerate(bodies, 1):
            revision = f"{number:04}"
            text = MIGRATION.format(revision=revision, before=before, body=textwrap.indent(body, "    "))
            (directory / f"r{revision}.py").write_text(text)
            before = revision
        # What was looked for a moment ago and was not there is there now.
        invalidate_caches()

        def crane_database_migrations() -> list[Migrations]:
            return [Migrations(f"{package}.models", package)]

        return make_plugin(name, crane_database_migrations, requires=requires)

    return make
