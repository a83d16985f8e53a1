"""Servers to try: the kernel without an Engine, a whole one over a Swarm in memory, and the program itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.contributions import Action, Setting
from crane_core.events import EventStream
from crane_core.http import handle_errors
from crane_core.loops import LoopRunner
from crane_core.plugins import Plugin, Plugins
from crane_core.settings import Settings
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter
from tests.identity import WITHOUT_LOGIN


@pytest.fixture
def make_crane(tmp_path: Path) -> Callable[..., Crane]:
    """Make the parts of a server out of plugins, without an Engine."""

    def make(*plugins: Plugin, open_to_all: bool = False) -> Crane:
        def crane_settings() -> list[Setting]:
            return [Setting("security.open", bool, False, "Serve everybody.")]

        def crane_actions() -> list[Action]:
            return [Action("thing:read", "See things."), Action("thing:update", "Change things.")]

        found = Plugins([make_plugin("core", crane_settings, crane_actions), *plugins])
        settings = Settings(found.collect_named("crane_settings").values(), overrides={"security.open": open_to_all})
        none = cast(Any, None)
        return Crane(
            version="1.0",
            settings=settings,
            plugins=found,
            events=EventStream(lambda event: found.notify("crane_event", event=event)),
            loops=LoopRunner(),
            engine=none,
            cache=none,
            watcher=none,
            data_directory=tmp_path,
            actions=found.collect_named("crane_actions"),
        )

    return make


@pytest.fixture
def make_app(make_crane: Callable[..., Crane]) -> Callable[..., Flask]:
    """Make an application whose errors are problem details, for views that a test adds."""

    def make(*plugins: Plugin, open_to_all: bool = False) -> Flask:
        app = Flask("kernel", static_folder=None)
        app.extensions["crane"] = make_crane(*plugins, open_to_all=open_to_all)
        handle_errors(app)
        return app

    return make


@pytest.fixture
def run_server(swarm: MemorySwarm, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Run whole servers over one Swarm in memory, each with plugins of the test; all are stopped afterwards."""
    running: list[Flask] = []

    def run(*plugins: Plugin, **settings: Any) -> Flask:
        overrides = {"server.data_directory": str(tmp_path / "data"), "watch.short_seconds": 0.02, **settings}
        app = application.create_app(overrides, environ={}, plugins=plugins, transport=MemoryAdapter(swarm))
        app.extensions["crane"].watcher.look()
        application.start(app)
        running.append(app)
        return app

    yield run
    for app in running:
        application.stop(app)


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Install plugins out of their source, as pip would, where only programs with the returned variables find them."""
    directory = tmp_path / "site"

    def install(**sources: str) -> dict[str, str]:
        for name, source in sources.items():
            described = directory / f"crane_{name}-1.0.dist-info"
            described.mkdir(parents=True)
            (directory / f"crane_{name}.py").write_text(textwrap.dedent(source))
            (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: crane-{name}\nVersion: 1.0\n")
            (described / "entry_points.txt").write_text(f"[crane]\n{name} = crane_{name}\n")
        others = {key: value for key, value in os.environ.items() if not key.startswith("CRANE_")}
        settings = tmp_path / "crane.toml"
        settings.touch()
        return {**others, **WITHOUT_LOGIN, "PYTHONPATH": str(directory), "CRANE_CONFIG": str(settings)}

    return install


@pytest.fixture
def run_program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run crane-server in a process of its own."""

    def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "crane_core.cli", *arguments], env=env, capture_output=True, text=True, timeout=120
        )

    return run
