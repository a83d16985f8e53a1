"""Programs that run in a container beside its own: how one is started, spoken with, and how it ended.

The Engine tells only on the connection itself that a program could not be started, in words among which its output
would stand. What tells the two apart is the process id: a program that never ran has none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.engine.client import Engine
from crane_core.engine.streaming import Hijacked
from crane_core.errors import Conflict, CraneError, EngineUnavailable, Invalid, NotFound

# How long a program may take to be started, and its end to be known, in seconds.
START_SECONDS = 15.0
END_SECONDS = 5.0
_LOOK_SECONDS = 0.02
# The first Engine API that takes the size of the terminal together with the program.
_SIZE_AT_ONCE = (1, 42)
_HEAD = 8
OUTPUT, ERRORS = 1, 2

# A stream, and what came on it.
Piece = tuple[int, bytes]


class CannotStart(Invalid):
    """The Engine cannot start the program in this container."""

    code, title = "cannot-start", "The program cannot be started in this container."


class ProgramNotFound(CannotStart):
    """There is no such program in the container."""

    code, title = "program-not-found", "There is no such program in the container."


class ContainerNotRunning(Conflict):
    """The container does not run, so that nothing can be started in it."""

    code, title = "container-not-running", "The container does not run."


@dataclass(frozen=True)
class Program:
    """What is run in a container, and how.

    :param command: The program and its arguments; no shell reads them.
    :param user: The user, or ``user:group``; the container's own when empty.
    :param tty: Whether it has a terminal; its output and its errors are one stream then.
    """

    command: tuple[str, ...]
    tty: bool = True
    user: str = ""
    working_directory: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    columns: int = 80
    rows: int = 24


class Execution:
    """A program that runs, or ran. One thread may read while others send."""

    def __init__(self, engine: Engine, exec_id: str, connection: Hijacked, program: Program) -> None:
        self.program = program
        self._engine = engine
        self._id = exec_id
        self._connection = connection
        self._early = b""
        self._frames = Frames()
        self._closed = threading.Event()

    def read(self, timeout: float | None = None) -> list[Piece] | None:
        """Return what came since, nothing at the end; None when nothing came for so many seconds.

        :raises EngineUnavailable: when the connection broke.
        """
        while (came := self._take(timeout)) is not None:
            if not came:
                return []
            pieces = [(OUTPUT, came)] if self.program.tty else self._frames.feed(came)
            if pieces:
                return pieces
        return None

    def send(self, data: bytes) -> None:
        """Send input; waits until the program takes it. Raises ``EngineUnavailable`` when the connection broke."""
        self._connection.send(data)

    def end_input(self) -> None:
        """Say that there is no more input."""
        self._connection.close_write()

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program's terminal its size."""
        self._engine.send("POST", f"/exec/{self._id}/resize", params={"w": columns, "h": rows})

    def exit_code(self) -> int | None:
        """Return how it ended, None where nobody knows: the Engine forgot it, it lives on, or it was hung up on."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            try:
                state = self._inspect()
            except NotFound:
                return None
            if not state.get("Running"):
                code = state.get("ExitCode")
                return None if code is None else int(code)
            if time.monotonic() > deadline or self.wait(_LOOK_SECONDS):
                return None

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until it is hung up on; tell whether it is."""
        return self._closed.wait(seconds)

    def close(self) -> None:
        """Hang up, and let nobody wait any longer. The program lives on where it does not care about its input."""
        self._closed.set()
        self._connection.close()

    def wait_for_start(self) -> None:
        """Return once it runs, or has run.

        :raises CannotStart: when it never will.
        """
        deadline = time.monotonic() + START_SECONDS
        while not (state := self._inspect()).get("Pid"):
            if not state.get("Running") and state.get("ExitCode") is not None:
                raise _explain(self._last_words(), self.program)
            if time.monotonic() > deadline:
                raise EngineUnavailable(f"The program did not start within {START_SECONDS:g} s.")
            came = self._connection.read(_LOOK_SECONDS)
            self._early += came or b""
            if came == b"":
                # The end comes a little before what the Engine says of it.
                self.wait(_LOOK_SECONDS)

    def _take(self, timeout: float | None) -> bytes | None:
        if self._early:
            early, self._early = self._early, b""
            return early
        return self._connection.read(timeout)

    def _inspect(self) -> dict[str, Any]:
        state = self._engine.read_json(f"/exec/{self._id}/json")
        return dict(state)

    def _last_words(self) -> str:
        said = b""
        while pieces := self.read(1.0):
            said += b"".join(content for _, content in pieces)
        return said.decode(errors="replace").strip()


def execute(engine: Engine, container_id: str, program: Program) -> Execution:
    """Start a program in a container.

    :raises NotFound: when there is no such container.
    :raises ContainerNotRunning: when it does not run.
    :raises CannotStart: when the program cannot be started.
    """
    body: dict[str, Any] = {
        "Cmd": list(program.command),
        "Tty": program.tty,
        "User": program.user,
        "WorkingDir": program.working_directory,
        "Env": [f"{name}={value}" for name, value in program.environment.items()],
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
    }
    start: dict[str, Any] = {"Detach": False, "Tty": program.tty}
    if program.tty and engine.api >= _SIZE_AT_ONCE:
        body["ConsoleSize"] = start["ConsoleSize"] = [program.rows, program.columns]
    try:
        made = engine.send("POST", f"/containers/{container_id}/exec", body)
    except Conflict as error:
        raise ContainerNotRunning(str(error)) from error
    exec_id = str(made["Id"])
    execution = Execution(engine, exec_id, engine.hijack(f"/exec/{exec_id}/start", start), program)
    try:
        execution.wait_for_start()
        if program.tty:
            _set_first_size(execution)
    except CraneError:
        execution.close()
        raise
    return execution


def _set_first_size(execution: Execution) -> None:
    try:
        execution.resize(execution.program.columns, execution.program.rows)
    except (NotFound, Conflict, Invalid):
        # It has ended already; what it printed can still be read.
        return


def _explain(said: str, program: Program) -> CannotStart:
    """Return why a program did not start, from the Engine's words."""
    reason = said.removesuffix(": unknown").rpartition("unable to start container process: ")[2] or "the Engine says no"
    if "chdir to cwd" in said:
        return CannotStart(f"There is no directory {program.working_directory} in the container.")
    missing = ("executable file not found", "no such file or directory", "permission denied")
    if any(words in said for words in missing):
        return ProgramNotFound(f"{program.command[0]} cannot be run in this container: {reason}.")
    return CannotStart(f"{program.command[0]} cannot be started in this container: {reason}.")


class Frames:
    """Takes the frames of an attached program apart; parts of a frame are told as they come."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._stream = OUTPUT

    def feed(self, data: bytes) -> list[Piece]:
        """Return what stands in the next bytes."""
        found: list[Piece] = []
        view = memoryview(data)
        while view:
            if not self._left:
                missing = _HEAD - len(self._head)
                self._head += bytes(view[:missing])
                view = view[missing:]
                if len(self._head) == _HEAD:
                    self._stream, self._left = self._head[0] or OUTPUT, int.from_bytes(self._head[4:], "big")
                    self._head = b""
                continue
            content = bytes(view[: self._left])
            view = view[len(content) :]
            self._left -= len(content)
            found.append((self._stream, content))
        return found
