"""All hooks of the core, in the order in which a process meets them.

The grammar of a name tells how a hook is called. A **plural noun** contributes values; a name that two plugins claim
stops the server. A **verb** is asked: the first answer, or all answers, as its text says. **event, operation, request,
startup, wait, shutdown** are told: a plugin that fails there is logged and counted, and the others are told all the
same. Plugins are called in the order of what they require, who is required first, and at the shutdown the other way
round; ``hookimpl(tryfirst=True)`` and ``trylast`` deviate from it.

A plugin is a module that an entry point of the group ``crane`` names. What it requires stands in its ``requires``, a
tuple of plugin names. Mark each implementation with :data:`hookimpl`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click
    from flask import Blueprint, Flask, Request

    from crane_core.auditing import Answered
    from crane_core.contributions import (
        Action,
        Deployment,
        DoctorCheck,
        EventKind,
        HealthCheck,
        Loop,
        Metric,
        Page,
        RegistryLogin,
        Setting,
        Topic,
        Violation,
    )
    from crane_core.events import Event
    from crane_core.orchestration.operations.model import Operation
    from crane_core.orchestration.plans.model import Plan
    from crane_core.security import Identity, Target, Vote

hookspec = pluggy.HookspecMarker("crane")
hookimpl = pluggy.HookimplMarker("crane")


# --- Contributed before anything runs -----------------------------------------------------------------------------


@hookspec
def crane_hookspecs() -> ModuleType:  # type: ignore[empty-body]
    """Contribute hooks of the plugin's own, which other plugins then implement.

    Called once, before the names of implementations are checked. A hook that nobody specified stops the server.

    :returns: A module whose functions are marked with :data:`hookspec`; their names start with ``crane_<plugin>_``.
    """


@hookspec
def crane_settings() -> Iterable[Setting]:  # type: ignore[empty-body]
    """Contribute settings.

    Called before anything reads a setting. A key in ``crane.toml`` or a ``CRANE_*`` variable that no plugin contributed
    stops the server, which then suggests the nearest one.

    :returns: Settings; each name starts with the plugin's own name and a dot.
    """


@hookspec
def crane_actions() -> Iterable[Action]:  # type: ignore[empty-body]
    """Contribute actions: what a caller may be allowed to do.

    Called before the routes, which name them in their guards.

    :returns: Actions, named ``<kind>:<verb>``.
    """


@hookspec
def crane_routes() -> Iterable[Blueprint]:  # type: ignore[empty-body]
    """Contribute routes, WebSockets included.

    Called once. Every view carries a ``@guard``, or says with ``@public`` why it needs none; otherwise the server does
    not start. A blueprint of flask-smorest appears in the OpenAPI document, a plain one does not.

    :returns: Blueprints; their URLs start with ``/api/v1/``, but for those of the panel.
    """


@hookspec
def crane_topics() -> Iterable[Topic]:  # type: ignore[empty-body]
    """Contribute topics of the live socket.

    Called once.

    :returns: Topics, each with the action that a subscriber must hold.
    """


@hookspec
def crane_pages() -> Iterable[Page]:  # type: ignore[empty-body]
    """Contribute pages of the panel.

    Called once. Each caller is shown those that they may open.

    :returns: Pages: a JavaScript module each, or a table described by data.
    """


@hookspec
def crane_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Contribute commands of ``crane-server``.

    Called when that program starts, with no server running.

    :returns: Commands of click.
    """


@hookspec
def crane_health_checks() -> Iterable[HealthCheck]:  # type: ignore[empty-body]
    """Contribute lines of ``/api/v1/health``.

    Called once; each check is then run whenever somebody asks, and must answer from what is known. One that raises is
    logged and told as degraded.

    :returns: Health checks.
    """


@hookspec
def crane_doctor_checks() -> Iterable[DoctorCheck]:  # type: ignore[empty-body]
    """Contribute what the doctor looks at: ``/api/v1/doctor``, ``crane doctor`` and ``crane-server doctor``.

    Called once; the checks are then run at the same time when somebody asks, and what they found is kept for a minute.
    One that raises is logged and told as unknown, as is one that takes too long.

    :returns: Checks.
    """


@hookspec
def crane_metrics() -> Iterable[Metric]:  # type: ignore[empty-body]
    """Contribute figures of ``/metrics``.

    Called once; each metric is then read at every scrape. One that raises is logged and left out.

    :returns: Metrics.
    """


@hookspec
def crane_event_kinds() -> Iterable[EventKind]:  # type: ignore[empty-body]
    """Contribute the kinds of events that the plugin emits.

    Called once. Who asks for events of another kind is told which there are. An event of a kind that nobody contributed
    is delivered all the same, and a warning in the log names it, once.

    :returns: Kinds; those of an object of the plugin's own begin with what it is called, as in ``freeze.created``.
    """


@hookspec
def crane_loops() -> Iterable[Loop]:  # type: ignore[empty-body]
    """Contribute work to do in the background.

    Called once; the loops start after ``crane_startup`` and stop before ``crane_shutdown``.

    :returns: Loops.
    """


# --- The process --------------------------------------------------------------------------------------------------


@hookspec
def crane_startup(app: Flask) -> None:
    """Be told that the server starts, in the process that will serve.

    An exception here stops the server.

    :param app: The application, complete.
    """


