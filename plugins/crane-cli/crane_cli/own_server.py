"""The server that runs on this very machine: whoever may read its files is not asked to log in to it.

The server writes ``local-token`` into its data directory, where nobody but its own user can read it:
``{"server": "http://127.0.0.1:5013", "token": "..."}``. Only the platform's place is looked at, and the token goes to
that address alone.
"""

from __future__ import annotations

import json
from pathlib import Path

from crane_cli.api import is_far


def find_path() -> Path:
    """Return where the file is, whether or not it exists."""
    import platformdirs

    return platformdirs.user_data_path("crane") / "local-token"


def find_token(address: str) -> str | None:
    """Find the token for a server of this machine; None when it gave none, or is another's."""
    if is_far(address):
        return None
    try:
        told = json.loads(find_path().read_text(encoding="utf-8"))
        token = told["token"] if told["server"] == address else None
    except (OSError, ValueError, KeyError, TypeError):
        # A server that is of another user, or that wrote nothing, asks for a login; that is no error.
        return None
    return token if isinstance(token, str) else None
