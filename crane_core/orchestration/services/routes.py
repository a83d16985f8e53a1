"""HTTP in and out of services."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response, request

from crane_core.context import Crane, get_crane
from crane_core.contributions import RegistryLogin
from crane_core.engine.errors import Outdated
from crane_core.engine.records import Service, ServiceMode
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, some_of
from crane_core.openapi import ETAG, IF_MATCH
from crane_core.orchestration.changing import ChangeQuery, answer_change, demand_place, response_change
from crane_core.orchestration.plans.services import plan_service
from crane_core.orchestration.services import operations
from crane_core.orchestration.services.operations import Condition
from crane_core.orchestration.services.schemas import ServiceDetailSchema, ServiceSchema
from crane_core.orchestration.services.specs import expand
from crane_core.orchestration.tasks.operations import Place, by_place, parts_of, present_place
from crane_core.orchestration.tasks.schemas import PlaceSchema
from crane_core.security import Target, demand, guard, identify

blueprint = Blueprint("services", __name__, url_prefix="/api/v1/services", description="What runs in the Swarm.")

# Far beyond any Swarm, and still no number by which a slip of the finger takes one down.
_REPLICAS = ma.validate.Range(0, 1_000_000)


class ServiceQuery(ListQuery):
    """What services can be filtered by."""

    stack = ma.fields.String(metadata={"description": "Their stack."})
    mode = some_of(ServiceMode, "How their tasks are spread")
    state = some_of(Condition, "How they are")
    image = ma.fields.String(metadata={"description": "The image exactly as their spec names it."})
    name = ma.fields.String(metadata={"description": "Their exact name."})


class ShowQuery(ma.Schema):
    """How a service is shown."""

    class Meta:
        unknown = ma.RAISE

    reveal = ma.fields.Boolean(
        load_default=False, metadata={"description": "Show values that look secret; demands service:reveal."}
    )


class LoginSchema(ma.Schema):
    """A credential for a registry; never shown again."""

    username = ma.fields.String(required=True)
    password = ma.fields.String(required=True, load_only=True)


class ScaleSchema(ma.Schema):
    """How many tasks."""

    replicas = ma.fields.Integer(required=True, strict=True, validate=_REPLICAS)


class ImageSchema(ma.Schema):
    """Which image."""

    image = ma.fields.String(required=True)
    resolve_image = ma.fields.String(load_default="always", validate=ma.validate.OneOf(["always", "changed", "never"]))
    registry_logins = ma.fields.Dict(ma.fields.String(), ma.fields.Nested(LoginSchema), load_default=dict)


class SpecSchema(ma.Schema):
    """A service's spec in Docker's own shape, or a part of it; ``name``, ``image`` and ``replicas`` for short."""

    class Meta:
        unknown = ma.INCLUDE

    name = ma.fields.String()
    image = ma.fields.String()
    replicas = ma.fields.Integer(strict=True, validate=_REPLICAS)


def find_service(name: str) -> Target:
    """Find a service as the target of an action, by name, id or the beginning of its id."""
    return target_of(get_crane().cache.snapshot().get_service(name))


def target_of(service: Service) -> Target:
    """Return a service as the target of an action."""
    return Target("service", service.name, service.id, service.stack, service.labels)


def read_logins(sent: dict[str, dict[str, str]]) -> dict[str, RegistryLogin]:
    """Return the credentials that a request brought along, by the registry's address."""
    return {host: RegistryLogin(host, login["username"], login["password"]) for host, login in sent.items()}


def service_listing(crane: Crane, stack: str | None = None) -> Listing[Service]:
    """Return the list of services, of one stack or of all."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    versions = snapshot.versions
    return Listing(
        # Why a service has not converged depends on the nodes too.
        version=f"{versions['services']}.{versions['tasks']}.{versions['nodes']}.{stack}",
        rows=lambda: snapshot.services.values() if stack is None else snapshot.services_of(stack),
        action="service:read",
        target=target_of,
        fields={
            "name": lambda service: service.name,
            "stack": lambda service: service.stack,
            "mode": lambda service: service.mode,
            "state": operations.state_of,
            "image": lambda service: service.image,
            "created_at": lambda service: service.CreatedAt,
            "updated_at": lambda service: service.UpdatedAt,
            "tasks_running": lambda service: service.tasks_running,
            "tasks_desired": lambda service: service.tasks_desired,
        },
        present=lambda service: operations.present_service(crane, snapshot, service),
        sources=crane.cache.sources(),
    )


@blueprint.route("")
@guard("service:read")
@blueprint.arguments(ServiceQuery, location="query")
@blueprint.response_list(ServiceSchema, description="The services.")
def list_services(query: dict[str, Any]) -> Response:
    """List services."""
    crane = get_crane()
    return answer_list(crane, service_listing(crane), query)


@blueprint.route("", methods=["POST"])
@guard("service:create")
@blueprint.arguments(ChangeQuery, location="query")
@blueprint.arguments(SpecSchema)
@response_change(blueprint, description="The operation that creates it.")
def create(query: dict[str, Any], spec: dict[str, Any]) -> Response:
    """Create a service from its spec."""
    wish = operations.wish_new(spec)
    name = str(expand(spec).get("Name", ""))
    plan = plan_service(get_crane(), identify(), "service.create", name, wish, timeout=query["timeout"])
    demand_place(plan, None)
    return answer_change(plan, query)


@blueprint.route("/<name>")
@guard("service:read", by="name")
@blueprint.arguments(ShowQuery, location="query")
@blueprint.response(200, ServiceDetailSchema, description="The service; the ETag is its version.", headers=ETAG)
def show(query: dict[str, Any], name: str) -> Response:
    """Show a service."""
    crane = get_crane()
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    service = snapshot.get_service(name)
    if query["reveal"]:
        demand("service:reveal", target_of(service))
    shown = operations.present_service(crane, snapshot, service, reveal=query["reveal"])
    shown["sources"] = crane.cache.sources()
    return answer(shown, headers={"ETag": f'"{service.version}"'})


@blueprint.route("/<name>/tasks")
@guard("service:read", by="name")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(PlaceSchema, description="The tasks by slot or node: the present attempt, the earlier ones.")
def list_tasks(query: dict[str, Any], name: str) -> Response:
    """List a service's tasks by slot."""
    crane = get_crane()
    listing = place_listing(crane, crane.cache.snapshot().get_service(name).id)
    return answer_list(crane, listing, {**query, "sort": query["sort"] or "slot"})


