"""The hub: who is connected, what they subscribed to, and the one thread that writes to them all."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from crane_core.context import Crane
from crane_core.contributions import Subscriber, Topic
from crane_core.engine.cache import Subscription
from crane_core.errors import CraneError, Forbidden, Invalid, NotFound
from crane_core.live.board import Board, Seen
from crane_core.live.feeds import Feeds
from crane_core.security import Identity, decider, in_general, may_everything
from crane_core.websockets import GOING_AWAY, Gone, WebSocket, to_frame

log = logging.getLogger(__name__)

# The least time between two updates of a topic, in seconds.
PACE_SECONDS = 0.25
# How often it is asked anew what somebody may see, although nothing changed, in seconds.
RECHECK_SECONDS = 5.0
# Somebody who takes nothing of what they were sent for so long is given up, in seconds.
PATIENCE_SECONDS = 20.0
# How often an idle hub looks up, in seconds.
IDLE_SECONDS = 1.0
MOST_SUBSCRIPTIONS = 100
MOST_FEEDS = 32


class LiveFull(CraneError):
    """There are as many live connections as the server allows."""

    status, code, title = 503, "live-full", "There are too many live connections."


class UnknownTopic(NotFound):
    """There is no such topic."""

    code, title = "unknown-topic", "There is no such topic."


class TooManySubscriptions(Invalid):
    """One connection has as many subscriptions as it may."""

    code, title = "too-many-subscriptions", "There are too many subscriptions on this connection."


@dataclass(frozen=True)
class _Pattern:
    """The name of a topic with a parameter, taken apart at it."""

    topic: Topic
    before: str
    parameter: str
    after: str

    @classmethod
    def of(cls, topic: Topic) -> _Pattern:
        before, _, rest = topic.name.partition("{")
        parameter, _, after = rest.partition("}")
        return cls(topic, before, parameter, after)

    @property
    def length(self) -> int:
        return len(self.before) + len(self.after)

    def find_name(self, text: str) -> str:
        """Return what stands for the parameter, which may hold slashes; nothing where the text does not fit."""
        fits = text.startswith(self.before) and text.endswith(self.after)
        return text[len(self.before) : len(text) - len(self.after)] if fits else ""


@dataclass(eq=False)
class Following:
    """One subscription: to which board, and what was sent of it."""

    board: Board
    known: str | None = None
    seen: Seen | None = None
    checked_at: float = float("-inf")
    # The version of the rights that it was last decided with.
    rights: int = -1


@dataclass(eq=False)
class Connection:
    """One tab, or another client."""

    websocket: WebSocket
    identity: Identity
    following: dict[str, Following] = field(default_factory=dict)
    feeds: Feeds = field(default_factory=Feeds)
    # When it last took something while it was busy.
    stuck_since: float | None = None
    unsent: int = 0


class Hub:
    """The room of one server that holds its live connections."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock: Callable[[], float] = time.monotonic
        self._topics = {topic.name: topic for topic in crane.topics}
        # What belongs to an object (services/{name}/tasks) comes before an object whose name would end like that.
        self._patterns = sorted(
            (_Pattern.of(topic) for topic in crane.topics if "{" in topic.name), key=lambda each: -each.length
        )
        self._lock = threading.RLock()
        self._connections: set[Connection] = set()
        self._boards: dict[str, Board] = {}
        self._watching: Subscription | None = None
        self._closed = threading.Event()
        # What wakes the thread that writes, while it runs.
        self._bell: socket.socket | None = None
        settings = crane.settings
        # Requests must find a thread however many tabs there are.
        self.most = min(settings["server.live_connections"], max(1, settings["server.threads"] * 9 // 10))
        self._places = threading.BoundedSemaphore(max(0, self.most))
        crane.rights.tell(self._wake)

    # Connections

    def __len__(self) -> int:
        return len(self._connections)

    @contextlib.contextmanager
    def connected(self, accept: Callable[[], WebSocket], identity: Identity) -> Iterator[Connection]:
        """Hold a connection while a block runs.

        :param accept: Answers the handshake.
        :raises LiveFull: when there is room for no other, or the server stops; the handshake is not answered then.
        """
        if self._closed.is_set() or not self._places.acquire(blocking=False):
            raise LiveFull(f"The server holds {self.most} live connections at the most. Try again later.")
        try:
            connection = Connection(accept(), identity)
            with self._lock:
                self._connections.add(connection)
            # It may have begun to stop since it was asked.
            if self._closed.is_set():
                connection.websocket.close(GOING_AWAY, "The server stops.")
            try:
                yield connection
            finally:
                with self._lock:
                    self._connections.discard(connection)
                    connection.following.clear()
                    self._sweep()
                connection.feeds.close()
                connection.websocket.shut()
        finally:
            self._places.release()

    def close(self) -> None:
        """Take leave of everybody: the server stops."""
        with self._lock:
            self._closed.set()
            connections = list(self._connections)
        for connection in connections:
            connection.websocket.close(GOING_AWAY, "The server stops.")
        self._wake()

    # Subscriptions

    def find_topic(self, text: str) -> tuple[Topic, Mapping[str, str]]:
        """Find the topic that somebody names, and the parameters in its name.

        :raises UnknownTopic: when there is none.
        """
        name = text.partition("?")[0]
        if name in self._topics and "{" not in name:
            return self._topics[name], {}
        for pattern in self._patterns:
            if found := pattern.find_name(name):
                return pattern.topic, {pattern.parameter: found}
        raise UnknownTopic(f"There is no topic {text[:100]}. There are {', '.join(sorted(self._topics))}.")

    def subscribe(self, connection: Connection, text: str, known: str | None = None) -> None:
        """Send somebody a topic from now on; what they may see of it is asked whenever something is sent.

        :param known: The version of it that they have seen before.
        :raises UnknownTopic: when there is no such topic.
        :raises TooManySubscriptions: when they have as many as they may.
        """
        topic, parameters = self.find_topic(text)
        if topic.feed is not None:
            if len(connection.feeds) >= MOST_FEEDS and text not in connection.feeds:
                raise TooManySubscriptions(f"A connection may follow {MOST_FEEDS} topics that are sent as they come.")
            query = dict(parse_qsl(text.partition("?")[2], keep_blank_values=True))
            subscriber = Subscriber(self._crane, connection.identity, text, parameters, query, self._wake)
            connection.feeds.open(topic, subscriber)
            self._wake()
            return
        with self._lock:
            if len(connection.following) >= MOST_SUBSCRIPTIONS and text not in connection.following:
                raise TooManySubscriptions(f"A connection may follow {MOST_SUBSCRIPTIONS} topics.")
            board = self._boards.get(text)
            if board is None:
                listing = topic.listing
                if listing is None:
                    raise UnknownTopic(f"The topic {topic.name} has nothing to tell.")
                board = Board(text, topic.action, lambda: listing(self._crane, parameters), topic.key)
                self._boards[text] = board
            connection.following[text] = Following(board, known)
            if self._watching is None:
                _, self._watching = self._crane.cache.snapshot_and_subscribe(lambda old, new: None, watching=True)
        self._crane.watcher.note_interest()
        self._wake()

    def unsubscribe(self, connection: Connection, text: str) -> None:
        """Send somebody a topic no more."""
        connection.feeds.close(text)
        with self._lock:
            connection.following.pop(text, None)
            self._sweep()

    def _sweep(self) -> None:
        """Forget boards that nobody follows."""
        followed = {text for connection in self._connections for text in connection.following}
        self._boards = {text: board for text, board in self._boards.items() if text in followed}
        if not followed and self._watching is not None:
            self._watching.close()
            self._watching = None

    # Writing

    def run(self, stop: threading.Event) -> None:
        """Write to everybody what is new to them, until told to stop."""
        with selectors.DefaultSelector() as selector, self._listen() as ear:
            selector.register(ear, selectors.EVENT_READ)
            busy: dict[Connection, int] = {}
            refreshed = float("-inf")
            while not stop.is_set():
                now = self._clock()
                pause = IDLE_SECONDS if not self._boards else max(0.0, refreshed + PACE_SECONDS - now)
                ready = [key.data for key, _ in selector.select(pause) if key.data is not None]
                _drain(ear)
                for connection in ready:
                    with contextlib.suppress(Gone):
                        connection.websocket.flush()
                now = self._clock()
                due = now - refreshed >= PACE_SECONDS
                if due:
                    refreshed = now
                self.step(now, refresh=due)
                self._watch_busy(selector, busy, now)
                self._crane.about_to_wait()
        self.close()

    def step(self, now: float, refresh: bool = True) -> None:
        """Send everybody what is new to them, as far as they are ready for it.

        :param refresh: Whether to read anew what topics say; those never read before are read in any case.
        """
        with self._lock:
            boards = list(self._boards.values())
            connections = list(self._connections)
        failed: dict[Board, CraneError] = {}
        for board in boards:
            if refresh or not board.revision:
                try:
                    board.refresh()
                except CraneError as error:
                    failed[board] = error
                except Exception:
                    # Topics come from plugins: one that fails must not silence the others.
                    log.exception("The topic %s failed.", board.topic)
                    failed[board] = CraneError(f"The topic {board.topic} failed; the server's log says why.")
        # Read before anything is decided: what changes meanwhile is decided anew in the next step.
        sights = Sights(self._crane, self._crane.rights.version)
        for connection in connections:
            try:
                self._write(connection, sights, failed, now)
                if connection.feeds and connection.feeds.write(connection.websocket, connection.identity, now):
                    # There is more, for whoever takes it; the others come first.
                    self._wake()
            except Gone:
                connection.websocket.shut()

    def _write(self, connection: Connection, sights: Sights, failed: Mapping[Board, CraneError], now: float) -> None:
        with self._lock:
            following = list(connection.following.items())
        for text, each in following:
            if connection.websocket.busy:
                return
            if (error := failed.get(each.board)) is not None:
                self._end(connection, text, error)
                continue
            if not each.board.revision:
                continue
            free = may_everything(connection.identity)
            stale = each.seen is None or each.seen.revision != each.board.revision
            decided = now - each.checked_at < RECHECK_SECONDS and each.rights == sights.rights
            if not stale and (free or decided):
                continue
            each.checked_at, each.rights = now, sights.rights
            try:
                visible = None if free else sights.look(connection.identity, each.board)
            except Forbidden as refusal:
                self._end(connection, text, refusal)
                continue
            frame = each.board.tell(each.seen, visible, each.known)
            if frame is None or connection.websocket.offer(frame):
                each.seen = Seen(each.board.revision, visible)

    def _end(self, connection: Connection, text: str, error: CraneError) -> None:
        if connection.websocket.offer(to_frame(msgspec.json.encode({"topic": text, "error": error.to_problem()}))):
            self.unsubscribe(connection, text)

    def _watch_busy(self, selector: selectors.BaseSelector, busy: dict[Connection, int], now: float) -> None:
        """Be told when busy connections can take more; give up those that take nothing for too long."""
        with self._lock:
            present = set(self._connections)
        for connection in [one for one in busy if one not in present or not one.websocket.busy]:
            # By number, because the socket may be closed already.
            with contextlib.suppress(KeyError, ValueError, OSError):
                selector.unregister(busy[connection])
            del busy[connection]
            connection.stuck_since = None
        for connection in present:
            if not connection.websocket.busy:
                continue
            left = connection.websocket.unsent
            if connection.stuck_since is None or left != connection.unsent:
                connection.stuck_since, connection.unsent = now, left
            elif now - connection.stuck_since > PATIENCE_SECONDS:
                log.info("A live connection of %s took nothing for long; it is closed.", connection.identity.name)
                connection.websocket.shut()
            if connection not in busy and (number := connection.websocket.fileno()) >= 0:
                with contextlib.suppress(KeyError, ValueError, OSError):
                    selector.register(number, selectors.EVENT_WRITE, connection)
                    busy[connection] = number

    @contextlib.contextmanager
    def _listen(self) -> Iterator[socket.socket]:
        ear, bell = socket.socketpair()
        with ear, bell:
            ear.setblocking(False)
            bell.setblocking(False)
            with self._lock:
                self._bell = bell
            try:
                yield ear
            finally:
                with self._lock:
                    self._bell = None

    def _wake(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._bell is not None:
                self._bell.send(b"!")


def _drain(ear: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while ear.recv(4096):
            pass


class Sights:
    """What each caller may see of each board; asked once for all connections of the same caller."""

    def __init__(self, crane: Crane, rights: int = 0) -> None:
        self.rights = rights
        self._crane = crane
        self._known: dict[tuple[Identity, Board], list[tuple[Mapping[str, Any], frozenset[str]]]] = {}

    def look(self, identity: Identity, board: Board) -> frozenset[str]:
        """Return which items of a board somebody may see.

        :raises Forbidden: when they may see none, nor any other of this kind.
        """
        for details, visible in self._known.setdefault((identity, board), []):
            if details == identity.details:
                return visible
        visible = frozenset(self._find_visible(identity, board))
        self._known[identity, board].append((identity.details, visible))
        return visible

    def _find_visible(self, identity: Identity, board: Board) -> Iterable[str]:
        decide_on = decider(self._crane, identity, board.action)
        visible = [key for key, item in board.items.items() if decide_on(item.target).allows]
        if not visible and "/" not in board.topic:
            vote = decide_on(in_general(board.action))
            if not vote.allows:
                raise Forbidden(f"You may not do {board.action} any more: {vote.reason}.", action=board.action)
        return visible
