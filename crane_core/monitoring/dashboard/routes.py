"""HTTP in and out of the dashboard."""

from __future__ import annotations

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, answer_unless_known
from crane_core.monitoring.dashboard.operations import Dashboard
from crane_core.monitoring.dashboard.schemas import DashboardSchema
from crane_core.security import guard, identify

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard", description="How the Swarm fares.")


@blueprint.route("")
@blueprint.doc(operationId="showDashboard")
@guard("dashboard:read")
@blueprint.response_unless_known(DashboardSchema, description="How it fares.")
def show() -> Response:
    """Show how the Swarm fares: nodes, services in trouble and why, the busiest, the last events."""
    shown = get_crane().room(Dashboard).show(identify())
    # A greater age is no news.
    sources = [{name: value for name, value in each.items() if name != "age"} for each in shown["sources"]]
    return answer_unless_known(shown, {**shown, "sources": sources})
