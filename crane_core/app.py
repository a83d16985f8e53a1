"""create_app(): the one place where the parts meet."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from flask import Flask, Response, request

from crane_core.auditing import tell_of_requests
from crane_core.context import Crane
from crane_core.contributions import Loop
from crane_core.core import root
from crane_core.engine.agent import AgentKeys
from crane_core.engine.cache import Cache
from crane_core.engine.client import Engine
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.pool import Pool
from crane_core.engine.watch import Watcher
from crane_core.errors import SetupError
from crane_core.events import Event, EventStream
from crane_core.http import handle_errors
from crane_core.live.hub import Hub
from crane_core.loops import LoopRunner
from crane_core.openapi import DocumentedApi
from crane_core.pages import check_pages
from crane_core.plugins import Plugin, Plugins, discover
from crane_core.routing import LateRule
from crane_core.security import public, require_guards
from crane_core.settings import Settings, find_file, read_file, variable
from crane_core.standing import Standing

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

BUILTIN = {
    "core": "crane_core.core",
    "cluster": "crane_core.cluster",
    "orchestration": "crane_core.orchestration",
    "logs": "crane_core.logs",
    "monitoring": "crane_core.monitoring",
}
_CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def create_app(
    overrides: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    plugins: Iterable[Plugin] | None = None,
    transport: requests.adapters.BaseAdapter | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Flask:
    """Build the application. Nothing runs yet: :func:`start` starts it, in the process that serves.

    :param overrides: Settings that win over file and variables, by dotted name.
    :param environ: The variables to read settings from; those of the process unless given.
    :param plugins: The plugins besides the core's own; the installed ones unless given.
    :param transport: What carries requests to the Engine instead of a socket; for tests.
    :param clock: Seconds of a clock that never goes back; ages, intervals and deadlines are measured with it.
    :raises SetupError: when the server cannot start like this.
    """
    environ = os.environ if environ is None else environ
    found = load_plugins(environ, overrides, plugins)
    settings = read_settings(found, environ, overrides)
    engine = Engine.from_settings(settings, environ, transport=transport)
    cache = Cache(clock)
    crane = Crane(
        version=metadata.version("crane-core"),
        settings=settings,
        plugins=found,
        events=EventStream(lambda event: _deliver(app, event)),
        loops=LoopRunner(),
        engine=engine,
        cache=cache,
        watcher=Watcher.from_settings(engine, cache, settings),
        data_directory=Path(settings["server.data_directory"] or platformdirs.user_data_path("crane")),
    )
    # It reads where nodes are, and stops the server where that cannot be read.
    crane.room(Pool).add_finder(crane.room(AgentKeys).find)
    _collect(crane)
    app = _build(crane)
    return app


def load_plugins(
    environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None, others: Iterable[Plugin] | None = None
) -> Plugins:
    """Load the core's own plugins and the others, but for those that a setting switches off."""
    # Which plugins run must be known before it is known which settings there are.
    disabled = (overrides or {}).get("plugins.disabled")
    if disabled is None and (text := environ.get(variable("plugins.disabled"))) is not None:
        disabled = [part.strip() for part in text.split(",") if part.strip()]
    if disabled is None:
        disabled = read_file(find_file(environ)).get("plugins.disabled", [])
    version = metadata.version("crane-core")
    own = [
        Plugin(name, "crane-core", version, builtin=True, module=import_module(module))
        for name, module in BUILTIN.items()
    ]
    return Plugins([*own, *(discover() if others is None else others)], disabled=disabled)


