"""A server without an Engine: plugins, settings, events and routes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from crane_core.context import Crane
from crane_core.contributions import Action, Setting
from crane_core.events import EventStream
from crane_core.http import handle_errors
from crane_core.loops import LoopRunner
from crane_core.plugins import Plugin, Plugins
from crane_core.settings import Settings
from crane_core.testing.plugins import make_plugin


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
