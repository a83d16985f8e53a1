"""Restoring by way of the server itself: a backup that was sent waits for the next start, which comes at once.

A server that runs remembers what the database told it, so that nothing can be put back under it. What is sent is read
from end to end first: what waits after that is whole, and its passphrase is right.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from crane_core.context import Crane
from crane_core.errors import Invalid, SetupError, Violation
from crane_database.backups import check_backup, restore

log = logging.getLogger(__name__)


class Staged:
    """The room of one server for a backup that waits, in the folder ``restore`` of the data directory."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._directory = crane.data_directory / "restore"

    def put(self, sent: BinaryIO, passphrase: str) -> None:
        """Have a backup restored by the next start, in place of what the database holds now.

        :raises Invalid: when it cannot be: the passphrase is wrong, the backup is not whole, or does not fit.
        """
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700, parents=True)
        try:
            with _create(self._directory / "sent") as file:
                shutil.copyfileobj(sent, file)
            check_backup(self._crane, self._directory / "sent", passphrase)
            with _create(self._directory / "passphrase") as file:
                file.write(passphrase.encode())
            # Last: what is there under this name waits.
            (self._directory / "sent").replace(self._directory / "waiting")
        except SetupError as error:
            raise Invalid(violations=[Violation("file", error.detail)]) from error
        finally:
            (self._directory / "sent").unlink(missing_ok=True)

    def restore(self) -> None:
        """Restore the backup that waits, if one does. If it cannot be, the server goes on with what it has."""
        waiting, tried = self._directory / "waiting", self._directory / "tried"
        if not waiting.exists():
            return
        # Whatever happens, it is tried once: a server that could not start would try for ever.
        waiting.replace(tried)
        problem = ""
        try:
            summary = restore(self._crane, tried, (self._directory / "passphrase").read_text(), replace=True)
            log.info("Restored %d rows of %d tables.", summary.rows, summary.tables)
        except SetupError as error:
            log.error("The backup that was sent could not be restored: %s", error.detail)
            problem = error.detail
        shutil.rmtree(self._directory, ignore_errors=True)
        if problem:
            self._directory.mkdir(mode=0o700)
            (self._directory / "problem").write_text(problem)

    def find_problem(self) -> str | None:
        """Return why the last backup that was sent was not restored; None when none was, or all went well."""
        try:
            return (self._directory / "problem").read_text()
        except FileNotFoundError:
            return None


def _create(path: Path) -> BinaryIO:
    """Open a new file that only its owner reads."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
