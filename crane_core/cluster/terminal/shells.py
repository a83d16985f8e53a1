"""Which shell an image has, and how what was started in one is hung up on."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import replace

from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.execs import Execution, Program, ProgramNotFound, execute
from crane_core.errors import CraneError

log = logging.getLogger(__name__)

# Tried in this order; who wants another names it.
SHELLS = ("bash", "ash", "sh")
# What is started in a terminal has this variable, with the terminal's id, and so has what it starts.
VARIABLE = "CRANE_TERMINAL"
MOST_KNOWN = 1000

# The Engine cannot end a program that was started in a container, and a shell lives on when nobody types any more.
# The id is an argument and no part of the script.
_HANG_UP = (
    f'for p in /proc/[0-9]*; do if grep -qs "{VARIABLE}=$1" "$p/environ"; then kill -HUP "${{p#/proc/}}"; fi; done'
)


class NoShell(ProgramNotFound):
    """The container has none of the shells that are looked for."""

    code, title = "no-shell", "There is no shell in the container."


class Shells:
    """The room of one server that remembers which shell each image has."""

    def __init__(self, crane: Crane) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def start(self, engine: Engine, container_id: str, image: str, program: Program) -> Execution:
        """Start the first shell that there is in a container.

        :param image: What the container runs, as its Engine calls it.
        :raises NoShell: when there is none.
        """
        known = self._find(image)
        names = SHELLS if known is None else (known, *(name for name in SHELLS if name != known))
        for name in names:
            try:
                execution = execute(engine, container_id, replace(program, command=(name,)))
            except ProgramNotFound:
                continue
            self._remember(image, name)
            return execution
        raise NoShell(f"The container has none of {', '.join(SHELLS)}. Name a program that it has.")

    def _find(self, image: str) -> str | None:
        with self._lock:
            return self._known.get(image)

    def _remember(self, image: str, name: str) -> None:
        with self._lock:
            self._known[image] = name
            self._known.move_to_end(image)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


def hang_up(engine: Engine, container_id: str, terminal_id: str, user: str) -> None:
    """End what lives on of a terminal, as far as the container has a shell that can do it."""
    command = ["sh", "-c", _HANG_UP, "crane", terminal_id]
    try:
        made = engine.send("POST", f"/containers/{container_id}/exec", {"Cmd": command, "User": user})
        engine.send("POST", f"/exec/{made['Id']}/start", {"Detach": True})
    except CraneError as error:
        log.info("What was started in terminal %s may live on: %s", terminal_id, error.detail)
