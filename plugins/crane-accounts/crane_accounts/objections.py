"""Objections to deployments: to labels by which somebody would grant what they may not grant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crane_accounts.labels import granting
from crane_core.context import Crane
from crane_core.contributions import Deployment, Violation
from crane_core.security import Target, decide, may_everything


def object_to(crane: Crane, deployment: Deployment) -> Iterator[Violation]:
    """Object to a deployment of who may not grant what its labels would grant."""
    before, after = _labels(deployment.previous), _labels(deployment.spec)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if not changed or may_everything(deployment.identity):
        return
    live = crane.cache.snapshot().service_named(deployment.name) if deployment.previous is not None else None
    target = Target("service", deployment.name, live.id if live else "", deployment.stack)
    vote = decide(crane, deployment.identity, "grant:create", target)
    if vote.allows:
        return
    for name in changed:
        verb = "take away" if name not in after else "change" if name in before else "set"
        detail = (
            f"The label {name} grants rights on the service, so that you may only {verb} it if you may do grant:create "
            f"there: {vote.reason}."
        )
        yield Violation(f"/Labels/{name.replace('~', '~0').replace('/', '~1')}", detail, code="permission-label")


def _labels(spec: Mapping[str, Any] | None) -> dict[str, str]:
    return granting((spec or {}).get("Labels") or {})
