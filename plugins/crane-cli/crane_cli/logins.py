"""The servers that the user has logged in to: a file in the platform's folder that only the user can read.

The file is ``cli.json``: ``{"server": "https://...", "servers": {"https://...": {"token": "...", "ca": "..."}}}``. A
token stands under its server's address, so that it is never sent to another one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crane_cli.errors import CliError


@dataclass(frozen=True)
class Login:
    """What is known about one server."""

    token: str | None = field(default=None, repr=False)
    ca: str | None = None


@dataclass(frozen=True)
class Logins:
    """All servers that the user has logged in to, and the one that commands go to."""

    server: str | None = None
    servers: Mapping[str, Login] = field(default_factory=dict)

    def having(self, server: str, login: Login) -> Logins:
        """Return the logins with this one added and chosen."""
        return Logins(server, {**self.servers, server: login})

    def without(self, server: str) -> Logins:
        """Return the logins without this server."""
        left = {address: login for address, login in self.servers.items() if address != server}
        return replace(self, server=None if self.server == server else self.server, servers=left)


def find_path() -> Path:
    """Return where the file is, whether or not it exists."""
    import platformdirs

    return platformdirs.user_config_path("crane") / "cli.json"


def read() -> Logins:
    """Read the file; without one nobody is logged in.

    :raises CliError: The file is not readable or not what this program wrote.
    """
    path = find_path()
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        servers = {address: Login(login.get("token"), login.get("ca")) for address, login in told["servers"].items()}
        return Logins(told.get("server"), servers)
    except FileNotFoundError:
        return Logins()
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CliError(f"{path} is broken. Remove it and log in again with: crane login URL") from error


def write(logins: Logins) -> Path:
    """Replace the file in one step, readable by its owner only.

    :returns: Where it is.
    :raises CliError: It cannot be written.
    """
    path = find_path()
    servers = {address: _to_json(login) for address, login in logins.servers.items()}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".cli-")
        try:
            # mkstemp makes the file with mode 0600, so that at no moment anybody else can read the token.
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"server": logins.server, "servers": servers}, file, indent=2)
                file.write("\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _to_json(login: Login) -> dict[str, Any]:
    return {name: value for name, value in (("token", login.token), ("ca", login.ca)) if value}
