"""Serving: gunicorn as measured, logging, and the Swarm that a new Engine is made into."""

from __future__ import annotations

import gc
import logging
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import click
import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.errors import NotAManager
from crane_core.errors import CraneError, SetupError
from crane_core.redaction import HIDDEN, hide_inside, looks_secret
from crane_core.settings import Settings

log = logging.getLogger(__name__)
# How long a request that was sent before the server began to stop may be on its way.
LINGER_SECONDS = 0.25
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one worker: the copy of the Swarm, its streams and its loops exist once in a process.

    The application is built before the worker is forked, so that what is wrong with it is found before anything
    listens; threads are started in the worker, because they do not survive a fork.
    """

    def __init__(self, app: Flask, say: Callable[[str], None]) -> None:
        self.flask = app
        self._say = say
        super().__init__()

    def load_config(self) -> None:
        """Set what was measured to work: threads for many streams, short grace, no control socket."""
        settings: Settings = self.flask.extensions["crane"].settings
        options: dict[str, Any] = {
            "bind": _address(settings["server.host"], settings["server.port"]),
            "worker_class": Worker,
            "workers": 1,
            "threads": settings["server.threads"],
            "worker_connections": max(3000, settings["server.threads"]),
            "graceful_timeout": 5,
            "timeout": 120,
            "keepalive": 30,
            "backlog": 2048,
            "control_socket_disable": True,
            "proc_name": "crane-server",
            "logger_class": "crane_core.serving.QuietLogger",
            "post_worker_init": self._start,
            "worker_exit": self._stop,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application."""
        return self.flask

    def _announce(self) -> None:
        settings: Settings = self.flask.extensions["crane"].settings
        self._say(f"Crane is at http://{_address(settings['server.host'], settings['server.port'])}")
        crane: Crane = self.flask.extensions["crane"]
        if not crane.authenticated and not settings["security.open"]:
            self._say("No plugin that authenticates is installed: only callers on this machine are served.")
        for sentence in crane.announcements:
            self._say(sentence)

    def _start(self, worker: Any) -> None:
        # A worker that ends as if it was told to is followed by another, which begins where the server began.
        self.flask.extensions["crane"].restart = lambda: os.kill(worker.pid, signal.SIGTERM)
        # What the application is made of lives as long as the server: looked at again and again by the garbage
        # collector, it would stop every thread for some 50 ms each time.
        gc.freeze()
        try:
            application.start(self.flask)
        except SetupError as error:
            click.echo(f"crane-server: {error.detail}", err=True)
            # With any other status gunicorn would try again for ever.
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error
        self._announce()

    def _stop(self, _server: Any, _worker: Any) -> None:
        application.stop(self.flask)


class Worker(ThreadWorker):  # type: ignore[misc]
    """The process that serves. Told to stop, it first takes leave of who is connected, and so need not wait."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop."""
        super().handle_exit(sig, frame)
        # Not here: a signal may come while the very lock is held that this needs.
        self.method_queue.defer(self._take_leave)

    def _take_leave(self) -> None:
        application.take_leave(self.wsgi)
        # Browsers and proxies keep connections that they do not use; gunicorn would wait 2 s for those.
        latest = time.monotonic() + LINGER_SECONDS
        for connection in self.keepalived_conns:
            connection.timeout = min(connection.timeout, latest)


def serve(app: Flask, say: Callable[[str], None]) -> None:
    """Serve until told to stop; what keeps plugins from starting ends it with the exit status 2."""
    own = os.getpid()
    try:
        Server(app, say).run()
    except SystemExit as ended:
        # The worker, which is a fork of this process, comes by here as well.
        if os.getpid() == own and ended.code == Arbiter.WORKER_BOOT_ERROR:
            raise SystemExit(2) from ended
        raise


def init_swarm(app: Flask, say: Callable[[str], None]) -> None:
    """Make an Engine that is in no Swarm a Swarm of one node, and say so.

    :raises SetupError: when the Engine does not answer, or refuses.
    """
    engine = app.extensions["crane"].engine
    try:
        if (engine.info().get("Swarm") or {}).get("LocalNodeState") in ("inactive", "", None):
            engine.init_swarm()
            say("The Engine was in no Swarm; it is now a Swarm of one node.")
    except NotAManager as error:
        raise SetupError(error.detail) from error
    except CraneError as error:
        raise SetupError(f"The Engine cannot be made a Swarm: {error.detail}") from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def configure_logging(settings: Settings) -> None:
    """Log to standard error, as lines for people or as JSON; secrets are hidden in both."""
    shared: list[Any] = [
        _keep_to_one_line,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings["server.log_format"] == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=_write_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _hide_secrets,
                renderer,
            ]
            if settings["server.log_format"] == "json"
            else [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings["server.log_level"].upper())
    logging.getLogger("urllib3").setLevel(logging.WARNING)


def _keep_to_one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show control characters instead of writing them: callers choose names, and must not write lines of the log."""
    event["event"] = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(event["event"]))
    return event


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = HIDDEN if looks_secret(name) else hide_inside(value)
    return event


def _write_traceback(out: TextIO, exception: Any) -> None:
    # Not the one with local variables, which the library prefers: those hold passwords.
    text = "".join(traceback.format_exception(*exception))
    out.write("\n" + hide_inside(text))


class QuietLogger(Logger):  # type: ignore[misc]
    """Hands what gunicorn has to say to the log of the server, from warnings on."""

    def setup(self, cfg: Any) -> None:
        """Set up no handler of its own."""
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
