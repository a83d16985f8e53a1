"""What the Engine says when it refuses, as errors of ours."""

from __future__ import annotations

import re

from crane_core.errors import Conflict, CraneError, EngineError, Invalid, NotFound
from crane_core.redaction import hide_inside


class InvalidSpec(Invalid):
    """The Engine does not take this spec."""

    code, title = "invalid-spec", "The Engine does not take this."


class NameTaken(Conflict):
    """There is an object of that name already."""

    code, title = "name-taken", "There is an object of that name already."


class Outdated(Conflict):
    """Somebody else changed the object in the meantime; read it again."""

    code, title = "outdated", "Somebody else changed the object in the meantime."


class InUse(Conflict):
    """Something still uses the object."""

    code, title = "in-use", "Something still uses the object."


class PortTaken(Conflict):
    """Another service publishes the same port."""

    code, title = "port-taken", "Another service publishes the same port."


class NotAManager(EngineError):
    """The Engine is in no Swarm, or only a worker in one."""

    code, title = "not-a-swarm-manager", "The Engine is not a manager of a Swarm."


class AnswerUnreadable(EngineError):
    """The Engine answered with something that is not what its API promises."""

    code, title = "engine-answer-unreadable", "The Engine's answer cannot be read."


_RPC = re.compile(r"rpc error: code = (\w+) desc = ")


def shorten(message: str) -> str:
    """Leave out the wrapping of a message that one part of the Engine handed to another."""
    return _RPC.sub("", message).strip()


def make_error(status: int, message: str) -> CraneError:
    """Return the error of ours that an answer of the Engine stands for.

    The text decides before the status does, because Engines of different ages answer the same refusal with
    different statuses (400, 409, 500 or 503). Engines repeat what they were sent, so credentials in it are hidden.
    """
    detail = hide_inside(shorten(message)) or f"The Engine answered with status {status} and no reason."
    rpc = _RPC.search(message)
    code = rpc[1] if rpc else ""
    if "not a swarm manager" in message or "not part of a swarm" in message:
        return NotAManager(
            "The Engine is not a manager of a Swarm: make it one with `docker swarm init`, "
            "or set engine.url to a manager of the Swarm that you mean.",
            engine_status=status,
        )
    if "update out of sequence" in message:
        return Outdated("The object was changed in the meantime: read it again and repeat the change.")
    if "is already in use by service" in message:
        return PortTaken(detail)
    if "is in use by" in message or "has active endpoints" in message:
        return InUse(detail)
    if status == 404 or code == "NotFound":
        return NotFound(detail)
    if code == "AlreadyExists" or (status == 409 and "already exists" in message):
        return NameTaken(detail)
    if status == 409:
        return Conflict(detail)
    if status == 400 or code == "InvalidArgument":
        return InvalidSpec(detail)
    return EngineError(detail, engine_status=status)
