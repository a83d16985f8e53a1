"""The pool: a connection to each node's own Engine, with time limits.

How a node's Engine is reached is looked up each time, in this order: the server's own socket, for the node that it is
of; the setting ``engine.node_endpoints``; the node's label :data:`ENDPOINT_LABEL`; whatever else was added, such as
agents. Which node answers is verified before anything else is asked. An Engine that does not answer is left alone until
it was seen to answer again: whoever asks for it meanwhile is told so at once, and a loop goes on looking for ever.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from crane_core.engine.client import Engine, Readable
from crane_core.engine.errors import say_locked
from crane_core.engine.records import Node
from crane_core.engine.snapshot import Source
from crane_core.engine.transport import TlsFiles
from crane_core.errors import CraneError, EngineUnavailable, SetupError
from crane_core.loops import RANDOM

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from crane_core.context import Crane

log = logging.getLogger(__name__)

ENDPOINT_LABEL = "crane.reserved.node.endpoint"
# How long lists wait for nodes, in seconds; who answers later is named as missing.
PATIENCE_SECONDS = 2.0
# How long one call of a node's Engine may take, in seconds.
NODE_SECONDS = 10.0
# How long a look may take over ssh, which shakes hands and starts a program first; who is dead ssh itself finds out.
SSH_SECONDS = 10.0
# How often Engines that answer are looked after, in seconds.
PROBE_SECONDS = 15.0
# How long nothing may be heard of an Engine while somebody looks at what it lists, in seconds.
WATCHED_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 20.0
# How often it is looked whether a node is due, in seconds.
TICK_SECONDS = 0.25
# How many requests wait at the same time: of all nodes, and of each, so that one that hangs leaves room for others.
MOST_AT_ONCE = 128
MOST_OF_ONE = 24
# How many nodes are looked at at the same time.
MOST_LOOKS = 32

Value = TypeVar("Value")
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


@dataclass(frozen=True)
class Reply(Generic[Value]):
    """What one node answered: a value, or why there is none."""

    node: Node
    value: Value | None = None
    error: CraneError | None = None


# Returns the way to a node's Engine, None where it knows none; raises NodeUnreachable where it knows why there is none.
Finder = Callable[[Node], Endpoint | None]


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
        # Whether a look is on its way.
        self.looking = False
        self._clock = clock
        self._jitter = jitter
        self._retry = FIRST_RETRY_SECONDS
        self._lock = threading.Lock()
        self._verifying = threading.Lock()
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
        with self._verifying:
            engine = self.engine
            if engine is None or (self.verified and not again):
                return
            if self.error and not again:
                # Somebody else found out while this one waited for its turn.
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
            self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)

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

    def suspect(self) -> None:
        """Have it looked at soon: somebody waited for it in vain."""
        with self._lock:
            if self.engine is not None and not self.error:
                self.due = self._clock()

    def hear(self, failure: EngineUnavailable | None) -> None:
        """Note what became of a request of anybody's."""
        with self._lock:
            if failure is None:
                if self.verified:
                    self.answered_at = self._clock()
                elif self.error and self.engine is not None:
                    # Whether a failure is over is decided by a look of its own, for which this is the moment.
                    self.due = self._clock()
                return
        # A long answer is no failure yet: it is looked at once whether it answers at all.
        self.suspect()


