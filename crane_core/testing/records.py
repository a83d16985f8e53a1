"""The objects of an in-memory Swarm, kept as the Engine's own JSON, and where they are kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from crane_core.testing.agenda import Agenda
from crane_core.testing.answers import Refusal

STATES = (
    "new",
    "allocated",
    "pending",
    "assigned",
    "accepted",
    "preparing",
    "ready",
    "starting",
    "running",
    "complete",
    "shutdown",
    "failed",
    "rejected",
    "remove",
    "orphaned",
)
RANK = {state: rank for rank, state in enumerate(STATES)}
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "orphaned"})


class Record:
    """One object: its JSON, and the bytes of it for as long as it does not change."""

    id_name = "ID"

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self._encoded: bytes | None = None

    @property
    def id(self) -> str:
        """The object's id."""
        return str(self.body[self.id_name])

    @property
    def name(self) -> str:
        """The name under which it can be asked for."""
        return str(self.body["Spec"].get("Name", ""))

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the filter ``label`` looks at."""
        return dict(self.body["Spec"].get("Labels") or {})

    @property
    def spec(self) -> dict[str, Any]:
        """Its spec."""
        spec: dict[str, Any] = self.body["Spec"]
        return spec

    @property
    def version(self) -> int:
        """Its version index."""
        return int(self.body["Version"]["Index"])

    def changed(self) -> None:
        """Forget the bytes of what it was."""
        self._encoded = None

    def encoded(self) -> bytes:
        """Return its JSON."""
        if self._encoded is None:
            self._encoded = msgspec.json.encode(self.body)
        return self._encoded


class NodeRecord(Record):
    """A node; ``reachable`` is what is really the case, its status is what the manager has noticed."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.reachable = True
        self.tasks: dict[str, TaskRecord] = {}

    @property
    def name(self) -> str:
        return str(self.body["Description"]["Hostname"])

    @property
    def ready(self) -> bool:
        """Whether the manager believes it to be up."""
        return bool(self.body["Status"]["State"] == "ready")

    @property
    def availability(self) -> str:
        """Active, pause or drain."""
        return str(self.spec["Availability"])


