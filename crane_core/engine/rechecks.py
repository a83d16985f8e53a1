"""Which services have their tasks read again although the list of services shows no change, and when."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from crane_core.engine.records import Service

# A service that does not settle has its tasks read again after this long, and then ever less often.
FIRST_RECHECK_SECONDS = 1.0
LONGEST_RECHECK_SECONDS = 10.0


@dataclass
class Recheck:
    """When something is read again.

    :param pause: How long it is until then, in seconds; each time twice as long.
    :param until: Up to then it is read again although it looks settled.
    """

    at: float
    pause: float
    until: float = float("-inf")


class Rechecks:
    """The services whose tasks are read again: those that do not settle, and those that something is expected of.

    Where as many tasks run afterwards as did before, the list of services does not show that some were replaced.
    Moments are those of the watcher's clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._each: dict[str, Recheck] = {}

    def expect(self, service_ids: Iterable[str], now: float, seconds: float) -> None:
        """Have the tasks of these services read at once, and again for so long, whether they look settled or not."""
        with self._lock:
            for id_ in service_ids:
                known = self._each.get(id_)
                until = max(now + seconds, known.until if known else now)
                self._each[id_] = Recheck(now, FIRST_RECHECK_SECONDS / 2, until)

    def find_due(self, services: Mapping[str, Service], changed: Collection[str], now: float) -> set[str]:
        """Return the services whose time has come.

        :param services: All that there are; others are forgotten.
        :param changed: Those whose tasks are read anyway.
        """
        due = set()
        with self._lock:
            self._each = {id_: recheck for id_, recheck in self._each.items() if id_ in services}
            for id_, service in services.items():
                recheck = self._each.get(id_)
                expected = recheck is not None and now < recheck.until
                if not expected and (id_ in changed or service.settled):
                    self._each.pop(id_, None)
                if (expected or not service.settled) and self._is_due(id_, now):
                    due.add(id_)
        return due

    def _is_due(self, service_id: str, now: float) -> bool:
        recheck = self._each.get(service_id)
        if recheck is None:
            # It has only just become unsettled: its tasks are read with this look, because it changed.
            self._each[service_id] = Recheck(now + FIRST_RECHECK_SECONDS, FIRST_RECHECK_SECONDS)
            return False
        if now < recheck.at:
            return False
        recheck.pause = min(recheck.pause * 2, LONGEST_RECHECK_SECONDS)
        recheck.at = now + recheck.pause
        return True
