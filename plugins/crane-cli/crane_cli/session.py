"""What one run of the program knows: which server, as whom, and how to write what it finds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api

DEFAULT_SERVER = "http://127.0.0.1:5013"
SERVER_VARIABLE = "CRANE_CLI_SERVER"
TOKEN_VARIABLE = "CRANE_CLI_TOKEN"  # noqa: S105 - the name of a variable, not a token


def _browse(url: str) -> object:
    import webbrowser

    return webbrowser.open(url)


@dataclass
class Session:
    """One run of the program.

    :param server: Where ``--server`` points, None where it was not given.
    :param token: What ``--token`` says, None where it was not given.
    :param ca: The file of ``--ca``.
    :param output: ``table``, ``json`` or ``yaml``.
    :param pause: Waits for so many seconds before trying again.
    :param browse: Shows somebody an address in a browser, where there is one.
    """

    server: str | None = None
    token: str | None = field(default=None, repr=False)
    ca: str | None = None
    output: str = "table"
    pause: Callable[[float], None] = time.sleep
    browse: Callable[[str], object] = _browse
    warned: set[str] = field(default_factory=set)

    def api(self) -> Api:
        """Return the API of the server in use.

        The option wins over the variable, the variable over the login; without any it is this machine's. A token from
        the logins goes to its own server only, and so does the one that a server of this machine left for its user.
        """
        from crane_cli import logins, own_server
        from crane_cli.api import Api, is_far, normalise_address

        known = logins.read()
        named = self.server or os.environ.get(SERVER_VARIABLE) or known.server or DEFAULT_SERVER
        address = normalise_address(named)
        login = known.servers.get(address, logins.Login())
        token = self.token or os.environ.get(TOKEN_VARIABLE) or login.token or own_server.find_token(address)
        if token and address.startswith("http://") and is_far(address):
            self.warn(f"The token is sent to {address} unencrypted; use https.")
        return Api(address, token, self.ca or login.ca)

    @property
    def for_people(self) -> bool:
        """Whether tables and sentences are wanted on standard output."""
        return self.output == "table"

    def give(self, value: Any) -> None:
        """Print a value as JSON or YAML, just as the server answered it."""
        if self.output == "yaml":
            import yaml

            click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
        else:
            import json

            click.echo(json.dumps(value, indent=2))

    def warn(self, sentence: str) -> None:
        """Print a warning on standard error, once: what a plan warned of, its operation warns of again."""
        if sentence in self.warned:
            return
        self.warned.add(sentence)
        click.echo(style(f"Warning: {visible(sentence)}", fg="yellow"), err=True)

    def note(self, sentence: str) -> None:
        """Print something worth knowing on standard error."""
        click.echo(visible(sentence), err=True)


def style(text: str, **how: Any) -> str:
    """Colour a text, unless the user wants none. Click takes the colour away where there is no terminal."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def on_terminal() -> bool:
    """Return whether somebody looks at standard output as it is written."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"
