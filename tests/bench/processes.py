"""The programs that are measured: the simulated Engine and the server, and what they use of the machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crane_core.testing.ports import find_free_port
from tests.bench.client import Client
from tests.identity import find_headers

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class SimulatedEngine:
    """An Engine of many nodes, services and tasks."""

    url: str
    log: Path

    def full_reads(self) -> int:
        """Count how often all tasks were read so far."""
        return sum(line.startswith("GET ") and _is_full_read(line) for line in self.log.read_text().splitlines())


def _is_full_read(line: str) -> bool:
    path, _, query = line.split(" ", 1)[1].partition("?")
    return path.endswith("/tasks") and "filters" not in query


@contextlib.contextmanager
def simulated_engine(directory: Path, nodes: int, services: int, tasks: int) -> Iterator[SimulatedEngine]:
    """Run a simulated Engine."""
    path, log = directory / "engine.sock", directory / "engine.log"
    size = ["--nodes", nodes, "--services", services, "--tasks", tasks]
    command = [sys.executable, "-m", "crane_core.testing.serve", "--socket", path, "--log", log, *size]
    with _running(command, directory, {}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("The simulated Engine did not start.")
        yield SimulatedEngine(f"unix://{path}", log)


@dataclass(frozen=True)
class CraneServer:
    """A server that is measured.

    :param first_answer: Seconds from its start to its first answer.
    """

    process: int
    port: int
    first_answer: float
    data_directory: Path

    @property
    def headers(self) -> dict[str, str]:
        """What says that whoever runs it asks."""
        return find_headers(self.data_directory)

    def client(self) -> Client:
        """Return a client with a connection of its own."""
        return Client("127.0.0.1", self.port, self.headers)

    def wait_until_fresh(self, most: float = 60.0) -> None:
        """Wait until the server's copy of the Swarm is there."""
        deadline = time.monotonic() + most
        with self.client() as client:
            while time.monotonic() < deadline:
                sources = client.get("/api/v1/services?limit=1").json()["sources"]
                if all(source["state"] == "fresh" for source in sources):
                    return
                time.sleep(0.05)
        raise RuntimeError("The server's copy of the Swarm did not become fresh.")

    def unique_memory(self) -> float:
        """Return the memory that would be free without the server, in MB."""
        kilobytes = 0
        for process in self._tree():
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Private_Clean:", "Private_Dirty:")):
                    kilobytes += int(line.split()[1])
        return kilobytes / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has used so far."""
        ticks = 0
        for process in self._tree():
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    def _tree(self) -> list[int]:
        found = [self.process]
        for process in found:
            found += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
        return found


@contextlib.contextmanager
def crane_server(directory: Path, engine_url: str, **settings: str) -> Iterator[CraneServer]:
    """Run the server against an Engine; ``settings`` are given as variables (``CRANE_*``)."""
    port = find_free_port()
    data = directory / f"data{port}"
    environment = {
        "CRANE_ENGINE_URL": engine_url,
        "CRANE_SERVER_DATA_DIRECTORY": str(data),
        "CRANE_SERVER_LOG_LEVEL": "warning",
        **settings,
    }
    command = [Path(sys.executable).with_name("crane-server"), "run", "--port", port]
    started = time.monotonic()
    with _running(command, directory, environment) as process:
        first_answer = _wait_for_answer(process, port) - started
        yield CraneServer(process.pid, port, first_answer, data)


def _wait_for_answer(process: subprocess.Popen[bytes], port: int) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), Client("127.0.0.1", port) as client:
            if client.get("/api/v1/whoami").status == 200:
                return time.monotonic()
        time.sleep(0.005)
    raise RuntimeError("The server did not start.")


@contextlib.contextmanager
def _running(
    command: list[object], directory: Path, environment: dict[str, str], stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from an empty directory, without the settings of whoever measures."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRANE_", "DOCKER_"))}
    words = [str(word) for word in command]
    with subprocess.Popen(words, env={**kept, **environment}, cwd=directory, stdout=stdout) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)
