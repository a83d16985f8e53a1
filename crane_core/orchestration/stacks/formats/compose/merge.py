"""Merging: several files into one as ``docker stack deploy -c a -c b`` does, and a service onto the one it extends.

Mappings are merged key by key, lists are joined, and a later word wins. Where the docker CLI merges files, what is
empty in a later file (``""``, ``false``, ``[]``) changes nothing, but for labels and sysctls and where nothing was
before; a service that extends another may always say so.
``!override`` takes a value as it stands, ``!reset`` removes it.

Two things differ from how the docker CLI merges: a later test of a health check replaces the earlier one, which it
joins into a command that nobody meant; and later options of a log driver are kept when there were none before, which it
loses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crane_core.orchestration.stacks.formats.compose.tree import OVERRIDE, RESET, Map, Seq

_COUNTS = {"replicas", "parallelism", "max_attempts", "retries"}
_TEXTS = {"labels", "sysctls"}
_REPLACED = {"command", "entrypoint", "test", "platform"}
_Key = Callable[[Any], Any]
_KEYED: dict[str, _Key] = {
    "ports": lambda port: port.get("published") or tuple(sorted(port.items())),
    "volumes": lambda mount: mount.get("target"),
    "configs": lambda reference: reference.get("source"),
    "secrets": lambda reference: reference.get("source"),
}


def merge_files(base: Map, later: Map) -> Map:
    """Return two files as one. Services are merged; of networks, volumes, configs and secrets the later one counts."""
    merged = _copy(base)
    for section in ("networks", "volumes", "configs", "secrets"):
        merged[section] = _copy(base[section])
        for key, entry in later[section].items():
            merged[section].put(key, entry, later[section].places.get(key))
    merged["services"] = _copy(base["services"])
    for key, service in later["services"].items():
        earlier = base["services"].get(key)
        whole = earlier is None or key in later["services"].tags
        merged["services"].put(
            key, service if whole else merge_service(earlier, service), later["services"].places.get(key)
        )
    for key, tag in later["services"].tags.items():
        if tag == RESET:
            merged["services"].pop(key, None)
    return merged


def merge_service(base: Map, later: Map, *, empty_counts: bool = False) -> Map:
    """Return a service with what a later one says about it.

    :param empty_counts: Whether an empty value replaces what was there.
    """
    merged = _merge_maps(base, later, empty_counts)
    for key in ("volumes", "configs", "secrets"):
        # Of two mounts of one target the later one counts, also where both stand in the earlier file.
        if base.get(key) and isinstance(merged.get(key), list):
            merged[key] = _merge_keyed(_KEYED[key], merged[key], Seq())
    return merged


def _merge_maps(base: Map, later: Map, empty_counts: bool) -> Map:
    merged = _copy(base)
    for key, tag in later.tags.items():
        if tag == RESET:
            merged.pop(key, None)
    for key, value in later.items():
        place = later.places.get(key)
        if key not in base or later.tags.get(key) == OVERRIDE:
            merged.put(key, value, place)
        elif value or empty_counts or _says_something(key, value) or base[key] in ("", None):
            joined = _merge_values(key, base[key], value, empty_counts)
            merged.put(key, joined, place if joined is value else base.places.get(key) or place)
    return merged


def _says_something(key: str, value: Any) -> bool:
    return isinstance(value, dict | list) or (key in _COUNTS and value is not None)


def _merge_values(key: str, earlier: Any, later: Any, empty_counts: bool) -> Any:
    if key in _REPLACED:
        return later if later or empty_counts else earlier
    if isinstance(earlier, list) and isinstance(later, list):
        return _merge_keyed(_KEYED[key], earlier, later) if key in _KEYED else _join(earlier, later)
    if isinstance(earlier, Map) and isinstance(later, Map):
        if key == "logging" and earlier.get("driver") and later.get("driver") not in (None, earlier["driver"]):
            return later
        if key in ("ulimits", "networks"):
            return _replace_entries(earlier, later)
        return _merge_maps(earlier, later, empty_counts or key in _TEXTS)
    return later


def _replace_entries(earlier: Map, later: Map) -> Map:
    merged = _copy(earlier)
    for name, tag in later.tags.items():
        if tag == RESET:
            merged.pop(name, None)
    for name, value in later.items():
        if value or name not in earlier:
            merged.put(name, value, later.places.get(name))
    return merged


def _join(earlier: Any, later: Any) -> Any:
    joined = Seq(getattr(earlier, "place", None))
    for part in (earlier, later):
        for index, item in enumerate(part):
            joined.put(item, part.place_of(index) if isinstance(part, Seq) else None)
    return joined


def _merge_keyed(key: _Key, earlier: Any, later: Any) -> Any:
    found: dict[Any, tuple[Any, Any]] = {}
    for item, place in zip(both := _join(earlier, later), both.places, strict=True):
        found[key(item)] = (item, place)
    merged = Seq(both.place)
    for item, place in found.values():
        merged.put(item, place)
    return merged


def _copy(node: Map) -> Map:
    copied = Map(node, node.place)
    copied.places = dict(node.places)
    copied.tags = dict(node.tags)
    return copied
