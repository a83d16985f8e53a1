"""Forgetting what has expired: sessions, steps that nobody took, failures of long ago."""

from __future__ import annotations

import threading

from crane_auth import challenges, throttle
from crane_auth.sessions import operations as sessions
from crane_core.context import Crane, get_crane

PAUSE_SECONDS = 600.0


def run(stop: threading.Event) -> None:
    """Forget every few minutes, until told to stop."""
    crane = get_crane()
    while not stop.wait(PAUSE_SECONDS):
        forget(crane)


def forget(crane: Crane) -> None:
    """Forget what has expired."""
    challenges.forget(crane)
    throttle.forget(crane)
    sessions.forget(crane)
