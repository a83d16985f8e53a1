"""Programs that are run in the containers of one node beside their own."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from crane_core.testing.answers import Refusal, Response, Upgrade, answer
from crane_core.testing.node_engine import shell
from crane_core.testing.node_engine.containers import Containers

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

_KILLED, _HUNG_UP, _NOT_STARTED = 137, 129, 126
_RUNC = "OCI runtime exec failed: exec failed: unable to start container process: "


@dataclass
class Exec:
    """One program.

    :param ended: Set once it has an exit code.
    """

    id: str
    container: str
    command: list[str]
    tty: bool
    user: str = ""
    directory: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    running: bool = False
    pid: int = 0
    exit_code: int | None = None
    size: tuple[int, int] = (0, 0)
    hung_up: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class Execs:
    """Make programs, start them, and tell of them."""

    def __init__(self, swarm: MemorySwarm, containers: Containers) -> None:
        self._swarm = swarm
        self._containers = containers
        self._pids = itertools.count(4001)
        # By id, oldest first; also those that have ended.
        self.all: dict[str, Exec] = {}
        self.routes = {
            "POST /containers/*/exec": self._create,
            "POST /exec/*/start": self._start,
            "POST /exec/*/resize": self._resize,
            "GET /exec/*/json": self._inspect,
        }

    def _create(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        container = self._containers.get(names[0])
        if not container["State"]["Running"]:
            raise Refusal(409, f"Container {container['Id']} is not running")
        asked: dict[str, Any] = msgspec.json.decode(body or b"{}")
        if not asked.get("Cmd"):
            raise Refusal(400, "No exec command specified")
        variables = [*(container["Config"].get("Env") or ()), *(asked.get("Env") or ())]
        made = Exec(
            self._swarm.store.new_id(64, "0123456789abcdef"),
            container["Id"],
            [str(word) for word in asked["Cmd"]],
            bool(asked.get("Tty")),
            str(asked.get("User") or ""),
            str(asked.get("WorkingDir") or ""),
            dict(str(each).partition("=")[::2] for each in variables),
        )
        self.all[made.id] = made
        return answer({"Id": made.id}, 201)

    def _start(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        started = self._get(names[0])
        asked: dict[str, Any] = msgspec.json.decode(body or b"{}")
        problem = self._find_problem(started)
        if asked.get("Detach"):
            if problem:
                raise Refusal(400, problem)
            self._hang_up(started)
            return Response(200)
        started.running = True
        return Upgrade(lambda connection: self._run(started, connection, problem)).to_response()

    def _resize(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        resized = self._get(names[0])
        if not resized.running:
            raise Refusal(409, f"exec {resized.id} is not running")
        resized.size = int(params["w"]), int(params["h"])
        return Response(200)

    def _inspect(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        found = self._get(names[0])
        return answer(
            {
                "ID": found.id,
                "Running": found.running,
                "ExitCode": found.exit_code,
                "Pid": found.pid,
                "ContainerID": found.container,
                "ProcessConfig": {"tty": found.tty, "entrypoint": found.command[0], "arguments": found.command[1:]},
            }
        )

    def _get(self, id_: str) -> Exec:
        if id_ not in self.all:
            raise Refusal(404, f"No such exec instance: {id_}")
        return self.all[id_]

    def _find_problem(self, started: Exec) -> str:
        """Return why a program cannot be started, nothing when it can."""
        image = str(self._containers.get(started.container)["Config"]["Image"])
        shells = self._swarm.shells.get(image, ("ash", "sh"))
        name = started.command[0].rpartition("/")[2]
        # An image without any shell has no other programs either.
        known = {*shells, *(shell.PROGRAMS if shells else ())}
        if name not in known:
            return f'{_RUNC}exec: "{started.command[0]}": executable file not found in $PATH: unknown'
        if started.directory.startswith("/nosuch"):
            return f'{_RUNC}chdir to cwd ("{started.directory}") set in config.json failed: no such file or directory'
        return ""

    def _run(self, started: Exec, connection: socket.socket, problem: str) -> None:
        """Run a program on a connection to its end."""
        channel = shell.Channel(connection, started.tty, lambda: self._find_signal(started))
        if problem:
            channel.write(f"{problem}\n".encode())
            code = _NOT_STARTED
        else:
            started.pid = next(self._pids)
            pretended = shell.Shell(channel, started.environment, started.user, started.directory, lambda: started.size)
            code = shell.run(pretended, started.command)
        started.running, started.exit_code = False, code
        started.ended.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _find_signal(self, started: Exec) -> int | None:
        if started.hung_up:
            return _HUNG_UP
        try:
            running = self._containers.get(started.container)["State"]["Running"]
        except Refusal:
            running = False
        return None if running else _KILLED

    def _hang_up(self, started: Exec) -> None:
        """Pretend to run a script that hangs up on all programs with a variable, which is its argument."""
        marked = started.command[-1]
        for each in self.all.values():
            if each.container == started.container and marked in each.environment.values():
                each.hung_up = True
        started.exit_code = 0
        started.ended.set()
