"""The names that the older formats give: which are allowed, and how they become names of the Swarm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crane_core.orchestration.stacks.desired import IMAGE_LABEL, STACK_LABEL

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
NAME_RULE = "use letters, digits, - and _, with a letter or digit at both ends"

# Networks that every Engine has; a stack can use them, and never makes them.
PREDEFINED_NETWORKS = frozenset({"bridge", "host", "ingress", "none"})

_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/"
_PART = r"[a-z0-9][a-z0-9._-]*"
_IMAGE = re.compile(
    rf"(?:{_HOST})?{_PART}(?:/{_PART})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@[a-z0-9+.-]+:[0-9a-fA-F]{{32,}})?"
)


def is_name(name: str) -> bool:
    """Tell whether a stack, service or network may be called so."""
    return _NAME.fullmatch(name) is not None


def scoped(stack: str, name: str) -> str:
    """Return the name in the Swarm of what a stack calls so; one that is such a name already stays."""
    return name if name.startswith(f"{stack}_") else f"{stack}_{name}"


def plain(stack: str, name: str) -> str:
    """Return what the stack itself calls something, without the stack's prefix."""
    return name.removeprefix(f"{stack}_") or name


def is_image(image: str) -> bool:
    """Tell whether this may be an image's name."""
    return len(image) <= 512 and _IMAGE.fullmatch(image) is not None


def is_pinned(image: str) -> bool:
    """Tell whether an image's name has a tag or a digest."""
    found = _IMAGE.fullmatch(image)
    return found is not None and bool(found[1] or found[2])


def stack_labels(stack: str, labels: Mapping[str, str] | None, image: str) -> dict[str, Any]:
    """Return a service's labels with those that make it part of the stack."""
    return {**(labels or {}), IMAGE_LABEL: image, STACK_LABEL: stack}


def overlay(stack: str, name: str) -> dict[str, Any]:
    """Return the body that creates a network of the stack."""
    return {"Name": name, "Driver": "overlay", "CheckDuplicate": True, "Labels": {STACK_LABEL: stack}}
