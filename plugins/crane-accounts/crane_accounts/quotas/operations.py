"""Quotas: made, changed and removed, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from crane_database import IntegrityError, answering, delete, select, session, update

from crane_accounts.names import check_name, check_pattern, matches, normal
from crane_accounts.quotas.amounts import NANO, NOTHING, Amount, add_up, amount_of_live, amount_of_spec, count_nodes
from crane_accounts.quotas.errors import QuotaExists, QuotaNotFound
from crane_accounts.quotas.models import QuotaRow
from crane_core.context import Crane, get_crane
from crane_core.contributions import Deployment
from crane_core.engine.cache import Snapshot
from crane_core.errors import Invalid, Violation
from crane_core.events import Event
from crane_core.orchestration.deployments import may_exceed
from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.security import Identity

JSON = dict[str, Any]
LIMITS = ("replicas", "nano_cpus", "memory_bytes", "replicas_per_service")
_RESOURCES = "/TaskTemplate/Resources/Limits"


@dataclass(frozen=True)
class Quota:
    """How much the services of some stacks may ask for together; None is no limit.

    :param stack: The name of a stack, in which ``*`` stands for anything; None for every service.
    :param replicas: Tasks of all services.
    :param nano_cpus: The limits of all their tasks in billionths of a processor.
    :param memory_bytes: The limits of all their tasks in bytes.
    :param replicas_per_service: Tasks of each service.
    """

    name: str
    stack: str | None = None
    description: str = ""
    replicas: int | None = None
    nano_cpus: int | None = None
    memory_bytes: int | None = None
    replicas_per_service: int | None = None
    created_at: datetime | None = None

    def covers(self, stack: str | None) -> bool:
        """Tell whether services of a stack, or of none, count."""
        return self.stack is None or (stack is not None and matches(self.stack, stack))

    def __str__(self) -> str:
        of = "all services" if self.stack is None else f"the stack {self.stack}"
        if self.stack is not None and "*" in self.stack:
            of = f"stacks {self.stack}"
        return f"the quota {self.name} of {of}"


# --- Keeping ------------------------------------------------------------------------------------------------------


def list_quotas() -> list[Quota]:
    """Return all quotas by their names."""
    with answering(), session() as database:
        return [_quota_of(row) for row in database.scalars(select(QuotaRow).order_by(QuotaRow.name))]


def get_quota(name: str) -> Quota:
    """Return a quota.

    :raises QuotaNotFound: when there is none of this name.
    """
    with answering(), session() as database:
        row = database.get(QuotaRow, normal(name))
        if row is None:
            raise QuotaNotFound(f"There is no quota {name}.")
        return _quota_of(row)


def create_quota(crane: Crane, identity: Identity, members: Mapping[str, Any]) -> Quota:
    """Make a quota. What runs already is left alone, however much it asks for.

    :raises Invalid: when its name or its stacks are none, or it limits nothing.
    :raises QuotaExists: when there is one of this name.
    """
    quota = Quota(**{**members, "name": check_name(members["name"])}, created_at=datetime.now(UTC))
    _check(quota)
    with answering(), session() as database:
        database.add(QuotaRow(**{name: getattr(quota, name) for name in _COLUMNS}))
        try:
            database.commit()
        except IntegrityError as error:
            raise QuotaExists(f"There is a quota {quota.name} already.") from error
    _tell(crane, "quota.created", quota, identity)
    return quota


def change_quota(crane: Crane, identity: Identity, name: str, members: Mapping[str, Any]) -> Quota:
    """Change what a quota limits.

    :raises Invalid: when its stacks are none, or it would limit nothing.
    """
    quota = replace(get_quota(name), **members)
    _check(quota)
    if members:
        with answering(), session() as database:
            database.execute(update(QuotaRow).where(QuotaRow.name == quota.name).values(**members))
            database.commit()
    _tell(crane, "quota.updated", quota, identity)
    return quota


def remove_quota(crane: Crane, identity: Identity, name: str) -> None:
    """Remove a quota."""
    quota = get_quota(name)
    with answering(), session() as database:
        database.execute(delete(QuotaRow).where(QuotaRow.name == quota.name))
        database.commit()
    _tell(crane, "quota.removed", quota, identity)


def _check(quota: Quota) -> None:
    if quota.stack is not None:
        check_pattern(quota.stack)
    if all(getattr(quota, limit) is None for limit in LIMITS):
        detail = "A quota limits something: replicas, cpus, memory_bytes or replicas_per_service."
        raise Invalid(detail, violations=[Violation("", detail, code="limits-nothing")])


def _tell(crane: Crane, kind: str, quota: Quota, identity: Identity) -> None:
    detail = {limit: value for limit in LIMITS if (value := getattr(quota, limit)) is not None}
    crane.emit(Event(kind, quota.name, stack=quota.stack, by=identity.name, detail=detail))


_COLUMNS = tuple(column.name for column in QuotaRow.__table__.columns)


def _quota_of(row: QuotaRow) -> Quota:
    return Quota(**{name: getattr(row, name) for name in _COLUMNS})


# --- Showing ------------------------------------------------------------------------------------------------------


def present(quota: Quota, snapshot: Snapshot) -> JSON:
    """Return a quota as it is answered, with how much of it is used."""
    amounts = _live(quota, snapshot)
    used = add_up(amounts.values())
    return {
        "name": quota.name,
        "stack": quota.stack,
        "description": quota.description,
        "replicas": quota.replicas,
        "cpus": None if quota.nano_cpus is None else quota.nano_cpus / NANO,
        "memory_bytes": quota.memory_bytes,
        "replicas_per_service": quota.replicas_per_service,
        "created_at": quota.created_at,
        "services": len(amounts),
        "used": {
            "replicas": used.tasks,
            "cpus": used.nano_cpus / NANO,
            "memory_bytes": used.memory,
            "largest_service": max((amount.tasks for amount in amounts.values()), default=0),
        },
        "unlimited": {
            "cpus": sorted(name for name, amount in amounts.items() if amount.tasks and not amount.nano_cpus),
            "memory_bytes": sorted(name for name, amount in amounts.items() if amount.tasks and not amount.memory),
        },
    }


def _live(quota: Quota, snapshot: Snapshot) -> dict[str, Amount]:
    """Return what each service that runs and counts asks for."""
    nodes = count_nodes(snapshot)
    return {
        service.name: amount_of_live(service.spec, nodes)
        for service in snapshot.services.values()
        if quota.covers(service.stack)
    }


# --- Refusing -----------------------------------------------------------------------------------------------------


def refuse(deployment: Deployment) -> Iterator[Violation]:
    """Object to a deployment that asks for more than a quota leaves. What asks for no more than before may stay."""
    crane = get_crane()
    concerned = [quota for quota in list_quotas() if quota.covers(_stack_of(deployment.spec))]
    found = [violation for quota in concerned for violation in _refuse(quota, deployment, crane.cache.snapshot())]
    if found and not may_exceed(crane, deployment):
        yield from found


def _refuse(quota: Quota, deployment: Deployment, snapshot: Snapshot) -> Iterator[Violation]:
    nodes = count_nodes(snapshot)
    wanted = amount_of_spec(deployment.spec, nodes)
    had = NOTHING
    if deployment.previous is not None and quota.covers(_stack_of(deployment.previous)):
        had = amount_of_spec(deployment.previous, nodes)
    live = _live(quota, snapshot)
    planned = {each.name: each.spec for each in deployment.together or (deployment,)}
    final = {name: amount for name, amount in live.items() if name not in planned and name not in deployment.leaving}
    final |= {name: amount_of_spec(spec, nodes) for name, spec in planned.items() if quota.covers(_stack_of(spec))}
    before, after = add_up(live.values()), add_up(final.values())

    most = quota.replicas_per_service
    if most is not None and wanted.tasks > most and wanted.tasks > had.tasks:
        yield Violation(
            "/Mode",
            f"It asks for {wanted.tasks} replicas, and {quota} leaves each service {most}. Ask for fewer.",
            code="quota-exceeded",
        )
    for limit, pointer, asked, old, total, was, say in (
        (quota.replicas, "/Mode", wanted.tasks, had.tasks, after.tasks, before.tasks, _say_replicas),
        (
            quota.nano_cpus,
            _RESOURCES,
            wanted.all_nano_cpus,
            had.all_nano_cpus,
            after.nano_cpus,
            before.nano_cpus,
            _say_cpus,
        ),
        (
            quota.memory_bytes,
            _RESOURCES,
            wanted.all_memory,
            had.all_memory,
            after.memory,
            before.memory,
            _say_memory,
        ),
    ):
        if limit is not None and total > limit and total > was and asked > old:
            yield Violation(
                pointer,
                f"With it, {say(total)} would be asked for, and {quota} allows {say(limit)}. Ask for less, or remove "
                "something first.",
                code="quota-exceeded",
            )
    yield from _find_unlimited(quota, wanted, had)


def _find_unlimited(quota: Quota, wanted: Amount, had: Amount) -> Iterator[Violation]:
    """Object to services without a limit, which could take all there is."""
    for limit, member, key, asked, old in (
        (quota.nano_cpus, "NanoCPUs", "cpus", wanted.nano_cpus, had.nano_cpus),
        (quota.memory_bytes, "MemoryBytes", "memory", wanted.memory, had.memory),
    ):
        unchanged = had.tasks and not old and wanted.tasks <= had.tasks
        if limit is not None and wanted.tasks and asked <= 0 and not unchanged:
            yield Violation(
                f"{_RESOURCES}/{member}",
                f"It sets no limit, and {quota} counts limits. Set deploy.resources.limits.{key}.",
                code="quota-needs-limit",
            )


def _stack_of(spec: Mapping[str, Any]) -> str | None:
    return (spec.get("Labels") or {}).get(STACK_LABEL) or None


def _say_replicas(number: int) -> str:
    return f"{number} replica{'s' if number != 1 else ''}"


def _say_cpus(nano: int) -> str:
    return f"{nano / NANO:g} processor{'s' if nano != NANO else ''}"


def _say_memory(number: int) -> str:
    return f"{number / 1024**2:.10g} MiB of memory"
