"""HTTP in and out of stacks."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from flask import Response, request

from crane_core.context import Crane, get_crane
from crane_core.engine.chosen import name_known
from crane_core.errors import Invalid, Violation
from crane_core.http import Blueprint, Listing, answer, answer_list, answer_unless_known
from crane_core.openapi import LOCATION
from crane_core.orchestration.changing import ChangeQuery, answer_change, answer_plan, response_change
from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.plans.schemas import PlanSchema
from crane_core.orchestration.services.routes import ServiceQuery, read_logins, service_listing
from crane_core.orchestration.services.schemas import ServiceSchema
from crane_core.orchestration.stacks import operations
from crane_core.orchestration.stacks.formats import explain_compose, inspect, review
from crane_core.orchestration.stacks.planner import Wish, plan_stack
from crane_core.orchestration.stacks.schemas import (
    JSON_SCHEMA,
    STACK_NAME,
    YAML,
    DeployQuery,
    ExportQuery,
    ExportSchema,
    FileNeedsSchema,
    InspectedFilesSchema,
    StackDetailSchema,
    StackFilesSchema,
    StackQuery,
    StackSchema,
    read_request,
)
from crane_core.orchestration.tasks.routes import TaskQuery, task_listing
from crane_core.orchestration.tasks.schemas import TaskSchema
from crane_core.security import Target, demand, guard, identify, may_miss, public

blueprint = Blueprint("stacks", __name__, url_prefix="/api/v1", description="Services that belong together.")


def find_stack(name: str) -> Target:
    """Return a stack as the target of an action; it need not exist, because a deployment may create it."""
    return Target("stack", name, stack=name)


@blueprint.route("/stack-files/inspect", methods=["POST"])
@guard("stack:read")
@blueprint.arguments(InspectedFilesSchema)
@blueprint.response(200, FileNeedsSchema, description="The variables, files and images that the files name.")
def inspect_files(sent: dict[str, Any]) -> Response:
    """Tell what stack files name, so that a client knows what to send along."""
    files = read_request("stack", sent)
    needs = inspect(files).to_json()
    violations, warnings = review(files) if sent["check"] else ((), ())
    return answer(
        {
            **needs,
            "violations": [each.to_json() for each in violations],
            "warnings": [each.to_json() for each in warnings],
        }
    )


@blueprint.route("/stack-files/schema")
@blueprint.doc(operationId="showStackFileSchema")
@public("It describes a format, and nothing of this Swarm.")
@blueprint.response_unless_known(JSON_SCHEMA, description="The JSON Schema, with what each key means.")
def show_schema() -> Response:
    """Show the JSON Schema that Compose files are checked with, once their variables are filled in."""
    return answer_unless_known(explain_compose())


def stack_listing(crane: Crane) -> Listing[dict[str, Any]]:
    """Return the list of stacks."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    return Listing(
        version=operations.version_of(crane, snapshot),
        rows=lambda: crane.room(operations.StackRows).read(snapshot),
        action="stack:read",
        target=lambda row: find_stack(row["name"]),
        fields={
            member: itemgetter(member)
            for member in ("name", "services", "state", "updated_at", "updated_by", "tasks_running", "tasks_desired")
        },
        sources=crane.cache.sources(),
    )


@blueprint.route("/stacks")
@guard("stack:read")
@blueprint.arguments(StackQuery, location="query")
@blueprint.response_list(StackSchema, description="The stacks, whoever deployed them.")
def list_stacks(query: dict[str, Any]) -> Response:
    """List stacks."""
    crane = get_crane()
    return answer_list(crane, stack_listing(crane), query)


@blueprint.route("/stacks/<name>")
@guard("stack:read", by="name")
@blueprint.response(200, StackDetailSchema, description="The stack, with all that belongs to it.")
def show(name: str) -> Response:
    """Show a stack."""
    crane = get_crane()
    crane.watcher.note_interest()
    return answer(operations.show_stack(crane, crane.cache.snapshot(), name))


