"""Tickets: what somebody was allowed to open a moment ago, once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from crane_core.cluster.terminal.errors import TooManyTerminals, UnknownTicket
from crane_core.cluster.terminal.places import Place
from crane_core.context import Crane
from crane_core.engine.execs import Program
from crane_core.security import Identity, Target

TICKET_SECONDS = 10.0
MOST_TICKETS = 1000


@dataclass(frozen=True)
class Order:
    """What somebody wants to open.

    :param target: What they named: a container, a task or a service; decided on when they asked.
    :param program: Without a command it is a shell, the first that there is.
    """

    identity: Identity
    target: Target
    place: Place
    program: Program


@dataclass(frozen=True)
class _Ticket:
    order: Order
    until: float


class Tickets:
    """The room of one server that holds its tickets, in memory only."""

    def __init__(self, crane: Crane) -> None:
        self.clock: Callable[[], float] = crane.cache.clock
        self._lock = threading.Lock()
        self._open: dict[str, _Ticket] = {}

    def issue(self, order: Order) -> str:
        """Return a ticket for an order. Raises :class:`TooManyTerminals`."""
        secret = secrets.token_urlsafe(32)
        now = self.clock()
        with self._lock:
            self._open = {name: ticket for name, ticket in self._open.items() if ticket.until > now}
            if len(self._open) >= MOST_TICKETS:
                raise TooManyTerminals("Many terminals are being opened at this moment. Try again in ten seconds.")
            self._open[secret] = _Ticket(order, now + TICKET_SECONDS)
        return secret

    def redeem(self, secret: str, identity: Identity, target: Target) -> Order:
        """Return what a ticket is for; it is worth nothing afterwards, whoever showed it.

        :raises UnknownTicket: when it is not theirs, not for this, too old, or was shown before.
        """
        with self._lock:
            ticket = self._open.pop(secret, None)
        if (
            ticket is None
            or ticket.until <= self.clock()
            or ticket.order.identity != identity
            or ticket.order.target != target
        ):
            raise UnknownTicket(
                f"The ticket opens nothing: it is good once, for {TICKET_SECONDS:g} seconds, for who asked for it, on "
                "the server that gave it out. Ask for another."
            )
        return ticket.order
