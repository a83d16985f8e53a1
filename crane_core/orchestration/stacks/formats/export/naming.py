"""What the objects of a stack are called in its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL

JSON = dict[str, Any]

_KEY = re.compile(r"[a-zA-Z0-9._-]+")
_UNFIT = re.compile(r"[^a-zA-Z0-9._-]")
_VERSION = re.compile(r"(.+)\.([2-9]|[1-9][0-9]{1,8})")


def belongs(stack: str, labels: Mapping[str, str] | None) -> bool:
    """Tell whether labels say that an object is the stack's."""
    return (labels or {}).get(STACK_LABEL) == stack


def own_labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return the labels that somebody wrote, without those that deploying adds."""
    return {name: value for name, value in (labels or {}).items() if not name.startswith("com.docker.stack.")}


def without_version(name: str) -> str:
    """Return the name of an object without the number of its version.

    >>> without_version("shop_app.2"), without_version("shop_app.1"), without_version("shop_app")
    ('shop_app', 'shop_app.1', 'shop_app')
    """
    found = _VERSION.fullmatch(name)
    return found[1] if found else name


@dataclass
class Keys:
    """The keys of one section of the file, each given to one object only.

    :param definitions: What the section says, by key.
    """

    stack: str
    definitions: dict[str, JSON] = field(default_factory=dict)
    _given: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """Return the key of an object, None when it has none yet."""
        return self._given.get(name)

    def give(self, name: str, wanted: str, definition: JSON) -> str:
        """Define an object under a key as near to the wanted one as possible; return the key."""
        key = wanted if _KEY.fullmatch(wanted) else _UNFIT.sub("-", wanted) or "unnamed"
        if key in self.definitions:
            key = _UNFIT.sub("-", name)
        number = 2
        while key in self.definitions:
            key, number = f"{key}-{number}", number + 1
        self._given[name] = key
        self.definitions[key] = definition
        return key

    def own(self, name: str, definition: JSON, *, deployed_as: str | None = None) -> str:
        """Define an object of the stack, without the stack's prefix; return its key.

        :param deployed_as: The name that deploying the file shall give it, where that is not its present one.
        """
        intended = deployed_as or name
        prefix = f"{self.stack}_"
        key = self.give(name, intended.removeprefix(prefix) or intended, definition)
        if f"{prefix}{key}" != intended:
            self.definitions[key] = {"name": intended, **definition}
        return key

    def external(self, name: str) -> str:
        """Define an object that is not the stack's; return its key."""
        key = self.give(name, name, {"external": True})
        if key != name:
            self.definitions[key] = {"external": True, "name": name}
        return key
