"""Orchestration: stacks, services and tasks, and the plans and operations that change them."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from crane_core.context import Crane, get_crane
from crane_core.contributions import Action, Loop, Metric, Setting, Topic
from crane_core.hookspecs import hookimpl
from crane_core.orchestration import metrics
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.operations.routes import blueprint as operations
from crane_core.orchestration.operations.routes import find_operation
from crane_core.orchestration.plans.routes import blueprint as plans
from crane_core.orchestration.plans.routes import find_plan
from crane_core.orchestration.rotations.routes import blueprint as rotations
from crane_core.orchestration.rotations.routes import find_config, find_secret
from crane_core.orchestration.services.routes import blueprint as services
from crane_core.orchestration.services.routes import find_service
from crane_core.orchestration.stacks.routes import blueprint as stacks
from crane_core.orchestration.stacks.routes import find_stack
from crane_core.orchestration.tasks.routes import blueprint as tasks
from crane_core.orchestration.tasks.routes import find_task
from crane_core.orchestration.tasks.routes import of_nodes as node_tasks
from crane_core.orchestration.topics import TOPICS


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting(
        "orchestration.failed_attempts", int, 3, "Failed tasks in one place after which a service counts as failing."
    )
    yield Setting("orchestration.pending_seconds", float, 15.0, "How long a task may find no node, in seconds.")
    yield Setting(
        "orchestration.stalled_seconds",
        float,
        300.0,
        "How long nothing may move before an operation times out, in seconds.",
    )


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("stack:read", "See stacks.", find_stack, within=("stack",))
    yield Action("stack:plan", "See what a deployment of a stack would change.", find_stack, within=("stack",))
    yield Action("stack:update", "Deploy stacks, and roll them back.", find_stack, within=("stack",))
    yield Action("stack:remove", "Remove stacks.", find_stack, within=("stack",))
    yield Action("service:read", "See services.", find_service, within=("stack",))
    yield Action("service:create", "Create services.", within=("stack",))
    yield Action("service:update", "Change, scale, restart and roll back services.", find_service, within=("stack",))
    yield Action("service:remove", "Remove services.", find_service, within=("stack",))
    yield Action(
        "service:reveal", "See values of services that look secret.", find_service, within=("stack",), role="admin"
    )
    yield Action(
        "config:rotate", "Give services another content of the configs that they use.", find_config, within=("stack",)
    )
    yield Action(
        "secret:rotate", "Give services another content of the secrets that they use.", find_secret, within=("stack",)
    )
    yield Action("task:read", "See tasks.", find_task, within=("stack",))
    yield Action("operation:read", "See operations and their verdicts.", find_operation, within=("stack",))
    yield Action("plan:read", "See plans.", find_plan, within=("stack",))
    yield Action("plan:apply", "Apply plans; what a plan does must be allowed too.", find_plan, within=("stack",))


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield from (stacks, services, tasks, node_tasks, plans, operations, rotations)


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield from TOPICS


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(Operations).resume()


@hookimpl
def crane_loops() -> Iterator[Loop]:
    yield Loop("orchestration.follow", lambda stop: get_crane().room(Operations).run(stop))


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield from metrics.METRICS
