"""What is known of tasks, also of those that the Swarm has forgotten, and why they died."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crane_database import and_, current_lease, db, delete, func, or_, sa, select, session

from crane_core.context import Crane, get_crane
from crane_core.engine.records import ENDED_TASK_STATES
from crane_core.engine.snapshot import SHORTEST_BEGINNING
from crane_core.errors import Ambiguous, NotFound
from crane_core.orchestration.operations.causes import Cause
from crane_core.security import Target
from crane_history.tasks import facts
from crane_history.tasks.models import OutputRow, ServiceRow, StateRow, TaskRow

MOST_ATTEMPTS = 20
FORGET_SECONDS = 3600.0
SORTS: Mapping[str, Any] = {
    "at": TaskRow.at,
    "created_at": TaskRow.created_at,
    "name": ServiceRow.name,
    "node": TaskRow.node,
    "state": TaskRow.state,
    "exit_code": TaskRow.exit_code,
}


@dataclass(frozen=True)
class Known:
    """A task that is written down, with its service."""

    task: TaskRow
    service: ServiceRow | None

    @property
    def target(self) -> Target:
        """What somebody who may see the task may see."""
        id_, service = self.task.id, self.service
        return Target("task", id_, id_, service.stack if service else None, service.labels if service else {})

    @property
    def service_name(self) -> str:
        """The name of its service; its id where the service was never seen."""
        return self.service.name if self.service else self.task.service_id

    @property
    def name(self) -> str:
        """Its service, and its slot or node."""
        return f"{self.service_name}.{self.task.slot or self.task.node or self.task.node_id}"


def present(known: Known) -> dict[str, Any]:
    """Return a task as answered."""
    task = known.task
    return {
        "id": task.id,
        "name": known.name,
        "service": known.service_name,
        "service_id": task.service_id,
        "stack": known.service.stack if known.service else None,
        "slot": task.slot,
        "node": task.node,
        "image": task.image,
        "state": task.state,
        "desired_state": task.desired_state,
        "died": task.died,
        "exit_code": task.exit_code,
        "error": task.error,
        "cause": task.cause,
        "cause_code": task.cause_code,
        "created_at": task.created_at,
        "at": task.at,
        "gone_at": task.gone_at,
    }


# --- Lists --------------------------------------------------------------------------------------------------------


def find_page(query: Mapping[str, Any], allows: Callable[[Known], bool] | None) -> tuple[list[Known], int]:
    """Return the tasks of a page, and how many there are on all pages.

    :param allows: Tells whether the caller may see a task; None when they may see all.
    """
    chosen = _choose(query)
    offset, limit = query["offset"], query["limit"]
    if allows is None:
        total = db.session.scalar(select(func.count()).select_from(chosen.order_by(None).subquery())) or 0
        return [Known(*row) for row in db.session.execute(chosen.offset(offset).limit(limit))], total
    page: list[Known] = []
    total = 0
    # Whether somebody may see a task is for plugins to say, one by one; only the page is kept.
    for row in db.session.execute(chosen.execution_options(yield_per=500)):
        if allows(known := Known(*row)):
            if offset <= total < offset + limit:
                page.append(known)
            total += 1
    return page, total


def _choose(query: Mapping[str, Any]) -> sa.Select[TaskRow, ServiceRow]:
    member = (query["sort"] or "-at").removeprefix("-")
    column = SORTS[member]
    order = column.asc() if query["sort"] and query["sort"][0] != "-" else column.desc()
    chosen = _all().order_by(order.nulls_last(), TaskRow.id)
    if needle := query["q"]:
        chosen = chosen.where(ServiceRow.name.icontains(needle, autoescape=True))
    if service := query.get("service"):
        named = select(ServiceRow.id).where(ServiceRow.name == service)
        chosen = chosen.where(or_(TaskRow.service_id.in_(named), TaskRow.service_id == service))
    if stack := query.get("stack"):
        chosen = chosen.where(ServiceRow.stack == stack)
    if node := query.get("node"):
        chosen = chosen.where(or_(TaskRow.node == node, TaskRow.node_id == node))
    if states := query.get("state"):
        chosen = chosen.where(TaskRow.state.in_(states.split(",")))
    if (code := query.get("exit_code")) is not None:
        chosen = chosen.where(TaskRow.exit_code == code)
    if (died := query.get("died")) is not None:
        chosen = chosen.where(TaskRow.died.is_(died))
    if since := query.get("since"):
        chosen = chosen.where(TaskRow.at >= since)
    if until := query.get("until"):
        chosen = chosen.where(TaskRow.at < until)
    return chosen


def _all() -> sa.Select[TaskRow, ServiceRow]:
    return select(TaskRow, ServiceRow).join(ServiceRow, ServiceRow.id == TaskRow.service_id, isouter=True)


# --- One ----------------------------------------------------------------------------------------------------------


def get_task(key: str) -> Known:
    """Find a task by its id, the beginning of its id, or as ``service.slot`` the last one that died there.

    ``service.node`` is one of a service that runs once on each node; ``service`` alone is the last that died of it.

    :raises NotFound: when there is none.
    :raises Ambiguous: when several ids begin like this.
    """
    if "\x00" in key:
        raise NotFound("There is no such task on record.")
    found = _one(_all().where(TaskRow.id == key))
    if found is None and len(key) >= SHORTEST_BEGINNING:
        begins = db.session.execute(_all().where(TaskRow.id.startswith(key, autoescape=True)).limit(6)).all()
        if len(begins) > 1:
            raise Ambiguous(
                f"Several tasks have an id that begins with {key}", (task.id for task, _ in begins), "Write more of it."
            )
        found = Known(*begins[0]) if begins else None
    found = found or _find_last_died(key)
    if found is None:
        raise NotFound(
            f"There is no task {key} on record. Write the id of a task, or a service and its slot as in shop_web.1."
        )
    return found


def _find_last_died(key: str) -> Known | None:
    latest = (TaskRow.died.desc(), TaskRow.at.desc(), TaskRow.id)
    service, _, place = key.rpartition(".")
    at = or_(TaskRow.place == place, TaskRow.node == place)
    # The place is a slot, unless the name of the service itself has a dot.
    return _one(_all().where(ServiceRow.name == service, at).order_by(*latest).limit(1)) or _one(
        _all().where(ServiceRow.name == key).order_by(*latest).limit(1)
    )


def _one(query: sa.Select[TaskRow, ServiceRow]) -> Known | None:
    row = db.session.execute(query).first()
    return Known(*row) if row else None


def explain(crane: Crane, known: Known) -> dict[str, Any]:
    """Say why a task died, with everything that is known about it."""
    task, node = known.task, crane.cache.snapshot().nodes.get(known.task.node_id)
    output = db.session.get(OutputRow, task.id)
    states = db.session.scalars(select(StateRow).where(StateRow.task_id == task.id).order_by(StateRow.at)).all()
    cause = find_cause(task)
    return {
        "task": present(known),
        "cause": {"code": cause.code, "text": cause.text, "advice": cause.advice},
        "states": [
            {"state": state.state, "at": state.at, "message": state.message, "error": state.error}
            for state in sorted(states, key=_in_order)
        ],
        "node": {
            "name": task.node,
            "state": task.node_state,
            "state_now": node.state if node else None,
        }
        if task.node_id
        else None,
        "memory_limit": task.memory_limit,
        "out_of_memory": cause.code == facts.OUT_OF_MEMORY.code or (output.out_of_memory if output else None),
        "health": output.health if output else None,
        "attempts": [present(each) for each in _find_attempts(task)],
        "output": {"text": output.content, "cut": output.cut, "error": output.error, "at": output.at}
        if output
        else None,
    }


def _in_order(state: StateRow) -> tuple[datetime, int]:
    return state.at, facts.STATES.index(state.state) if state.state in facts.STATES else 0


def find_cause(task: TaskRow) -> Cause:
    """Say why a task ended, or that it did not, in words."""
    if task.cause_code is not None and task.cause is not None:
        return Cause(task.cause_code, task.cause, task.advice)
    if task.state == "complete":
        return Cause("completed", "It did its work and ended with exit status 0.")
    if task.state in ENDED_TASK_STATES or task.desired_state in ENDED_TASK_STATES or task.gone_at:
        return Cause(
            "stopped",
            "It did not die: the Swarm stopped it, because it was replaced, scaled down, moved or removed.",
        )
    if task.error:
        return Cause("waiting", f"It has not run yet: {task.error}.", "See what keeps it waiting.")
    return Cause("alive", f"It has not died: it is {task.state}.")


def _find_attempts(task: TaskRow) -> Sequence[Known]:
    """Return what was tried before in the same place, the newest first."""
    before = and_(
        TaskRow.service_id == task.service_id,
        TaskRow.place == task.place,
        TaskRow.id != task.id,
        TaskRow.created_at <= task.created_at,
    )
    query = _all().where(before).order_by(TaskRow.created_at.desc(), TaskRow.id).limit(MOST_ATTEMPTS)
    return [Known(*row) for row in db.session.execute(query)]


# --- Forgetting ---------------------------------------------------------------------------------------------------


def run_forgetting(stop: threading.Event) -> None:
    """Forget old tasks, once an hour."""
    while not stop.is_set():
        forget_old(get_crane(), confirm=lambda: current_lease().confirm())
        stop.wait(FORGET_SECONDS)


def forget_old(crane: Crane, confirm: Callable[[], None] = lambda: None) -> int:
    """Forget tasks that the Swarm has forgotten and that are older than wanted, or too many; return how many.

    :param confirm: Called in each transaction, to make sure that no other server does the same.
    """
    oldest = facts.now() - timedelta(days=crane.settings["history.task_days"])
    forgotten = _forget(TaskRow.at < oldest, 0, confirm)
    return forgotten + _forget(sa.true(), int(crane.settings["history.tasks"]), confirm)


def _forget(where: sa.ColumnElement[bool], most: int, confirm: Callable[[], None]) -> int:
    """Delete all but the newest tasks of some, a few at a time so that others can write between."""
    gone = and_(where, TaskRow.gone_at.is_not(None))
    query = select(TaskRow.id).where(gone).order_by(TaskRow.at.desc(), TaskRow.id).offset(most)
    forgotten = 0
    while True:
        with session() as database:
            confirm()
            # What is the oldest now is among those that are left for the next time.
            ids = database.scalars(query.limit(500)).all()
            for model, column in ((StateRow, StateRow.task_id), (OutputRow, OutputRow.task_id), (TaskRow, TaskRow.id)):
                database.execute(delete(model).where(column.in_(ids)))
            database.commit()
        forgotten += len(ids)
        if len(ids) < 500:
            break
    with session() as database:
        confirm()
        used = select(TaskRow.service_id)
        database.execute(delete(ServiceRow).where(ServiceRow.id.not_in(used)))
        database.commit()
    return forgotten
