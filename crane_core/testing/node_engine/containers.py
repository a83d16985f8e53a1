"""The containers of one node: those of the Swarm's tasks, and others that somebody started by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crane_core.engine.records import parse_time
from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.filters import read_filters
from crane_core.testing.records import NodeRecord, TaskRecord

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

# Told of a kind, an action, an id and attributes.
Tell = Callable[[str, str, str, Mapping[str, str]], None]

_STATES = {"starting": "created", "running": "running"}
# How many bytes each container has written.
WRITTEN = 1_000_000
STACK_LABEL = "com.docker.stack.namespace"


class Containers:
    """List and inspect containers."""

    def __init__(self, swarm: MemorySwarm, node: NodeRecord, tell: Tell) -> None:
        self._swarm = swarm
        self._node = node
        self._tell = tell
        # What inspecting tells of those that belong to no task, by id.
        self.own: dict[str, dict[str, Any]] = {}
        # What was done to containers of tasks: whether they are paused, what they are called, those that are removed.
        self.paused: set[str] = set()
        self.names: dict[str, str] = {}
        self.removed: set[str] = set()
        # The ends in networks that containers were given by hand, by id and name of the network.
        self.ends: dict[str, dict[str, Any]] = {}
        self.routes = {
            "GET /containers/json": self._list,
            "GET /containers/*/json": self._inspect,
        }

    def add(
        self, name: str, image: str = "busybox", *, running: bool = True, volumes: Iterable[str] = (), **config: Any
    ) -> str:
        """Add a container that belongs to no task; return its id.

        :param volumes: The names of volumes that it mounts.
        """
        with self._swarm.lock:
            id_ = self._swarm.store.new_id(64, "0123456789abcdef")
            stamp = self._swarm.store.agenda.stamp()
            state = {"Status": "running" if running else "exited", "Running": running, "Paused": False, "ExitCode": 0}
            self.own[id_] = {
                "Id": id_,
                "Name": f"/{name}",
                "Created": stamp,
                "Image": image_id(image),
                "Config": {"Image": image, "Cmd": ["sh"], "Labels": {}, "Tty": False, **config},
                "State": {**state, "StartedAt": stamp},
                "HostConfig": {"NetworkMode": "default"},
                "Mounts": [_mount(volume, f"/{volume}") for volume in volumes],
                "NetworkSettings": {"Ports": {}, "Networks": {}},
            }
            self._tell("container", "create", id_, {"name": name, "image": image})
            return id_

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield what inspecting tells of each container."""
        for task in list(self._node.tasks.values()):
            if (described := self._describe(task)) is not None:
                yield described
        for id_, own in self.own.items():
            settings = own["NetworkSettings"]
            yield {
                **own,
                "NetworkSettings": {**settings, "Networks": {**settings["Networks"], **self.ends.get(id_, {})}},
            }

    def get(self, name: str) -> dict[str, Any]:
        """Find a container by id, name or the beginning of its id. Raises ``Refusal``."""
        everything = list(self.all())
        for found in everything:
            if found["Id"] == name or found["Name"].removeprefix("/") == name.removeprefix("/"):
                return found
        begun = [found for found in everything if found["Id"].startswith(name)]
        if len(begun) == 1:
            return begun[0]
        raise Refusal(404, f"No such container: {name}")

    def task_of(self, container_id: str) -> TaskRecord | None:
        """Return the task that a container is of, None where it is of none."""
        return next((task for task in self._node.tasks.values() if _container_of(task) == container_id), None)

    def _list(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        filters = read_filters(params, ("id", "name", "label", "status", "ancestor", "volume", "network"))
        found = [summarize(each) for each in self.all()]
        if params.get("all", "").lower() not in ("1", "true"):
            found = [each for each in found if each["State"] == "running"]
        if ids := filters.get("id"):
            found = [each for each in found if each["Id"].startswith(tuple(ids))]
        if states := filters.get("status"):
            found = [each for each in found if each["State"] in states]
        for label in filters.get("label", ()):
            key, equals, value = label.partition("=")
            found = [each for each in found if key in each["Labels"] and (not equals or each["Labels"][key] == value)]
        if params.get("size", "").lower() in ("1", "true"):
            found = [{**each, "SizeRw": WRITTEN, "SizeRootFs": 2 * WRITTEN} for each in found]
        return answer(found)

    def _inspect(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        return answer(self.get(names[0]))

    def _describe(self, task: TaskRecord) -> dict[str, Any] | None:
        id_ = _container_of(task)
        if not id_ or id_ in self.removed:
            return None
        status = task.body["Status"]
        spec = task.body["Spec"]["ContainerSpec"]
        state = _STATES.get(task.state, "exited")
        known = self._swarm.containers.get(id_, {})
        paused = id_ in self.paused and state == "running"
        place = task.body.get("Slot") or task.body.get("NodeID", "")
        name = self.names.get(id_) or f"{task.service.name}.{place}.{task.id}"
        labels = {
            **(spec.get("Labels") or {}),
            "com.docker.swarm.node.id": self._node.id,
            "com.docker.swarm.service.id": task.service.id,
            "com.docker.swarm.service.name": task.service.name,
            "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": task.id,
            "com.docker.swarm.task.name": name,
        }
        if stack := task.service.labels.get(STACK_LABEL):
            labels[STACK_LABEL] = stack
        exit_code = int((status.get("ContainerStatus") or {}).get("ExitCode") or 0)
        return {
            "Id": id_,
            "Name": f"/{name}",
            "Created": task.body["CreatedAt"],
            "Path": "sh",
            "Args": [],
            "Image": image_id(str(spec.get("Image", ""))),
            "Config": {
                "Image": spec.get("Image", ""),
                "Cmd": spec.get("Args") or ["sh"],
                "Env": spec.get("Env") or [],
                "Labels": labels,
                "Tty": bool(spec.get("TTY")),
            },
            "State": {
                "Status": "paused" if paused else state,
                "Running": state == "running",
                "Paused": paused,
                "ExitCode": exit_code,
                "StartedAt": status["Timestamp"],
                **{key: value for key, value in known.get("State", {}).items() if key in ("Health", "OOMKilled")},
            },
            "HostConfig": {"NetworkMode": "default"},
            "Mounts": [_describe_mount(mount) for mount in spec.get("Mounts") or ()],
            "NetworkSettings": {"Ports": {}, "Networks": {**_ends_of(task), **self.ends.get(id_, {})}},
        }


def image_id(name: str) -> str:
    """Return the id of the image of a name; the same content has the same one on all nodes."""
    if name.startswith("sha256:"):
        return name
    plain = name.partition("@")[0]
    tagged = plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"
    return f"sha256:{hashlib.sha256(tagged.encode()).hexdigest()}"


def _describe_mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    source, target = str(mount.get("Source") or ""), str(mount.get("Target"))
    if mount.get("Type") == "volume":
        return _mount(source, target)
    return {"Type": mount.get("Type"), "Source": source, "Destination": target, "Mode": "", "RW": True}


def _mount(volume: str, target: str) -> dict[str, Any]:
    return {
        "Type": "volume",
        "Name": volume,
        "Source": f"/var/lib/docker/volumes/{volume}/_data",
        "Destination": target,
        "Driver": "local",
        "Mode": "z",
        "RW": True,
    }


def _ends_of(task: TaskRecord) -> dict[str, Any]:
    """Return the ends that a task's container has in the networks of its service."""
    return {
        attachment["Network"]["Spec"]["Name"]: {
            "NetworkID": attachment["Network"]["ID"],
            "IPAddress": str((attachment.get("Addresses") or [""])[0]).partition("/")[0],
            "GlobalIPv6Address": "",
            "Aliases": [_container_of(task)[:12]],
        }
        for attachment in task.body.get("NetworksAttachments") or ()
    }


def _container_of(task: TaskRecord) -> str:
    return str((task.body["Status"].get("ContainerStatus") or {}).get("ContainerID") or "")


def summarize(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list tells of a container."""
    config, state = described["Config"], described["State"]
    up = "Up 5 seconds (Paused)" if state.get("Paused") else "Up 5 seconds"
    created = parse_time(described["Created"])
    return {
        "Id": described["Id"],
        "Names": [described["Name"]],
        "Image": config["Image"],
        "ImageID": described["Image"],
        "Command": " ".join(config.get("Cmd") or ()),
        "Created": int(created.timestamp()) if created else 0,
        "Ports": [],
        "Labels": dict(config.get("Labels") or {}),
        "State": "paused" if state.get("Paused") else state["Status"],
        "Status": up if state["Running"] else f"Exited ({state['ExitCode']}) 5 seconds ago",
        "HostConfig": {"NetworkMode": described["HostConfig"]["NetworkMode"]},
        # The list tells no names that a container answers to.
        "NetworkSettings": {
            "Networks": {
                name: {**end, "Aliases": None} for name, end in described["NetworkSettings"]["Networks"].items()
            }
        },
        "Mounts": list(described["Mounts"]),
    }
