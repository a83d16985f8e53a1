"""Containers of all nodes: built from the Swarm's tasks first, and from what each node's own Engine lists.

A container of a task is known as long as the managers know the task, also while its node cannot be asked. Rights are
decided on its service: what a container says of itself is believed only where no service made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from crane_core.context import Crane, get_crane
from crane_core.engine.client import Engine
from crane_core.engine.inventory import Inventory, Item, Stock
from crane_core.engine.pool import Pool
from crane_core.engine.records import ENDED_TASK_STATES, SERVICE_LABEL, STACK_LABEL, Node, Service, Task
from crane_core.engine.snapshot import SHORTEST_BEGINNING, Snapshot
from crane_core.errors import Ambiguous, NotFound
from crane_core.security import Target


@dataclass(frozen=True)
class Container:
    """A container on a node.

    :param item: What the node's Engine lists of it; None where only its task tells of it.
    :param task: The task that it is of, as far as the Swarm remembers it.
    :param service: The service of that task, as far as there is one still.
    :param fresh: Whether ``item`` was read just now.
    """

    node: Node
    id: str
    item: Item | None = None
    task: Task | None = None
    service: Service | None = None
    fresh: bool = True

    @cached_property
    def own_labels(self) -> Mapping[str, str]:
        """The labels of the container itself."""
        return (self.item or {}).get("Labels") or {}

    @cached_property
    def name(self) -> str:
        """Its name on its node; what it is called where only its task tells of it."""
        names = (self.item or {}).get("Names") or ()
        # Links of old give a container further names, with a slash inside.
        if plain := [str(name)[1:] for name in names if "/" not in str(name)[1:]]:
            return plain[0]
        if self.task is None:
            return self.id[:12]
        service = self.service.name if self.service else self.task.ServiceID
        return f"{service}.{self.task.place}.{self.task.id}"

    @property
    def of_swarm(self) -> bool:
        """Whether a service made it, also one that is gone."""
        return self.task is not None or SERVICE_LABEL in self.own_labels

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that rights are decided on: those of its service, where one made it."""
        if self.service is not None:
            return self.service.labels
        return {} if self.of_swarm else self.own_labels

    @property
    def stack(self) -> str | None:
        """The stack that it belongs to, None outside a stack."""
        return self.labels.get(STACK_LABEL) or None

    @property
    def image(self) -> str:
        """The image that it runs, as whoever made it wrote it."""
        return str((self.item or {}).get("Image") or (self.task.image if self.task else ""))

    @property
    def state(self) -> str:
        """``created``, ``running``, ``paused``, ``restarting``, ``removing``, ``exited`` or ``dead``.

        Where its node does not answer, the Swarm knows better than what was listed last.
        """
        if self.task is not None and (self.item is None or not self.fresh):
            return _STATE_OF_TASK.get(self.task.state, "exited" if self.task.ended else "created")
        return str((self.item or {}).get("State") or "")

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it has not, or where nobody knows."""
        code = (self.item or {}).get("ExitCode")
        if isinstance(code, int) and self.state in ("exited", "dead"):
            return code
        return self.task.exit_code if self.task is not None else None


_STATE_OF_TASK = {"running": "running", "starting": "created"}


def target_of(container: Container) -> Target:
    """Return a container as the target of an action."""
    return Target(
        "container", container.name, container.id, container.stack, container.labels, node=container.node.name
    )


def list_containers(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> tuple[list[Container], Stock]:
    """Return the containers of nodes, of all unless told otherwise, and how fresh each node's are.

    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    stock = crane.room(Inventory).read("containers", nodes, patience)
    return list(_merge(crane.cache.snapshot(), stock)), stock


def _merge(snapshot: Snapshot, stock: Stock) -> Iterator[Container]:
    for (node, shelf), source in zip(stock.shelves, stock.sources, strict=True):
        fresh = source["state"] == "fresh"
        tasks = {task.container_id: task for task in snapshot.tasks_on(node.id) if task.container_id}
        seen = set()
        for item in shelf.items:
            id_ = str(item.get("Id"))
            seen.add(id_)
            yield _make(snapshot, node, id_, item, tasks.get(id_), fresh)
        for id_, task in tasks.items():
            # What has ended may have been removed from its node since.
            if id_ is not None and id_ not in seen and task.state not in ENDED_TASK_STATES:
                yield _make(snapshot, node, id_, None, task, fresh)


