"""HTTP in and out of configs and of secrets, which differ by little more than the word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from crane_core.cluster.data import operations
from crane_core.cluster.data.listing import data_listing, present_data, target_of, use_listing
from crane_core.cluster.data.schemas import DataQuery, DataSchema, DataWishSchema, LabelsSchema, UseSchema
from crane_core.context import get_crane
from crane_core.engine.data import Data, DataKind, get_data
from crane_core.engine.records import STACK_LABEL
from crane_core.http import Blueprint, ListQuery, answer, answer_list
from crane_core.openapi import ETAG, IF_MATCH, LOCATION, described
from crane_core.security import Target, demand, guard, identify


def make_routes(kind: DataKind, says: str, item: type[DataSchema], detail: type[DataSchema]) -> Blueprint:
    """Make the routes of configs, or of secrets.

    :param says: What they are, in a sentence.
    :param item: What one is in a list.
    :param detail: What one is by itself.
    """
    blueprint = Blueprint(f"{kind}s", __name__, url_prefix=f"/api/v1/{kind}s", description=says)
    _add_collection(blueprint, kind, item)
    _add_object(blueprint, kind, item, detail)
    _add_users(blueprint, kind)
    return blueprint


def finder(kind: DataKind) -> Callable[[str], Target]:
    """Return what finds the target of an action, by name, id or the beginning of its id."""
    return lambda name: target_of(find(kind, name))


def find(kind: DataKind, name: str) -> Data:
    """Find a config or a secret in the live copy. Raises ``NotFound``."""
    return get_data(get_crane().cache.snapshot(), kind, name)


def _add_collection(blueprint: Blueprint, kind: DataKind, item: type[DataSchema]) -> None:
    @blueprint.route("")
    @guard(f"{kind}:read")
    @blueprint.arguments(DataQuery, location="query")
    @blueprint.response_list(item, description=f"The {kind}s.")
    @described(f"List {kind}s.")
    def list_all(query: dict[str, Any]) -> Response:
        crane = get_crane()
        return answer_list(crane, data_listing(crane, kind), query)

    @blueprint.route("", methods=["POST"])
    @guard(f"{kind}:create")
    @blueprint.arguments(DataWishSchema)
    @blueprint.response(201, item, description=f"The {kind}, without its content.", headers=LOCATION)
    @described(f"Make a {kind}; who gives it the label of a stack must be allowed to in that stack.")
    def create(wish: dict[str, Any]) -> Response:
        return _create(kind, wish)


def _add_object(blueprint: Blueprint, kind: DataKind, item: type[DataSchema], detail: type[DataSchema]) -> None:
    @blueprint.route("/<name>")
    @guard(f"{kind}:read", by="name")
    @blueprint.response(200, detail, description=f"The {kind}; the ETag is its version.", headers=ETAG)
    @described(f"Show a {kind}, without its content.")
    def show(name: str) -> Response:
        return _show(kind, name)

    @blueprint.route("/<name>", methods=["PATCH"])
    @guard(f"{kind}:update", by="name")
    @blueprint.arguments(LabelsSchema)
    @blueprint.response(200, item, description=f"The {kind}.", headers=ETAG)
    @blueprint.request_header(IF_MATCH)
    @described(f"Change the labels of a {kind}; its content can only be rotated.")
    def update(wish: dict[str, Any], name: str) -> Response:
        return _update(kind, wish["labels"], name)

    @blueprint.route("/<name>", methods=["DELETE"])
    @guard(f"{kind}:remove", by="name")
    @blueprint.response(204, description="It is gone.")
    @described(f"Remove a {kind} that no service uses.")
    def remove(name: str) -> Response:
        operations.remove(get_crane(), identify(), kind, find(kind, name).id)
        return Response(status=204)


def _add_users(blueprint: Blueprint, kind: DataKind) -> None:
    @blueprint.route("/<name>/services")
    @guard(f"{kind}:read", by="name")
    @blueprint.arguments(ListQuery, location="query")
    @blueprint.response_list(UseSchema, description="The services that use it.")
    @described(f"List the services that use a {kind}, and those that would by a rollback.")
    def list_services(query: dict[str, Any], name: str) -> Response:
        crane = get_crane()
        return answer_list(crane, use_listing(crane, kind, find(kind, name).id), query)


def _create(kind: DataKind, wish: dict[str, Any]) -> Response:
    demand(f"{kind}:create", Target(kind, wish["name"], stack=wish["labels"].get(STACK_LABEL) or None))
    crane = get_crane()
    made = operations.create(crane, identify(), kind, wish)
    headers = {"Location": f"/api/v1/{kind}s/{made.name}"}
    return answer(present_data(crane.cache.snapshot(), made), 201, headers)


def _show(kind: DataKind, name: str) -> Response:
    crane = get_crane()
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    found = get_data(snapshot, kind, name)
    shown = {**present_data(snapshot, found), "sources": crane.cache.sources()}
    return answer(shown, headers={"ETag": f'"{found.version}"'})


def _update(kind: DataKind, labels: dict[str, str | None], name: str) -> Response:
    crane, found = get_crane(), find(kind, name)
    if STACK_LABEL in labels and (labels[STACK_LABEL] or None) != found.stack:
        demand(f"{kind}:update", Target(kind, found.name, found.id, labels[STACK_LABEL] or None))
    versions = list(request.if_match.as_set()) if request.if_match else []
    changed = operations.relabel(crane, identify(), kind, found.id, labels, versions)
    shown = present_data(crane.cache.snapshot(), changed)
    return answer(shown, headers={"ETag": f'"{changed.version}"'})
