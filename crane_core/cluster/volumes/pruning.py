"""Which volumes nothing needs: no container, stopped ones included, and no service, whether or not it has tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crane_core.cluster.needs import NeedsOfServices
from crane_core.cluster.pruning.operations import Found, Prunable, Pruning
from crane_core.cluster.volumes.operations import CHANGE_SECONDS, Volume, mounted_by, path_of, target_of
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.disk import read_usage
from crane_core.engine.records import Node


def _find(crane: Crane, node: Node, engine: Engine, options: Mapping[str, Any]) -> Found:
    needs = crane.room(NeedsOfServices).current
    mounted = mounted_by(engine.read_json("/containers/json", all=True))
    usage = read_usage(engine)
    sizes = {str(each["Name"]): each.get("UsageData") or {} for each in usage.get("Volumes") or ()}
    volumes = [
        Volume(node, item, mounted.get(str(item["Name"]), ()), needs.services_of_volume(str(item["Name"])))
        for item in engine.read_json("/volumes").get("Volumes") or ()
    ]
    found = [
        Prunable(
            target_of(volume),
            volume.name,
            volume.name,
            max(0, int(sizes.get(volume.name, {}).get("Size", -1))),
            f"{volume.item.get('Driver')}, made {volume.item.get('CreatedAt') or 'nobody knows when'}",
        )
        for volume in volumes
        # What all nodes share is not one node's to remove.
        if not volume.in_use
        and volume.item.get("Scope") == "local"
        # The Engine counts what it knows of besides, such as containers that are just made.
        and int(sizes.get(volume.name, {}).get("RefCount", 0)) <= 0
        and (options.get("all") or volume.anonymous)
    ]
    return Found(found, len(volumes) - len(found))


def _remove(engine: Engine, item: Prunable) -> None:
    engine.send("DELETE", path_of(item.name), timeout=CHANGE_SECONDS)


PRUNING = Pruning("volume", _find, _remove, ("volumes",), "volume.pruned")
