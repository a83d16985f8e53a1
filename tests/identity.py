"""As whom tests speak with a server of their own: as whoever runs it, by the token that it leaves in its files."""

from __future__ import annotations

import json
from pathlib import Path

# The variable of a server that asks nobody for a login, as one without these plugins.
WITHOUT_LOGIN = {"CRANE_PLUGINS_DISABLED": "auth,ldap"}


def find_headers(data_directory: Path) -> dict[str, str]:
    """Return the headers of a request; none while the server has left no token, or asks for none."""
    try:
        told = json.loads((data_directory / "local-token").read_text())
    except FileNotFoundError:
        return {}
    return {"Authorization": f"Bearer {told['token']}"}
