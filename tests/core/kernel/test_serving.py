"""Facts about the server as a process: it starts, answers, logs and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from crane_core.serving import LINGER_SECONDS, Server, Worker
from crane_core.testing.ports import find_free_port
from tests.identity import WITHOUT_LOGIN

Install = Callable[..., dict[str, str]]

PLUGIN = """
    import os
    from pathlib import Path

    from crane_core.contributions import Action
    from crane_core.errors import SetupError
    from crane_core.hookspecs import hookimpl
    from crane_core.http import Blueprint
    from crane_core.security import guard

    blueprint = Blueprint("fragile", __name__, url_prefix="/api/v1")

    @hookimpl
    def crane_actions():
        yield Action("fragile:read", "Break it.")

    @hookimpl
    def crane_routes():
        yield blueprint

    @blueprint.route("/fragile")
    @guard("fragile:read")
    def fragile():
        kept = "canary-" + "local"
        raise RuntimeError("cannot reach https://ann:canary-url@registry.example/")

    @hookimpl
    def crane_startup(app):
        if os.environ.get("FRAGILE") == "setup":
            raise SetupError("fragile.directory names no directory.")

    @hookimpl
    def crane_shutdown(app):
        Path(os.environ["MARK"]).write_text("stopped")
"""


@pytest.fixture
def env(install: Install, tmp_path: Path) -> dict[str, str]:
    """The variables of a server with a plugin that breaks, and without an Engine."""
    return {
        **install(fragile=PLUGIN),
        **WITHOUT_LOGIN,
        "MARK": str(tmp_path / "mark"),
        "CRANE_ENGINE_URL": f"unix://{tmp_path}/none.sock",
        "CRANE_SERVER_DATA_DIRECTORY": str(tmp_path / "data"),
        "CRANE_SERVER_THREADS": "20",
    }


@contextmanager
def serve(env: dict[str, str], log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server until the block ends; gives the process and the URL that it printed."""
    port = find_free_port()
    command = [sys.executable, "-m", "crane_core.cli", "run", "--port", str(port)]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line == f"Crane is at http://127.0.0.1:{port}\n", log.read_text()
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def get(url: str) -> tuple[int, bytes]:
    """Ask for a page; returns status and body."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_server_answers_and_stops_when_told_to(env: dict[str, str], tmp_path: Path) -> None:
    with serve(env, tmp_path / "log") as (process, url):
        status, body = get(f"{url}/api/v1/whoami")
        assert process.stdout is not None
        notice = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)

    assert (status, json.loads(body)["name"]) == (200, "local")
    assert "only callers on this machine are served" in notice
    assert ended == 0
    assert Path(env["MARK"]).read_text() == "stopped", "plugins are told"


def test_connection_that_is_kept_and_not_used_holds_up_no_stop(crane_app: Flask) -> None:
    worker = Worker(1, os.getpid(), [], crane_app, 30, Server(crane_app, print).cfg, None)
    worker.wsgi, kept = crane_app, SimpleNamespace(timeout=time.monotonic() + 30)
    worker.keepalived_conns.append(kept)
    worker.method_queue.init()

    worker.handle_exit(signal.SIGTERM, None)
    worker.method_queue.run_callbacks(None)

    assert kept.timeout <= time.monotonic() + LINGER_SECONDS
    worker.method_queue.close()
    worker.tmp.close()


def test_server_without_an_engine_runs_and_says_so(env: dict[str, str], tmp_path: Path) -> None:
    with serve(env, tmp_path / "log") as (_, url):
        status, body = get(f"{url}/api/v1/health")

    assert (status, json.loads(body)["state"]) == (200, "degraded")


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_of_an_unexpected_error_has_its_traceback_and_no_secret(
    env: dict[str, str], tmp_path: Path, form: str
) -> None:
    log = tmp_path / "log"
    with serve({**env, "CRANE_SERVER_LOG_FORMAT": form}, log) as (_, url):
        status, body = get(f"{url}/api/v1/fragile")

    told = json.loads(body)
    logged = log.read_text()
    assert status == 500
    assert told["request_id"] in logged
    assert "Traceback" in logged
    assert "cannot reach https://ann:" in logged
    assert "canary-url" not in logged, "what stands in a URL"
    assert "canary-local" not in logged, "what stands in a local variable"
    assert b"canary" not in body


@pytest.mark.parametrize("form", ["text", "json"])
def test_caller_cannot_write_lines_of_the_log(env: dict[str, str], tmp_path: Path, form: str) -> None:
    log = tmp_path / "log"
    with serve({**env, "CRANE_SERVER_LOG_FORMAT": form}, log) as (_, url):
        status, _ = get(f"{url}/api/v1/plans/x%0Aforged%1B%5B31m")

    logged = log.read_text()
    assert status == 404
    assert "plans/x" in logged
    assert "\nforged" not in logged
    assert "\x1b" not in logged


def test_plugin_that_cannot_start_ends_the_server(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crane_core.cli", "run", "--port", str(find_free_port())],
        env={**env, "FRAGILE": "setup"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 2
    assert done.stderr.count("crane-server: fragile.directory names no directory.") == 1, "and it is not tried again"
    assert "Crane is at" not in done.stdout
