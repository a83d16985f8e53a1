"""A follower: what one container prints, as it comes, through every failure on the way."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Literal

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.engine.streaming import ByteStream
from crane_core.errors import CraneError, EngineUnavailable, NotFound
from crane_core.logs.asking import Answer, Wish, ask, managers_reach
from crane_core.logs.entries import Condition
from crane_core.logs.lines import Line, LineReader
from crane_core.logs.origins import Origin
from crane_core.logs.recent import Recent

log = logging.getLogger(__name__)

# So many of the lines before are asked for when somebody begins to follow a container that runs: those that it prints
# while the Engine begins to answer must not be missing.
OVERLAP = 50
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
# How long the end of a container is waited for after its task has ended, where only the managers tell of it.
GRACE_SECONDS = 5.0
_BROKEN = "Something went wrong inside the server; its log has more."

Put = Callable[[Origin, list[Line]], None]
Tell = Callable[[Origin, Condition], None]


class Follower:
    """Follow one container until told to stop.

    :param late: Whether the container began after somebody began to follow the log, so that all it printed is news.
    :param since: Where it could not be reached at first: nothing from before this stamp is news.
    :param put: Given lines in their order, each once.
    :param tell: Given each new condition, after the lines before it.
    """

    def __init__(self, crane: Crane, origin: Origin, put: Put, tell: Tell, *, late: bool, since: str) -> None:
        self.origin = origin
        self.condition: Condition | None = None
        self.settled = threading.Event()
        self._crane = crane
        self._put = put
        self._tell_others = tell
        self._late = late
        self._since = since
        self._recent = Recent()
        self._stop = threading.Event()
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._doubt = ""
        self._thread = threading.Thread(target=self._run, name=f"crane-log-{origin.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what is on its way is told no more."""
        self._stop.set()
        self._bell.set()
        self._hang_up("")

    def poke(self) -> None:
        """Try again now instead of after the pause."""
        self._bell.set()

    def look(self, origin: Origin, ended_for: float) -> None:
        """Compare what is known of the container and its node with what is followed.

        :param origin: The same origin, as it is now.
        :param ended_for: For how many seconds its task has ended; 0 while it has not.
        """
        self.origin = origin
        answer = self._answer
        if answer is None:
            return
        link = self._crane.room(Pool).link(origin.node_id) if _has_node(self._crane, origin) else None
        if answer.via == "node":
            if link is None or link.error:
                self._hang_up(link.error if link else f"The node of {origin.name} is gone.")
        elif ended_for > GRACE_SECONDS:
            self._hang_up("ended")
        elif link is not None and link.answers:
            self._hang_up("again")
        elif not managers_reach(self._crane, origin):
            self._hang_up(link.error if link and link.error else f"The node {origin.node} is down.")

    def _hang_up(self, why: str) -> None:
        with self._lock:
            if self._answer is not None:
                self._doubt = why
                self._answer.stream.close()

    # On the thread of its own

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            if self.condition is None or self.condition.state != "ended":
                # What nobody expected ends this one, but not without a word; the others go on.
                self._tell(Condition("unreachable", _BROKEN))

    def _follow(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            last = self._recent.newest
            try:
                if self._follow_once():
                    return
            except NotFound:
                self._tell(Condition("ended", "Its container is gone.", self.origin.exit_code))
                return
            except CraneError as error:
                self._tell(Condition("unreachable", str(error)))
            except (OSError, ValueError):
                # An Engine that sends what cannot be read may send better when it is asked again.
                log.exception("Following %s failed.", self.origin.name)
                self._tell(Condition("unreachable", _BROKEN))
            if self._recent.newest != last:
                # It worked for a while.
                pause = FIRST_PAUSE_SECONDS
            self._bell.wait(pause)
            self._bell.clear()
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _follow_once(self) -> bool:
        """Read until what is sent ends; tell whether the container has ended, too."""
        answer = ask(self._crane, self.origin, self._wish())
        with self._lock:
            self._answer, self._doubt = answer, ""
        try:
            if self._stop.is_set():
                return True
            self._tell(Condition("following", via=answer.via))
            said = self._read(answer.stream)
        except EngineUnavailable as error:
            # Where it was given up from here, that is the better reason.
            raise EngineUnavailable(self._doubt or str(error)) from error
        finally:
            with self._lock:
                self._answer = None
            answer.stream.close()
        if self._stop.is_set():
            return True
        if self._doubt == "again":
            return False
        if self._doubt and self._doubt != "ended":
            raise EngineUnavailable(self._doubt)
        if said:
            raise EngineUnavailable(f"The managers cannot pass on what {self.origin.name} prints: {said}.")
        return self._look_whether_ended(answer.via)

    def _wish(self) -> Wish:
        if self._recent.since:
            return Wish(since=self._recent.since, follow=True)
        if self._late:
            return Wish(follow=True)
        if self.settled.is_set():
            return Wish(since=self._since, follow=True)
        return Wish(tail=OVERLAP, follow=True)

    def _read(self, stream: ByteStream) -> str:
        """Hand over lines as they come; return what the Engine said besides, at the end."""
        reader = LineReader()
        drop_known = self._recent.sift()
        for piece in stream:
            self._hand_over(drop_known(reader.feed(piece)))
        if not self._doubt and not self._stop.is_set():
            self._hand_over(drop_known(reader.end()))
        return reader.said

    def _hand_over(self, lines: list[Line]) -> None:
        if lines and not self._stop.is_set():
            self._recent.note(*lines)
            self._put(self.origin, lines)

    def _look_whether_ended(self, via: Literal["node", "swarm"]) -> bool:
        if via == "swarm":
            # The managers end it when the task has ended, and also when the node's own agent started anew.
            if not self.origin.ended:
                return False
            self._tell(Condition("ended", self.origin.error, self.origin.exit_code, via))
            return True
        state = self._crane.room(Pool).get(self.origin.node_id).container(self.origin.container).get("State") or {}
        if state.get("Running") or state.get("Restarting"):
            return False
        self._tell(Condition("ended", str(state.get("Error") or ""), int(state.get("ExitCode") or 0)))
        if self.origin.task:
            # The Swarm starts no container a second time.
            return True
        while not self._stop.is_set():
            self._bell.wait()
            self._bell.clear()
            with contextlib.suppress(EngineUnavailable):
                engine = self._crane.room(Pool).get(self.origin.node_id)
                if (engine.container(self.origin.container).get("State") or {}).get("Running"):
                    return False
        return True

    def _tell(self, condition: Condition) -> None:
        if condition != self.condition and not self._stop.is_set():
            self.condition = condition
            self._tell_others(self.origin, condition)
        self.settled.set()


def _has_node(crane: Crane, origin: Origin) -> bool:
    return origin.node_id in crane.cache.snapshot().nodes