class Pool:
    """The room of one server that reaches each node's own Engine."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._links: dict[str, Link] = {}
        self._lock = threading.Lock()
        self._own_node = ""
        self._jitter: Callable[[], float] = lambda: RANDOM.uniform(0.8, 1.2)
        self._workers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="crane-node")
        # Apart from the others, so that requests which wait for nodes that hang do not hide that they hang.
        self._lookers = ThreadPoolExecutor(MOST_LOOKS, thread_name_prefix="crane-look")
        self._tls = _read_tls(crane.settings)
        self._given = _read_endpoints(crane.settings["engine.node_endpoints"])
        self._finders: list[Finder] = [self._find_given, self._find_labelled]
        crane.engine.report = self._hear_own

    def add_finder(self, find: Finder, *, first: bool = False) -> None:
        """Add a way to nodes; it is asked after those that were there before, unless told otherwise."""
        self._finders.insert(0 if first else len(self._finders), find)

    # Asking

    def get(self, node_id: str) -> Engine:
        """Return the Engine of a node.

        :raises NotFound: when there is no such node.
        :raises NodeUnreachable: when it is known not to answer; at once then.
        """
        return self._link(self._crane.cache.snapshot().get_node(node_id)).get()

    def ask(
        self, nodes: Iterable[Node], ask: Callable[[Engine], Value], patience: float = PATIENCE_SECONDS
    ) -> list[Reply[Value]]:
        """Ask several nodes the same at the same time; who does not answer in time is named as missing.

        :param patience: Seconds to wait for all of them together.
        """
        futures = [(link, self.submit(link, ask)) for link in map(self._link, nodes)]
        for late in wait([future for _, future in futures], patience).not_done:
            next(link for link, future in futures if future is late).suspect()
        return [_reply(link.node, future, patience) for link, future in futures]

    def ask_manager(self, ask: Callable[[Engine], Value]) -> Value:
        """Ask the server's own Engine, and wait for it as long as it is alive; one that hangs is found out meanwhile.

        :raises EngineUnavailable: when it does not answer; at once where that is known.
        """
        link = self._find_own_link()
        if link is not None and link.error and link.is_due:
            with suppress(NodeUnreachable):
                self._verify(link)
        if link is None or link.is_other:
            self._crane.engine.ping(PATIENCE_SECONDS)
            return ask(self._crane.engine)
        try:
            future = self.submit(link, ask)
            if wait([future], PATIENCE_SECONDS).not_done:
                self._verify(link)
            return future.result()
        except NodeUnreachable as error:
            raise EngineUnavailable(error.detail) from error

    def submit(self, link: Link, ask: Callable[[Engine], Value]) -> Future[Value]:
        """Ask one node without waiting for the answer; one that is known not to answer fails at once."""
        if link.error or not link.enter():
            failed: Future[Value] = Future()
            busy = f"The Engine of {link.node.name} has not answered {MOST_OF_ONE} requests yet; try again in a moment."
            failed.set_exception(NodeUnreachable(link.error or busy))
            return failed
        future = self._workers.submit(lambda: ask(link.get()))
        future.add_done_callback(lambda _: link.leave())
        return future

    # How they fare

    def link(self, node_id: str) -> Link:
        """Return the connection to a node's Engine. Raises ``NotFound``."""
        return self._link(self._crane.cache.snapshot().get_node(node_id))

    def links(self) -> list[Link]:
        """Return the connection to each node of the Swarm."""
        return [self._link(node) for node in self._crane.cache.snapshot().nodes.values()]

    def sources(self, nodes: Iterable[Node] | None = None) -> list[dict[str, Any]]:
        """Return the ``sources`` member of a list that comes from these nodes, or from all."""
        links = self.links() if nodes is None else [self._link(node) for node in nodes]
        now = self._clock()
        return [link.source.to_json(now) for link in sorted(links, key=lambda link: link.node.name)]

    def run(self, stop: threading.Event) -> None:
        """Look after the nodes until told to stop."""
        while not stop.wait(TICK_SECONDS):
            self.look()
        self.close()

    def look(self) -> list[Future[None]]:
        """Look at each node that is due, without waiting; return what is on its way."""
        now = self._clock()
        self._forget_gone()
        own, since = self._links.get(self._own_node), self._crane.watcher.looking_since
        if own is not None and since is not None and now - since > PATIENCE_SECONDS:
            own.watch(PATIENCE_SECONDS)
        due = [link for link in self.links() if link.is_due and not link.looking]
        for link in due:
            link.looking = True
        return [self._lookers.submit(self._look_at, link) for link in due]

    def close(self) -> None:
        """Close what is open; nothing is asked any more."""
        for workers in (self._workers, self._lookers):
            workers.shutdown(wait=False, cancel_futures=True)
        for link in self._links.values():
            if link.engine is not None and link.engine is not self._crane.engine:
                link.engine.close()

    def _look_at(self, link: Link) -> None:
        try:
            self._verify(link)
        except NodeUnreachable:
            # It has been noted and logged, and is looked at again.
            return
        finally:
            link.looking = False

    def _verify(self, link: Link) -> None:
        try:
            link.verify(again=True)
        except NodeUnreachable as error:
            if link.node.id == self._own_node:
                self._crane.watcher.doubt(error.detail)
            raise

    def _forget_gone(self) -> None:
        nodes = self._crane.cache.snapshot().nodes
        with self._lock:
            gone = [self._links.pop(id_) for id_ in list(self._links) if id_ not in nodes]
        for link in gone:
            if link.engine is not None and link.engine is not self._crane.engine:
                link.engine.close()

    # Finding the way

    def _link(self, node: Node) -> Link:
        with self._lock:
            link = self._links.get(node.id)
            if link is None:
                link = self._links[node.id] = Link(
                    node, self._clock, self._jitter, lambda: self._crane.cache.snapshot().nodes
                )
        returned = link.node.state != "ready" and node.state == "ready"
        link.node = node
        try:
            endpoint, why_not = self._find(node), _say_no_way(node)
        except NodeUnreachable as error:
            endpoint, why_not = None, error.detail
        link.connect(endpoint, lambda endpoint: self._make(endpoint, link), why_not)
        if returned and link.error and link.endpoint is not None:
            # The managers have seen it again: there is no reason to wait any longer.
            link.due = self._clock()
        return link

    def _find(self, node: Node) -> Endpoint | None:
        if node.id == self._find_own_node():
            return Endpoint(self._crane.engine.url, "socket")
        return next((endpoint for find in self._finders if (endpoint := find(node)) is not None), None)

    def _find_own_link(self) -> Link | None:
        node = self._crane.cache.snapshot().nodes.get(self._find_own_node())
        return None if node is None else self._link(node)

    def _hear_own(self, failure: EngineUnavailable | None) -> None:
        """Note what became of a request of the server's own Engine, which is asked past the pool as well."""
        if (link := self._links.get(self._own_node)) is not None:
            link.hear(failure)

    def _find_own_node(self) -> str:
        """Return the id of the node that the server's own Engine is of; nothing while it cannot be asked."""
        if not self._own_node and self._crane.cache.snapshot().source.state == "fresh":
            try:
                info = self._crane.engine.info(PATIENCE_SECONDS)
            except CraneError:
                return ""
            self._own_node = str((info.get("Swarm") or {}).get("NodeID", ""))
        return self._own_node

    def _find_given(self, node: Node) -> Endpoint | None:
        url = self._given.get(node.name) or self._given.get(node.id)
        return Endpoint(url, "setting", self._tls_for(url)) if url else None

    def _find_labelled(self, node: Node) -> Endpoint | None:
        url = node.labels.get(ENDPOINT_LABEL, "")
        # Whoever may label a node must not choose among the files of this machine.
        return Endpoint(url, "label", self._tls_for(url)) if url and urlsplit(url).scheme in ("tcp", "ssh") else None

    def _tls_for(self, url: str) -> TlsFiles | None:
        return self._tls if urlsplit(url).scheme == "tcp" else None

    def _make(self, endpoint: Endpoint, link: Link) -> Engine:
        if endpoint.via == "socket":
            return self._crane.engine
        if endpoint.transport is None and urlsplit(endpoint.url).scheme == "tcp" and endpoint.tls is None:
            raise SetupError(
                f"The Engine of {link.node.name} is named as {endpoint.url}, which is only spoken with over TLS: set "
                "engine.node_tls_ca, engine.node_tls_certificate and engine.node_tls_key."
            )
        return Engine(
            endpoint.url,
            endpoint.tls,
            NODE_SECONDS,
            endpoint.transport,
            name=f"Engine of {link.node.name} at {endpoint.url}",
            report=link.hear,
        )


