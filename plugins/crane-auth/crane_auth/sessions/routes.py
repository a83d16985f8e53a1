"""HTTP in and out of sessions."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_auth.own import own_account, own_session_id
from crane_auth.sessions import operations
from crane_auth.sessions.schemas import SessionQuery, SessionSchema
from crane_core.context import get_crane
from crane_core.http import Blueprint, Listing, answer_list, read_members
from crane_core.security import guard, identify, known

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1", description="Who is logged in, and where.")


def _listing(rows: list[dict[str, Any]], action: str | None) -> Listing[dict[str, Any]]:
    current = own_session_id()
    shown = [{**row, "current": row["id"] == current} for row in rows]
    return Listing(
        version=repr(shown),
        rows=lambda: shown,
        action=action,
        target=operations.target_of,
        fields=read_members("name", "method", "address", "created_at", "used_at"),
    )


@blueprint.route("/auth/me/sessions")
@blueprint.doc(operationId="listOwnSessions")
@known("They are the caller's own.")
@blueprint.arguments(SessionQuery, location="query")
@blueprint.response_list(SessionSchema, description="The caller's sessions, the one used last first.")
def list_own(query: dict[str, Any]) -> Response:
    """List one's own sessions."""
    crane, account = get_crane(), own_account()
    query = {**query, "sort": query["sort"] or "-used_at"}
    return answer_list(crane, _listing(operations.list_sessions(crane, account.id), None), query)


@blueprint.route("/auth/me/sessions/<session_id>", methods=["DELETE"])
@blueprint.doc(operationId="removeOwnSession")
@known("It is the caller's own.")
@blueprint.response(204, description="It has ended, and what it held open is closed.")
def remove_own(session_id: str) -> Response:
    """End one of one's own sessions."""
    account = own_account()
    operations.revoke(get_crane(), session_id, account.name, account_id=account.id)
    return Response(status=204)


@blueprint.route("/sessions")
@guard("session:read")
@blueprint.arguments(SessionQuery, location="query")
@blueprint.response_list(SessionSchema, description="The sessions of all accounts, the one used last first.")
def list_all(query: dict[str, Any]) -> Response:
    """List the sessions of all accounts."""
    crane = get_crane()
    query = {**query, "sort": query["sort"] or "-used_at"}
    return answer_list(crane, _listing(operations.list_sessions(crane), "session:read"), query)


@blueprint.route("/sessions/<session_id>", methods=["DELETE"])
@guard("session:remove", by="session_id")
@blueprint.response(204, description="It has ended, and what it held open is closed.")
def remove(session_id: str) -> Response:
    """End somebody's session."""
    operations.revoke(get_crane(), session_id, identify().name)
    return Response(status=204)
