"""Guessing, made slow: attempts to log in are counted per account and per address, for all servers together.

An attempt counts as failed before it is looked at, and is forgiven when it was not: a thousand at once are no more
looked at than a thousand one after the other. What was counted is forgotten an hour after the last failure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from crane_database import answering, sa, session

from crane_auth.clock import Clock
from crane_auth.digests import digest
from crane_auth.errors import TooManyAttempts
from crane_core.context import Crane

FORGOTTEN_SECONDS = 3600.0
_COUNT = sa.text(
    "INSERT INTO auth_attempt (key, failures, last, until) VALUES (:key, 1, :now, 0) ON CONFLICT (key) DO UPDATE SET "
    "failures = CASE WHEN auth_attempt.last < :forgotten THEN 1 ELSE auth_attempt.failures + 1 END, last = :now "
    "WHERE auth_attempt.until <= :now RETURNING failures"
)
_DELAY = sa.text("UPDATE auth_attempt SET until = :until WHERE key = :key")
_FIND = sa.text("SELECT until FROM auth_attempt WHERE key = :key")
_FORGIVE = sa.text("DELETE FROM auth_attempt WHERE key = :key")
_TAKE_BACK = sa.text("UPDATE auth_attempt SET failures = failures - 1, until = 0 WHERE key = :key AND failures > 0")
_FORGET = sa.text("DELETE FROM auth_attempt WHERE last < :forgotten AND until < :now")


@dataclass(frozen=True)
class Key:
    """What attempts are counted by.

    :param name: Its key in the table.
    :param free: How many may fail without a delay; each further one doubles it, beginning with one second.
    :param longest: The longest delay, in seconds. That of an account is short, because anybody can lock it.
    """

    name: str
    free: int
    longest: float

    def delay(self, failures: int) -> float:
        """Return how long nothing is looked at after so many failures, in seconds."""
        return 0.0 if failures < self.free else min(self.longest, 2.0 ** min(failures - self.free, 30))


def of_account(name: str) -> Key:
    """Return the key of an account, also of one that does not exist."""
    return Key(f"account:{digest(name.strip().casefold())[:32]}", 8, 60.0)


def of_factor(account_id: int) -> Key:
    """Return the key of an account's second factor; six digits are guessed sooner than a password."""
    return Key(f"factor:{account_id}", 5, 900.0)


def of_address(address: str) -> Key:
    """Return the key of an address; of IPv6 the network that a customer has."""
    return Key(f"address:{_network(address)}", 30, 300.0)


def of_beginnings(address: str) -> Key:
    """Return the key of logins that were begun from an address and not finished; each takes room in the database."""
    return Key(f"begun:{_network(address)}", 200, 60.0)


def _network(address: str) -> str:
    return (":".join(address.split(":")[:4]) if ":" in address else address)[:60]


def count(crane: Crane, keys: Collection[Key]) -> None:
    """Count an attempt; it is taken back by :func:`forgive` when it did not fail.

    :raises TooManyAttempts: when it is not to be looked at.
    """
    now = crane.room(Clock).now().timestamp()
    with answering(), session() as database:
        for key in sorted(keys, key=lambda key: key.name):
            told = {"key": key.name, "now": now, "forgotten": now - FORGOTTEN_SECONDS}
            failures = database.execute(_COUNT, told).scalar()
            if failures is None:
                until = database.execute(_FIND, {"key": key.name}).scalar() or now
                database.rollback()
                raise TooManyAttempts(until - now)
            if delay := key.delay(failures):
                database.execute(_DELAY, {"key": key.name, "until": now + delay})
        database.commit()


def forgive(account: Key, address: Key | None = None) -> None:
    """Take back an attempt that did not fail: an account begins anew, an address may have others behind it."""
    with answering(), session() as database:
        if address is not None:
            database.execute(_TAKE_BACK, {"key": address.name})
        database.execute(_FORGIVE, {"key": account.name})
        database.commit()


def take_back(key: Key) -> None:
    """Take back one attempt that was no guessing."""
    with answering(), session() as database:
        database.execute(_TAKE_BACK, {"key": key.name})
        database.commit()


def forget(crane: Crane) -> None:
    """Forget what was counted long ago."""
    now = crane.room(Clock).now().timestamp()
    with session() as database:
        database.execute(_FORGET, {"now": now, "forgotten": now - FORGOTTEN_SECONDS})
        database.commit()
