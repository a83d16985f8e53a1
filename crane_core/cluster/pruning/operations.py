"""What may be pruned, and the previews that somebody was shown of it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.inventory import ItemKind
from crane_core.engine.records import Node
from crane_core.errors import NotFound
from crane_core.security import Target

# How long somebody may think about a preview, and how many previews are kept.
KEPT_SECONDS = 600.0
MOST_KEPT = 200


class PreviewGone(NotFound):
    """This preview is not kept any more."""

    code, title = "preview-gone", "This preview is not kept any more."


@dataclass(frozen=True)
class Prunable:
    """Something that nothing uses.

    :param bytes: How much room it takes at least; 0 where nobody knows.
    :param detail: What else there is to know of it before it goes.
    :param names: What the Engine calls it, where that is not its id.
    """

    target: Target
    id: str
    name: str
    bytes: int = 0
    detail: str = ""
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a preview tells of it."""
        return {"id": self.id, "name": self.name, "bytes": self.bytes, "detail": self.detail}


@dataclass(frozen=True)
class Found:
    """What may go on one node, and how many of its kind are used and stay."""

    items: Sequence[Prunable] = ()
    kept: int = 0


@dataclass(frozen=True)
class Pruning:
    """How things of one kind are pruned.

    :param find: Returns what may go on a node; called on a thread of its own, with what somebody chose.
    :param remove: Removes one thing; raises what the Engine refuses it with.
    :param touched: The lists of the node that are read anew afterwards.
    :param event: What is told of it.
    """

    kind: str
    find: Callable[[Crane, Node, Engine, Mapping[str, Any]], Found]
    remove: Callable[[Engine, Prunable], None]
    touched: tuple[ItemKind, ...]
    event: str

    @property
    def action(self) -> str:
        """What whoever prunes must hold on each thing."""
        return f"{self.kind}:remove"


@dataclass(frozen=True)
class Preview:
    """What somebody was shown.

    :param by: Who they were.
    :param made_at: When, on the clock of the cache.
    """

    kind: str
    by: tuple[str, str]
    made_at: float
    options: Mapping[str, Any]
    items: Mapping[str, Sequence[Prunable]] = field(default_factory=dict)


class Previews:
    """The room of one server that keeps what was shown, until it is carried out or forgotten."""

    def __init__(self, crane: Crane) -> None:
        self._clock = crane.cache.clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Preview] = OrderedDict()

    def keep(self, preview: Preview) -> str:
        """Keep a preview; return the token that it is carried out with."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[token] = preview
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return token

    def take(self, token: str, kind: str, by: tuple[str, str]) -> Preview:
        """Return a preview and keep it no longer. Raises :class:`PreviewGone`."""
        with self._lock:
            preview = self._kept.get(token)
            if preview is None or preview.kind != kind or preview.by != by:
                raise PreviewGone("There is no such preview of yours: look at what a prune would remove first.")
            del self._kept[token]
        if self._clock() - preview.made_at > KEPT_SECONDS:
            raise PreviewGone(f"What was shown is older than {KEPT_SECONDS / 60:.0f} minutes: look at it again.")
        return preview
