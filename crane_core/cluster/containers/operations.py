"""What is done to a container on its node, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.containers import Container, engine_of, find_container
from crane_core.context import Crane
from crane_core.engine.inventory import Inventory
from crane_core.errors import EngineUnavailable, NotFound
from crane_core.events import Event
from crane_core.redaction import hide_arguments, redact

# How long the Engine waits for a container that is asked to stop, unless its image says otherwise; in seconds.
USUAL_GRACE = 10
# What the Engine needs besides, in seconds.
MARGIN_SECONDS = 20.0
_CHANGES = ("changed", "added", "deleted")


@dataclass(frozen=True)
class Deed:
    """Something that is done to a container.

    :param path: Below the container's own path in the Engine's API; empty to remove it.
    :param event: What is told of it.
    :param replaced: What it means for a container of a task, in a sentence.
    """

    path: str
    event: str
    replaced: str


_ANOTHER = "The Swarm starts another one in its place."
_IF_IT_ENDS = "If it ends of the signal, the Swarm starts another one in its place."
DEEDS: Mapping[str, Deed] = {
    "start": Deed("start", "container.started", "The Swarm takes no care of it any more and runs another."),
    "stop": Deed("stop", "container.stopped", _ANOTHER),
    "restart": Deed("restart", "container.restarted", _ANOTHER),
    "pause": Deed("pause", "container.paused", "The Swarm still counts it as running."),
    "unpause": Deed("unpause", "container.unpaused", "The Swarm counted it as running all the time."),
    "kill": Deed("kill", "container.killed", _ANOTHER),
    "rename": Deed("rename", "container.renamed", "The Swarm knows it by its old name only, and takes it for gone."),
    "remove": Deed("", "container.removed", _ANOTHER),
}


def present(container: Container) -> dict[str, Any]:
    """Return a container in the shape of Docker's list, and what Crane knows of it beside that.

    Where only its task tells of it, what nobody knows is left out: that it has no labels is another thing.
    """
    task, service = container.task, container.service
    item = container.item or {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": container.image,
        "State": container.state,
    }
    place = (task.Slot or container.node.name) if task else None
    return {
        **redact(item),
        # The Engine writes the whole command as one text.
        **({"Command": hide_arguments(str(item["Command"]))} if "Command" in item else {}),
        "id": container.id,
        "name": container.name,
        "node": container.node.name,
        "service": service.name if service else None,
        "task": f"{service.name}.{place}" if task and service else None,
        "task_id": task.id if task else None,
        "stack": container.stack,
        "image": container.image,
        "state": container.state,
        "health": item.get("Health"),
        "exit_code": container.exit_code,
        "told_by": "task" if container.item is None else "engine",
        "fresh": container.fresh,
        "warning": _warn(container),
    }


def _warn(container: Container, replaced: str = _ANOTHER) -> str | None:
    """Say what acting on a container of a task means, in a sentence of its own besides; None for any other."""
    if container.task is None or container.service is None:
        return None
    name = container.service.name
    return (
        f"This container is of a task of the service {name}. {replaced} "
        f"To stop the service for good, scale it to 0; to replace its tasks, force an update of it."
    )


def inspect(crane: Crane, container: Container) -> dict[str, Any]:
    """Return all that is known of a container: what its Engine tells, or why that cannot be asked."""
    shown = present(container)
    try:
        raw = engine_of(crane, container).container(container.id)
    except EngineUnavailable as error:
        return {**shown, "error": str(error)}
    state = raw.get("State") or {}
    health = (state.get("Health") or {}).get("Status")
    told = {name: value for name, value in shown.items() if name.islower()}
    return {
        **redact(raw),
        **told,
        "name": str(raw.get("Name", "")).removeprefix("/") or container.name,
        "state": str(state.get("Status") or container.state),
        "health": health if health != "none" else None,
        "told_by": "engine",
        "fresh": True,
        "error": None,
    }


def act(
    crane: Crane, by: str, container: Container, action: str, params: Mapping[str, Any], grace: int | None = None
) -> dict[str, Any]:
    """Do something to a container; return it as it is then.

    :param action: One of :data:`DEEDS`.
    :param params: What the Engine is told besides.
    :param grace: How long it may take to stop, in seconds; None where nobody said.
    """
    deed = DEEDS[action]
    engine = engine_of(crane, container)
    path = f"/containers/{container.id}"
    # Whoever made the container may have given it longer than is usual.
    timeout = MARGIN_SECONDS + (grace if grace is not None else 6 * USUAL_GRACE)
    if deed.path:
        engine.send("POST", f"{path}/{deed.path}", params=params, timeout=timeout)
    else:
        engine.send("DELETE", path, params=params, timeout=timeout)
    crane.room(Inventory).note_change(container.node.id, "containers", "volumes")
    # Only this signal ends whatever gets it.
    kills = action != "kill" or str(params.get("signal", "KILL")).upper().removeprefix("SIG") in ("KILL", "9")
    replaced = deed.replaced if kills else _IF_IT_ENDS
    detail = {"node": container.node.name}
    if replaced == _ANOTHER and container.task is not None and container.state in ("running", "paused"):
        detail["task"] = container.task.id
    crane.emit(Event(deed.event, container.name, container.id, container.stack, by, detail))
    return {**present(_read_again(crane, container)), "warning": _warn(container, replaced)}


def _read_again(crane: Crane, container: Container) -> Container:
    try:
        return find_container(crane, f"{container.node.id}/{container.id}")
    except NotFound:
        return container


def processes(crane: Crane, container: Container) -> dict[str, Any]:
    """Return what runs in a container; passwords among the arguments are hidden."""
    told = engine_of(crane, container).read_json(f"/containers/{container.id}/top")
    return {
        "titles": [str(title) for title in told.get("Titles") or ()],
        "processes": [[hide_arguments(str(cell)) for cell in row] for row in told.get("Processes") or ()],
    }


def changes(crane: Crane, container: Container) -> list[dict[str, Any]]:
    """Return what differs in a container's file system from its image."""
    told = engine_of(crane, container).read_json(f"/containers/{container.id}/changes")
    return [
        {"Path": each["Path"], "Kind": each["Kind"], "kind": _CHANGES[each["Kind"]], "name": each["Path"]}
        for each in told or ()
    ]


def ports(crane: Crane, container: Container) -> list[dict[str, Any]]:
    """Return the ports of a container: those that are published on its node, and those that only could be."""
    raw = engine_of(crane, container).container(container.id)
    published = (raw.get("NetworkSettings") or {}).get("Ports") or {}
    found = []
    for name, bindings in sorted(published.items()):
        port, _, protocol = name.partition("/")
        unpublished: dict[str, Any] = {}
        for binding in bindings or (unpublished,):
            public = str(binding.get("HostPort") or "")
            found.append(
                {
                    "name": name,
                    "port": int(port),
                    "protocol": protocol or "tcp",
                    "address": binding.get("HostIp"),
                    "published": int(public) if public.isdecimal() else None,
                }
            )
    return found
