"""A board: what one topic says now, and what changed since each earlier state of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crane_core.http import Listing
from crane_core.security import Target
from crane_core.websockets import to_frame

# How many ids of items that are gone are remembered; who has seen an older state is sent everything.
MOST_GONE = 1000
_NOTHING: dict[str, Any] = {"changes": {"set": {}, "gone": []}}
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Item:
    """One item of a topic as it is sent.

    :param revision: The state of the board that brought it.
    :param made_of: What it was made of, None when that is not known.
    :param digest: A number that differs whenever the text does.
    """

    text: msgspec.Raw
    target: Target
    revision: int
    made_of: tuple[object, ...] | None
    digest: int


@dataclass(frozen=True)
class Seen:
    """What a subscriber has been sent: which state of the board, and which items; None when they may see all."""

    revision: int
    visible: frozenset[str] | None


class Board:
    """What one topic says now.

    :param topic: Its name as subscribers write it, as in ``services/shop_web``.
    :param action: What is demanded for each of its items where the list itself demands nothing.
    :param read: Returns the list that it tells of.
    :param key: Returns what an item is known by.
    """

    def __init__(self, topic: str, action: str, read: Callable[[], Listing[Any]], key: Callable[[Any], str]) -> None:
        self.topic = topic
        self.revision = 0
        self.items: Mapping[str, Item] = {}
        self.action = self._demanded = action
        self._read = read
        self._key = key
        self._version = ""
        self._sources: list[dict[str, Any]] = []
        self._sources_since = 0
        self._gone: dict[str, int] = {}
        self._gone_since = 0
        # What goes to those who may see all, by the revision that they have seen.
        self._frames: dict[int | None, bytes] = {}

    def refresh(self) -> None:
        """Read what the topic says now."""
        listing = self._read()
        self.action = listing.action or self._demanded
        # Not the age, which grows all the time: only another state or another error is news.
        sources = [{name: value for name, value in each.items() if name != "age"} for each in listing.sources]
        if self.revision and (listing.version, sources) == (self._version, self._sources):
            return
        revision = self.revision + 1
        items = dict(self._make(listing, revision))
        gone = self.items.keys() - items.keys()
        self._version = listing.version
        news = gone or any(item.revision == revision for item in items.values())
        if not news and self.revision and sources == self._sources:
            # Something was made anew, and came out the same.
            self.items = items
            return
        if sources != self._sources:
            self._sources_since = revision
        self._remember(gone, items, revision)
        self.revision, self.items, self._sources = revision, items, sources
        self._frames.clear()

    def _make(self, listing: Listing[Any], revision: int) -> Iterator[tuple[str, Item]]:
        for row in listing.rows():
            key = self._key(row)
            known = self.items.get(key)
            made_of = listing.made_of(row) if listing.made_of else None
            if known is not None and _alike(known.made_of, made_of):
                yield key, known
                continue
            text = _encoder.encode(listing.present(row))
            digest = int.from_bytes(hashlib.blake2b(key.encode() + b"\0" + text, digest_size=8).digest(), "big")
            since = known.revision if known is not None and known.digest == digest else revision
            yield key, Item(msgspec.Raw(text), listing.target(row), since, made_of, digest)

    def _remember(self, gone: Iterable[str], items: Mapping[str, Item], revision: int) -> None:
        self._gone = {key: since for key, since in self._gone.items() if key not in items}
        self._gone.update(dict.fromkeys(gone, revision))
        if len(self._gone) > MOST_GONE:
            self._gone_since = revision
            self._gone.clear()

    # Telling

    def tell(self, seen: Seen | None, visible: frozenset[str] | None, known: str | None = None) -> bytes | None:
        """Return the frame that brings a subscriber up to date; None when there is nothing to say.

        :param seen: What they were sent before, None when nothing.
        :param visible: What they may see; None when that is all.
        :param known: The version that somebody who comes back has seen.
        """
        if seen is None and known is not None and known == self.version(visible):
            return self._frame({"unchanged": True}, visible)
        if visible is None and (seen is None or seen.visible is None):
            # Most see the same and have seen the same: they are sent the very same bytes.
            since = seen.revision if seen else None
            if since == self.revision:
                return None
            if since not in self._frames:
                self._frames[since] = self._frame(self._changes(seen, None), None)
            return self._frames[since]
        changes = self._changes(seen, visible)
        if seen is not None and changes == _NOTHING and self._sources_since <= seen.revision:
            return None
        return self._frame(changes, visible)

    def version(self, visible: frozenset[str] | None) -> str:
        """Return a text that differs whenever what is visible of the items does."""
        mixed = 0
        for key, item in self.items.items():
            if visible is None or key in visible:
                mixed ^= item.digest
        return f"{mixed:016x}"

    def _snapshot(self, visible: frozenset[str] | None) -> dict[str, Any]:
        shown = {key: item.text for key, item in self.items.items() if visible is None or key in visible}
        return {"snapshot": shown}

    def _changes(self, seen: Seen | None, visible: frozenset[str] | None) -> dict[str, Any]:
        if seen is None or seen.revision < self._gone_since or (seen.visible is None) != (visible is None):
            return self._snapshot(visible)
        before = seen.visible
        if visible is None or before is None:
            changed = {key: item.text for key, item in self.items.items() if item.revision > seen.revision}
            gone = [key for key, since in self._gone.items() if since > seen.revision]
        else:
            changed = {
                key: item.text
                for key, item in self.items.items()
                if key in visible and (item.revision > seen.revision or key not in before)
            }
            gone = sorted(before - visible)
        # A snapshot says as much in fewer words once nearly everything changed.
        if len(changed) > 1 and len(changed) >= 3 / 4 * len(self.items if visible is None else visible):
            return self._snapshot(visible)
        return {"changes": {"set": changed, "gone": gone}}

    def _frame(self, told: Mapping[str, Any], visible: frozenset[str] | None) -> bytes:
        message = {"topic": self.topic, "version": self.version(visible), **told, "sources": self._sources}
        return to_frame(_encoder.encode(message))


def _alike(old: tuple[object, ...] | None, new: tuple[object, ...] | None) -> bool:
    """Tell whether something was made of the same: the very same objects, or equal numbers and texts."""
    if old is None or new is None or len(old) != len(new):
        return False
    return all(a is b or (isinstance(a, (int, str)) and a == b) for a, b in zip(old, new, strict=True))
