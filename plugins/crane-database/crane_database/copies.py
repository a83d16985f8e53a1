"""Copies of the SQLite file, made before its tables are changed; the newest few are kept."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import URL

from crane_core.errors import SetupError

KEPT = 3


def copy_file(url: URL, data_directory: Path) -> Path | None:
    """Copy the database into the data directory; return where to. None where it is no file.

    Another connection may hold the lock for writing meanwhile: what it has not committed is not copied.

    :raises SetupError: when the copy cannot be written; nothing should be changed then.
    """
    if url.get_backend_name() != "sqlite":
        return None
    directory = data_directory / "copies"
    path = directory / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.db"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(str(url.database))) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE").close()
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            path.unlink()
        raise SetupError(f"The database cannot be copied to {path} before it is changed: {error}.") from error
    for old in list_copies(data_directory)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def list_copies(data_directory: Path) -> list[Path]:
    """Return the copies that there are, the newest first."""
    return sorted((data_directory / "copies").glob("*T*.db"), reverse=True)
