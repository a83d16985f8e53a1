"""Feeds: topics of which each subscriber is sent what comes, and not only how it stands."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import msgspec

from crane_core.context import Crane
from crane_core.contributions import Feed, Subscriber, Topic
from crane_core.errors import CraneError, Forbidden, NotFound
from crane_core.security import Identity, Target, decide, in_general
from crane_core.websockets import Gone, WebSocket, to_frame

log = logging.getLogger(__name__)

# How many messages of one feed are sent before others have their turn.
MOST_AT_ONCE = 16
# How often it is asked anew whether somebody may follow a feed, although no rights changed, in seconds.
RECHECK_SECONDS = 5.0


@dataclass(eq=False)
class _Following:
    """One subscription to a feed."""

    crane: Crane
    topic: Topic
    feed: Feed
    name: str | None
    rights: int
    checked_at: float = float("-inf")
    # The message that is next, when it could not be sent at once.
    unsent: bytes | None = None

    def demand(self, identity: Identity, now: float) -> int:
        """Return the version of the rights with which somebody may have it. Raises ``Forbidden``."""
        rights = self.crane.rights.version
        if rights != self.rights or now - self.checked_at >= RECHECK_SECONDS:
            action = self.topic.action
            vote = decide(self.crane, identity, action, _find(self.crane, action, self.name))
            if not vote.allows:
                raise Forbidden(f"You may not do {action} any more: {vote.reason}.", action=action)
            self.rights, self.checked_at = rights, now
        return self.rights


def _find(crane: Crane, action: str, name: str | None) -> Target:
    find = crane.actions[action].find
    if name is None or find is None:
        return in_general(action)
    try:
        return find(name)
    except NotFound:
        # What is gone still has something to say: how it ended. Who may see none of its kind sees nothing of that.
        return in_general(action)


class Feeds:
    """The feeds that one connection follows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._following: dict[str, _Following] = {}

    def __len__(self) -> int:
        return len(self._following)

    def __contains__(self, text: object) -> bool:
        return text in self._following

    def open(self, topic: Topic, subscriber: Subscriber) -> None:
        """Send somebody a feed from now on; what they may not, they have been refused already."""
        if topic.feed is None:
            return
        self.close(subscriber.topic)
        rights = subscriber.crane.rights.version
        feed = topic.feed(subscriber)
        name = next(iter(subscriber.parameters.values()), None)
        with self._lock:
            self._following[subscriber.topic] = _Following(subscriber.crane, topic, feed, name, rights)

    def close(self, text: str | None = None) -> None:
        """Send one of them no more, or none."""
        with self._lock:
            if text is None:
                closed, self._following = list(self._following.values()), {}
            else:
                closed = [found] if (found := self._following.pop(text, None)) else []
        for following in closed:
            following.feed.close()

    def write(self, websocket: WebSocket, identity: Identity, now: float) -> bool:
        """Send what there is, as far as the other side takes it; tell whether there may be more."""
        with self._lock:
            all_of_them = list(self._following.items())
        more = False
        for text, following in all_of_them:
            try:
                more |= self._write(websocket, identity, following, now)
            except CraneError as error:
                self._end(websocket, text, error)
            except Gone:
                raise
            except Exception:
                # Feeds come from plugins: one that fails must not silence the others.
                log.exception("The topic %s failed.", text)
                self._end(websocket, text, CraneError(f"The topic {text} failed; the server's log says why."))
        return more

    @staticmethod
    def _write(websocket: WebSocket, identity: Identity, following: _Following, now: float) -> bool:
        rights = following.demand(identity, now)
        for _ in range(MOST_AT_ONCE):
            if websocket.busy:
                return False
            if following.unsent is None and (message := following.feed.next(rights)) is not None:
                following.unsent = to_frame(message)
            if following.unsent is None:
                return False
            if not websocket.offer(following.unsent):
                # Somebody else began to say something in between: this comes after it.
                return True
            following.unsent = None
        return not websocket.busy

    def _end(self, websocket: WebSocket, text: str, error: CraneError) -> None:
        if websocket.offer(to_frame(msgspec.json.encode({"topic": text, "error": error.to_problem()}))):
            self.close(text)
