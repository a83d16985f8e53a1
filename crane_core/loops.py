"""Loops: background work that is started, started again when it fails, and stopped."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crane_core.contributions import Loop

log = logging.getLogger(__name__)

# A source of its own: whoever seeds the shared one, as tests do, counts on nobody else to draw from it.
RANDOM = random.SystemRandom()
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


@dataclass
class LoopState:
    """How a loop fares: ``running``, ``waiting`` before it is started again, or ``stopped``."""

    name: str
    state: str = "stopped"
    failures: int = 0
    error: str = ""


class LoopRunner:
    """Runs each loop on a thread of its own until it is told to stop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make a runner.

        :param clock: Tells the time in seconds; only differences count.
        """
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.states: dict[str, LoopState] = {}

    def start(self, loops: Iterable[Loop]) -> None:
        """Start loops."""
        for loop in loops:
            state = self.states[loop.name] = LoopState(loop.name)
            thread = threading.Thread(target=self._run, args=(loop, state), name=f"crane-{loop.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def ask_to_stop(self) -> None:
        """Tell all loops to stop, without waiting for them."""
        self._stop.set()

    def stop(self, timeout: float = 5.0) -> list[str]:
        """Stop all loops; returns the names of those that did not end within ``timeout`` seconds each."""
        self.ask_to_stop()
        late = []
        for thread in self._threads:
            thread.join(timeout)
            if thread.is_alive():
                late.append(thread.name)
        if late:
            log.warning("Loops that did not end within %g s are left behind: %s.", timeout, ", ".join(late))
        return late

    def _run(self, loop: Loop, state: LoopState) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            state.state = "running"
            began = self._clock()
            try:
                loop.run(self._stop)
            except Exception as error:
                # A loop that ran well for long failed anew, not again.
                if self._clock() - began > LONGEST_PAUSE:
                    pause = FIRST_PAUSE
                state.failures += 1
                state.error = f"{type(error).__name__}: {error}"
                log.exception("The loop %s failed; it is started again in about %.1f s.", loop.name, pause)
                state.state = "waiting"
                # Jitter, so that several servers that failed together do not come back together.
                self._stop.wait(pause * RANDOM.uniform(0.8, 1.2))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                break
        state.state = "stopped"
