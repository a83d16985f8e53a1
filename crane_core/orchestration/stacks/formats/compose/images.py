"""References to images, written in the familiar form that the docker CLI sends: ``nginx`` is ``nginx:latest``."""

from __future__ import annotations

import re

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
_DOMAIN = re.compile(rf"{_HOST}(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_ID = re.compile(r"[a-f0-9]{64}")
_DEFAULT_DOMAIN = "docker.io"
_LONGEST = 255


def familiar(image: str) -> str:
    """Return an image reference in its familiar form, with the tag ``latest`` where it has neither tag nor digest.

    Raises ValueError with a sentence.
    """
    if _ID.fullmatch(image):
        return image
    rest, at, digest = image.partition("@")
    name, colon, tag = rest, "", ""
    if ":" in rest.rpartition("/")[2]:
        name, colon, tag = rest.rpartition(":")
    domain, path = _split(name)
    if path != path.lower():
        raise ValueError(f"`{image}` is not a reference to an image: names of images are in lower case.")
    if (
        not _DOMAIN.fullmatch(domain)
        or not _PATH.fullmatch(path)
        or len(name) > _LONGEST
        or (colon and not _TAG.fullmatch(tag))
        or (at and not _DIGEST.fullmatch(digest))
    ):
        raise ValueError(f"`{image}` is not a reference to an image, which looks like `nginx:1.27` or `ghcr.io/a/b:c`.")
    if domain == _DEFAULT_DOMAIN:
        short = path.removeprefix("library/")
        name = path if "/" in short else short
    return f"{name}{colon}{tag}{at}{digest}" if colon or at else f"{name}:latest"


def _split(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return (_DEFAULT_DOMAIN if first == "index.docker.io" else first), _official(first, rest)
    return _DEFAULT_DOMAIN, name


def _official(domain: str, path: str) -> str:
    return f"library/{path}" if domain in (_DEFAULT_DOMAIN, "index.docker.io") and "/" not in path else path
