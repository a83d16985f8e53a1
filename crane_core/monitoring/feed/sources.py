"""Where entries of the feed come from: nodes' Engines, the manager's, the copy of the Swarm, and Crane itself."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Subscription
from crane_core.engine.calls import KINDS
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.records import STACK_LABEL, Node, Service, Task
from crane_core.engine.snapshot import Snapshot
from crane_core.errors import NotFound
from crane_core.events import Event
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.feed.model import LOST, Draft
from crane_core.security import Target

_SERVICE_LABEL = "com.docker.swarm.service"
# So many objects that are gone are remembered.
MOST_GONE = 1000
# How long it is waited for the copy to know what the manager tells of, in seconds.
EARLY_SECONDS = 3.0
# What is kept of the attributes of an Engine's event. The labels of a container are among them, all of them.
_ATTRIBUTES = (
    "container", "destination", "driver", "execDuration", "exitCode", "image", "name", "oldName", "permissions",
    "propagation", "read/write", "signal", "type", "state.new", "state.old", "availability.new", "availability.old",
    "role.new", "role.old", "replicas.new", "replicas.old", "image.new", "image.old", "updatestate.new",
    "updatestate.old", "leader.new", "leader.old", "reachability.new", "reachability.old",
)  # fmt: skip


class Sources:
    """The room of one server that fills its feed."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._feed = crane.room(Feed)
        self._clock = crane.cache.clock
        self._lock = threading.Lock()
        # Objects that are gone, by their ids, for what is told of them afterwards.
        self._gone: OrderedDict[str, Target] = OrderedDict()
        # What is told of objects that the copy does not know yet, and how long it is waited for that.
        self._early: list[tuple[float, Mapping[str, Any]]] = []
        # Nodes whose events are followed, and those whose events were, and are not at the moment.
        self._followed: set[str] = set()
        self._lost: set[str] = set()
        self._subscription: Subscription | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._crane.room(NodeEvents).listen(self.hear_node)
        self._crane.watcher.listen(self.hear_swarm)
        _, subscription = self._crane.cache.snapshot_and_subscribe(self.hear_copy)
        self._subscription = subscription

    def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._subscription.close()

    def hear_crane(self, event: Event) -> None:
        """Take something that happened in Crane, or that it noticed."""
        kind = event.kind.partition(".")[0]
        target = Target(kind, event.name, event.id, event.stack)
        service = event.name if kind == "service" else None
        node = event.name if kind == "node" else None
        at = event.at.isoformat().replace("+00:00", "Z")
        self._feed.add(Draft(at, "crane", event.kind, target, node, service, event.by, event.detail))

    def hear_swarm(self, event: Mapping[str, Any]) -> None:
        """Take an event of the manager's."""
        self._tell_early(self._crane.cache.snapshot())
        if event.get("Action") == "create" and self._find_target(self._crane.cache.snapshot(), event) is None:
            # Who may see it depends on what it is, which the manager's event does not say.
            with self._lock:
                self._early.append((self._clock() + EARLY_SECONDS, event))
        else:
            self._tell_of_swarm(self._crane.cache.snapshot(), event)

    def _tell_early(self, snapshot: Snapshot) -> None:
        """Tell what could not be told before, if it can now, or was waited for long enough."""
        now = self._clock()
        with self._lock:
            due = [
                event
                for deadline, event in self._early
                if deadline <= now or self._find_target(snapshot, event) is not None
            ]
            self._early = [(deadline, event) for deadline, event in self._early if event not in due]
        for event in due:
            self._tell_of_swarm(snapshot, event)

    def _tell_of_swarm(self, snapshot: Snapshot, event: Mapping[str, Any]) -> None:
        kind, id_, attributes = _read_actor(event)
        name = str(attributes.get("name", ""))
        target = self._find_target(snapshot, event) or self._gone.get(id_) or Target(kind, name or id_, id_)
        node = target.name if kind == "node" else None
        service = target.name if kind == "service" else None
        self._feed.add(_draft(event, "swarm", target, node, service, attributes))

    def hear_node(self, node_id: str, event: Mapping[str, Any] | None) -> None:
        """Take an event of a node's own Engine; None where some may have been missed."""
        try:
            node = self._crane.cache.snapshot().get_node(node_id)
        except NotFound:
            # It has left the Swarm, so that nothing is missed there.
            self._followed.discard(node_id)
            self._lost.discard(node_id)
            return
        if event is None:
            self._note_gap(node)
            return
        kind, id_, attributes = _read_actor(event)
        name = str(attributes.get("name") or id_)
        target = Target(kind, name, id_, self._find_stack(attributes), node=node.name)
        service = str(attributes.get(f"{_SERVICE_LABEL}.name") or "") or None
        self._feed.add(_draft(event, "node", target, node.name, service, attributes))

    def _find_stack(self, attributes: Mapping[str, Any]) -> str | None:
        """Return the stack that an event of a node is about.

        What a container says of itself is believed only where no service made it.
        """
        service_id = str(attributes.get(f"{_SERVICE_LABEL}.id") or "")
        if not service_id:
            return str(attributes.get(STACK_LABEL) or "") or None
        service = self._crane.cache.snapshot().services.get(service_id)
        if service is not None:
            return service.stack
        gone = self._gone.get(service_id)
        return gone.stack if gone is not None else None

    def _remember(self, old: Snapshot, new: Snapshot) -> None:
        """Remember what is gone."""
        for kind in ("services", "networks", "configs", "secrets"):
            before, after = getattr(old, kind), getattr(new, kind)
            if before is after:
                continue
            for id_ in before.keys() - after.keys():
                self._gone[id_] = _target_of(kind.removesuffix("s"), before[id_])
                while len(self._gone) > MOST_GONE:
                    self._gone.popitem(last=False)

    @staticmethod
    def _find_target(snapshot: Snapshot, event: Mapping[str, Any]) -> Target | None:
        """Return what an event of the manager's is about, if the copy knows it."""
        kind, id_, _ = _read_actor(event)
        records: Mapping[str, Any] = getattr(snapshot, f"{kind}s", {}) if kind in KINDS else {}
        record = records.get(id_)
        return None if record is None else _target_of(kind, record)

    def _note_gap(self, node: Node) -> None:
        """Tell that a node's events are missed from now on, the first time, and that they are there again."""
        with self._lock:
            if self._crane.room(NodeEvents).follows(node.id):
                self._followed.add(node.id)
                self._lost.discard(node.id)
                return
            is_new = node.id in self._followed and node.id not in self._lost and not self._feed.closed
            if is_new:
                self._lost.add(node.id)
        if is_new:
            text = f"The events of {node.name} are not heard any more; what happens there meanwhile is not told."
            detail = {"code": "node-unreachable", "text": text, "lost": None}
            target = Target("node", node.name, node.id, labels=node.labels)
            self._feed.add(Draft(_now(), "crane", LOST, target, node.name, detail=detail))

    def hear_copy(self, old: Snapshot, new: Snapshot) -> None:
        """Take the changes of tasks between two states of the copy: Engines tell of none."""
        self._remember(old, new)
        self._tell_early(new)
        # What the first reading finds has been there before.
        if old.source.state != "never" and old.tasks is not new.tasks:
            for draft in compare_tasks(old, new):
                self._feed.add(draft)


