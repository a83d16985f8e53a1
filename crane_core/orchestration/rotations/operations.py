"""Rotating a config or a secret: a new version, one update of each service that uses the old one, then its removal.

The Swarm never changes a content. So the new one becomes a new object, all references of a service are moved to it in
one change, and the old object goes when nothing can want it back: once every one of those services has converged.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.data import Data, DataKind, encode, find_data, get_data
from crane_core.engine.errors import InUse
from crane_core.engine.records import Secret, Service
from crane_core.errors import Violation
from crane_core.orchestration.deployments import Logins
from crane_core.orchestration.errors import ContentElsewhere, SameContent
from crane_core.orchestration.plans.model import Change, Plan, Reason
from crane_core.orchestration.plans.references import rename
from crane_core.orchestration.plans.services import ServicePlanner, live_spec
from crane_core.orchestration.rotations.naming import next_name
from crane_core.orchestration.stacks.versions import is_same
from crane_core.security import Identity

JSON = dict[str, Any]


def plan_rotation(
    crane: Crane,
    identity: Identity,
    kind: DataKind,
    id_: str,
    wish: Mapping[str, Any],
    timeout: float | None = None,
) -> Plan:
    """Plan the rotation of a config or a secret.

    :param wish: The new content, as ``content`` or ``data``; and ``keep_old``.
    :raises SameContent: when that is what it holds.
    :raises ContentElsewhere: when a driver keeps the content.
    :raises InUse: while services are being moved to another version of it.
    """
    return _Rotation(crane, kind, id_, encode(kind, wish), keep_old=wish["keep_old"], timeout=timeout).make(identity)


class _Rotation:
    """Makes the plan of one rotation, as often as it is asked for."""

    def __init__(
        self, crane: Crane, kind: DataKind, id_: str, data: str, *, keep_old: bool, timeout: float | None
    ) -> None:
        self._crane = crane
        self._kind: DataKind = kind
        self._id = id_
        self._data = data
        self._keep_old = keep_old
        self._timeout = timeout
        # What the new version is called. A plan that is made again, after it was carried out in part, means the same.
        self._name = ""

    def make(self, identity: Identity) -> Plan:
        """Make the plan from the Swarm as it is now."""
        snapshot = self._crane.watcher.fresh()
        old = get_data(snapshot, self._kind, self._id)
        body = self._make_body(old)
        if is_same(self._crane.engine, old, body):
            raise SameContent(f"The {self._kind} {old.name} holds this content already; nothing was changed.")
        new = self._find_new(snapshot, old, body)
        self._demand_rest(snapshot, old, new)
        planner = ServicePlanner(
            self._crane, snapshot, identity, self._kind, Logins(self._crane), "never", place=_at_service
        )
        changes = [self._change_new(old, new, body), *self._plan_services(planner, snapshot, old, new)]
        changes.append(self._change_old(old))
        return Plan(
            f"{self._kind}.rotate",
            old.name,
            old.stack,
            identity,
            changes,
            remake=self.make,
            warnings=planner.warnings,
            violations=planner.violations,
            timeout=self._timeout,
            seen={f"{each.kind} {each.name}": each.based_on or str(each.id) for each in changes if each.id is not None},
        )

    def _make_body(self, old: Data) -> JSON:
        if isinstance(old, Secret) and old.Spec.Driver is not None and old.Spec.Driver.Name:
            raise ContentElsewhere(
                f"The driver {old.Spec.Driver.Name} keeps the content of {old.name}. Change it there."
            )
        body: JSON = {"Labels": dict(old.labels), "Data": self._data}
        if (template := old.Spec.Templating) is not None:
            body["Templating"] = {"Name": template.Name, **({"Options": template.Options} if template.Options else {})}
        return body

    def _find_new(self, snapshot: Snapshot, old: Data, body: JSON) -> Data | None:
        """Choose the name of the new version; return it where an earlier attempt has made it already."""
        made = find_data(snapshot, self._kind, self._name) if self._name else None
        if made is None or made.name != self._name or not is_same(self._crane.engine, made, body):
            made = None
            live = snapshot.configs if self._kind == "config" else snapshot.secrets
            self._name = next_name(old.name, {each.name for each in live.values()})
        body["Name"] = self._name
        return made

    def _demand_rest(self, snapshot: Snapshot, old: Data, new: Data | None) -> None:
        """Refuse while another rotation goes on: this one would reach no service, and remove what they return to."""
        mine = {service.id for service in (snapshot.users_of(new.id) if new else ())}
        if any(service.id not in mine for service in snapshot.returning_to(old.id)):
            raise InUse(
                f"Services are being moved from {old.name} to another version already. Rotate that one when their "
                "updates have ended, or put them back with `crane service rollback` first."
            )

    def _change_new(self, old: Data, new: Data | None, body: JSON) -> Change:
        if new is not None:
            return Change(self._kind, new.name, "keep", new.id, new.version)
        reason = Reason("new-version", f"It takes the place of {old.name}.")
        return Change(self._kind, self._name, "create", body=body, reason=reason)

    def _plan_services(self, planner: ServicePlanner, snapshot: Snapshot, old: Data, new: Data | None) -> list[Change]:
        """Plan the update of each service that uses the old version, or the new one by an earlier attempt."""
        users = {service.name: service for service in snapshot.users_of(old.id)}
        users.update((service.name, service) for service in (snapshot.users_of(new.id) if new else ()))
        by_stack: dict[str | None, dict[str, JSON]] = {}
        for name, service in sorted(users.items()):
            by_stack.setdefault(service.stack, {})[name] = self._renamed(snapshot, service, old)
        for stack, wanted in by_stack.items():
            planner.prepare(wanted, stack)
        return [planner.change(name) for wanted in by_stack.values() for name in wanted]

    def _renamed(self, snapshot: Snapshot, service: Service, old: Data) -> JSON:
        spec = copy.deepcopy(live_spec(self._crane, snapshot, service))
        rename(spec, {(f"{self._kind}s", old.name): self._name})
        return spec

    def _change_old(self, old: Data) -> Change:
        if self._keep_old:
            return Change(self._kind, old.name, "keep", old.id, old.version, reason=Reason("kept", "It is to be kept."))
        reason = Reason("replaced", "It is removed once every service that used it has converged.")
        return Change(self._kind, old.name, "remove", old.id, old.version, reason=reason, late=True)


def _at_service(service: str, found: Violation) -> Violation:
    return Violation(f"/services/{service}{found.pointer}", found.detail, found.line, found.file, found.code)