@hookspec(firstresult=True)
def crane_run_once(loop: Loop, stop: threading.Event) -> bool | None:
    """Run a loop while no other server does.

    Asked for each loop that was contributed with ``once``, on its thread, after start-up. While no plugin implements
    this hook there is one server, and the loop just runs.

    :param loop: The loop. Call its ``run`` with an event that is set at the latest when ``stop`` is, and when this
        server must leave the loop to another. What it raises is yours to let through.
    :param stop: Set when the server stops; return then.
    :returns: True when the loop has been seen to, or None to leave it to the next plugin. The first answer counts.
    """


@hookspec
def crane_wait() -> None:
    """Be told that the request or loop that runs on this thread is about to wait for long.

    It waits for an operation to end, or for the next message on a socket. Give back what you hold
    for it, such as a connection of a database, and take it anew when it is needed again.
    """


@hookspec
def crane_shutdown(app: Flask) -> None:
    """Be told that the server stops. No request and no loop runs any more, and what happened before has been told.

    Who requires others is told before them, so that it can still use them.

    :param app: The application.
    """


# --- Each request -------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def crane_authenticate(request: Request) -> Identity | None:
    """Say who sends a request.

    Asked at most once a request, before the view, and before the handshake of a WebSocket; again now and then while
    the WebSocket lasts, because a login may end before it does. The first answer counts.
    While no plugin implements this hook, only callers on the machine itself are served, as the identity ``local``.

    :param request: The request; do not read its body.
    :returns: Who it is, or None when this plugin cannot tell. Raise ``Unauthenticated`` when the request carries a
        proof of identity that is wrong or has expired.
    """


@hookspec
def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
    """Vote on whether somebody may do something.

    Asked whenever permission is needed: all plugins are asked. One deny forbids; else one allow is needed; else the
    answer is no.

    :param identity: Who wants to.
    :param action: What, as in ``service:update``.
    :param target: To what; already looked up, but for somebody of whom it is not known who they are: they are asked
        about the name that they gave first, and nothing is looked up unless they are allowed that.
    :returns: A vote, or None to abstain.
    """


@hookspec
def crane_prepare_vote(identity: Identity, action: str) -> Callable[[Target], Vote | None] | None:
    """Vote on whether somebody may do something to many targets, as those of a list.

    Another way of :func:`crane_authorize`, for who can work out once what does not depend on the target; a plugin
    needs only one of them. Asked whenever permission is needed, for one target or for thousands; what is returned is
    used at once, and not kept.

    :param identity: Who wants to.
    :param action: What, as in ``service:update``.
    :returns: A function that returns a vote on a target, or None to abstain on it; or None to abstain on all.
    """


# --- Each deployment ----------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def crane_find_registry_login(image: str) -> RegistryLogin | None:
    """Find the credential with which the Swarm pulls an image.

    Asked for each image of a deployment for which the caller sent none. The first answer counts.

    :param image: The image as the service names it.
    :returns: A credential, or None when this plugin knows none.
    """


@hookspec
def crane_mutate_deployment(deployment: Deployment) -> None:
    """Change a deployment before it is planned.

    Called before each create or update of a service, whatever the entry point, in the order of what plugins require.
    Change ``deployment.spec`` in place. Changing the same thing twice must give the same result as changing it once,
    otherwise every plan finds a difference.

    :param deployment: What is about to be deployed, by whom, and what it replaces.
    """


@hookspec
def crane_validate_deployment(deployment: Deployment) -> Iterable[Violation]:  # type: ignore[empty-body]
    """Object to a deployment.

    Called before a service is created or changed, after every ``crane_mutate_deployment`` of its plan. All plugins are
    asked; the caller is told of all violations at once. Do not change the deployment here. What is to be counted over
    several services is in ``deployment.together`` and ``deployment.leaving``.

    :param deployment: What is about to be deployed, by whom, and what it replaces.
    :returns: One violation for each thing that is wrong; none to agree.
    """


# --- What happened ------------------------------------------------------------------------------------------------


@hookspec
def crane_event(event: Event) -> None:
    """Be told of something that happened, in the Swarm or in Crane.

    Events come in order, on one thread, after the fact. Return soon: the next event waits.

    :param event: What happened.
    """


@hookspec
def crane_operation(operation: Operation, plan: Plan) -> None:
    """Be told of an operation that starts, with the plan that it carries out.

    Told on the thread that starts it, before anything is sent to the Swarm, so return soon. How it ends is told by the
    event ``operation.ended``.

    :param operation: What was begun: its id, who asked for it, and what it changes.
    :param plan: What it does. ``plan.to_json()`` is what may be shown of it. The rest holds secrets: for a stack,
        ``plan.wish`` is what was sent to have it deployed. Keep of that nothing that is not sealed.
    """


@hookspec
def crane_request(answered: Answered) -> None:
    """Be told of a request that was to change something, whether it did or was refused.

    Told of each ``POST``, ``PUT``, ``PATCH`` and ``DELETE`` that leads to a route, unless the route demands no more
    than to read; on the thread of the request, when its answer is ready. Return at once: the answer waits.

    :param answered: Who sent it, from where, what it was to change, and how it was answered.
    """