def place_listing(crane: Crane, name: str) -> Listing[Place]:
    """Return the list of a service's tasks by slot or node; an empty one while there is no such service."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    service = snapshot.find_service(name)
    target = target_of(service) if service else Target("service", name)
    versions = snapshot.versions
    return Listing(
        version=f"{versions['tasks']}.{versions['services']}.{versions['nodes']}.{target.id}",
        rows=lambda: by_place(snapshot.tasks_of(target.id)),
        action="service:read",
        target=lambda place: target,
        fields={
            "slot": lambda place: (place[0].Slot, place[0].NodeID),
            "name": lambda place: f"{target.name}.{place[0].place}",
            "state": lambda place: place[0].state,
        },
        present=lambda place: present_place(snapshot, *place),
        sources=crane.cache.sources(),
        made_of=lambda place: tuple(part for task in (place[0], *place[1]) for part in parts_of(snapshot, task)),
    )


@blueprint.route("/<name>", methods=["PATCH"])
@guard("service:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@blueprint.arguments(SpecSchema)
@response_change(blueprint, description="The operation that changes it.")
@blueprint.request_header(IF_MATCH)
def patch(query: dict[str, Any], members: dict[str, Any], name: str) -> Response:
    """Change parts of a service's spec (JSON merge patch); what is not named stays as it is.

    What is sent back as it was shown, values that are shown as ``(hidden)`` included, stays what it was.
    """

    def require(live: Service) -> None:
        if request.if_match and str(live.version) not in request.if_match:
            raise Outdated(
                f"The service {live.name} was changed meanwhile: it is at version {live.version}. Read it again.",
                version=live.version,
            )

    return _change("service.update", name, operations.wish_patched(get_crane(), name, members), query, require=require)


@blueprint.route("/<name>/scale", methods=["POST"])
@guard("service:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@blueprint.arguments(ScaleSchema)
@response_change(blueprint, description="The operation that scales it.")
def scale(query: dict[str, Any], wanted: dict[str, Any], name: str) -> Response:
    """Change how many tasks a service has."""
    return _change("service.scale", name, operations.wish_scaled(name, wanted["replicas"]), query)


@blueprint.route("/<name>/image", methods=["POST"])
@blueprint.doc(operationId="changeServiceImage")
@guard("service:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@blueprint.arguments(ImageSchema)
@response_change(blueprint, description="The operation that changes it.")
def image(query: dict[str, Any], wanted: dict[str, Any], name: str) -> Response:
    """Give a service another image."""
    return _change(
        "service.image",
        name,
        operations.wish_image(name, wanted["image"]),
        query,
        logins=read_logins(wanted["registry_logins"]),
        resolve_image=wanted["resolve_image"],
    )


@blueprint.route("/<name>/force", methods=["POST"])
@blueprint.doc(operationId="forceServiceUpdate")
@guard("service:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@response_change(blueprint, description="The operation that replaces its tasks.")
def force(query: dict[str, Any], name: str) -> Response:
    """Replace a service's tasks although nothing changed."""
    return _change("service.force", name, operations.wish_forced(name), query)


@blueprint.route("/<name>/rollback", methods=["POST"])
@guard("service:update", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@response_change(blueprint, description="The operation that rolls it back.")
def rollback(query: dict[str, Any], name: str) -> Response:
    """Return a service to the spec that it had before."""
    crane = get_crane()
    service = crane.cache.snapshot().get_service(name)
    plan = operations.plan_rollback(crane, identify(), [service.name], service.name, service.stack, query["timeout"])
    return answer_change(plan, query)


@blueprint.route("/<name>", methods=["DELETE"])
@guard("service:remove", by="name")
@blueprint.arguments(ChangeQuery, location="query")
@response_change(blueprint, description="The operation that removes it; it ends when its tasks are gone.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Remove a service."""
    crane = get_crane()
    service = crane.cache.snapshot().get_service(name)
    return answer_change(operations.plan_removal(crane, identify(), service.name, query["timeout"]), query)


def _change(kind: str, name: str, wish: Any, query: dict[str, Any], **options: Any) -> Response:
    crane = get_crane()
    service = crane.cache.snapshot().get_service(name)
    plan = plan_service(crane, identify(), kind, service.name, wish, timeout=query["timeout"], **options)
    demand_place(plan, service.stack)
    return answer_change(plan, query)
