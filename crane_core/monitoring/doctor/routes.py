"""HTTP in and out of the doctor."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from crane_core.context import get_crane
from crane_core.http import Blueprint, answer
from crane_core.monitoring.doctor.operations import Doctor
from crane_core.monitoring.doctor.schemas import DoctorQuery, DoctorSchema
from crane_core.security import guard

blueprint = Blueprint("doctor", __name__, url_prefix="/api/v1/doctor", description="What is wrong, and what to do.")


@blueprint.route("")
@blueprint.doc(operationId="showDoctor")
@guard("doctor:read")
@blueprint.arguments(DoctorQuery, location="query")
@blueprint.response(200, DoctorSchema, description="What was found.")
def show(query: dict[str, Any]) -> Response:
    """Look what is wrong with the Swarm or will be, and what to do about it."""
    crane = get_crane()
    crane.about_to_wait()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    report = crane.room(Doctor).examine(app.app_context, fresh=query["fresh"])
    return answer(report.to_json(), headers={"Cache-Control": "no-store"})
