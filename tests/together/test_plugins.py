"""All plugins by their entry points: together, and each alone with what it requires."""

from __future__ import annotations

from collections.abc import Iterable
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path
from types import ModuleType

from flask import Flask

from crane_core import app as application
from crane_core.plugins import Plugin, discover
from crane_core.testing import MemoryAdapter, MemorySwarm

ROOT = Path(__file__).parents[2]


def run(plugins: Iterable[Plugin], directory: Path) -> Flask:
    """Start and stop a server with some plugins, and return it."""
    app = application.create_app(
        {"server.data_directory": str(directory)},
        environ={},
        plugins=plugins,
        transport=MemoryAdapter(MemorySwarm(nodes=1)),
    )
    application.start(app)
    try:
        assert app.test_client().get("/api/v1/whoami").status_code == 200
    finally:
        application.stop(app)
    return app


def states(app: Flask) -> dict[str, str]:
    """Return how each plugin of a server fares, but for those that are well."""
    return {plugin.name: plugin.error for plugin in app.extensions["crane"].plugins if plugin.state != "active"}


def declared(group: str) -> dict[tuple[str, str], str]:
    """Return the entry points of a group that the setup.cfg files of this repository declare, by distribution."""
    found = {}
    for path in ROOT.glob("plugins/*/setup.cfg"):
        parser = ConfigParser()
        parser.read(path)
        lines = parser.get("options.entry_points", group, fallback="").split("\n")
        for name, _, module in (line.partition("=") for line in lines if line.strip()):
            found[path.parent.name, name.strip()] = module.strip()
    return found


def with_requirements(name: str) -> list[Plugin]:
    """Return a plugin and everything that it requires."""
    by_name = {plugin.name: plugin for plugin in discover()}
    wanted, waiting = {}, [name]
    while waiting:
        plugin = by_name[waiting.pop()]
        if plugin.name not in wanted and plugin.load is not None:
            wanted[plugin.name] = plugin
            module: ModuleType = plugin.load()
            waiting += getattr(module, "requires", ())
    return list(wanted.values())


def test_every_plugin_of_the_repository_is_installed() -> None:
    found = {(plugin.distribution, plugin.name) for plugin in discover()}
    programs = {(entry.dist.name, entry.name) for entry in metadata.entry_points(group="console_scripts") if entry.dist}

    assert set(declared("crane")) - found == set(), "make install"
    assert set(declared("console_scripts")) - programs == set(), "make install"
    assert ("crane-cli", "crane") in programs


def test_core_runs_alone(tmp_path: Path) -> None:
    app = run([], tmp_path)

    assert states(app) == {}
    assert {plugin.name for plugin in app.extensions["crane"].plugins} == set(application.BUILTIN)


def test_all_plugins_run_together(tmp_path: Path) -> None:
    assert states(run(discover(), tmp_path)) == {}


def test_each_plugin_runs_with_what_it_requires_alone(tmp_path: Path) -> None:
    for plugin in discover():
        app = run(with_requirements(plugin.name), tmp_path / plugin.name)

        assert states(app) == {}, plugin.name
