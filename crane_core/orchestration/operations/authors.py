"""Who last changed each stack, as far as operations are kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from crane_core.context import Crane
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.operations.operations import Operations


class Authors:
    """The room of one server that knows who last changed each stack through Crane."""

    def __init__(self, crane: Crane) -> None:
        self._operations = crane.room(Operations)
        self._seen: tuple[str, ...] = ()
        self._version = 0
        self._names: Mapping[str, str] = {}
        self._lock = threading.Lock()

    def read(self) -> tuple[int, Mapping[str, str]]:
        """Return the names of the callers by stack, with a number that changes when any of them does."""
        with self._lock:
            # An operation that goes on changes nothing of this, so that it is enough to know which ones there are.
            if (seen := self._operations.ids) != self._seen:
                # The last one wins; of those begun at the same moment, the one that was begun last.
                oldest_first = sorted(self._operations.all(), key=lambda operation: operation.created_at)
                names = {stack: each.by for each in oldest_first if (stack := _changed_stack(each))}
                if names != self._names:
                    self._version, self._names = self._version + 1, names
                self._seen = seen
            return self._version, self._names


def _changed_stack(operation: Operation) -> str | None:
    """Return the stack that an operation changes; None where there is nothing to change."""
    if not operation.steps:
        return None
    return operation.stack or (operation.target if operation.kind.startswith("stack.") else None)
