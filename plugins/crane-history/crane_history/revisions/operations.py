"""Keeping revisions of stacks, and returning to one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crane_database import IntegrityError, db, delete, func, select, session, update

from crane_core.context import Crane
from crane_core.contributions import RegistryLogin
from crane_core.events import Event
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.stacks.planner import Wish, plan_stack
from crane_core.security import Identity, Target
from crane_history.revisions import shown
from crane_history.revisions.errors import RevisionNotFound
from crane_history.revisions.models import RevisionRow
from crane_history.revisions.sealing import Seal

log = logging.getLogger(__name__)

JSON = dict[str, Any]
LARGEST = 2**31 - 1
ATTEMPTS = 20


def keep(crane: Crane, operation: Operation, plan: Plan) -> None:
    """Keep what somebody has deployed as a revision; a deployment again that changes nothing is none."""
    wish = plan.wish
    if plan.kind != "stack.deploy" or wish is None:
        return
    seal = crane.room(Seal)
    # What the tags of its images stand for is part of what is deployed.
    pinned = {name: image for name, image in shown.find_images(plan).items() if "@" in image}
    mark = seal.mark_wish(wish)
    values: JSON = {
        "stack": plan.target,
        "operation": operation.id,
        "by": operation.by[:255],
        "at": datetime.fromisoformat(operation.created_at).astimezone(UTC),
        "shown": shown.show(seal, wish, plan),
        "plan": shown.show_plan(plan),
        "mark": mark,
        "key_id": seal.key_id,
        "sealed": seal.close(replace(wish, pinned=pinned, logins={}), _about(plan.target, operation.id)),
    }
    for _ in range(ATTEMPTS):
        with session() as database:
            known = database.execute(
                select(RevisionRow.number, RevisionRow.mark)
                .where(RevisionRow.stack == plan.target)
                .order_by(RevisionRow.number.desc())
            ).all()
            if known and known[0].mark == mark and not plan.effective:
                return
            same_as = next((row.number for row in known if row.mark == mark), None)
            number = known[0].number + 1 if known else 1
            database.add(RevisionRow(**values, number=number, same_as=same_as))
            try:
                database.commit()
            except IntegrityError:
                # Another server has given this number to another deployment a moment ago.
                database.rollback()
                continue
        _forget_old(plan.target, int(crane.settings["history.revisions"]))
        return
    log.error(
        "The deployment %s of %s could not be kept as a revision: its number was always taken.",
        operation.id,
        plan.target,
    )


def _forget_old(stack: str, most: int) -> None:
    with session() as database:
        newest = select(RevisionRow.number).where(RevisionRow.stack == stack).order_by(RevisionRow.number.desc())
        oldest = database.scalar(newest.offset(max(most, 1) - 1).limit(1))
        if oldest is not None:
            database.execute(delete(RevisionRow).where(RevisionRow.stack == stack, RevisionRow.number < oldest))
        database.commit()


def note_end(event: Event) -> None:
    """Note how the deployment of a revision ended."""
    if event.kind != "operation.ended" or event.detail.get("kind") != "stack.deploy":
        return
    verdict = event.detail.get("verdict") or {}
    with session() as database:
        database.execute(
            update(RevisionRow)
            .where(RevisionRow.operation == event.id)
            .values(
                ended_at=event.at,
                outcome=event.detail.get("outcome"),
                cause=verdict.get("cause"),
                verdict=dict(verdict),
            )
        )
        database.commit()


# --- Asking -------------------------------------------------------------------------------------------------------


def list_revisions(stack: str) -> list[RevisionRow]:
    """Return the revisions of a stack, the newest first."""
    query = select(RevisionRow).where(RevisionRow.stack == stack).order_by(RevisionRow.number.desc())
    return list(db.session.scalars(query))


def find_page(query: Mapping[str, Any], allows: Callable[[Target], bool] | None) -> tuple[list[RevisionRow], int]:
    """Return a page of the revisions of all stacks, the newest first, and how many there are on all pages.

    :param allows: Tells whether the caller may see a stack; None when they may see all.
    """
    chosen = select(RevisionRow).order_by(RevisionRow.at.desc(), RevisionRow.id.desc())
    if allows is not None:
        names = db.session.scalars(select(RevisionRow.stack).distinct()).all()
        chosen = chosen.where(RevisionRow.stack.in_([name for name in names if allows(target_of(name))]))
    if needle := query["q"]:
        chosen = chosen.where(RevisionRow.stack.icontains(needle, autoescape=True))
    if outcome := query.get("outcome"):
        chosen = chosen.where(RevisionRow.outcome.in_(outcome.split(",")))
    if by := query.get("by"):
        chosen = chosen.where(RevisionRow.by == by)
    total = db.session.scalar(select(func.count()).select_from(chosen.order_by(None).subquery())) or 0
    return list(db.session.scalars(chosen.offset(query["offset"]).limit(query["limit"]))), total


def target_of(stack: str) -> Target:
    """Return a stack as what somebody may see."""
    return Target("stack", stack, stack=stack)


def get_revision(stack: str, number: int | None) -> RevisionRow:
    """Return a revision of a stack, the newest for no number.

    :raises RevisionNotFound: when there is none.
    """
    query = select(RevisionRow).where(RevisionRow.stack == stack).order_by(RevisionRow.number.desc()).limit(1)
    if number is not None:
        query = query.where(RevisionRow.number == min(number, LARGEST))
    found = db.session.scalar(query)
    if found is None:
        wanted = f"revision {number}" if number is not None else "revision"
        raise RevisionNotFound(
            f"There is no {wanted} of the stack {stack}. The first is made when a file is deployed, and old ones are "
            f"forgotten; crane stack revisions {stack} lists those that there are."
        )
    return found


def present(row: RevisionRow) -> JSON:
    """Return a revision as a list shows it."""
    summary = row.plan["summary"]
    return {
        "id": f"{row.stack}@{row.number}",
        "stack": row.stack,
        "number": row.number,
        "by": row.by,
        "at": row.at,
        "ended_at": row.ended_at,
        "outcome": row.outcome,
        "cause": row.cause,
        "operation": row.operation,
        "same_as": row.same_as,
        "summary": summary,
        "changed": ", ".join(f"{summary[verb]} {past}" for verb, past in _PAST.items() if summary[verb]) or "nothing",
    }


def present_whole(row: RevisionRow) -> JSON:
    """Return a revision with all that is shown of it."""
    return {
        **present(row),
        **shown.without_marks(row.shown),
        "changes": row.plan["changes"],
        "warnings": row.plan["warnings"],
        "verdict": row.verdict,
    }


def compare(stack: str, older: int, newer: int | None) -> JSON:
    """Return how two revisions of a stack differ.

    :param newer: None for the newest.
    """
    one, other = get_revision(stack, older), get_revision(stack, newer)
    differences = shown.compare(one.shown, other.shown, f"{stack}@{one.number}", f"{stack}@{other.number}")
    return {"from": one.number, "to": other.number, **differences}


# --- Returning ----------------------------------------------------------------------------------------------------


def plan_return(
    crane: Crane,
    identity: Identity,
    stack: str,
    number: int,
    *,
    prune: bool | None = None,
    timeout: float | None = None,
    logins: Mapping[str, RegistryLogin] | None = None,
) -> Plan:
    """Plan the deployment of a revision again, with the images that it was deployed with.

    :param prune: Whether what the revision does not name is removed; None for as it was deployed then.
    """
    row = get_revision(stack, number)
    wish = crane.room(Seal).open(row.sealed, _about(stack, row.operation), row.key_id)
    # The transaction must not stay open while the Engine and registries are asked.
    db.session.rollback()
    again: Wish = replace(wish, prune=wish.prune if prune is None else prune, timeout=timeout, logins=logins or {})
    return plan_stack(crane, identity, again)


def _about(stack: str, operation: str) -> str:
    return f"{stack} {operation}"


_PAST = {"create": "created", "update": "updated", "remove": "removed"}