def _is_same_way(one: Endpoint | None, other: Endpoint | None) -> bool:
    """Tell whether two ways lead to the same, by whatever certificates: these are replaced now and then."""
    return one is not None and other is not None and (one.url, one.via) == (other.url, other.via)


def _say_no_way(node: Node) -> str:
    return (
        f"There is no way to the Engine of {node.name}: install the agent with `crane agent install`, or name its "
        f"address with the label {ENDPOINT_LABEL}."
    )


def _reply(node: Node, future: Future[Value], patience: float) -> Reply[Value]:
    if not future.done():
        return Reply(node, error=NodeUnreachable(f"The Engine of {node.name} did not answer within {patience:g} s."))
    error = future.exception()
    if error is None:
        return Reply(node, future.result())
    if not isinstance(error, CraneError):
        raise error
    return Reply(node, error=error)


def _read_tls(settings: Readable) -> TlsFiles | None:
    """Read which certificates nodes are shown: their own, else those of the server's own Engine."""
    for prefix in ("engine.node_tls", "engine.tls"):
        paths = [str(settings[f"{prefix}_{part}"]) for part in ("ca", "certificate", "key")]
        if any(paths):
            if not all(paths):
                raise SetupError(f"Set all of {prefix}_ca, {prefix}_certificate and {prefix}_key, or none.")
            return TlsFiles(*paths)
    return None


def _read_endpoints(lines: Iterable[str]) -> Mapping[str, str]:
    """Read ``node=url`` lines."""
    found = {}
    for line in lines:
        name, equals, url = line.partition("=")
        if not name.strip() or not equals or urlsplit(url).scheme not in ("unix", "tcp", "ssh"):
            raise SetupError(
                f"engine.node_endpoints has {line!r}: write node=unix:///path, node=tcp://host:port or node=ssh://host."
            )
        found[name.strip()] = url.strip()
    return found
