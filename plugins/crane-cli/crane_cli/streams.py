"""Streams that have no end: read on where the connection to the server was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from crane_cli.errors import Dropped, Unreachable
from crane_cli.session import Session

Told = TypeVar("Told")

# How long to wait, in seconds, before each attempt to read on.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


def read_on(session: Session, read: Callable[[], Iterator[Told]], what: str, *, ends: bool = False) -> Iterator[Told]:
    """Yield what a stream tells, and ask for it again whenever it is lost.

    :param read: Asks for what comes after all that was yielded so far.
    :param what: What is read, for whoever is told that the server ended it.
    :param ends: Whether it has an end that is not the server's fault.
    :raises Dropped: when it was lost more often in a row than there are pauses; likewise ``Unreachable``.
    """
    lost = 0
    while True:
        try:
            for told in read():
                lost = 0
                yield told
            if ends:
                return
            failure = f"The server ended the {what}."
        except (Dropped, Unreachable) as error:
            if lost == len(PAUSES):
                raise
            failure = error.message
        if lost == 0:
            session.note(f"{failure} Connecting again.")
        session.pause(PAUSES[min(lost, len(PAUSES) - 1)])
        lost += 1
