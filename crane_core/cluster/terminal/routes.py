"""HTTP in and out of terminals: tickets, the WebSockets, and recordings."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import flask
from flask import Response, request

from crane_core.cluster.terminal.conversation import Seat, talk
from crane_core.cluster.terminal.errors import Ending
from crane_core.cluster.terminal.operations import Sessions, remove_recording
from crane_core.cluster.terminal.places import choose_container, container_of, enter
from crane_core.cluster.terminal.recordings import Recording, Recordings
from crane_core.cluster.terminal.schemas import (
    OrderSchema,
    RecordingQuery,
    RecordingSchema,
    ServiceOrderSchema,
    TicketSchema,
)
from crane_core.cluster.terminal.session import Session
from crane_core.cluster.terminal.shells import NoShell
from crane_core.cluster.terminal.tickets import TICKET_SECONDS, Order, Tickets
from crane_core.containers import Container, find_container
from crane_core.context import Crane, get_crane
from crane_core.engine.execs import CannotStart, Program
from crane_core.errors import CraneError, EngineUnavailable, Invalid, NotFound
from crane_core.http import Blueprint, Listing, answer, answer_list
from crane_core.security import Target, demanded_target, guard, identify
from crane_core.standing import Standing
from crane_core.websockets import Ended, Gone, UpgradeRequired, WebSocket

log = logging.getLogger(__name__)

SUBPROTOCOL = "crane.terminal"
LONGEST_SEEN = 2**53
ASCIICAST = "application/x-asciicast"

blueprint = Blueprint(
    "terminals", __name__, url_prefix="/api/v1", description="Programs in containers, with a terminal or without."
)
sockets = flask.Blueprint("terminal_sockets", __name__, url_prefix="/api/v1")


class NoTicket(Invalid):
    """The WebSocket of a terminal was opened without a ticket."""

    code, title = "no-ticket", "A terminal is opened with a ticket."


# Tickets


@blueprint.route("/containers/<path:name>/terminal-tickets", methods=["POST"])
@guard("container:exec", by="name")
@blueprint.arguments(OrderSchema)
@blueprint.response(201, TicketSchema, description="The ticket.")
def order_in_container(order: dict[str, Any], name: str) -> Response:
    """Ask for a terminal in a container."""
    return _issue(find_container(get_crane(), name), order)


@blueprint.route("/tasks/<task_id>/terminal-tickets", methods=["POST"])
@guard("task:exec", by="task_id")
@blueprint.arguments(OrderSchema)
@blueprint.response(201, TicketSchema, description="The ticket.")
def order_in_task(order: dict[str, Any], task_id: str) -> Response:
    """Ask for a terminal in the container of a task."""
    crane = get_crane()
    return _issue(container_of(crane, crane.cache.snapshot().get_task(task_id)), order)


@blueprint.route("/services/<name>/terminal-tickets", methods=["POST"])
@guard("service:exec", by="name")
@blueprint.arguments(ServiceOrderSchema)
@blueprint.response(201, TicketSchema, description="The ticket.")
def order_in_service(order: dict[str, Any], name: str) -> Response:
    """Ask for a terminal in a task of a service."""
    return _issue(choose_container(get_crane(), name, order.pop("task")), order)


def _issue(container: Container, order: dict[str, Any]) -> Response:
    """Answer with a ticket for a program in a container."""
    crane, identity = get_crane(), identify()
    crane.room(Sessions).check_place(identity)
    place = enter(crane, identity, container)
    program = Program(**{**order, "command": tuple(order["command"])})
    ticket = crane.room(Tickets).issue(Order(identity, _demanded(), place, program))
    address = quote(request.path.removesuffix("-tickets"), safe="/")
    return answer({"ticket": ticket, "seconds": TICKET_SECONDS, "address": address, **place.to_json()}, 201)


def _demanded() -> Target:
    target = demanded_target()
    if target is None:
        raise RuntimeError("The guard of this view looks nothing up.")
    # Labels change while a terminal is open, and play no part in whether it is the same.
    return Target(target.kind, target.name, target.id, target.stack, node=target.node)


# WebSockets. Twice, because without the second rule a request for no WebSocket would get an answer that explains
# nothing.


@sockets.route("/containers/<path:name>/terminal", websocket=True)
@sockets.route("/containers/<path:name>/terminal")
@guard("container:exec", by="name")
def container_terminal(name: str) -> Response:
    """Sit in front of a terminal in a container, on a WebSocket."""
    return _serve()


@sockets.route("/tasks/<task_id>/terminal", websocket=True)
@sockets.route("/tasks/<task_id>/terminal")
@guard("task:exec", by="task_id")
def task_terminal(task_id: str) -> Response:
    """Sit in front of a terminal in the container of a task, on a WebSocket."""
    return _serve()


@sockets.route("/services/<name>/terminal", websocket=True)
@sockets.route("/services/<name>/terminal")
@guard("service:exec", by="name")
def service_terminal(name: str) -> Response:
    """Sit in front of a terminal in a task of a service, on a WebSocket."""
    return _serve()


def _serve() -> Response:
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise UpgradeRequired(
            "Ask for a ticket first, then open this address as a WebSocket with the subprotocols "
            f"{SUBPROTOCOL} and the ticket."
        )
    crane, identity, target = get_crane(), identify(), _demanded()
    secret = _read_secret()
    sessions = crane.room(Sessions)
    found: Session | None = None
    if id_ := request.args.get("session", ""):
        found = sessions.find(id_, secret, identity, target)
        seen = _read_seen()
    else:
        order = crane.room(Tickets).redeem(secret, identity, target)
        sessions.check_place(identity)
        seen = 0
    websocket = WebSocket.accept(request, SUBPROTOCOL)
    seat = Seat(websocket)
    try:
        with crane.room(Standing).admitted(seat.end):
            session = found or _open(crane, seat, order)
            if session is not None:
                talk(crane, session, websocket, seat, seen)
    except Gone:
        pass
    except Exception:
        # No answer of HTTP may follow on this socket.
        log.exception("A terminal of %s failed.", identity.name)
        websocket.close(Ending("failed").number, Ending("failed").reason)
    finally:
        websocket.shut()
    return Ended()


def _read_secret() -> str:
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if len(offered) != 2 or offered[0] != SUBPROTOCOL:
        raise NoTicket(f"Offer the subprotocols {SUBPROTOCOL} and, as the second, a ticket.")
    return offered[1]


def _read_seen() -> int:
    text = request.args.get("seen", "0")
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= LONGEST_SEEN):
        raise Invalid("`seen` is how many bytes of what was printed were seen before.")
    return int(text)


def _open(crane: Crane, seat: Seat, order: Order) -> Session | None:
    """Start what was ordered, or say why not."""
    try:
        return crane.room(Sessions).open(order)
    except NoShell as error:
        seat.refuse(Ending("no-shell", error.detail))
    except CannotStart as error:
        seat.refuse(Ending("cannot-start", error.detail))
    except NotFound as error:
        seat.refuse(Ending("container-gone", error.detail))
    except EngineUnavailable as error:
        seat.refuse(Ending("node-unreachable", error.detail))
    except CraneError as error:
        code = {"container-not-running": "container-gone", "terminal-not-recorded": "not-recorded"}.get(error.code)
        seat.refuse(Ending(code or "failed", error.detail))
    return None


# Recordings


def find_recording(name: str) -> Target:
    """Find a recording as the target of an action."""
    return _target(get_crane().room(Recordings).get(name))


def _target(recording: Recording) -> Target:
    return Target("terminal-recording", recording.id, recording.id)


def recording_listing(crane: Crane) -> Listing[Recording]:
    """Return the list of recordings."""
    rows = crane.room(Recordings).all()
    shown = {each.id: each.to_json() for each in rows}
    members = ("by", "node", "service", "stack", "open", "started_at", "seconds", "bytes")
    return Listing(
        version=repr([(each.id, each.size, each.open) for each in rows]),
        rows=lambda: rows,
        action="terminal-recording:read",
        target=_target,
        fields={
            "name": lambda each: each.id,
            **{member: lambda each, member=member: shown[each.id][member] for member in members},  # type: ignore[misc]
        },
        present=lambda each: shown[each.id],
        made_of=lambda each: (each.id, each.size, each.open),
    )


@blueprint.route("/terminal-recordings")
@guard("terminal-recording:read")
@blueprint.arguments(RecordingQuery, location="query")
@blueprint.response_list(RecordingSchema, description="The recordings.")
def list_recordings(query: dict[str, Any]) -> Response:
    """List recorded terminals."""
    crane = get_crane()
    return answer_list(crane, recording_listing(crane), query)


@blueprint.route("/terminal-recordings/<name>")
@guard("terminal-recording:read", by="name")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type=ASCIICAST, description="The recording, as asciicast v2."
)
def download_recording(name: str) -> Response:
    """Download a recorded terminal."""
    recording = get_crane().room(Recordings).get(name)
    headers = {"Content-Disposition": f'attachment; filename="{recording.path.name}"', "Cache-Control": "no-store"}
    return Response(recording.path.read_bytes(), mimetype=ASCIICAST, headers=headers)


@blueprint.route("/terminal-recordings/<name>", methods=["DELETE"])
@guard("terminal-recording:remove", by="name")
@blueprint.response(204, description="It is removed.")
def delete_recording(name: str) -> Response:
    """Remove a recorded terminal, unless it is still open."""
    remove_recording(get_crane(), identify().name, name)
    return Response(status=204)
