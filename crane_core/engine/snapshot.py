"""A snapshot: everything known of the Swarm at one moment.

It never changes; the next one shares with it what stayed the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from crane_core.engine.parts import ServiceSpec
from crane_core.engine.records import Config, Network, Node, Secret, Service, Task
from crane_core.errors import Ambiguous, EngineUnavailable, NotFound

Kind = Literal["nodes", "services", "networks", "configs", "secrets", "tasks"]
# One or two letters begin so many ids that they are more likely to be something else.
SHORTEST_BEGINNING = 3
KINDS: tuple[Kind, ...] = ("nodes", "services", "networks", "configs", "secrets", "tasks")

# So many are named where several could be meant.
_SHOWN = 5

Named = TypeVar("Named", Node, Service, Network, Config, Secret)
Record = TypeVar("Record", Node, Service, Network, Config, Secret, Task)
Index = TypeVar("Index")


@dataclass(frozen=True)
class Source:
    """Where figures come from, and how old they are.

    :param state: ``fresh``; ``stale`` when the last reading failed; ``never`` before the first that succeeded.
    :param read_at: When it was last read in whole, on the clock of the cache; None when never.
    :param error: Why the last reading failed.
    """

    name: str
    state: Literal["fresh", "stale", "never"] = "never"
    read_at: float | None = None
    error: str | None = None

    def age(self, now: float) -> float | None:
        """Return the seconds since it was last read, None when never."""
        return None if self.read_at is None else max(0.0, now - self.read_at)

    def to_json(self, now: float) -> dict[str, Any]:
        """Return the member of a list's ``sources`` that tells of this source."""
        age = self.age(now)
        told: dict[str, Any] = {"name": self.name, "state": self.state, "age": None if age is None else round(age, 1)}
        if self.error is not None:
            told["error"] = self.error
        return told


@dataclass(frozen=True)
class Change:
    """What became of one object, or of the tasks of one service; ``value`` is None where it is gone."""

    kind: Kind
    id: str
    value: Any


