"""Where a terminal is opened: the container that is meant by a container, a task or a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.cluster.terminal.errors import NotAllowedHere, NotRunning
from crane_core.containers import Container, container_of_task, engine_of, target_of
from crane_core.context import Crane, get_crane
from crane_core.engine.client import Engine
from crane_core.engine.policy import check
from crane_core.engine.pool import Pool
from crane_core.engine.records import Task
from crane_core.errors import Forbidden, NotFound
from crane_core.rules import broken
from crane_core.security import Identity, Target, decide

# Demanded besides where a container belongs to no stack, so that no role on stacks leads there.
OUTSIDE = "container:exec-outside"


@dataclass(frozen=True)
class Place:
    """A container that somebody may open a terminal in.

    :param container: As it was when it was looked up.
    :param image: What the container runs, by which it is remembered which shell there is.
    """

    container: Container
    image: str

    def to_json(self) -> dict[str, Any]:
        """Return where it is, as answers and events tell it."""
        container = self.container
        return {
            "container": container.name,
            "container_id": container.id,
            "node": container.node.name,
            "task": container.task.id if container.task else None,
            "service": container.service.name if container.service else None,
            "stack": container.stack,
        }


def find_task(task_id: str) -> Target:
    """Find a task as the target of an action."""
    snapshot = get_crane().cache.snapshot()
    task = snapshot.get_task(task_id)
    service = snapshot.services.get(task.ServiceID)
    return Target("task", task.id, task.id, service.stack if service else None, service.labels if service else {})


def find_service(name: str) -> Target:
    """Find a service as the target of an action."""
    service = get_crane().cache.snapshot().get_service(name)
    return Target("service", service.name, service.id, service.stack, service.labels)


def container_of(crane: Crane, task: Task) -> Container:
    """Return the container of a task. Raises :class:`NotRunning`."""
    container = container_of_task(crane, task)
    if container is None or task.ended:
        raise NotRunning(f"The task {task.id} is {task.state}: choose one that runs.")
    return container


def choose_container(crane: Crane, service_name: str, wanted: str = "") -> Container:
    """Choose a running task of a service.

    :param wanted: As :meth:`Snapshot.get_task_of` takes it; any that can be reached when empty.
    :raises NotRunning: when none runs.
    :raises NotFound: when there is no such task.
    """
    snapshot = crane.cache.snapshot()
    service = snapshot.get_service(service_name)
    if wanted:
        return container_of(crane, snapshot.get_task_of(service, wanted))
    running = [
        task for task in snapshot.tasks_of(service.id) if task.state == "running" and task.desired_state == "running"
    ]
    if not running:
        raise NotRunning(f"No task of {service.name} runs.")
    pool = crane.room(Pool)
    reached = [task for task in running if task.NodeID in snapshot.nodes and pool.link(task.NodeID).answers]
    return container_of(crane, min(reached or running, key=lambda task: (task.Slot, task.id)))


def enter(crane: Crane, identity: Identity, container: Container) -> Place:
    """Look up a container on its node, and whether somebody may open a terminal in it as far as it can reach.

    :raises NotRunning: when it does not run, or is paused.
    :raises Forbidden: when they may not.
    :raises NodeUnreachable: when its node cannot be asked.
    """
    target = target_of(container)
    if container.stack is None:
        vote = decide(crane, identity, OUTSIDE, target)
        if not vote.allows:
            raise Forbidden(f"You may not do {OUTSIDE} on container {target.name}: {vote.reason}.", action=OUTSIDE)
    engine = engine_of(crane, container)
    try:
        described = engine.container(container.id)
    except NotFound as error:
        raise NotRunning(f"The container {container.name} is gone from {container.node.name}.") from error
    state = described.get("State") or {}
    if not state.get("Running"):
        raise NotRunning(f"The container {container.name} does not run.")
    if state.get("Status") == "paused":
        raise NotRunning(f"The container {container.name} is paused: let it go on with `crane container unpause`.")
    spec = to_spec(described, _read_volumes(engine, described))
    violations = broken(crane, identity, lambda: target, lambda rules: check(spec, rules))
    # Where an image comes from was decided when the container was made.
    violations = [each for each in violations if each.code != "registry-not-allowed"]
    if violations:
        raise NotAllowedHere(
            f"{container.name} has what only administrators may deploy, so that a terminal in it takes policy:exceed.",
            violations=violations,
        )
    return Place(container, str(described.get("Image", "")))


def _read_volumes(engine: Engine, described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what each volume of a container is made of: one may show a directory of the node."""
    found: dict[str, Mapping[str, Any]] = {}
    for mount in described.get("Mounts") or ():
        if mount.get("Type") == "volume" and (name := str(mount.get("Name") or "")):
            try:
                found[name] = engine.inspect("volume", name)
            except NotFound:
                continue
    return found


def to_spec(described: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a container has as the spec of a service that would ask for it, for the policy to look at."""
    host = described.get("HostConfig") or {}
    networks = (described.get("NetworkSettings") or {}).get("Networks") or {}
    container = {
        "Mounts": [_to_mount(mount, volumes) for mount in described.get("Mounts") or ()],
        "CapabilityAdd": host.get("CapAdd") or [],
        "Sysctls": host.get("Sysctls") or {},
        "Privileged": bool(host.get("Privileged")),
        "Devices": [*(host.get("Devices") or ()), *(host.get("DeviceCgroupRules") or ())],
        "DeviceRequests": host.get("DeviceRequests") or [],
        "PidMode": _unless_own(host.get("PidMode")),
        "IpcMode": _unless_own(host.get("IpcMode")),
        "UsernsMode": _unless_own(host.get("UsernsMode")),
        "Privileges": _to_privileges(host.get("SecurityOpt") or ()),
    }
    names = {*networks, str(host.get("NetworkMode") or "")}
    return {"TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": name} for name in sorted(names)]}}


def _to_mount(mount: Mapping[str, Any], volumes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kind = str(mount.get("Type") or "bind")
    if kind != "volume":
        return {"Type": kind, "Source": mount.get("Source")}
    name = str(mount.get("Name") or "")
    volume = volumes.get(name, {})
    driver = {"Name": volume.get("Driver") or mount.get("Driver") or "local", "Options": volume.get("Options") or {}}
    return {"Type": kind, "Source": name, "VolumeOptions": {"DriverConfig": driver}}


def _unless_own(mode: object) -> str:
    """Return a mode of a namespace where it is not one of the container's own."""
    text = str(mode or "")
    return "" if text in ("", "private", "shareable", "none", "default") else text


def _to_privileges(options: object) -> dict[str, Any]:
    """Return what security options leave aside."""
    privileges: dict[str, Any] = {}
    for option in options if isinstance(options, list | tuple) else ():
        name, _, value = str(option).replace(":", "=", 1).partition("=")
        if name == "seccomp":
            privileges["Seccomp"] = {"Mode": value if value == "unconfined" else "custom"}
        elif name == "apparmor":
            privileges["AppArmor"] = {"Mode": "disabled" if value == "unconfined" else value}
        elif name == "label":
            privileges["SELinuxContext"] = {"Option": value}
    return privileges
