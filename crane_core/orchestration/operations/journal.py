"""The journal: operations on disk, so that a server that was killed knows what it was doing."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from crane_core.orchestration.operations.model import Operation

log = logging.getLogger(__name__)
_FILE_NAME = re.compile(r"[0-9a-f]{16}\.json")


class Journal:
    """One small file for each operation; it holds no contents of configs or secrets."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, operation: Operation) -> None:
        """Keep an operation; a reader finds the old or the new state, never half of one.

        It survives the end of the process, and not that of the machine: waiting for the disk at each step would make
        deployments slow, and a machine that fails takes its Engine along.

        A disk that is full or read-only must not stop a deployment: it is logged, and the server goes on.
        """
        path = self._path(operation.id)
        written = path.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.encode(operation.to_journal()))
            written.replace(path)
        except OSError as error:
            log.error("The operation %s cannot be kept in %s: %s.", operation.id, self._directory, error)

    def read(self) -> Iterator[Operation]:
        """Yield all operations, oldest first; a file that cannot be read is logged and passed over."""
        found = []
        for path in self._directory.glob("*.json") if self._directory.is_dir() else ():
            if not _FILE_NAME.fullmatch(path.name):
                continue
            try:
                found.append(_read(path))
            except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
                log.error("The operation in %s cannot be read: %s.", path, error)
        yield from sorted(found, key=lambda operation: operation.created_at)

    def forget(self, operation_id: str) -> None:
        """Remove an operation."""
        try:
            self._path(operation_id).unlink(missing_ok=True)
        except OSError as error:
            log.error("The operation %s cannot be removed: %s.", operation_id, error)

    def _path(self, operation_id: str) -> Path:
        return self._directory / f"{operation_id}.json"


def _read(path: Path) -> Operation:
    operation = Operation.from_journal(msgspec.json.decode(path.read_bytes()))
    # By these it is followed and forgotten later, when nobody could pass it over any more.
    if operation.id != path.stem:
        raise ValueError("it is of another operation")
    datetime.fromisoformat(operation.created_at)
    return operation
