"""What the Engine says when it refuses, as errors of ours."""

from __future__ import annotations

import re
import ssl

from crane_core.errors import Conflict, CraneError, EngineError, EngineUnavailable, Invalid, NotFound, Violation
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


class AlreadyInSwarm(Conflict):
    """The Engine is part of a Swarm already."""

    code, title = "already-in-a-swarm", "The Engine is part of a Swarm already."


class StillJoining(EngineError):
    """The Engine has not joined the Swarm within its own 20 seconds, and goes on trying by itself."""


class SwarmLocked(EngineUnavailable):
    """The manager's Engine was started anew, and waits for the Swarm's key."""

    code, title = "swarm-locked", "The manager waits for the Swarm's key."


class WrongUnlockKey(Invalid):
    """The key is not the one that the manager waits for."""

    code, title = "wrong-unlock-key", "This key does not unlock the manager."


class Unanswered(EngineUnavailable):
    """The Engine was asked, and has not answered; it may have done what it was asked for."""


class OutcomeUnknown(EngineUnavailable):
    """The Engine was told to change something and has not answered: nobody knows whether it did."""

    code, title = "outcome-unknown", "Whether the Engine did what it was told is not known."


class AnswerUnreadable(EngineError):
    """The Engine answered with something that is not what its API promises."""

    code, title = "engine-answer-unreadable", "The Engine's answer cannot be read."


_WRONG_KEY = (
    "The manager is not unlocked by this key. Give the one that the Swarm had when this manager went down; a manager "
    "that is not locked tells the present one: `docker swarm unlock-key`."
)
_RPC = re.compile(r"rpc error: code = (\w+) desc = ")


def shorten(message: str) -> str:
    """Leave out the wrapping of a message that one part of the Engine handed to another."""
    return _RPC.sub("", message).strip()


def say_locked(manager: str) -> str:
    """Say that a manager is locked, and what to do."""
    return f"{manager} was started anew and waits for the Swarm's key: unlock it with `crane swarm unlock`."


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
    if "already part of a swarm" in message:
        return AlreadyInSwarm("The Engine is part of a Swarm already. Run `docker swarm leave` there first.")
    if "attempt to join the swarm will continue" in message:
        return StillJoining(detail, engine_status=status)
    if "needs to be unlocked" in message:
        return SwarmLocked(say_locked("The manager"), engine_status=status)
    if "invalid key provided" in message or "invalid key string" in message:
        return WrongUnlockKey(violations=[Violation("/unlock_key", _WRONG_KEY, code="wrong-unlock-key")])
    if "HTTP request to an HTTPS server" in message:
        return EngineUnavailable(
            "The Engine is spoken with over TLS there: give the authority that signed its certificate, and a "
            "certificate with its key that it lets in.",
            engine_status=status,
        )
    if "find manager in raft memberlist" in message:
        return Conflict("The node is becoming a manager just now. Try again in a moment.")
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
    if status == 409 or "is not paused" in message:
        return Conflict(detail)
    if status == 400 or code == "InvalidArgument":
        return InvalidSpec(detail)
    return EngineError(detail, engine_status=status)


def make_unknown(failure: Unanswered, path: str) -> OutcomeUnknown:
    """Return the error that a change which was sent to ``path`` and not answered stands for."""
    subject = path.split("/")[1]
    return OutcomeUnknown(
        f"{failure.detail} Whether it did what it was told is not known: look at the "
        f"{'Swarm' if subject == 'swarm' else subject} once it answers again, before you repeat this."
    )


def say_why_no_tls(error: Exception) -> str:
    """Say why an Engine was not spoken with over TLS, and what to do, as the rest of a sentence about it."""
    if getattr(error, "reason", "") == "WRONG_VERSION_NUMBER":
        return "speaks no TLS there; give the address at which it does"
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or str(error)
        return (
            f"was not spoken with, because its certificate does not fit: {why.rstrip('.')}. Give the authority that "
            "signed its certificate, and the address for which that was issued"
        )
    # An Engine ends the connection without a word of its own where it does not know whoever signed.
    return (
        "broke off, because certificates do not fit. It lets in only those whose certificate was signed by an "
        "authority that it trusts: give such a certificate, with its key"
    )
