"""The pool: a connection to each node's own Engine, with time limits.

How a node's Engine is reached is looked up each time, in this order: the server's own socket, for the node that it is
of; the setting ``engine.node_endpoints``; the node's label :data:`ENDPOINT_LABEL`; whatever else was added, such as
agents. Which node answers is verified before anything else is asked. An Engine that does not answer is left alone until
it was seen to answer again: whoever asks for it meanwhile is told so at once, and a loop goes on looking for ever.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from crane_core.engine.client import Engine, Readable
from crane_core.engine.errors import Unanswered
from crane_core.engine.link import MOST_OF_ONE, PATIENCE_SECONDS, Endpoint, Link, NodeUnreachable
from crane_core.engine.records import Node
from crane_core.engine.transport import TlsFiles
from crane_core.errors import CraneError, EngineUnavailable, SetupError
from crane_core.loops import RANDOM

if TYPE_CHECKING:
    from crane_core.context import Crane

ENDPOINT_LABEL = "crane.reserved.node.endpoint"
# How long one call of a node's Engine may take, in seconds.
NODE_SECONDS = 10.0
# How often it is looked whether a node is due, in seconds.
TICK_SECONDS = 0.25
# The way to each node is found anew with each tick of so many: it takes longer the more nodes there are.
FINDING_TICKS = 4
# How long an answer of the server's own Engine is proof that it answers, in seconds.
HEARD_SECONDS = 0.2
# How many requests wait at the same time, of all nodes.
MOST_AT_ONCE = 128
# How many nodes are looked at at the same time.
MOST_LOOKS = 32

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reply(Generic[Value]):
    """What one node answered: a value, or why there is none."""

    node: Node
    value: Value | None = None
    error: CraneError | None = None


# Returns the way to a node's Engine, None where it knows none; raises NodeUnreachable where it knows why there is none.
Finder = Callable[[Node], Endpoint | None]


class Pool:
    """The room of one server that reaches each node's own Engine."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._links: dict[str, Link] = {}
        self._lock = threading.Lock()
        # How long lists and logs wait for nodes, in seconds; who answers later is named as missing.
        self.patience = PATIENCE_SECONDS
        self._own_node = ""
        self._jitter: Callable[[], float] = lambda: RANDOM.uniform(0.8, 1.2)
        self._workers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="crane-node")
        # Apart from the others, so that requests which wait for nodes that hang do not hide that they hang.
        self._lookers = ThreadPoolExecutor(MOST_LOOKS, thread_name_prefix="crane-look")
        self._tls = _read_tls(crane.settings)
        self._given = _read_endpoints(crane.settings["engine.node_endpoints"])
        self._finders: list[Finder] = [self._find_given, self._find_labelled]
        crane.engine.report = self._hear_own
        crane.engine.attend = self._attend_own

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
        self, nodes: Iterable[Node], ask: Callable[[Engine], Value], patience: float | None = None
    ) -> list[Reply[Value]]:
        """Ask several nodes the same at the same time; who does not answer in time is named as missing.

        :param patience: Seconds to wait for all of them together; as long as lists do unless told otherwise.
        """
        patience = self.patience if patience is None else patience
        futures = [(link, self.submit(link, ask)) for link in map(self._link, nodes)]
        for late in wait([future for _, future in futures], patience).not_done:
            next(link for link, future in futures if future is late).suspect()
        return [_reply(link.node, future, patience) for link, future in futures]

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

    def known_links(self) -> list[Link]:
        """Return the connections that are there, as they were found last: that costs nothing, however many nodes."""
        with self._lock:
            return list(self._links.values())

    def sources(self, nodes: Iterable[Node] | None = None) -> list[dict[str, Any]]:
        """Return the ``sources`` member of a list that comes from these nodes, or from all."""
        links = self.links() if nodes is None else [self._link(node) for node in nodes]
        now = self._clock()
        return [link.source.to_json(now) for link in sorted(links, key=lambda link: link.node.name)]

    def run(self, stop: threading.Event) -> None:
        """Look after the nodes until told to stop."""
        ticks = itertools.cycle(range(FINDING_TICKS))
        while not stop.wait(TICK_SECONDS):
            if next(ticks) == 0:
                self.look()
            else:
                self._begin_looks(self.known_links())
        self.close()

    def look(self) -> list[Future[None]]:
        """Look at each node that is due, without waiting; return what is on its way, also of looks begun before."""
        self._forget_gone()
        return self._begin_looks(self.links())

    def close(self) -> None:
        """Close what is open; nothing is asked any more."""
        for workers in (self._workers, self._lookers):
            workers.shutdown(wait=False, cancel_futures=True)
        for link in self._links.values():
            if link.engine is not None and link.engine is not self._crane.engine:
                link.engine.close()

    def _begin_looks(self, links: Iterable[Link]) -> list[Future[None]]:
        return [self._begin_look(link) for link in links if link.is_due]

    def _begin_look(self, link: Link) -> Future[None]:
        with self._lock:
            if link.look is None:
                link.look = self._lookers.submit(self._look_at, link)
            return link.look

    def _look_at(self, link: Link) -> None:
        try:
            self._verify(link)
        except NodeUnreachable:
            # It has been noted and logged, and is looked at again.
            return
        finally:
            with self._lock:
                link.look = None

    def _verify(self, link: Link) -> None:
        begun = self._crane.cache.clock()
        try:
            was_gone = bool(link.error)
            link.verify(again=True)
        except NodeUnreachable as error:
            if link.node.id == self._own_node:
                self._crane.watcher.doubt(error.detail, begun)
            raise
        if was_gone and link.node.id == self._own_node:
            self._crane.watcher.retry()

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

    def _attend_own(self, ask: Callable[[], bytes], changes: bool) -> bytes:
        """Ask the server's own Engine, and wait as long as it is alive; one that hangs is found out meanwhile.

        :param changes: Whether it is told to change something. Nothing is sent then before it is known to answer.
        :raises EngineUnavailable: when it does not answer; at once where that is known.
        :raises Unanswered: when it was asked already.
        """
        link = self._links.get(self._own_node)
        heard = link is not None and link.answers and self._clock() - (link.answered_at or 0) < HEARD_SECONDS
        if (link is not None and link.error) or (changes and not heard):
            self._check_own(link)
        answer = _begin(ask)
        while wait([answer], PATIENCE_SECONDS).not_done:
            try:
                self._check_own(link)
            except EngineUnavailable as error:
                raise Unanswered(error.detail) from error
        return answer.result()

    def _check_own(self, link: Link | None) -> None:
        """Find out whether the server's own Engine answers, unless that is known."""
        if link is None or link.is_other:
            self._crane.engine.ping(PATIENCE_SECONDS)
            return
        try:
            if link.error and not link.is_due:
                raise NodeUnreachable(link.error)
            self._verify(link)
        except NodeUnreachable as error:
            if not link.is_other:
                raise EngineUnavailable(error.detail) from error

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


def _begin(ask: Callable[[], bytes]) -> Future[bytes]:
    """Ask on a thread that nobody need wait for."""
    answer: Future[bytes] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="crane-ask", daemon=True).start()
    return answer


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