@dataclass(frozen=True)
class Snapshot:
    """Everything known of the Swarm at one moment.

    :param nodes: By id, as are ``services``, ``networks``, ``configs`` and ``secrets``.
    :param tasks: The tasks of each service by the service's id, in the order in which they were made.
    :param version: Differs whenever any content does.
    :param versions: The version at which each kind last changed.
    :param source: How fresh all this is.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    configs: Mapping[str, Config] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    tasks: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    version: int = 0
    versions: Mapping[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    source: Source = Source("engine")
    # Indexes made when first asked for. A snapshot in which only the source differs shares them.
    _indexes: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    # Making the next one

    def replay(self, changes: Iterable[Change]) -> Snapshot:
        """Return the snapshot that these changes lead to; itself where they change nothing."""
        touched: dict[Kind, dict[str, Any]] = {}
        for change in changes:
            mapping = touched.setdefault(change.kind, dict(getattr(self, change.kind)))
            if change.value is None:
                mapping.pop(change.id, None)
            else:
                mapping[change.id] = change.value
        if not touched:
            return self
        version = self.version + 1
        versions = {kind: version if kind in touched else old for kind, old in self.versions.items()}
        members: dict[str, Any] = {str(kind): mapping for kind, mapping in touched.items()}
        return replace(self, **members, version=version, versions=versions, _indexes={})

    def with_source(self, source: Source) -> Snapshot:
        """Return the same content from a source in another state."""
        return replace(self, source=source)

    def demand_read(self) -> None:
        """Object while nothing has been read: whoever finds nothing in it then may not say that there is nothing.

        :raises EngineUnavailable: with the reason why nothing has been read.
        """
        if self.source.state == "never":
            raise EngineUnavailable(
                f"Nothing is known of the Swarm, because it has not been read yet: {self.source.error}"
                if self.source.error
                else "The Swarm has not been read yet: try again in a moment."
            )

    # Exact names

    def service_named(self, name: str) -> Service | None:
        """Return the service of exactly this name."""
        return self._named("services", self.services).get(name)

    def network_named(self, name: str) -> Network | None:
        """Return the network of exactly this name; one of the Swarm before one of the Engine's own node."""
        return self._named("networks", self.networks).get(name)

    def config_named(self, name: str) -> Config | None:
        """Return the config of exactly this name."""
        return self._named("configs", self.configs).get(name)

    def secret_named(self, name: str) -> Secret | None:
        """Return the secret of exactly this name."""
        return self._named("secrets", self.secrets).get(name)

    # What people write: an id, a name, or the beginning of an id

    def find_service(self, key: str) -> Service | None:
        """Find a service by id, name or the beginning of its id. Raises :class:`Ambiguous`."""
        return self._find("service", "services", self.services, key)

    def find_node(self, key: str) -> Node | None:
        """Find a node by id, hostname or the beginning of its id. Raises :class:`Ambiguous`.

        A hostname stands for the one that is ready: a node that left and joined anew is listed twice, and machines that
        were copied may all be called the same.
        """
        if found := self.nodes.get(key):
            return found
        named = self._nodes_by_name().get(key, ())
        if not named:
            return _begun("node", key, self.nodes.values())
        if (meant := _meant(named)) is None:
            raise Ambiguous(f"Several nodes are called {key}", (node.id for node in named), "Write its id.")
        return meant

    def called(self, node: Node) -> str:
        """Return what a node alone answers to: its hostname, or its id where that does not stand for it."""
        meant = _meant(self._nodes_by_name().get(node.name, (node,)))
        return node.name if meant is not None and meant.id == node.id else node.id

    def _nodes_by_name(self) -> Mapping[str, tuple[Node, ...]]:
        return self._index("nodes by name", lambda: _group(self.nodes.values(), lambda node: node.name))

    def find_network(self, key: str) -> Network | None:
        """Find a network by id, name or the beginning of its id. Raises :class:`Ambiguous`."""
        return self._find("network", "networks", self.networks, key)

    def find_config(self, key: str) -> Config | None:
        """Find a config by id, name or the beginning of its id. Raises :class:`Ambiguous`."""
        return self._find("config", "configs", self.configs, key)

    def find_secret(self, key: str) -> Secret | None:
        """Find a secret by id, name or the beginning of its id. Raises :class:`Ambiguous`."""
        return self._find("secret", "secrets", self.secrets, key)

    def find_task(self, key: str) -> Task | None:
        """Find a task by id, name (see :meth:`task_named`) or the beginning of its id. Raises :class:`Ambiguous`."""
        by_id = self._index("tasks by id", lambda: {task.id: task for task in self.all_tasks()})
        return by_id.get(key) or self.task_named(key) or _begun("task", key, by_id.values())

    def task_named(self, name: str) -> Task | None:
        """Return the task of this name: as in ``web.1`` the present one there, as in ``web.1.x2v8`` one by its id.

        The place is a slot or a node. The longer one is the name of its container, or the beginning of that name.
        Raises :class:`Ambiguous`.
        """
        service = self.service_named(name.partition(".")[0])
        return self._task_at(service, name.partition(".")[2]) if service else None

    def get_task_of(self, service: Service, wanted: str) -> Task:
        """Find a task of a service by its slot or node, its name, its id or the beginning of that.

        A number is a slot, and never the beginning of an id.

        :raises NotFound: when it has none such; it names those that it has.
        :raises Ambiguous: when several answer to it.
        """
        tasks = self.tasks_of(service.id)
        found = next((task for task in tasks if task.id == wanted), None)
        found = found or self._task_at(service, wanted.removeprefix(f"{service.name}."))
        if found is None and not wanted.isdecimal():
            found = _begun("task", wanted, tasks)
        if found is None:
            raise no_task(wanted, (f"{service.name}.{self._places(task)[0]}" for task in tasks))
        return found

    def _task_at(self, service: Service, place: str) -> Task | None:
        tasks = self.tasks_of(service.id)
        if there := [task for task in tasks if place in self._places(task)]:
            return max(there, key=lambda task: task.currency)
        named = ((task, f"{at}.") for task in tasks for at in self._places(task))
        begun = [task for task, at in named if len(place) > len(at) and f"{at}{task.id}".startswith(place)]
        return _only("task", place.rpartition(".")[2], begun)

    def _places(self, task: Task) -> Sequence[str]:
        """Return what the place of a task is called: its slot, or the name and the id of its node."""
        node = self.nodes.get(task.NodeID)
        return (node.name, task.place) if node and not task.Slot else (task.place,)

    def get_service(self, key: str) -> Service:
        """Find a service as :meth:`find_service` does. Raises :class:`NotFound`."""
        return self._must("service", key, self.find_service(key))

    def get_node(self, key: str) -> Node:
        """Find a node as :meth:`find_node` does. Raises :class:`NotFound`."""
        return self._must("node", key, self.find_node(key))

    def get_network(self, key: str) -> Network:
        """Find a network as :meth:`find_network` does. Raises :class:`NotFound`."""
        return self._must("network", key, self.find_network(key))

    def get_config(self, key: str) -> Config:
        """Find a config as :meth:`find_config` does. Raises :class:`NotFound`."""
        return self._must("config", key, self.find_config(key))

    def get_secret(self, key: str) -> Secret:
        """Find a secret as :meth:`find_secret` does. Raises :class:`NotFound`."""
        return self._must("secret", key, self.find_secret(key))

    def get_task(self, key: str) -> Task:
        """Find a task as :meth:`find_task` does. Raises :class:`NotFound`."""
        return self._must("task", key, self.find_task(key))

    # What belongs together

    def all_tasks(self) -> Iterable[Task]:
        """Yield every task."""
        for tasks in self.tasks.values():
            yield from tasks

    def tasks_of(self, service_id: str) -> tuple[Task, ...]:
        """Return the tasks of a service, also those that have ended."""
        return self.tasks.get(service_id, ())

    def tasks_on(self, node_id: str) -> tuple[Task, ...]:
        """Return the tasks on a node, also those that have ended."""
        on = self._index("tasks by node", lambda: _group(self.all_tasks(), lambda task: task.NodeID))
        return on.get(node_id, ())

    def services_of(self, stack: str) -> tuple[Service, ...]:
        """Return the services of a stack."""
        return self._stacks().get(stack, ())

    def users_of(self, id_: str) -> tuple[Service, ...]:
        """Return the services whose specs refer to a config, a secret or a network of this id."""
        return self._index("users", lambda: _users(self.services.values())).get(id_, ())

    def returning_to(self, id_: str) -> list[Service]:
        """Return the services that left a config, a secret or a network by an update that may still be taken back."""
        users = {service.id for service in self.users_of(id_)}
        return [
            service
            for service in self.services.values()
            if service.id not in users
            and service.update_state in ("updating", "paused")
            and service.previous_spec is not None
            and id_ in referred_ids(service.previous_spec)
        ]

    @property
    def stacks(self) -> Iterable[str]:
        """The names of the stacks that have services."""
        return [stack for stack in self._stacks() if stack]

    def has_stack(self, name: str) -> bool:
        """Tell whether anything belongs to a stack."""
        others: list[Network | Config | Secret] = [*self.networks.values(), *self.configs.values()]
        others += self.secrets.values()
        return name in self._stacks() or any(each.stack == name for each in others)

    def _stacks(self) -> Mapping[str, tuple[Service, ...]]:
        return self._index("stacks", lambda: _group(self.services.values(), lambda service: service.stack or ""))

    def _index(self, name: str, make: Callable[[], Index]) -> Index:
        # Two threads may both make it; they make the same.
        if name not in self._indexes:
            self._indexes[name] = make()
        index: Index = self._indexes[name]
        return index

    def _named(self, kind: str, records: Mapping[str, Named]) -> Mapping[str, Named]:
        return self._index(
            f"{kind} by name",
            # The last one wins: what belongs to the Swarm comes after what belongs to one node.
            lambda: {each.name: each for each in sorted(records.values(), key=_of_the_swarm)},
        )

    def _find(self, noun: str, kind: str, records: Mapping[str, Named], key: str) -> Named | None:
        if not key:
            return None
        if found := records.get(key) or self._named(kind, records).get(key):
            return found
        return _begun(noun, key, records.values())

    def _must(self, noun: str, key: str, found: Record | None) -> Record:
        if found is None:
            self.demand_read()
            raise NotFound(f"There is no {noun} {key}.")
        return found