def compare_tasks(old: Snapshot, new: Snapshot) -> Iterator[Draft]:
    """Yield each task that is in another state than it was, in the order in which they came to it."""
    changed: list[tuple[str, Draft]] = []
    for service_id, tasks in new.tasks.items():
        before = old.tasks.get(service_id, ())
        if before is tasks:
            continue
        known = {task.id: task for task in before}
        service = new.services.get(service_id)
        for task in tasks:
            earlier = known.get(task.id)
            if earlier is None or (earlier is not task and earlier.state != task.state):
                draft = _draft_task(new, service, task, earlier)
                changed.append((draft.at, draft))
    yield from (draft for _, draft in sorted(changed, key=lambda pair: pair[0]))


def _draft_task(snapshot: Snapshot, service: Service | None, task: Task, earlier: Task | None) -> Draft:
    node = snapshot.nodes.get(task.NodeID)
    target = Target("task", task.id, task.id, service.stack if service else None, service.labels if service else {})
    detail: dict[str, Any] = {"old": earlier.state if earlier else None, "desired": task.desired_state}
    if task.error:
        detail["error"] = task.error
    if task.exit_code is not None:
        detail["exit_code"] = task.exit_code
    return Draft(
        task.Status.Timestamp or _now(),
        "task",
        f"task.{task.state}",
        target,
        node.name if node else task.NodeID or None,
        service.name if service else None,
        detail=detail,
        name=f"{service.name if service else task.ServiceID}.{task.place}",
    )


def _read_actor(event: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    actor = event.get("Actor") or {}
    return str(event.get("Type", "")), str(actor.get("ID", "")), actor.get("Attributes") or {}


def _draft(
    event: Mapping[str, Any],
    source: Any,
    target: Target,
    node: str | None,
    service: str | None,
    attributes: Mapping[str, Any],
) -> Draft:
    # A check of health tells its outcome after a colon: "health_status: healthy".
    action, _, more = str(event.get("Action", "")).partition(": ")
    detail = {key: attributes[key] for key in _ATTRIBUTES if key in attributes and attributes[key] != target.name}
    if more:
        detail["status"] = more
    return Draft(_read_time(event), source, f"{target.kind}.{action}", target, node, service, detail=detail)


def _target_of(kind: str, record: Any) -> Target:
    return Target(kind, record.name, record.id, getattr(record, "stack", None), record.labels)


def _read_time(event: Mapping[str, Any]) -> str:
    nanoseconds = event.get("timeNano")
    seconds = nanoseconds / 1e9 if isinstance(nanoseconds, int) else event.get("time")
    if not isinstance(seconds, (int, float)):
        return _now()
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
