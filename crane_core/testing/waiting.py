"""Waiting for what another thread brings about, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crane_core.context import Crane
from crane_core.errors import EngineUnavailable

# Longer than a thread of a busy machine gets no processor, in seconds; what takes this long will never be.
PATIENT_SECONDS = 60.0
_LOOK_SECONDS = 0.005


def until(fact: Callable[[], Any]) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + PATIENT_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "It did not come to pass."
        time.sleep(_LOOK_SECONDS)


def until_read_again(crane: Crane) -> None:
    """Look until the Engine, which is back, has been read again; one that did not answer is left alone for a moment."""

    def is_read() -> bool:
        with suppress(EngineUnavailable):
            crane.watcher.look()
        return crane.cache.snapshot().source.state == "fresh"

    until(is_read)
