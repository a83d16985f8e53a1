"""The local token: whoever may read the server's files runs it, and need not log in to it on the machine itself.

They could read the database and its keys as well. The token is made anew at each start and goes with the server, so
that one that got about is soon worth nothing; and it says for which address it is, so that the command line shows it
to no other server. The file is ``local-token``: ``{"server": "http://127.0.0.1:5013", "token": "crane_local_..."}``.
"""

from __future__ import annotations

import hmac
import json
import os
from pathlib import Path

from crane_auth.digests import LOCAL, make_secret
from crane_core.context import Crane

FILE = "local-token"


class LocalToken:
    """The room of one server for the token of whoever runs it."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._token = ""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._crane.data_directory / FILE

    def offer(self) -> None:
        """Write a new one, where only the server's own user reads it; none where a setting says so."""
        self.withdraw()
        settings = self._crane.settings
        if not settings["auth.local_token"]:
            return
        token = make_secret(LOCAL)
        told = {"server": f"http://{_netloc(settings['server.host'], settings['server.port'])}", "token": token}
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(told, file)
        self._token = token

    def withdraw(self) -> None:
        """Take it away."""
        self._token = ""
        self.path.unlink(missing_ok=True)

    def is_good(self, token: str) -> bool:
        """Tell whether a token is that one."""
        return bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())


def _netloc(host: str, port: int) -> str:
    # A server that listens everywhere listens here, too.
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host)  # noqa: S104 (nothing is bound here)
    return f"{here or (f'[{host}]' if ':' in host else host)}:{port}"
