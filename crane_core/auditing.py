"""Auditing: every request that was to change something is told to plugins, once its answer is ready."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Flask, Response, request

from crane_core.context import get_crane
from crane_core.http import problem_code
from crane_core.security import UNSAFE, Identity, Target, demanded_target, guard_of, known_identity

_BEGUN_KEY = "crane.begun"
_OPERATION_KEY = "crane.operation"
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?(\w+)>")


@dataclass(frozen=True)
class Answered:
    """A request that was to change something, and how it was answered.

    Neither its body nor its query nor the very path are here: all three may hold secrets.

    :param method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
    :param route: The route that it came by, as in ``/api/v1/stacks/{name}``.
    :param action: The action that the route demands; None where it is open to all.
    :param target: What it was to change, as far as it was looked up; None when the request did not come so far.
    :param identity: Who sent it; ``nobody`` when that was not found out.
    :param address: The address that it came from, which may be that of a proxy; empty on a socket of the machine.
    :param status: The status of the answer.
    :param code: The code of the problem that was answered; empty when all was well.
    :param operation: The id of the operation that it started; empty when it started none.
    :param seconds: How long the answer took.
    :param at: When it was answered, in UTC.
    """

    method: str
    route: str
    action: str | None
    target: Target | None
    identity: Identity
    address: str
    status: int
    code: str = ""
    operation: str = ""
    seconds: float = 0.0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def note_operation(operation_id: str) -> None:
    """Note which operation the current request started."""
    request.environ[_OPERATION_KEY] = operation_id


def tell_of_requests(app: Flask) -> None:
    """Tell plugins of each request that was to change something; before anything else can answer it."""

    @app.before_request
    def note_begin() -> None:
        request.environ[_BEGUN_KEY] = time.monotonic()

    @app.after_request
    def tell(response: Response) -> Response:
        # What leads to no route was to change nothing; its path is whatever somebody chose to send.
        if request.method in UNSAFE and request.url_rule is not None:
            guard = guard_of(app.view_functions[request.url_rule.endpoint])
            action = guard.action if guard else None
            # Reading may be asked for by POST, when what is asked is long.
            if action is None or not action.endswith(":read"):
                get_crane().plugins.notify("crane_request", answered=_describe(response, action))
        return response


def _describe(response: Response, action: str | None) -> Answered:
    environ = request.environ
    return Answered(
        method=request.method,
        route=_PARAMETER.sub(r"{\1}", str(request.url_rule)),
        action=action,
        target=demanded_target(),
        identity=known_identity(),
        address=request.remote_addr or "",
        status=response.status_code,
        code=problem_code(),
        operation=environ.get(_OPERATION_KEY, ""),
        seconds=time.monotonic() - environ[_BEGUN_KEY],
    )
