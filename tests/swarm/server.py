"""A real server on a real Swarm, and the little of HTTP that tests need to speak with it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crane_core.testing.ports import find_free_port
from tests.identity import find_headers

Answer = tuple[int, Any]
# What takes long where operators are patient.
IMPATIENT = {"CRANE_ORCHESTRATION_PENDING_SECONDS": "4", "CRANE_ORCHESTRATION_STALLED_SECONDS": "40"}


class Server:
    """``crane-server run``, with a data directory that outlives it.

    :param engine_url: The manager's ``DOCKER_HOST``.
    :param environment: What else it finds in its environment, settings (``CRANE_*``) among it.
    """

    def __init__(self, engine_url: str, directory: Path, **environment: str) -> None:
        self._url = engine_url
        self._directory = directory
        self._environment = environment
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is; the same again when it is started again."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def headers(self) -> dict[str, str]:
        """What says that whoever runs it asks."""
        return find_headers(self._directory / "data")

    @property
    def token(self) -> str:
        """The token of whoever runs it; empty while it asks for none."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def start(self, *, reads: bool = True) -> Server:
        """Start it, and wait until it has read the Swarm, or only until it answers at all."""
        if not self._port:
            self._port = find_free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRANE_", "DOCKER_"))}
        own = {"CRANE_ENGINE_URL": self._url, "CRANE_SERVER_DATA_DIRECTORY": str(self._directory / "data")}
        command = [str(Path(sys.executable).with_name("crane-server")), "run", "--port", str(self._port)]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**kept, **IMPATIENT, **own, **self._environment},
                cwd=self._directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wanted = self._reads_the_swarm if reads else lambda: self.ask("GET", "/services?limit=1")
        self.until(wanted, "the server has read the Swarm")
        return self

    def kill(self) -> None:
        """Kill it and its worker with signal 9."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def stop(self) -> None:
        """Ask it to stop, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 150.0) -> Answer:
        """Send a request; return the status and what the JSON says."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            sent = None if body is None else json.dumps(body)
            headers = {**self.headers, **({"Content-Type": "application/json"} if sent else {})}
            connection.request(method, f"/api/v1{path}", sent, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def deploy(self, stack: str, file: str, wait: float = 100, **more: Any) -> Any:
        """Deploy a stack; return the operation, which has ended unless it took longer than ``wait`` seconds."""
        status, answer = self.ask("PUT", f"/stacks/{stack}?wait={wait:g}", request(file, **more))
        assert status in (200, 202), answer
        return answer

    def plan(self, stack: str, file: str, **more: Any) -> Any:
        """Plan a deployment of a stack."""
        status, answer = self.ask("POST", f"/stacks/{stack}/plan", request(file, **more))
        assert status == 201, answer
        return answer

    def change(self, method: str, path: str, body: Any = None) -> Any:
        """Change something; return the operation, which has ended."""
        status, answer = self.ask(method, f"{path}?wait=100", body)
        assert status in (200, 201), answer
        return answer

    def operation(self, operation_id: str, wait: float = 0) -> Any:
        """Return an operation."""
        return self.ask("GET", f"/operations/{operation_id}?wait={wait:g}")[1]

    def until(self, fact: Callable[[], Any], words: str, timeout: float = 120.0) -> Any:
        """Wait until something is so, and return it; a server that does not answer meanwhile is asked again."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                if found := fact():
                    return found
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        log = (self._directory / "log").read_text(errors="replace")[-4000:]
        raise AssertionError(f"Waited {timeout:g} s in vain until {words}.\n{log}")

    def _reads_the_swarm(self) -> bool:
        status, answer = self.ask("GET", "/services?limit=1")
        return status == 200 and all(source["state"] == "fresh" for source in answer["sources"])


def request(file: str, **more: Any) -> dict[str, Any]:
    """Return what is sent to deploy a file; no registry is asked, because the lab has none."""
    return {"files": [{"name": "stack.yml", "content": file}], "variables": {}, "resolve_image": "never", **more}
