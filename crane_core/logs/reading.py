"""Reading: one reader of one log, what was printed first and then what comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.engine.snapshot import no_task
from crane_core.engine.streams import FanReader
from crane_core.logs.asking import Wish
from crane_core.logs.batch import Batch
from crane_core.logs.channel import Channel
from crane_core.logs.entries import Condition, Entry, Lost, Printed, Told
from crane_core.logs.lines import Line
from crane_core.logs.logs import Logs
from crane_core.logs.origins import Origin, Subject, find_origins
from crane_core.logs.past import Past
from crane_core.logs.query import Query
from crane_core.logs.recent import Recent

# How many lines of the past are handed over at once.
CHUNK = 500
# How often somebody who waits is told that there is nothing new, in seconds.
HEARTBEAT_SECONDS = 15.0
# How often what was missed while the past was read is read, too.
_MOST_PASSES = 3

# Returns the ids of those services among these that the reader may not see.
Hide = Callable[[Iterable[str]], frozenset[str]]


class Reading:
    """One reader of one log; to be closed.

    :param hide: Asked whenever a service appears, and after :meth:`ask_anew`.
    :param ring: Called when something came; it must not wait.
    """

    def __init__(
        self, crane: Crane, subject: Subject, query: Query, hide: Hide, ring: Callable[[], None] | None = None
    ) -> None:
        self.sieve = query.sieve
        self._crane = crane
        self._subject = subject
        self._wish = query.wish
        self._hide = hide
        self._ring = ring
        self._met: set[str] = set()
        self._recents: dict[str, Recent] = {}
        self._sifts: dict[str, Callable[[list[Line]], list[Line]]] = {}
        self._channel: Channel | None = None
        self._reader: FanReader[Batch] | None = None
        if self._wish.follow:
            self._channel = crane.room(Logs).channels.borrow(subject)
            self._reader = self._channel.fan.read(ring)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Read no more."""
        if self._channel is not None and self._reader is not None:
            self._reader.close()
            self._crane.room(Logs).channels.give_back(self._subject)
            self._channel = self._reader = None

    def ask_anew(self) -> None:
        """Ask anew what the reader may see: rights have changed."""
        if self._met:
            self.sieve = replace(self.sieve, hidden=self._hide(self._met))

    # The past

    def past(self) -> Iterator[Batch]:
        """Yield how it stands with each container, and what was printed so far."""
        channel = self._channel
        if channel is None:
            origins = self._visible(find_origins(self._crane, self._subject))
            yield Batch([Told(origin, _describe(origin)) for origin in origins])
            yield from self._read_past(origins, lambda origin: self._wish, self._wish.tail)
            return
        channel.wait_settled(self._crane.room(Pool).patience)
        conditions = channel.conditions()
        origins = self._visible(told.origin for told in conditions)
        shown = {origin.key for origin in origins}
        states = Batch([told for told in conditions if told.origin.key in shown])
        wish = replace(self._wish, follow=False)
        if wish.tail == 0:
            # Where the past ends is found out before anything is said: from then on, all is news.
            last = replace(wish, tail=1)
            for _ in self._read_past(origins, lambda origin: last, 1):
                pass
            yield states
            return
        yield states
        yield from self._read_past(origins, lambda origin: wish, wish.tail)
        for _ in range(_MOST_PASSES):
            if self._reader is None or not self._reader.behind:
                break
            # More was printed meanwhile than is kept for slow readers.
            self._reader.close()
            self._reader = channel.fan.read(self._ring)
            yield from self._read_past(origins, self._wish_for_more, None)

    def _read_past(
        self, origins: list[Origin], wish_for: Callable[[Origin], Wish], tail: int | None
    ) -> Iterator[Batch]:
        sifts = {key: recent.sift() for key, recent in self._recents.items()}
        with Past(self._crane, origins, wish_for, self._note if self._channel else None) as past:
            chunk: list[Entry] = []
            for entry in past.entries(tail):
                if not isinstance(entry, Printed) or _passes(sifts.get(entry.origin.key), entry.line):
                    chunk.append(entry)
                if len(chunk) >= CHUNK:
                    yield Batch(chunk)
                    chunk = []
            if chunk:
                yield Batch(chunk)

    def _note(self, origin: Origin, line: Line) -> None:
        """Remember what the past told, so that it is known when it comes once more."""
        if (recent := self._recents.get(origin.key)) is None:
            recent = self._recents[origin.key] = Recent()
        recent.note(line)

    def _wish_for_more(self, origin: Origin) -> Wish:
        recent = self._recents.get(origin.key)
        return Wish(since=(recent.since if recent else "") or self._wish.since, until=self._wish.until)

    # What comes

    def take(self, timeout: float = 0.0) -> list[Batch | Lost]:
        """Return what came since, waiting for the first of it no longer than told; empty when nothing did."""
        if self._reader is None:
            return []
        lost, batches = self._reader.take(timeout)
        found: list[Batch | Lost] = []
        if lost:
            self._crane.room(Logs).note_lost(lost)
            found.append(Lost(lost))
        for batch in batches:
            self._meet(batch.services)
            found.append(self._without_known(batch))
        return found

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._channel is None or self._channel.fan.ended

    def parts(self) -> Iterator[Batch | Lost | None]:
        """Yield all there is, for as long as it goes on; None where nothing came for a while."""
        yield from self.past()
        while not self.over:
            found = self.take(HEARTBEAT_SECONDS)
            if not found:
                yield None
            yield from found

    def _without_known(self, batch: Batch) -> Batch:
        """Drop from what comes what the past has told already, and what is from before what is wanted."""
        past = batch.keys & self._recents.keys()
        if not past and batch.oldest >= self._wish.since:
            return batch
        kept = [entry for entry in batch.entries if not isinstance(entry, Printed) or self._is_new(entry)]
        return batch if len(kept) == len(batch.entries) else Batch(kept)

    def _is_new(self, printed: Printed) -> bool:
        key, line = printed.origin.key, printed.line
        if (recent := self._recents.get(key)) is None:
            return line.stamp >= self._wish.since
        if line.stamp > recent.newest:
            # From here on everything is new: the Engine sends no older line after a newer one that it kept later.
            del self._recents[key]
            self._sifts.pop(key, None)
            return True
        if key not in self._sifts:
            self._sifts[key] = recent.sift()
        return bool(self._sifts[key]([line]))

    # What may be seen

    def _visible(self, origins: Iterable[Origin]) -> list[Origin]:
        """Return what may be seen and is wanted. Raises ``NotFound`` for a task that there is not."""
        found = list(origins)
        self._meet({origin.service_id for origin in found})
        admitted = [origin for origin in found if self.sieve.admits(origin)]
        if self.sieve.task and not admitted:
            raise no_task(self.sieve.task, (each.name for each in found if each.service_id not in self.sieve.hidden))
        return admitted

    def _meet(self, services: Iterable[str]) -> None:
        """Find out of services that were not met before whether they may be seen."""
        if self._subject.kind == "stack" and not self._met.issuperset(services):
            self._met.update(services)
            self.sieve = replace(self.sieve, hidden=self._hide(self._met))


def _passes(sift: Callable[[list[Line]], list[Line]] | None, line: Line) -> bool:
    return sift is None or bool(sift([line]))


def _describe(origin: Origin) -> Condition:
    if origin.ended:
        return Condition("ended", origin.error, origin.exit_code)
    if not origin.container:
        return Condition("waiting", origin.error or f"The task is {origin.state}.")
    return Condition("running")
