"""Hashing passwords with argon2id, a few at a time: each takes 19 MiB and some 50 ms of a core."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crane_auth.errors import TooManyAttempts
from crane_core.context import Crane

# What OWASP names as the least; measured at 48 ms, where the library's own choice takes 300.
TIME_COST, MEMORY_KIB, LANES = 2, 19456, 1
# Who waits longer than this for a turn is sent away: threads are for others too.
LONGEST_WAIT = 10.0
_ARGON = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _hash_nothing() -> str:
    """Return what is compared with where there is no password, so that it takes as long."""
    return _ARGON.hash("nobody has this password")


class Hasher:
    """The room of one server that hashes passwords."""

    def __init__(self, crane: Crane) -> None:
        self._turns = threading.BoundedSemaphore(max(1, crane.settings["auth.hashes_at_once"]))
        # Made now: the first who guesses must not wait for longer than the others.
        self._nothing = _hash_nothing()

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._turn():
            return _ARGON.hash(_normalise(password))

    def verify(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one that was kept; takes as long where none was."""
        with self._turn():
            try:
                return _ARGON.verify(kept or self._nothing, _normalise(password)) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a password was hashed otherwise than is done now."""
        return _ARGON.check_needs_rehash(kept)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=LONGEST_WAIT):
            raise TooManyAttempts(LONGEST_WAIT)
        try:
            yield
        finally:
            self._turns.release()


def _normalise(password: str) -> str:
    # What looks the same is typed as other characters on other keyboards.
    return unicodedata.normalize("NFKC", password)
