"""The hooks that the database owns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crane_core.hookspecs import hookspec

if TYPE_CHECKING:
    from crane_database.contributions import BackupFiles, Migrations


@hookspec
def crane_database_migrations() -> Iterable[Migrations]:  # type: ignore[empty-body]
    """Contribute the tables of a plugin.

    Called when the server starts, before the ``crane_startup`` of plugins that require the database: what is missing is
    made then, in the order of what plugins require. The commands of ``crane-server db`` call it too.

    :returns: One value; a plugin has one line of migrations.
    """


@hookspec
def crane_database_backup_files() -> Iterable[BackupFiles]:  # type: ignore[empty-body]
    """Contribute files of the data directory to backups.

    Called when a backup is made. Files that do not exist are left out.

    :returns: Files, or patterns of files.
    """
