"""What other plugins hand over to the database: where their tables come from, and which files belong to a backup."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Migrations:
    """The tables of a plugin, and the steps by which they came about.

    The names of the tables start with the plugin's own name and an underscore. Foreign keys lead to tables of the
    plugin itself, or of plugins that it requires.

    :param models: The module that defines the models, as in ``crane_accounts.models``; imported when they are compared
        with the tables.
    :param package: The package that holds the migrations and nothing else, as in ``crane_accounts.migrations``.
    """

    models: str
    package: str


@dataclass(frozen=True)
class BackupFiles:
    """Files of the data directory that belong to a backup: keys, certificates, what is kept outside the database.

    :param pattern: Which, relative to the data directory: a path, or a pattern as in ``operations/*.json``.
    """

    pattern: str
