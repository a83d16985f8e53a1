"""The live socket itself: what clients say on it, and what they are answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import flask
import msgspec
from flask import Response, request

from crane_core.context import Crane, get_crane
from crane_core.errors import CraneError, Invalid
from crane_core.live.hub import Connection, Hub
from crane_core.security import demand_on, guard, identify, identify_again
from crane_core.standing import Standing
from crane_core.websockets import FAILED, POLICY, Ended, Gone, WebSocket

log = logging.getLogger(__name__)

# How often it is asked whether somebody is still there, in seconds.
HEARTBEAT_SECONDS = 20.0
# Who says nothing at all for so long is gone, in seconds.
SILENCE_SECONDS = 60.0

blueprint = flask.Blueprint("live", __name__)


class MalformedMessage(Invalid):
    """A message on the live socket is none that it understands."""

    code, title = "malformed-message", "The message is not understood."


# Twice, because without the second rule a request for no WebSocket would get an answer that explains nothing.
@blueprint.route("/api/v1/live", websocket=True)
@blueprint.route("/api/v1/live")
@guard("live:read")
def live() -> Response:
    """Follow topics on a WebSocket."""
    crane = get_crane()
    hub = crane.room(Hub)
    with hub.connected(lambda: WebSocket.accept(request), identify()) as connection:
        try:
            with crane.room(Standing).admitted(lambda reason: connection.websocket.close(POLICY, reason)):
                _converse(crane, hub, connection)
        except Gone:
            pass
        except Exception:
            # Plugins authenticate and find what topics name. No answer of HTTP may follow on this socket.
            log.exception("A live connection of %s failed.", connection.identity.name)
            connection.websocket.close(FAILED, "Something went wrong inside the server.")
    return Ended()


def _converse(crane: Crane, hub: Hub, connection: Connection) -> None:
    """Answer what a client says until they are gone."""
    websocket = connection.websocket
    clock = websocket.clock
    asked_at = clock()
    while True:
        crane.about_to_wait()
        text = websocket.receive(HEARTBEAT_SECONDS)
        if clock() - asked_at >= HEARTBEAT_SECONDS:
            asked_at = clock()
            if asked_at - websocket.heard_at > SILENCE_SECONDS:
                return
            if not _same_caller(crane, connection):
                websocket.close(POLICY, "Log in again.")
                continue
            websocket.ping()
        if text is not None:
            for answer in _answer(hub, connection, text):
                websocket.send(msgspec.json.encode(answer).decode())


def _same_caller(crane: Crane, connection: Connection) -> bool:
    """Tell whether what proved who the caller is still proves it: a session ends, a token is revoked."""
    if not crane.authenticated:
        return True
    try:
        identity = identify_again()
    except CraneError:
        return False
    same = identity == connection.identity
    connection.identity = identity
    return same


def _answer(hub: Hub, connection: Connection, text: str) -> list[dict[str, Any]]:
    """Do what a message asks, and return what is answered besides the topics themselves."""
    number: Any = None
    try:
        message = _read(text)
        number = message.get("id")
        match message:
            case {"subscribe": str(topic)}:
                return _subscribe(hub, connection, {topic: None}, number)
            case {"resume": dict(versions)}:
                return _subscribe(hub, connection, versions, number)
            case {"unsubscribe": str(topic)}:
                hub.unsubscribe(connection, topic)
                return [_tell(number, topic=topic, subscribed=False)]
        raise MalformedMessage('Send {"subscribe": topic}, {"unsubscribe": topic} or {"resume": {topic: version}}.')
    except MalformedMessage as error:
        return [_tell(number, error=error.to_problem())]


def _subscribe(hub: Hub, connection: Connection, versions: Mapping[str, Any], number: Any) -> list[dict[str, Any]]:
    """Subscribe to topics of which a client may have seen a version; return what was refused."""
    refused = []
    for topic, version in versions.items():
        try:
            found, parameters = hub.find_topic(topic)
            demand_on(found.action, next(iter(parameters.values()), None))
            hub.subscribe(connection, topic, version if isinstance(version, str) else None)
        except CraneError as error:
            refused.append(_tell(number, topic=topic, error=error.to_problem()))
    return refused


def _tell(number: Any, **members: Any) -> dict[str, Any]:
    return members if number is None else {**members, "id": number}


def _read(text: str) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MalformedMessage("The message is no JSON.") from error
    if not isinstance(message, dict):
        raise MalformedMessage("The message is no JSON object.")
    if not isinstance(message.get("id"), (int, str, type(None))):
        raise MalformedMessage("The id of a message is a number or a text.")
    return message
