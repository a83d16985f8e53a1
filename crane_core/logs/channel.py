"""A channel: the log of one subject as it comes, for all who follow it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crane_core.context import Crane
from crane_core.engine.streams import Fan
from crane_core.errors import CraneError
from crane_core.logs.batch import Batch
from crane_core.logs.entries import Condition, Told
from crane_core.logs.follower import Follower
from crane_core.logs.lines import Line, to_stamp
from crane_core.logs.merging import Merger
from crane_core.logs.origins import Origin, Subject, find_origins, refresh_origin

log = logging.getLogger(__name__)

# How much of the newest is kept for readers who are slow, in bytes.
MOST_BYTES = 8 * 1024 * 1024
# The least time between two batches, in seconds.
PACE_SECONDS = 0.2
# How often it is looked how nodes fare, in seconds.
LOOK_SECONDS = 0.5
# How many containers of one log are followed.
MOST_FOLLOWED = 300


class Channel:
    """Follows all containers of a subject, those that appear later too, until it is closed."""

    def __init__(self, crane: Crane, subject: Subject) -> None:
        self.fan: Fan[Batch] = Fan(MOST_BYTES)
        self._crane = crane
        self._subject = subject
        self._born = to_stamp(datetime.now(UTC))
        self._merger = Merger()
        self._followers: dict[str, Follower] = {}
        self._origins: dict[str, Origin] = {}
        self._told: dict[str, Condition] = {}
        self._ended_at: dict[str, float] = {}
        self._looked = threading.Event()
        self._stop = threading.Event()
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"crane-log-{subject.key}", daemon=True)
        self._thread.start()

    @property
    def streams(self) -> int:
        """How many streams of Engines are open for it."""
        conditions = [follower.condition for follower in list(self._followers.values())]
        return sum(each is not None and each.state == "following" for each in conditions)

    def conditions(self) -> list[Told]:
        """Return how it stands with each container."""
        with self._lock:
            return [Told(self._origins[key], condition) for key, condition in self._told.items()]

    def wait_settled(self, seconds: float) -> None:
        """Wait until it is known of each container whether it can be followed, but no longer than so many seconds."""
        deadline = time.monotonic() + seconds
        self._looked.wait(seconds)
        for follower in list(self._followers.values()):
            follower.settled.wait(max(0.0, deadline - time.monotonic()))

    def hear(self, event: Mapping[str, Any] | None) -> None:
        """Look at a container again that may have been started: its node told of something."""
        id_ = str((event or {}).get("id") or ((event or {}).get("Actor") or {}).get("ID") or "")
        for follower in list(self._followers.values()):
            if event is None or follower.origin.container == id_:
                follower.poke()

    def close(self) -> None:
        """Follow nothing any more."""
        self._stop.set()
        self._bell.set()
        for follower in list(self._followers.values()):
            follower.close()
        self.fan.end()

    # On the thread of its own

    def _run(self) -> None:
        # Somebody watches: the Swarm is looked at often, so that new tasks are seen soon.
        with self._crane.cache.snapshot_and_subscribe(lambda old, new: self._bell.set(), watching=True)[1]:
            version, looked = -1, float("-inf")
            while not self._stop.is_set():
                now = time.monotonic()
                seen = self._crane.cache.snapshot().version
                if seen != version or now - looked >= LOOK_SECONDS:
                    version, looked = seen, now
                    self._look(now)
                self._emit()
                self._stop.wait(PACE_SECONDS)
                self._bell.wait(0.0 if self._merger.waiting else LOOK_SECONDS)
                self._bell.clear()
        for follower in list(self._followers.values()):
            follower.close()

    def _emit(self) -> None:
        if entries := self._merger.take(time.monotonic(), hurry=len(self._followers) < 2):
            batch = Batch(entries)
            self.fan.put(batch, batch.lines, batch.size)

    def _look(self, now: float) -> None:
        first = not self._looked.is_set()
        try:
            origins = self._find()
        except CraneError as error:
            log.info("The log of %s cannot be looked after: %s", self._subject.key, error)
            self._looked.set()
            return
        for origin in origins:
            self._look_at(origin, first, now)
        self._leave({origin.key for origin in origins})
        self._looked.set()

    def _find(self) -> list[Origin]:
        if self._subject.kind == "container" and self._origins:
            # It stays where it is; what may change is what its task tells.
            return [refresh_origin(self._crane, origin) for origin in self._origins.values()]
        return find_origins(self._crane, self._subject)

    def _look_at(self, origin: Origin, first: bool, now: float) -> None:
        with self._lock:
            self._origins[origin.key] = origin
        follower = self._followers.get(origin.key)
        if origin.ended:
            self._ended_at.setdefault(origin.key, now)
        if follower is not None:
            follower.look(origin, now - self._ended_at[origin.key] if origin.ended else 0.0)
        elif origin.key in self._told and self._told[origin.key].state == "ended":
            return
        elif not origin.container or (origin.ended and first):
            self._tell(origin, _describe_idle(origin))
        elif len(self._followers) >= MOST_FOLLOWED:
            self._tell(origin, Condition("waiting", f"No more than {MOST_FOLLOWED} containers are followed at once."))
        else:
            late = not first
            follower = Follower(self._crane, origin, self._put, self._tell, late=late, since=self._born)
            self._followers[origin.key] = follower
            follower.start()

    def _leave(self, present: set[str]) -> None:
        """Let go of what has ended, and of what the Swarm has forgotten."""
        for key, follower in list(self._followers.items()):
            state = follower.condition.state if follower.condition else ""
            if state == "ended" and follower.origin.task:
                del self._followers[key]
            elif key not in present and state == "unreachable":
                self._tell(follower.origin, Condition("ended", "The Swarm has forgotten its task."))
                follower.close()
                del self._followers[key]
        for key in self._origins.keys() - present - self._followers.keys():
            self._merger.forget(key)
            self._ended_at.pop(key, None)
            with self._lock:
                del self._origins[key]
                self._told.pop(key, None)

    # Called by followers

    def _put(self, origin: Origin, lines: list[Line]) -> None:
        self._merger.put(origin, lines, time.monotonic())
        self._bell.set()

    def _tell(self, origin: Origin, condition: Condition) -> None:
        with self._lock:
            if self._told.get(origin.key) == condition:
                return
            self._told[origin.key] = condition
            self._origins.setdefault(origin.key, origin)
        self._merger.tell(Told(origin, condition), time.monotonic())
        self._bell.set()


def _describe_idle(origin: Origin) -> Condition:
    """Say of a task that has no container, or whose container ended before somebody looked, how it stands."""
    if origin.ended:
        return Condition("ended", origin.error, origin.exit_code)
    return Condition("waiting", origin.error or f"The task is {origin.state}.")
