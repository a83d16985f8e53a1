"""Events: what happened in the Swarm or in Crane, told to plugins in order, on one thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)

# Far more than a burst of a large Swarm; beyond it a plugin is stuck, and memory is worth more than its backlog.
BACKLOG = 10_000


EVENT_KINDS: Mapping[str, str] = {
    "service.created": "A service was created through Crane.",
    "service.updated": "A service was changed through Crane: its spec, its scale or its image.",
    "service.removed": "A service was removed through Crane.",
    "network.created": "A network was created through Crane.",
    "network.updated": "The labels of a network were changed through Crane.",
    "network.removed": "A network was removed through Crane.",
    "network.connected": "A container was connected to a network; the detail has the container and its node.",
    "network.disconnected": "A container was taken off a network; the detail has the container and its node.",
    "config.created": "A config was created through Crane.",
    "config.updated": "The labels of a config were changed through Crane.",
    "config.removed": "A config was removed through Crane.",
    "config.revealed": "Somebody read the content of a config.",
    "secret.created": "A secret was created through Crane.",
    "secret.updated": "The labels of a secret were changed through Crane.",
    "secret.removed": "A secret was removed through Crane.",
    "stack.deployed": "The deployment of a stack ended, well or not; the detail has the outcome.",
    "stack.removed": "The removal of a stack ended, well or not; the detail has the outcome.",
    "plan.created": "Somebody asked what a change would do.",
    "operation.started": "A change was accepted; the detail has its kind, and the changes of its plan.",
    "operation.ended": "A change came to its verdict; the detail has the outcome and the verdict.",
    "node.created": "An Engine was joined to the Swarm through Crane.",
    "node.updated": "Labels, role or availability of a node were changed through Crane; the detail has old and new.",
    "node.removed": "A node was removed through Crane.",
    "swarm.created": "The Engine was made the first manager of a Swarm through Crane.",
    "swarm.updated": "How the Swarm is set up was changed through Crane; the detail names what.",
    "swarm.rotated": "Join tokens, the unlock key or certificates were replaced through Crane; the detail names which.",
    "agent.installed": "The agent was installed, or brought to what the settings say.",
    "agent.rotated": "The authority and certificates of the agent began to be replaced.",
    "agent.removed": "The agent was removed, with its secrets, configs and keys.",
    "terminal.opened": "Somebody opened a terminal in a container; the detail has where, and what is run.",
    "terminal.closed": "A terminal ended; the detail has how (outcome), the exit code, and how many seconds it lasted.",
    "recording.removed": "The recording of a terminal was removed; the detail has whose it was, and of where.",
    "node.changed": "A node came, went, or changed its state, availability or role.",
    "container.started": "A container was started through Crane; the detail has its node, as of all that follow.",
    "container.stopped": "A container was stopped through Crane; the detail has the task that it was of, too.",
    "container.restarted": "A container was restarted through Crane; told as container.stopped is.",
    "container.paused": "A container was paused through Crane.",
    "container.unpaused": "A container that was paused goes on, through Crane.",
    "container.killed": "A signal was sent to a container through Crane; the detail has the task if it was KILL.",
    "container.renamed": "A container was renamed through Crane; the name is the old one.",
    "container.removed": "A container was removed through Crane; told as container.stopped is.",
    "container.pruned": "Stopped containers of a node were removed; the detail has how many, and the room gained.",
    "image.pulled": "An image was pulled on a node through Crane.",
    "image.tagged": "An image of a node was given a further name through Crane.",
    "image.removed": "An image, or a name of it, was removed from a node through Crane.",
    "image.pruned": "Images of a node that nothing needed were removed; the detail is as for containers.",
    "volume.created": "A volume was made on a node through Crane.",
    "volume.removed": "A volume was removed from a node through Crane.",
    "volume.pruned": "Volumes of a node that nothing needed were removed; the detail is as for containers.",
    "engine.lost": "The Engine does not answer any more; lists show what was known last.",
    "engine.returned": "The Engine answers again, and everything was read anew.",
    "access.denied": "A caller was refused; the detail has the action and the reason.",
}
"""What the core itself tells of; a plugin contributes its own kinds with ``crane_event_kinds``."""


@dataclass(frozen=True)
class Event:
    """Something that happened.

    :param kind: ``<kind>.<past participle>``, as in ``service.created``.
    :param name: The name of the object that it happened to.
    :param id: Its id, where it has one.
    :param stack: The stack that it belongs to.
    :param by: The name of the identity that asked for it; empty when the Swarm did it.
    :param detail: What else is known; never anything secret.
    :param at: When, in UTC.
    """

    kind: str
    name: str = ""
    id: str = ""
    stack: str | None = None
    by: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class EventStream:
    """Delivers events to one listener, in the order in which they were emitted, on a thread of its own."""

    def __init__(self, deliver: Callable[[Event], None]) -> None:
        self._deliver = deliver
        self._queue: queue.Queue[Event | None] = queue.Queue(BACKLOG)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.dropped = 0

    def emit(self, event: Event) -> None:
        """Hand over an event; never waits. With a full backlog it is dropped, counted and logged."""
        self._ensure_thread()
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1
            log.error(
                "The event %s of %s was dropped: %d others still wait for a plugin.", event.kind, event.name, BACKLOG
            )

    def drain(self) -> None:
        """Wait until everything emitted so far is delivered."""
        self._queue.join()

    def stop(self, timeout: float = 5.0) -> bool:
        """Deliver what is left, and end the thread.

        :param timeout: Seconds to wait for plugins that are still busy with an event.
        :returns: Whether everything was delivered in that time.
        """
        if self._thread is None:
            return True
        try:
            self._queue.put(None, timeout=timeout)
        except queue.Full:
            return False
        self._thread.join(timeout)
        ended = not self._thread.is_alive()
        self._thread = None
        return ended

    def _ensure_thread(self) -> None:
        # Started at first use, because threads do not survive the fork of a server process.
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="crane-events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            event = self._queue.get()
            try:
                if event is None:
                    return
                self._deliver(event)
            finally:
                self._queue.task_done()
