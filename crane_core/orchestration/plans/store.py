"""Plans that were made and may be applied."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crane_core.context import Crane
from crane_core.events import Event
from crane_core.orchestration.errors import PlanApplied, PlanNotFound, PlanOutdated, PlanRefused
from crane_core.orchestration.plans.model import Plan
from crane_core.security import Identity

# A plan holds the contents of its secrets, so no more of them are kept than people look at.
MOST_PLANS = 200


class Plans:
    """The room of one server that keeps plans: for an hour, in memory only, because they hold secrets."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, plan: Plan) -> Plan:
        """Keep a plan."""
        with self._lock:
            self._forget_old()
            self._plans[plan.id] = plan
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        detail = {"plan": plan.id, "kind": plan.kind}
        self._crane.emit(Event("plan.created", plan.target, plan.id, plan.stack, plan.identity.name, detail))
        return plan

    def get(self, plan_id: str) -> Plan:
        """Return a plan, also one that was applied already.

        :raises PlanNotFound: when there is none, or it has expired.
        """
        with self._lock:
            return self._find(plan_id)

    def take(self, plan_id: str) -> Plan:
        """Return a plan to be applied, which nobody else can then apply again.

        :raises PlanApplied: when it was applied already.
        :raises PlanNotFound: when there is none, or it has expired.
        """
        with self._lock:
            plan = self._find(plan_id)
            if plan.applied_at is not None:
                raise PlanApplied
            # What it would send holds the contents of secrets, and is needed no more.
            self._plans[plan_id] = plan.as_applied()
            return plan

    def put_back(self, plan: Plan) -> None:
        """Let a plan be applied again, because nothing came of it."""
        with self._lock:
            self._plans[plan.id] = plan

    def _find(self, plan_id: str) -> Plan:
        self._forget_old()
        if plan_id not in self._plans:
            raise PlanNotFound
        return self._plans[plan_id]

    def _forget_old(self) -> None:
        now = datetime.now(UTC)
        for plan_id in [plan.id for plan in self._plans.values() if plan.expires_at < now]:
            del self._plans[plan_id]


def require_applicable(plans: Plans, plan: Plan, identity: Identity) -> None:
    """Go on only if a plan breaks no rule for whoever applies it, and what it was made from has not moved.

    A plan is made again for this, from the same wish: the rules that bind who applies it need not be those that bind
    who made it, and plugins may make something else of it. A version that only counted on, as it does while the Swarm
    carries out an update, does not outdate a plan; another spec does.

    :raises PlanApplied: when it was applied already.
    :raises PlanRefused: with its violations.
    :raises PlanOutdated: with the new plan, which can be applied instead.
    """
    fresh = plan.remake(identity)
    if fresh.violations:
        raise PlanRefused(violations=fresh.violations)
    moved = dict(fresh.seen) != dict(plan.seen) or _outline(fresh) != _outline(plan)
    if moved or (identity != plan.identity and _bodies(fresh) != _bodies(plan)):
        raise PlanOutdated(plan=plans.add(fresh).to_json())


def refuse_violations(plan: Plan) -> None:
    """Go on only if a plan that was just made breaks no rule.

    :raises PlanRefused: with its violations.
    """
    if plan.violations:
        detail = f"The plan breaks {len(plan.violations)} rule(s); nothing was changed. The first: "
        raise PlanRefused(detail + plan.violations[0].detail, violations=plan.violations)


def _bodies(plan: Plan) -> list[Mapping[str, Any] | None]:
    return [change.body for change in plan.effective]


def _outline(plan: Plan) -> list[tuple[str, str, str]]:
    return sorted((change.kind, change.name, change.action) for change in plan.changes)
