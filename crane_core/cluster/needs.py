"""What services need of a node although nothing of them runs there: images and volumes that their specs name.

A service that is scaled to nothing, or that rolls back to its earlier spec, finds its images and data where they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crane_core.context import Crane
from crane_core.engine.images import InvalidImage, parse_image
from crane_core.engine.parts import ContainerPart
from crane_core.engine.records import Service
from crane_core.engine.snapshot import Snapshot

_TEMPLATE = "{{", "}}"


def keys_of(image: str) -> set[str]:
    """Return what an image's name can be recognised by: its tag and its digest, each written in one way only."""
    try:
        parsed = parse_image(image)
    except InvalidImage:
        return {image}
    keys = {f"{parsed.name}@{parsed.digest}"} if parsed.digest else set()
    if parsed.tag or not parsed.digest:
        keys.add(f"{parsed.name}:{parsed.tag or 'latest'}")
    return keys


def _containers_of(service: Service) -> Iterator[ContainerPart]:
    yield service.spec.TaskTemplate.ContainerSpec
    if service.previous_spec is not None:
        yield service.previous_spec.TaskTemplate.ContainerSpec


@dataclass(frozen=True)
class Needs:
    """What the services of a Swarm name.

    :param images: How many services name an image, by what it can be recognised by.
    :param volumes: The ids of the services that name a volume, by its name.
    :param patterns: Names of volumes that only the node fills in: beginning, end, and the id of the service.
    """

    images: Mapping[str, int] = field(default_factory=dict)
    volumes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    patterns: tuple[tuple[str, str, str], ...] = ()

    def count_image(self, names: Iterable[str]) -> int:
        """Return how many services name an image that has these names."""
        keys = {key for name in names for key in keys_of(name)}
        return max((self.images.get(key, 0) for key in keys), default=0)

    def services_of_volume(self, name: str) -> frozenset[str]:
        """Return the ids of the services that name a volume, or that may turn out to on some node."""
        matching = {
            service
            for begin, end, service in self.patterns
            if len(name) >= len(begin) + len(end) and name.startswith(begin) and name.endswith(end)
        }
        return self.volumes.get(name, frozenset()) | matching


def find_needs(snapshot: Snapshot) -> Needs:
    """Return what all services of a Swarm name."""
    images: Counter[str] = Counter()
    volumes: dict[str, set[str]] = {}
    patterns: list[tuple[str, str, str]] = []
    for service in snapshot.services.values():
        images.update({key for part in _containers_of(service) for key in keys_of(part.Image)})
        for part in _containers_of(service):
            for mount in part.Mounts or ():
                if mount.Type not in ("volume", "") or not mount.Source:
                    continue
                begin, opened, rest = mount.Source.partition(_TEMPLATE[0])
                if opened:
                    patterns.append((begin, rest.rpartition(_TEMPLATE[1])[2], service.id))
                else:
                    volumes.setdefault(mount.Source, set()).add(service.id)
    return Needs(images, {name: frozenset(ids) for name, ids in volumes.items()}, tuple(dict.fromkeys(patterns)))


class NeedsOfServices:
    """The room of one server that finds them anew when services changed."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._known: tuple[int, Needs] = (-1, Needs())

    @property
    def current(self) -> Needs:
        """What services name by now."""
        snapshot = self._crane.cache.snapshot()
        version, needs = self._known
        if version != snapshot.versions["services"]:
            needs = find_needs(snapshot)
            self._known = (snapshot.versions["services"], needs)
        return needs