def changes_between(old: Snapshot, new: Snapshot) -> list[Change]:
    """Return what changed from one snapshot to another: ``old.replay(...)`` of it has the content of ``new``."""
    changes: list[Change] = []
    for kind in KINDS:
        before: Mapping[str, Any] = getattr(old, kind)
        after: Mapping[str, Any] = getattr(new, kind)
        if before is after:
            continue
        changes += [Change(kind, id_, None) for id_ in before if id_ not in after]
        # Objects that stayed the same are shared between snapshots, so that identity tells.
        changes += [Change(kind, id_, value) for id_, value in after.items() if before.get(id_) is not value]
    return changes


def _meant(named: Sequence[Node]) -> Node | None:
    """Return the node that a hostname stands for, of all that are called so."""
    ready = [node for node in named if node.state == "ready"] if len(named) > 1 else named
    return ready[0] if len(ready) == 1 else None


def _of_the_swarm(record: object) -> bool:
    return not isinstance(record, Network) or record.Scope == "swarm"


def _group(records: Iterable[Any], key: Callable[[Any], str]) -> dict[str, tuple[Any, ...]]:
    groups: dict[str, list[Any]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return {name: tuple(members) for name, members in groups.items()}


def _users(services: Iterable[Service]) -> dict[str, tuple[Service, ...]]:
    users: dict[str, dict[str, Service]] = {}
    for service in services:
        for id_ in referred_ids(service.spec):
            users.setdefault(id_, {})[service.id] = service
    return {id_: tuple(found.values()) for id_, found in users.items()}


def referred_ids(spec: ServiceSpec) -> Iterator[str]:
    """Yield the ids of the configs, secrets and networks that a spec refers to."""
    task = spec.TaskTemplate
    yield from (each.ConfigID for each in task.ContainerSpec.Configs or ())
    yield from (each.SecretID for each in task.ContainerSpec.Secrets or ())
    yield from (each.Target for each in (*(task.Networks or ()), *(spec.Networks or ())))


def no_task(wanted: str, names: Iterable[str]) -> NotFound:
    """Return the error that there is no such task, which names those there are."""
    there = sorted(set(names), key=lambda name: (len(name), name))
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    told = f"there are {', '.join(there[:_SHOWN])}{more}" if there else "there is none at all"
    return NotFound(f"There is no task {wanted}: {told}.")


def _begun(noun: str, key: str, records: Iterable[Record]) -> Record | None:
    if len(key) < SHORTEST_BEGINNING:
        return None
    return _only(noun, key, [record for record in records if record.id.startswith(key)])


def _only(noun: str, key: str, found: list[Record]) -> Record | None:
    if not found:
        return None
    if len(found) > 1:
        raise Ambiguous(
            f"Several {noun}s have an id that begins with {key}", (record.id for record in found), "Write more of it."
        )
    return found[0]
