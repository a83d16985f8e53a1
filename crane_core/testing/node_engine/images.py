"""The images of one node: those that its containers were made of, and those that somebody pulled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from crane_core.engine.images import InvalidImage, parse_image
from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.behaviours import Missing
from crane_core.testing.node_engine.containers import Containers, Tell, image_id

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

SIZE = 40_000_000
SHARED = 10_000_000
_PIECES = ("a1b2c3d4e5f6", "0f1e2d3c4b5a")


class Images:
    """List, inspect, pull, tag and remove images."""

    def __init__(self, swarm: MemorySwarm, containers: Containers, tell: Tell) -> None:
        self._swarm = swarm
        self._containers = containers
        self._tell = tell
        self._kept: dict[str, dict[str, Any]] = {}
        # What an image was called that has been removed although it may be needed again.
        self._removed: set[str] = set()
        self.routes = {
            "GET /images/json": self._list,
            "POST /images/create": self._pull,
            "GET /images/*/json": self._inspect,
            "GET /images/*/history": self._history,
            "POST /images/*/tag": self._tag,
            "DELETE /images/*": self._remove,
        }

    def add(self, name: str, size: int = SIZE) -> str:
        """Add an image; one without a name is what is left of an image that was replaced. Returns its id."""
        with self._swarm.lock:
            id_ = image_id(name) if name else f"sha256:{self._swarm.store.new_id(64, '0123456789abcdef')}"
            self._removed.discard(id_)
            self._kept[id_] = {
                "Containers": -1,
                "Created": int(self._swarm.now),
                "Id": id_,
                "Labels": None,
                "ParentId": "",
                "RepoDigests": [f"{_repository(name)}@{digest_of(name)}"] if name else None,
                "RepoTags": [_tagged(name)] if name else ["<none>:<none>"],
                "SharedSize": -1,
                "Size": size,
                "VirtualSize": size,
            }
            return id_

    def all(self) -> list[dict[str, Any]]:
        """Return each image as the list has it."""
        for container in self._containers.all():
            name = str(container["Config"]["Image"])
            id_ = container["Image"]
            # The Engine has the image of each container, even if nobody can call it by a name any more.
            if id_ not in self._kept and id_ not in self._removed and name:
                self.add(name)
        return list(self._kept.values())

    def get(self, name: str) -> dict[str, Any]:
        """Find an image by id, its beginning, or name. Raises ``Refusal``."""
        asked = unquote(name)
        images = self.all()
        for image in images:
            names = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
            if image["Id"] == asked or asked in names or f"{asked}:latest" in names:
                return image
        plain = asked.removeprefix("sha256:")
        begun = [image for image in images if plain and image["Id"].removeprefix("sha256:").startswith(plain)]
        if len(begun) == 1:
            return begun[0]
        raise Refusal(404, f"No such image: {asked}")

    def _list(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        return answer(self.all())

    def _inspect(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        image = self.get(names[0])
        config = {"Cmd": ["sh"], "Env": ["PATH=/bin"], "Labels": None}
        known = {name: image[name] for name in ("Id", "RepoTags", "RepoDigests", "Size", "VirtualSize")}
        layers = {"Type": "layers", "Layers": [f"sha256:{'1' * 64}"]}
        return answer({**known, "Architecture": "amd64", "Os": "linux", "Config": config, "RootFS": layers})

    def _history(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        image = self.get(names[0])
        step = {"Comment": "", "Created": image["Created"], "Tags": None}
        return answer(
            [
                {**step, "Id": image["Id"], "CreatedBy": 'CMD ["sh"]', "Size": 0, "Tags": image["RepoTags"]},
                {**step, "Id": "<missing>", "CreatedBy": "ADD file:1 in /", "Size": image["Size"]},
            ]
        )

    def _pull(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        name = params.get("fromImage", "")
        if tag := params.get("tag"):
            name = f"{name}@{tag}" if tag.startswith("sha256:") else f"{name}:{tag}"
        try:
            parsed = parse_image(name)
        except InvalidImage:
            raise Refusal(400, "invalid reference format") from None
        if isinstance(self._swarm.images.get(name), Missing):
            raise Refusal(
                404,
                f"pull access denied for {parsed.name}, repository does not exist or may require 'docker login': "
                "denied: requested access to the resource is denied",
            )
        known = any(_tagged(name) in (image["RepoTags"] or ()) for image in self.all())
        return Response(200, self._pulling(name, parsed.repository, parsed.tag or "latest", known))

    def _pulling(self, name: str, repository: str, tag: str, known: bool) -> Iterator[bytes]:
        yield _line(status=f"Pulling from {repository}", id=tag)
        for piece in () if known else _PIECES:
            yield _line(status="Pulling fs layer", progressDetail={}, id=piece)
        for piece in () if known else _PIECES:
            for done in (SIZE // 4, SIZE // 2):
                yield _line(status="Downloading", progressDetail={"current": done, "total": SIZE // 2}, id=piece)
            yield _line(status="Pull complete", progressDetail={}, id=piece)
        yield _line(status=f"Digest: {digest_of(name)}")
        if not known:
            self.add(name)
            self._tell("image", "pull", _tagged(name), {"name": _repository(name)})
        told = "Image is up to date" if known else "Downloaded newer image"
        yield _line(status=f"Status: {told} for {_tagged(name)}")

    def _tag(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        image = self.get(names[0])
        name = f"{params.get('repo', '')}:{params.get('tag') or 'latest'}"
        try:
            parse_image(name)
        except InvalidImage:
            raise Refusal(400, "invalid reference format") from None
        for other in self.all():
            if name in (other["RepoTags"] or ()):
                other["RepoTags"] = [tag for tag in other["RepoTags"] if tag != name] or ["<none>:<none>"]
        image["RepoTags"] = [*(tag for tag in image["RepoTags"] if tag != "<none>:<none>"), name]
        self._tell("image", "tag", image["Id"], {"name": name})
        return Response(201)

    def _remove(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        image, asked = self.get(names[0]), unquote(names[0])
        force = params.get("force") in ("1", "true")
        tags = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
        by_name = next((tag for tag in tags if tag in (asked, f"{asked}:latest")), None)
        if by_name and len(tags) > 1:
            image["RepoTags"] = [tag for tag in tags if tag != by_name]
            self._tell("image", "untag", image["Id"], {"name": image["Id"]})
            return answer([{"Untagged": by_name}])
        short = image["Id"].removeprefix("sha256:")[:12]
        if not by_name and len(tags) > 1 and not force:
            raise Refusal(
                409,
                f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories",
            )
        for container in self._containers.all():
            if container["Image"] == image["Id"] and (container["State"]["Running"] or not force):
                running = container["State"]["Running"]
                kind, how = ("running", "cannot be forced") if running else ("stopped", "must be forced")
                raise Refusal(
                    409,
                    f'conflict: unable to remove repository reference "{asked}" ({how}) - container '
                    f"{container['Id'][:12]} is using its referenced image {short} ({kind})",
                )
        del self._kept[image["Id"]]
        self._removed.add(image["Id"])
        self._tell("image", "delete", image["Id"], {"name": image["Id"]})
        return answer([*({"Untagged": tag} for tag in tags), {"Deleted": image["Id"]}])


def digest_of(name: str) -> str:
    """Return the digest that the registry of an image tells."""
    _, at, digest = name.partition("@")
    return digest if at else f"sha256:{hashlib.sha256(_repository(name).encode()).hexdigest()}"


def _tagged(name: str) -> str:
    plain = name.partition("@")[0]
    return plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"


def _repository(name: str) -> str:
    return _tagged(name).rpartition(":")[0]


def _line(**members: Any) -> bytes:
    return msgspec.json.encode(members) + b"\r\n"
