"""A server with a database and accounts, over a Swarm in memory; on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import crane_accounts
import crane_database
import pytest

from crane_core.plugins import Plugin


def accounts_plugins() -> list[Plugin]:
    """Return the accounts and what they require, as their entry points give them."""
    return [
        Plugin("database", "crane-database", "0.1.0", module=crane_database),
        Plugin("accounts", "crane-accounts", "0.1.0", module=crane_accounts),
    ]


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """The database and the accounts."""
    return accounts_plugins()


@pytest.fixture
def crane_settings(database_url: str) -> dict[str, Any]:
    """The database of the test."""
    return {"database.url": database_url}
