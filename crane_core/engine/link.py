"""The connection to one node's own Engine: the way to it, whether it answers, and when it is looked at next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from crane_core.engine.client import Engine
from crane_core.engine.errors import say_locked
from crane_core.engine.records import Node
from crane_core.engine.snapshot import Source
from crane_core.engine.transport import TlsFiles
from crane_core.errors import CraneError, EngineUnavailable, SetupError

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

# How long lists wait for nodes, in seconds; who answers later is named as missing.
PATIENCE_SECONDS = 2.0
# How long a look may take over ssh, which shakes hands and starts a program first; who is dead ssh itself finds out.
SSH_SECONDS = 10.0
# How often Engines that answer are looked after, in seconds.
PROBE_SECONDS = 15.0
# How long nothing may be heard of an Engine while somebody looks at what it lists, in seconds.
WATCHED_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
# The same of the server's own Engine, which everybody waits for.
LONGEST_OWN_RETRY_SECONDS = 5.0
# How many requests to one node wait at the same time, so that one that hangs leaves room for others.
MOST_OF_ONE = 24

Via = Literal["socket", "setting", "label", "agent"]


class NodeUnreachable(EngineUnavailable):
    """A node's own Engine does not answer, or there is no way to it."""

    code, title = "node-unreachable", "The node's own Engine cannot be asked."


@dataclass(frozen=True)
class Endpoint:
    """How a node's Engine is reached.

    :param via: What named it.
    :param transport: Used in place of a connection; of a Swarm in memory.
    """

    url: str
    via: Via
    tls: TlsFiles | None = None
    transport: BaseAdapter | None = field(default=None, compare=False)