@blueprint.route("/stacks/<name>/plan", methods=["POST"])
@guard("stack:plan", by="name")
@blueprint.arguments(StackFilesSchema)
@blueprint.response(201, PlanSchema, description="The plan.", headers=LOCATION)
def plan(sent: dict[str, Any], name: str) -> Response:
    """Plan a deployment: what would be created, updated, removed, left alone; nothing is changed."""
    return answer_plan(_plan(name, sent))


@blueprint.route("/stacks/<name>", methods=["PUT"])
@blueprint.doc(operationId="deployStack")
@guard("stack:update", by="name")
@blueprint.arguments(DeployQuery, location="query")
@blueprint.arguments(StackFilesSchema)
@response_change(blueprint, description="The operation that deploys it.")
def deploy(query: dict[str, Any], sent: dict[str, Any], name: str) -> Response:
    """Deploy a stack: plan it and apply the plan."""
    sent = {**sent, "prune": sent["prune"] or query["prune"], "timeout": sent["timeout"] or query["timeout"]}
    return answer_change(_plan(name, sent), query)


@blueprint.route("/stacks/<name>", methods=["DELETE"])
@guard("stack:remove", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@response_change(blueprint, description="The operation that removes it; it ends when tasks and networks are gone.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Remove a stack."""
    return answer_change(operations.plan_removal(get_crane(), identify(), name, query["timeout"]), query)


@blueprint.route("/stacks/<name>/rollback", methods=["POST"])
@guard("stack:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@response_change(blueprint, description="The operation that rolls it back.")
def rollback(query: dict[str, Any], name: str) -> Response:
    """Return every service of a stack to the spec that it had before its last change."""
    return answer_change(operations.plan_stack_rollback(get_crane(), identify(), name, query["timeout"]), query)


@blueprint.route("/stacks/<name>/services")
@guard("stack:read", by="name")
@blueprint.arguments(ServiceQuery, location="query")
@blueprint.response_list(ServiceSchema, description="Its services.")
def list_services(query: dict[str, Any], name: str) -> Response:
    """List a stack's services."""
    crane = get_crane()
    operations.require_stack(crane.cache.snapshot(), name)
    return answer_list(crane, service_listing(crane, name), query)


@blueprint.route("/stacks/<name>/tasks")
@guard("stack:read", by="name")
@blueprint.arguments(TaskQuery, location="query")
@blueprint.response_list(TaskSchema, description="The tasks of its services.")
def list_tasks(query: dict[str, Any], name: str) -> Response:
    """List a stack's tasks."""
    crane = get_crane()
    operations.require_stack(crane.cache.snapshot(), name)
    query = name_known(crane.cache.snapshot(), query, may_miss)
    return answer_list(crane, task_listing(crane, query, name), query)


@blueprint.route("/stacks/<name>/compose")
@guard("stack:read", by="name")
@blueprint.arguments(ExportQuery, location="query")
@blueprint.response(200, ExportSchema, description="The file, and notes on what it cannot say.")
@blueprint.alt_response(200, schema=YAML, content_type="application/yaml", description="The file itself.")
def compose(query: dict[str, Any], name: str) -> Response:
    """Give a stack back as a Compose file."""
    if query["reveal"]:
        demand("service:reveal", Target("service", stack=name))
    export = operations.export_stack(get_crane(), name, reveal=query["reveal"])
    if request.accept_mimetypes.best_match(["application/json", "application/yaml"]) == "application/yaml":
        return Response(export.content, mimetype="application/yaml")
    return answer({"content": export.content, "notes": [note.to_json() for note in export.notes]})


def _plan(name: str, sent: dict[str, Any]) -> Plan:
    if not STACK_NAME.fullmatch(name):
        detail = (
            "A stack's name has 1 to 63 letters, digits, hyphens and underscores, and a letter or digit at both ends."
        )
        raise Invalid(detail, violations=[Violation("/name", detail, code="wrong-name")])
    wish = Wish(
        read_request(name, sent),
        resolve_image=sent["resolve_image"],
        prune=sent["prune"],
        logins=read_logins(sent["registry_logins"]),
        timeout=sent["timeout"],
    )
    return plan_stack(get_crane(), identify(), wish)
