"""Plan a deployment, apply the plan, and get hold of the operation even when the connection drops in between."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from crane_cli import following, plan, registries, stackfiles
from crane_cli.api import Api
from crane_cli.errors import CliError, Dropped, Refused, Unknown, Unreachable, WrongUse
from crane_cli.session import Session

Operation = dict[str, Any]
Plan = dict[str, Any]
# How often a plan is made anew because the Swarm changed between planning and applying.
MOST_PLANS = 3


def prepare(
    session: Session,
    api: Api,
    sources: stackfiles.Sources,
    *,
    prune: bool,
    resolve_image: str,
    with_registry_auth: bool,
    timeout: float | None,
) -> dict[str, Any]:
    """Return the body of a request that plans or deploys a stack.

    :param timeout: In seconds.
    """
    gathered = stackfiles.gather(api, sources)
    logins = registries.find_logins(gathered.images, session.warn) if with_registry_auth else {}
    return {
        **gathered.to_json(),
        "resolve_image": resolve_image,
        "prune": prune,
        "registry_logins": logins,
        "timeout": timeout,
    }


def make_plan(api: Api, stack: str, request: Mapping[str, Any]) -> Plan:
    """Return the plan for a stack."""
    planned: Plan = api.post("stacks", stack, "plan", body=request)
    return planned


def ask(planned: Plan) -> None:
    """Ask whether to apply a plan.

    :raises WrongUse: Nobody can answer.
    :raises Abort: The user said no.
    """
    if not plan.changes_anything(planned):
        return
    if not sys.stdin.isatty():
        raise WrongUse("--confirm needs a terminal to ask at; nothing was changed.")
    click.confirm("Apply this plan?", abort=True, err=True)


def apply(session: Session, api: Api, planned: Plan, *, confirm: bool, quiet: bool) -> Operation:
    """Apply a plan; when the Swarm has changed since, show the new plan and apply that.

    :returns: The operation that began.
    """
    for attempt in range(MOST_PLANS):
        try:
            operation: Operation = api.post("plans", planned["id"], "apply", wait=0)
            return operation
        except Refused as error:
            newer = error.problem.get("plan")
            if error.code != "plan-outdated" or not isinstance(newer, dict) or attempt == MOST_PLANS - 1:
                raise
            planned = newer
            session.note("The Swarm has changed since this was planned. This is the plan now:")
            if session.for_people and not quiet:
                plan.show_plan(session, planned)
            if planned.get("violations"):
                raise
            if confirm:
                ask(planned)
        except Dropped as error:
            session.note(f"{error.message} Looking whether the plan was applied.")
            return find_operation(session, api, planned)
    raise AssertionError("the last attempt returns or raises")


def find_operation(session: Session, api: Api, planned: Plan) -> Operation:
    """Look for the operation that applies a plan, after the answer that names it was lost.

    :raises CliError: There is none.
    :raises Unknown: The server does not come back.
    """
    for seconds in following.PAUSES:
        session.pause(seconds)
        try:
            items: list[Operation] = api.get("operations", stack=planned.get("stack"))["items"]
        except (Dropped, Unreachable):
            continue
        for operation in items:
            if operation.get("plan_id") == planned["id"]:
                return operation
        raise CliError("The server knows of no operation that applies the plan; nothing was changed. Deploy again.")
    raise Unknown("The server does not answer any more, so that nobody knows whether the plan was applied.")


def each(
    session: Session,
    names: Iterable[str],
    begin: Callable[[Api, str], Operation],
    *,
    detached: bool,
    quiet: bool,
) -> None:
    """Begin one operation for each name, follow them all, and go on past names that are refused.

    :raises CliError: The last refusal, after everything else was done.
    """
    api = session.api()
    begun: list[Operation] = []
    refusals: list[Refused] = []
    for name in names:
        try:
            begun.append(begin(api, name))
        except Refused as error:
            refusals.append(error)
        except Dropped as error:
            raise Unknown(f"{error.message} Whether {name} is being changed, says: crane operation ls") from error
    for refusal in refusals[:-1]:
        refusal.show()
    if begun:
        try:
            following.finish(session, api, begun, detached=detached, quiet=quiet)
        except (CliError, click.exceptions.Exit):
            if refusals:
                refusals[-1].show()
            raise
    if refusals:
        raise refusals[-1]
