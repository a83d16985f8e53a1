"""HTTP in and out of pruning: the preview and the prune, alike for everything that is pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response

from crane_core.cluster.places import NodesQuery, ask_nodes, choose_nodes
from crane_core.cluster.pruning.operations import Preview, Previews, Prunable, Pruning
from crane_core.cluster.pruning.schemas import PreviewSchema, PruneSchema, PruningSchema
from crane_core.context import Crane, get_crane
from crane_core.engine.client import Engine
from crane_core.engine.inventory import Inventory
from crane_core.engine.records import Node
from crane_core.errors import CraneError
from crane_core.events import Event
from crane_core.http import Blueprint, answer
from crane_core.openapi import ETAG, described
from crane_core.security import decider, guard, identify

# Looking at all images of a node, or at the sizes of its volumes, takes the Engine its time.
LOOK_SECONDS = 20.0
# How long removing on all nodes may take together, in seconds; one node goes on by itself after that.
PRUNE_SECONDS = 300.0


def add_prune_routes(
    blueprint: Blueprint, pruning: Pruning, query: type[NodesQuery], *, previews: str, prunes: str
) -> None:
    """Add the preview and the prune of one kind to its routes.

    :param query: What somebody may choose, besides nodes.
    :param previews: What the preview does, in a sentence.
    :param prunes: What the prune does.
    """

    @blueprint.route("/prune")
    @blueprint.doc(operationId=f"preview{pruning.kind.title()}Prune")
    @guard(f"{pruning.kind}:read")
    @blueprint.arguments(query, location="query")
    @blueprint.response(
        200, PreviewSchema, description="What would be removed, and the token to do it with.", headers=ETAG
    )
    @described(previews)
    def preview_prune(sent: dict[str, Any]) -> Response:
        crane = get_crane()
        nodes = choose_nodes(crane, sent.pop("node"))
        return _answer_preview(crane, pruning, nodes, sent)

    @blueprint.route("/prune", methods=["POST"])
    @guard(pruning.action)
    @blueprint.arguments(PruneSchema)
    @blueprint.response(200, PruningSchema, description="What came of it on each node.")
    @described(prunes)
    def prune(sent: dict[str, Any]) -> Response:
        return _answer_prune(get_crane(), pruning, sent["token"])


def _answer_preview(crane: Crane, pruning: Pruning, nodes: Iterable[Node], options: Mapping[str, Any]) -> Response:
    """Answer with what the caller may remove of what nothing uses on some nodes."""
    told, items = _look(crane, pruning, nodes, options)
    token = crane.room(Previews).keep(Preview(pruning.kind, _caller(), crane.cache.clock(), options, items))
    shown = {
        "token": token,
        "bytes": sum(node["bytes"] for node in told),
        "count": sum(len(node["items"]) for node in told),
        "nodes": told,
    }
    return answer(shown, headers={"ETag": f'"{token}"', "Cache-Control": "no-store"})


def _look(
    crane: Crane, pruning: Pruning, nodes: Iterable[Node], options: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, list[Prunable]]]:
    by_id = {node.id: node for node in nodes}
    replies = _ask_each(crane, by_id.values(), lambda node, engine: pruning.find(crane, node, engine, options))
    decide_on = decider(crane, identify(), pruning.action)
    told, items = [], {}
    for node, found, error in replies:
        mine = [item for item in (found.items if found else ()) if decide_on(item.target).allows]
        if found is not None:
            items[node.id] = mine
        told.append(
            {
                "node": node.name,
                "state": "missing" if found is None else "ready",
                "error": error,
                "bytes": sum(item.bytes for item in mine),
                "items": [item.to_json() for item in sorted(mine, key=lambda item: item.name)],
                "kept": found.kept if found else 0,
            }
        )
    return told, items


def _answer_prune(crane: Crane, pruning: Pruning, token: str) -> Response:
    """Remove what a preview named and nothing uses still, and answer with what came of each."""
    by = identify().name
    preview = crane.room(Previews).take(token, pruning.kind, _caller())
    snapshot = crane.cache.snapshot()
    decide_on = decider(crane, identify(), pruning.action)
    # Rights may have been taken away since; who may not remove it any more is told so.
    allowed = {
        node_id: {item.id for item in items if decide_on(item.target).allows}
        for node_id, items in preview.items.items()
    }
    nodes = [snapshot.nodes[node_id] for node_id, items in preview.items.items() if items and node_id in snapshot.nodes]

    def carry_out(node: Node, engine: Engine) -> list[dict[str, Any]]:
        still = {item.id for item in pruning.find(crane, node, engine, preview.options).items}
        return [
            _remove(pruning, engine, item, item.id in still, item.id in allowed[node.id])
            for item in preview.items[node.id]
        ]

    told = []
    for node, outcomes, error in _ask_each(crane, nodes, carry_out, PRUNE_SECONDS):
        crane.room(Inventory).note_change(node.id, *pruning.touched)
        removed = [each for each in outcomes or () if each["outcome"] == "removed"]
        if removed:
            detail = {"node": node.name, "count": len(removed), "bytes": sum(each["bytes"] for each in removed)}
            crane.emit(Event(pruning.event, node.name, node.id, by=by, detail=detail))
        told.append(
            {
                "node": node.name,
                "state": "missing" if outcomes is None else "done",
                "error": error,
                "bytes": sum(each["bytes"] for each in removed),
                "items": outcomes or [],
            }
        )
    removed_in_all = [each for node in told for each in node["items"] if each["outcome"] == "removed"]
    return answer(
        {
            "bytes": sum(each["bytes"] for each in removed_in_all),
            "count": len(removed_in_all),
            "nodes": sorted(told, key=lambda node: str(node["node"])),
        }
    )


def _remove(pruning: Pruning, engine: Engine, item: Prunable, unused: bool, allowed: bool) -> dict[str, Any]:
    told = item.to_json()
    if not allowed:
        return {**told, "outcome": "kept", "why": "You may not remove it any more."}
    if not unused:
        return {**told, "outcome": "kept", "why": "It is used by now, or gone."}
    try:
        pruning.remove(engine, item)
    except CraneError as error:
        return {**told, "outcome": "failed", "why": str(error)}
    return {**told, "outcome": "removed", "why": None}


def _ask_each(
    crane: Crane, nodes: Iterable[Node], ask: Callable[[Node, Engine], Any], patience: float = LOOK_SECONDS
) -> list[tuple[Node, Any, str | None]]:
    """Ask nodes side by side; return what each answered, or None and why not."""
    crane.about_to_wait()
    return [
        (reply.node, reply.value, str(reply.error) if reply.error else None)
        for reply in ask_nodes(crane, nodes, ask, patience)
    ]


def _caller() -> tuple[str, str]:
    identity = identify()
    return identity.kind, identity.name
