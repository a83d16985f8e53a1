"""Quotas: how much the services of some stacks may ask for together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_accounts.quotas.routes import blueprint, find_quota
from crane_core.contributions import Action, Deployment, Violation

if TYPE_CHECKING:
    import flask


def actions() -> Iterator[Action]:
    """Contribute actions."""
    yield Action("quota:read", "See quotas, and how much of them is used.", find_quota, within=("stack",))
    yield Action("quota:create", "Make quotas.")
    yield Action("quota:update", "Change quotas.", find_quota)
    yield Action("quota:remove", "Remove quotas.", find_quota)


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield blueprint


def validate_deployment(deployment: Deployment) -> Iterator[Violation]:
    """Object to a deployment that asks for more than a quota leaves."""
    from crane_accounts.quotas.operations import refuse

    yield from refuse(deployment)