def read_settings(plugins: Plugins, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings that the active plugins declare."""
    declared = plugins.collect_named("crane_settings")
    for owner, setting in plugins.collect("crane_settings"):
        plugin = plugins.find(owner)
        if plugin and not plugin.builtin and not setting.name.startswith(f"{owner}."):
            raise SetupError(f"Plugin {owner} contributes the setting {setting.name}, which must start with {owner}.")
    return Settings(
        declared.values(),
        file_values=read_file(find_file(environ)),
        environ=environ,
        overrides=overrides,
        ignored_prefixes=[plugin.name for plugin in plugins if plugin.state != "active"],
    )


def start(app: Flask) -> None:
    """Start what runs beside the requests: the watcher, the plugins, the loops."""
    crane: Crane = app.extensions["crane"]
    crane.watcher.start()
    with app.app_context():
        for _ in crane.plugins.ask_all("crane_startup", app=app):
            pass
    crane.loops.start(_within(app, loop) for loop in crane.plugins.collect_named("crane_loops").values())


def _within(app: Flask, loop: Loop) -> Loop:
    """Return a loop that reaches its server as a view does, and that runs on one server at a time if it must."""
    crane: Crane = app.extensions["crane"]

    def run(stop: threading.Event) -> None:
        with app.app_context():
            if not (loop.once and crane.plugins.ask_first("crane_run_once", loop=loop, stop=stop)):
                loop.run(stop)

    return replace(loop, run=run)


def take_leave(app: Flask) -> None:
    """Take leave of those who would stay for as long as they may: the server is about to stop."""
    crane: Crane = app.extensions["crane"]
    crane.room(Hub).close()
    crane.room(Standing).close()
    crane.room(NodeEvents).close()


def stop(app: Flask) -> None:
    """Stop it again, in the opposite order."""
    crane: Crane = app.extensions["crane"]
    crane.loops.ask_to_stop()
    take_leave(app)
    crane.cache.close()
    crane.loops.stop()
    # What has happened so far is told while plugins can still keep it.
    crane.events.stop()
    with app.app_context():
        crane.plugins.notify("crane_shutdown", last_first=True, app=app)
    crane.watcher.stop()
    crane.events.stop()


def _deliver(app: Flask, event: Event) -> None:
    crane: Crane = app.extensions["crane"]
    if event.kind not in crane.event_kinds and event.kind not in crane.unknown_event_kinds:
        crane.unknown_event_kinds.add(event.kind)
        log.warning("An event of the kind %s was emitted, which no plugin contributes as one.", event.kind)
    with app.app_context():
        crane.plugins.notify("crane_event", event=event)


def _collect(crane: Crane) -> None:
    crane.actions = crane.plugins.collect_named("crane_actions")
    crane.topics = tuple(crane.plugins.collect_named("crane_topics").values())
    # With or without a slash at its end, a path leads to the same page.
    owned = crane.plugins.collect_owned("crane_pages", key=lambda page: str(page.path).rstrip("/") or "/").values()
    check_pages(owned, crane.actions)
    crane.pages = tuple(page for _, page in owned)
    crane.page_owners = {page.path: plugin for plugin, page in owned}
    crane.health_checks = tuple(crane.plugins.collect_named("crane_health_checks").values())
    crane.doctor_checks = tuple(crane.plugins.collect_named("crane_doctor_checks").values())
    crane.event_kinds = crane.plugins.collect_named("crane_event_kinds")
    crane.metrics = tuple(crane.plugins.collect_named("crane_metrics").values())
    for topic in crane.topics:
        if topic.action not in crane.actions:
            raise SetupError(
                f"The topic {topic.name} demands {topic.action}, which no plugin contributes as an action."
            )


def _build(crane: Crane) -> Flask:
    app = Flask("crane_core", static_folder=None)
    app.url_rule_class = LateRule
    app.extensions["crane"] = crane
    app.config.update(
        API_TITLE="Crane",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
        OPENAPI_RAPIDOC_PATH="docs",
        OPENAPI_RAPIDOC_URL="/api/v1/docs/rapidoc-min.js",
        # Without it the page asks another host for its fonts.
        OPENAPI_RAPIDOC_CONFIG={"load-fonts": "false", "show-header": "false", "render-style": "read"},
        MAX_CONTENT_LENGTH=crane.settings["server.max_request_mib"] * 1024 * 1024,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    tell_of_requests(app)
    handle_errors(app)
    api = DocumentedApi(app, logs_in=crane.authenticated)
    for plugin, blueprint in crane.plugins.collect_owned("crane_routes").values():
        api.register_blueprint(blueprint, plugin) if hasattr(blueprint, "_docs") else app.register_blueprint(blueprint)
    reason = "It describes the program, and nothing of this Swarm."
    for endpoint in ("api-docs.openapi_json", "api-docs.openapi_rapidoc"):
        app.view_functions[endpoint] = public(reason)(app.view_functions[endpoint])
    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):
        app.add_url_rule("/", "root", root)
    require_guards(app, crane.actions)
    app.after_request(_add_security_headers)
    return app


def _add_security_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _CONTENT_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.is_secure:
        # Browsers come back encrypted for a year, whatever a link says.
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