class NetworkRecord(Record):
    """A network of the swarm, or one of the manager's own."""

    id_name = "Id"

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        self._addresses = 1

    def next_address(self) -> str:
        """Return an address in the network that nobody had before."""
        self._addresses += 1
        configs = self.body["IPAM"]["Config"] or [{"Subnet": "10.0.0.0/24"}]
        base, _, length = configs[0]["Subnet"].partition("/")
        first, second, third, _ = base.split(".")
        return f"{first}.{second}.{(int(third) + self._addresses // 250) % 256}.{self._addresses % 250 + 2}/{length}"

    @property
    def name(self) -> str:
        return str(self.body["Name"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.body.get("Labels") or {})


class SecretRecord(Record):
    """A secret; its data never stands in its JSON."""

    def __init__(self, body: dict[str, Any], data: str) -> None:
        super().__init__(body)
        self.data = data


class ServiceRecord(Record):
    """A service, with its tasks and how often each of its slots was restarted."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.tasks: dict[str, TaskRecord] = {}
        self.restarts: dict[int | str, list[float]] = {}
        self._status: bytes | None = None

    @property
    def mode(self) -> str:
        """Replicated, Global, ReplicatedJob or GlobalJob."""
        return str(next(iter(self.spec["Mode"])))

    @property
    def is_job(self) -> bool:
        """Whether its tasks are meant to end."""
        return self.mode.endswith("Job")

    @property
    def is_global(self) -> bool:
        """Whether it has a task on each node."""
        return self.mode.startswith("Global")

    @property
    def iteration(self) -> int:
        """Which run of the job this is."""
        return int((self.body.get("JobStatus") or {}).get("JobIteration", {}).get("Index", 0))

    def live_tasks(self) -> Iterator[TaskRecord]:
        """Yield the tasks that are meant to run, whatever state they are in."""
        return (task for task in self.tasks.values() if task.wanted)

    def template(self) -> dict[str, Any]:
        """Return the part of its spec that tasks are made from. Specs are replaced, never changed in place."""
        spec = self.spec
        return {"task": spec["TaskTemplate"], "endpoint": spec.get("EndpointSpec"), "networks": spec.get("Networks")}

    def tasks_changed(self) -> None:
        """Forget how many of its tasks run."""
        self._status = None

    def encoded_with_status(self) -> bytes:
        """Return its JSON with ``ServiceStatus``."""
        if self._status is None:
            self._status = b',"ServiceStatus":' + msgspec.json.encode(self.status()) + b"}"
        return self.encoded()[:-1] + self._status

    def status(self) -> dict[str, int]:
        """Count its tasks the way the Engine does: those on a lost node still count as running."""
        current = [task for task in self.tasks.values() if task.iteration == self.iteration]
        running = sum(task.state == "running" for task in current)
        completed = sum(self.is_job and task.state == "complete" for task in current)
        if self.mode == "Replicated":
            desired = int(self.spec["Mode"]["Replicated"].get("Replicas", 1))
        elif self.mode == "ReplicatedJob":
            desired = int(self.spec["Mode"]["ReplicatedJob"].get("MaxConcurrent", 1))
        else:
            desired = sum(task.wanted and task.state not in ENDED for task in current)
        return {"RunningTasks": running, "DesiredTasks": desired, "CompletedTasks": completed}


class TaskRecord(Record):
    """A task, with the slot it fills and the template it was made from."""

    def __init__(self, body: dict[str, Any], service: ServiceRecord, slot: int | str) -> None:
        super().__init__(body)
        self.service = service
        self.slot = slot
        self.step = 0
        self.made_from = service.template()
        self.service_name = service.name
        self.service_labels = service.labels
        self.iteration = service.iteration

    @property
    def name(self) -> str:
        return f"{self.service_name}.{self.slot}.{self.id}"

    @property
    def labels(self) -> dict[str, str]:
        return self.service_labels

    @property
    def state(self) -> str:
        """What it is doing."""
        return str(self.body["Status"]["State"])

    @property
    def desired(self) -> str:
        """What it should be doing."""
        return str(self.body["DesiredState"])

    @property
    def node_id(self) -> str:
        """Where it is, empty while it is nowhere."""
        return str(self.body.get("NodeID", ""))

    @property
    def container_id(self) -> str:
        """The id of its container, empty while it has none."""
        return str((self.body["Status"].get("ContainerStatus") or {}).get("ContainerID") or "")

    @property
    def ended(self) -> bool:
        """Whether it will never run again."""
        return self.state in ENDED

    @property
    def wanted(self) -> bool:
        """Whether it is meant to run (or, for a job, to complete)."""
        return RANK[self.desired] <= RANK["complete"]


R = TypeVar("R", bound=Record)


class Shelf(Generic[R]):
    """All objects of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._records: dict[str, R] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._records

    def put(self, record: R) -> None:
        """Keep an object."""
        self._records[record.id] = record

    def drop(self, record: R) -> None:
        """Forget an object."""
        self._records.pop(record.id, None)

    def named(self, name: str) -> R | None:
        """Return the object of that name, if any."""
        return next((record for record in self._records.values() if record.name == name), None)

    def find(self, asked: str) -> R | None:
        """Return the object of that id, name, or beginning of an id that only one has."""
        if asked in self._records:
            return self._records[asked]
        if found := self.named(asked):
            return found
        matches = [record for id_, record in self._records.items() if asked and id_.startswith(asked)]
        return matches[0] if len(matches) == 1 else None

    def get(self, asked: str) -> R:
        """Return the object of that id or name; refuse as the Engine does when there is none."""
        if found := self.find(asked):
            return found
        raise Refusal(404, f"{self.kind} {asked} not found")


class Store:
    """Everything that the manager remembers, the count of its changes, and who wants to hear of them."""

    def __init__(self, agenda: Agenda, seed: int) -> None:
        self.agenda = agenda
        self.index = 10
        self.nodes: Shelf[NodeRecord] = Shelf("node")
        self.services: Shelf[ServiceRecord] = Shelf("service")
        self.tasks: Shelf[TaskRecord] = Shelf("task")
        self.networks: Shelf[NetworkRecord] = Shelf("network")
        self.configs: Shelf[Record] = Shelf("config")
        self.secrets: Shelf[SecretRecord] = Shelf("secret")
        self.listeners: list[Callable[[bytes], None]] = []
        self._random = random.Random(seed)  # noqa: S311 - ids that repeat are the point

    def new_id(self, length: int = 25, letters: str = "0123456789abcdefghijklmnopqrstuvwxyz") -> str:
        """Return an id that was never given before; the same ones in each run."""
        return "".join(self._random.choices(letters, k=length))

    def meta(self) -> dict[str, Any]:
        """Return what every new object begins with."""
        self.index += 1
        stamp = self.agenda.stamp()
        return {"ID": self.new_id(), "Version": {"Index": self.index}, "CreatedAt": stamp, "UpdatedAt": stamp}

    def touch(self, record: Record) -> None:
        """Give a changed object its next version."""
        self.index += 1
        record.body["Version"] = {"Index": self.index}
        record.body["UpdatedAt"] = self.agenda.stamp()
        record.changed()
        if isinstance(record, TaskRecord):
            record.service.tasks_changed()

    def tell(self, kind: str, action: str, record: Record, **attributes: str) -> None:
        """Tell whoever listens to the events that something happened to an object."""
        if not self.listeners:
            return
        line = self.event(kind, action, record.id, {"name": record.name, **attributes})
        for listener in list(self.listeners):
            listener(line)

    def event(self, kind: str, action: str, id_: str, attributes: Mapping[str, str], scope: str = "swarm") -> bytes:
        """Return an event of this moment as the Engine sends it."""
        now = self.agenda.now
        event = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": id_, "Attributes": dict(attributes)},
            "scope": scope,
            "time": int(now),
            "timeNano": int(now * 1e9),
        }
        return msgspec.json.encode(event) + b"\n"
