"""What a table shows of each service and each task; the same wherever they are listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crane_cli.output import describe_time, shorten_id, shorten_image

Item = Mapping[str, Any]

SERVICE_HEADINGS = ("ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS", "STATE")
TASK_HEADINGS = ("ID", "NAME", "IMAGE", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR")


def service_row(service: Item, *, whole: bool = False) -> Sequence[object]:
    """Return the cells of a service."""
    replicas = f"{service.get('tasks_running') or 0}/{service.get('tasks_desired') or 0}"
    if service.get("tasks_completed") is not None and str(service.get("mode", "")).endswith("job"):
        replicas += f" ({service['tasks_completed']} completed)"
    state = str(service.get("state") or "")
    return (
        shorten_id(service.get("ID"), whole),
        service.get("name"),
        service.get("mode"),
        replicas,
        shorten_image(service.get("image"), whole),
        ", ".join(describe_port(port) for port in service.get("ports") or ()),
        f"{state}: {service['why']}" if service.get("why") else state,
    )


def describe_port(port: Any) -> str:
    """Write a published port as docker does: ``*:8080->80/tcp``."""
    if not isinstance(port, Mapping):
        return str(port)
    published, target = port.get("PublishedPort"), port.get("TargetPort")
    told = f"{target}/{port.get('Protocol') or 'tcp'}"
    return f"*:{published}->{told}" if published else told


def in_slots(items: Iterable[Item]) -> list[list[Item]]:
    """Gather tasks by their slot, each slot's newest first.

    Takes both shapes that the server answers with: tasks one by one, and slots with ``current`` and ``earlier``.
    """
    slots: dict[tuple[object, ...], list[Item]] = {}
    for item in items:
        if "current" in item:
            tasks = [task for task in (item["current"], *(item.get("earlier") or ())) if task]
        else:
            tasks = [item]
        for task in tasks:
            where = ("slot", task["Slot"]) if task.get("Slot") else ("node", task.get("NodeID"))
            slots.setdefault((task.get("ServiceID"), *where), []).append(task)
    for tasks in slots.values():
        tasks.sort(key=lambda task: str(task.get("CreatedAt") or ""), reverse=True)
        # What shall run stands above what shall not, as in docker's own list.
        tasks.sort(key=lambda task: task.get("DesiredState") not in ("running", "complete", "Running"))
    return sorted(slots.values(), key=_slot_order)


def _slot_order(tasks: Sequence[Item]) -> tuple[str, int, str]:
    first = tasks[0]
    service = str(first.get("service") or task_name(first))
    return service, int(first.get("Slot") or 0), str(first.get("node") or first.get("NodeID") or "")


def task_rows(items: Iterable[Item], *, whole: bool = False) -> list[Sequence[object]]:
    """Return the cells of tasks, earlier attempts drawn below the current one."""
    return [
        task_row(task, whole=whole, earlier=number > 0)
        for tasks in in_slots(items)
        for number, task in enumerate(tasks)
    ]


def task_row(task: Item, *, whole: bool = False, earlier: bool = False) -> Sequence[object]:
    """Return the cells of a task."""
    status = task.get("Status") or {}
    state = str(status.get("State") or "").capitalize()
    return (
        shorten_id(task.get("ID"), whole),
        f" \\_ {task_name(task)}" if earlier else task_name(task),
        shorten_image(task.get("image"), whole),
        task.get("node") or task.get("NodeID"),
        str(task.get("DesiredState") or "").capitalize(),
        f"{state} {describe_time(status.get('Timestamp'))}".strip(),
        describe_error(task),
    )


def task_name(task: Item) -> str:
    """Return a task's name, made of its service and slot where the server gave none."""
    service, place = task.get("service") or task.get("ServiceID"), task.get("Slot") or task.get("NodeID")
    return str(task.get("name") or f"{service}.{place}")


def describe_error(task: Item) -> str:
    """Say what went wrong with a task, with its exit code where that says more; empty where nothing did."""
    status = task.get("Status") or {}
    error = str(task.get("error") or status.get("Err") or "")
    code = task.get("exit_code")
    # A task that was told to stop ends with the code of the signal, and nothing is wrong with that.
    if code and str(code) not in error and status.get("State") == "failed":
        return f"{error} (exit code {code})".strip()
    return error
