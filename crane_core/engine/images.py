"""The names of images: what stands where in ``ghcr.io/team/shop:1.2@sha256:...``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crane_core.errors import Invalid

HUB = "docker.io"
LONGEST_NAME = 255

# Every pattern here is linear: names come from strangers.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,}", re.ASCII)
_COMPONENT = re.compile(r"[a-z0-9._-]+", re.ASCII)
_SEPARATORS = re.compile(r"[._-]+", re.ASCII)
_REGISTRY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?", re.ASCII)


class InvalidImage(Invalid):
    """This is not the name of an image."""

    code, title = "invalid-image", "This is not the name of an image."


@dataclass(frozen=True)
class ImageRef:
    """The name of an image, taken apart.

    :param registry: The registry's address, ``docker.io`` where none is written.
    :param repository: The path in the registry, ``library/nginx`` for Docker's own ``nginx``.
    :param tag: None where none is written; the Engine then takes ``latest``, unless there is a digest.
    :param digest: As in ``sha256:...``; None where none is written.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository as people write them, without ``docker.io`` and ``library``."""
        if self.registry != HUB:
            return f"{self.registry}/{self.repository}"
        return self.repository.removeprefix("library/")

    @property
    def familiar(self) -> str:
        """The whole as people write it: name and tag, without the digest."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    def __str__(self) -> str:
        return f"{self.familiar}@{self.digest}" if self.digest else self.familiar


def parse_image(text: str) -> ImageRef:
    """Take the name of an image apart. Raises :class:`InvalidImage`."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise InvalidImage(f"{text!r} has no digest after its @, which looks like sha256: and 64 digits.")
    registry, path = _split_registry(rest)
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise InvalidImage(f"{text!r} has a bad tag: take letters, digits, dots, dashes and underscores, 128 at most.")
    if not _REGISTRY.fullmatch(registry) or not all(_is_component(part) for part in path.split("/")):
        raise InvalidImage(f"{text!r} is not the name of an image; one looks like nginx:1.27 or ghcr.io/team/shop:1.0.")
    if len(registry) + len(path) > LONGEST_NAME:
        raise InvalidImage(f"The name of an image has at most {LONGEST_NAME} characters.")
    if registry in (HUB, "index.docker.io"):
        registry, path = HUB, path if "/" in path else f"library/{path}"
    return ImageRef(registry, path, tag or None, digest or None)


def find_registry(text: str) -> str | None:
    """Return the registry that an image is pulled from, None where the name is not one of an image."""
    try:
        return parse_image(text).registry
    except InvalidImage:
        return None


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    # A first part is a registry when it cannot be part of a path: it has a dot or a port, or capitals, or is localhost.
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return HUB, text


def _is_component(text: str) -> bool:
    if not _COMPONENT.fullmatch(text):
        return False
    if text[0] in "._-" or text[-1] in "._-":
        return False
    return all(run in (".", "_", "__") or set(run) == {"-"} for run in _SEPARATORS.findall(text))
