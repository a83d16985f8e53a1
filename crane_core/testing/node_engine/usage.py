"""What one node's Engine keeps on its disk."""

from __future__ import annotations

from collections.abc import Mapping

from crane_core.testing.answers import Response, answer
from crane_core.testing.node_engine.containers import WRITTEN, Containers, summarize
from crane_core.testing.node_engine.images import SHARED, Images
from crane_core.testing.node_engine.volumes import SIZE, Volumes


class Usage:
    """Answer ``GET /system/df``."""

    def __init__(self, containers: Containers, images: Images, volumes: Volumes) -> None:
        self._containers = containers
        self._images = images
        self._volumes = volumes
        self.routes = {"GET /system/df": self._usage}

    def _usage(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        containers, images = list(self._containers.all()), self._images.all()
        used = self._volumes.used()
        counted = [sum(container["Image"] == image["Id"] for container in containers) for image in images]
        shared = SHARED if len(images) > 1 else 0
        return answer(
            {
                "LayersSize": sum(image["Size"] - shared for image in images) + shared,
                "Images": [
                    {**image, "SharedSize": shared, "Containers": count}
                    for image, count in zip(images, counted, strict=True)
                ],
                "Containers": [
                    {**summarize(container), "SizeRw": WRITTEN, "SizeRootFs": WRITTEN * 2} for container in containers
                ],
                "Volumes": [
                    {**volume, "UsageData": {"Size": SIZE, "RefCount": used.get(volume["Name"], 0)}}
                    for volume in self._volumes.all()
                ],
                "BuildCache": [],
            }
        )