class Link:
    """The connection to one node's Engine, and how it fares.

    :param clock: Returns seconds of a clock that never goes back.
    :param jitter: Returns a factor for pauses, so that nodes that failed together are not asked together again.
    :param members: Returns the nodes of the Swarm by their ids.
    """

    def __init__(
        self,
        node: Node,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        members: Callable[[], Mapping[str, Node]],
    ) -> None:
        self.node = node
        self._members = members
        self.endpoint: Endpoint | None = None
        self.engine: Engine | None = None
        self.answered_at: float | None = None
        # Since when it has answered, or did until it failed.
        self.returned_at = float("-inf")
        self.error = ""
        # Whether it does answer, as an Engine of another node or of no Swarm, as that of a locked manager does.
        self.is_other = False
        self.verified = False
        # When it is to be looked at next; None where there is no way to it.
        self.due: float | None = None
        # The look that is on its way.
        self.look: Future[None] | None = None
        self._clock = clock
        self._jitter = jitter
        self._retry = FIRST_RETRY_SECONDS
        self._lock = threading.Lock()
        self._verifying = threading.Lock()
        # How many times it was found out whether it answers.
        self._found_out = 0
        # How many requests of the pool are on their way.
        self._asked = 0

    @property
    def answers(self) -> bool:
        """Whether its last answer is not followed by a failure."""
        return self.verified and not self.error

    @property
    def is_due(self) -> bool:
        """Whether it is to be looked at now."""
        return self.due is not None and self.due <= self._clock()

    @property
    def source(self) -> Source:
        """The node's Engine as a source of figures."""
        if self.answers:
            return Source(self.node.name, "fresh", self.answered_at)
        state: Literal["stale", "never"] = "never" if self.answered_at is None else "stale"
        return Source(self.node.name, state, self.answered_at, self.error or None)

    def connect(self, endpoint: Endpoint | None, make: Callable[[Endpoint], Engine], why_not: str) -> None:
        """Take this way to the Engine from now on, if it is another than before."""
        with self._lock:
            if endpoint == self.endpoint and (endpoint is not None or self.error == why_not):
                return
            if self.engine is not None and self.endpoint is not None and self.endpoint.via != "socket":
                self.engine.close()
            if not _is_same_way(endpoint, self.endpoint):
                self.verified = False
            self.endpoint, self.engine, self.error = endpoint, None, ""
            self._retry, self.due = FIRST_RETRY_SECONDS, None
            if endpoint is None:
                self.error = why_not
                return
            try:
                self.engine = make(endpoint)
                self.due = self._clock()
            except SetupError as error:
                self.error = str(error)

    def get(self) -> Engine:
        """Return the Engine, verified. Raises :class:`NodeUnreachable`, at once where it is known not to answer."""
        if self.error or self.engine is None:
            raise NodeUnreachable(self.error or f"There is no way to the Engine of {self.node.name}.")
        if not self.verified:
            self.verify()
        return self.engine

    def verify(self, again: bool = False) -> None:
        """Ask the Engine which node it is of. Raises :class:`NodeUnreachable`.

        :param again: Whether to ask although it answered before.
        """
        found_out = self._found_out
        with self._verifying:
            engine = self.engine
            # Somebody else may have found out while this one waited for its turn.
            again = again and found_out == self._found_out
            if engine is None or (self.verified and not again):
                return
            if self.error and not again:
                raise NodeUnreachable(self.error)
            limit = SSH_SECONDS if engine.url.startswith("ssh:") else PATIENCE_SECONDS
            try:
                if not self.verified:
                    swarm = engine.info(limit).get("Swarm") or {}
                    if swarm.get("NodeID") != self.node.id:
                        raise NodeUnreachable(self._say_other(engine.url, swarm))
                else:
                    engine.ping(limit)
            except NodeUnreachable as error:
                self.fail(str(error), is_other=True)
                raise
            except CraneError as error:
                self.fail(str(error))
                raise NodeUnreachable(str(error)) from error
            self.succeed()

    def _say_other(self, url: str, swarm: Mapping[str, Any]) -> str:
        """Say whose Engine answers in place of the node's own, and what to do."""
        node, told = self.node, str(swarm.get("NodeID") or "")
        if swarm.get("LocalNodeState") == "locked":
            return say_locked(node.name)
        member = self._members().get(told)
        if member is not None and member.name == node.name:
            return (
                f"{node.name} has joined the Swarm anew, as {told}, and is not {node.id} any more: "
                f"remove what is left of that with `crane node rm {node.id}`."
            )
        other = f"of node {told}" if told else "of no Swarm"
        return (
            f"The Engine at {url} is {other}, and not that of {node.name} ({node.id}); "
            "correct the address that is given for it."
        )

    def succeed(self) -> None:
        """Note that it answered, and is what it should be."""
        with self._lock:
            if self.error:
                log.info("The Engine of %s answers again.", self.node.name)
            self.answered_at = self._clock()
            self._found_out += 1
            if not self.answers:
                self.returned_at = self.answered_at
            self.verified, self.error, self.is_other = True, "", False
            self._retry = FIRST_RETRY_SECONDS
            self.due = self.answered_at + PROBE_SECONDS * self._jitter()

    def fail(self, error: str, *, is_other: bool = False) -> None:
        """Leave it alone for a while."""
        with self._lock:
            if not self.error:
                log.warning("The Engine of %s does not answer, and will be tried again: %s", self.node.name, error)
            # It may be another machine that answers next under this address.
            self.error, self.verified, self.is_other = error, False, is_other
            self.due = self._clock() + self._retry * self._jitter()
            self._found_out += 1
            is_own = self.endpoint is not None and self.endpoint.via == "socket"
            self._retry = min(self._retry * 2, LONGEST_OWN_RETRY_SECONDS if is_own else LONGEST_RETRY_SECONDS)

    def enter(self) -> bool:
        """Note that a request is about to be sent; tell whether there is room for it."""
        with self._lock:
            if self._asked >= MOST_OF_ONE:
                return False
            self._asked += 1
            return True

    def leave(self) -> None:
        """Note that a request has been answered, or not."""
        with self._lock:
            self._asked -= 1

    def watch(self, silence: float = WATCHED_SECONDS) -> None:
        """Have it looked at if nothing was heard of it for some seconds: somebody looks at what it lists."""
        with self._lock:
            if self.answers and self.answered_at is not None and self.due is not None:
                self.due = min(self.due, self.answered_at + silence)

    def retry(self) -> None:
        """Have it looked at soon although it failed: there is reason to think that it answers again."""
        with self._lock:
            if self.engine is not None and self.error:
                self.due = self._clock()

    def suspect(self) -> None:
        """Have it looked at soon: somebody waited for it in vain."""
        with self._lock:
            if self.engine is not None and not self.error:
                self.due = self._clock()

    def hear(self, failure: EngineUnavailable | None) -> None:
        """Note what became of a request of anybody's."""
        if failure is not None:
            # A long answer is no failure yet: it is looked at once whether it answers at all.
            self.suspect()
        elif self.verified:
            self.answered_at = self._clock()
        else:
            # Whether a failure is over is decided by a look of its own, for which this is the moment.
            self.retry()


def _is_same_way(one: Endpoint | None, other: Endpoint | None) -> bool:
    """Tell whether two ways lead to the same, by whatever certificates: these are replaced now and then."""
    return one is not None and other is not None and (one.url, one.via) == (other.url, other.via)