def _make(snapshot: Snapshot, node: Node, id_: str, item: Item | None, task: Task | None, fresh: bool) -> Container:
    # The Engine gives these labels to what a service made, whatever labels the service asks for.
    labels = (item or {}).get("Labels") or {}
    service_id = task.ServiceID if task is not None else labels.get(SERVICE_LABEL, "")
    return Container(node, id_, item, task, snapshot.services.get(service_id), fresh)


def make_container(snapshot: Snapshot, node: Node, item: Item) -> Container:
    """Return a container from what its node's Engine just listed of it."""
    id_ = str(item.get("Id"))
    tasks = (task for task in snapshot.tasks_on(node.id) if task.container_id == id_)
    return _make(snapshot, node, id_, item, next(tasks, None), True)


def container_of_task(crane: Crane, task: Task) -> Container | None:
    """Return the container that a task has, as its task tells of it; None while it has none."""
    snapshot = crane.cache.snapshot()
    node = snapshot.nodes.get(task.NodeID)
    if node is None or not task.container_id:
        return None
    return _make(snapshot, node, task.container_id, None, task, crane.room(Pool).link(node.id).answers)


def find_container(crane: Crane, key: str) -> Container:
    """Find a container by id, the beginning of its id, or name; with the node and a slash before it, on that node.

    Those of tasks answer to the names of their tasks as well: ``web.1`` is the present one there.

    :raises NotFound: when there is none; it says which nodes could not be asked.
    :raises Ambiguous: when several answer to it.
    :raises EngineUnavailable: while it is not known which nodes there are.
    """
    crane.cache.snapshot().demand_read()
    where, _, name = key.rpartition("/")
    snapshot = crane.cache.snapshot()
    nodes = [snapshot.get_node(where)] if where else None
    containers, stock = list_containers(crane, nodes)
    found = choose_container(name, containers, snapshot.task_named(name))
    if found is None:
        # It may have been made a moment ago.
        inventory = crane.room(Inventory)
        for node, _ in stock.shelves:
            inventory.note_change(node.id, "containers")
        containers, stock = list_containers(crane, nodes)
        found = choose_container(name, containers, crane.cache.snapshot().task_named(name))
    if found is None:
        missing = [str(source["name"]) for source in stock.sources if source["state"] != "fresh"]
        unless = f", unless it is on {' or '.join(missing)}, which cannot be asked" if missing else ""
        raise NotFound(f"There is no container {key}{unless}.")
    return found


def choose_container(key: str, containers: Iterable[Container], task: Task | None = None) -> Container | None:
    """Return the container that answers to an id, a name, or the beginning of an id. Raises :class:`Ambiguous`.

    :param task: The task that is called so; its container comes after one of exactly this name.
    """
    if not key:
        return None
    begun: dict[str, Container] = {}
    named: list[Container] = []
    of_task: list[Container] = []
    for container in containers:
        if container.id == key:
            return container
        if container.name == key:
            named.append(container)
        if task is not None and container.id == task.container_id:
            of_task = [container]
        if container.id.startswith(key) and len(key) >= SHORTEST_BEGINNING:
            begun[container.id] = container
    found = named or of_task or list(begun.values())
    if len(found) > 1:
        raise Ambiguous(
            f"Several containers answer to {key}",
            (f"{each.node.name}/{each.name}" for each in found),
            "Write the node and a slash before it.",
        )
    return found[0] if found else None


def find_container_target(key: str) -> Target:
    """Find a container as the target of an action."""
    return target_of(find_container(get_crane(), key))


def engine_of(crane: Crane, container: Container) -> Engine:
    """Return the Engine of the node that a container is on. Raises ``NodeUnreachable``."""
    return crane.room(Pool).get(container.node.id)
