"""The start of a server that asks for logins."""

from __future__ import annotations

import flask

from crane_auth.local import LocalToken
from crane_auth.methods import Methods
from crane_auth.outside.proxy import Proxy
from crane_auth.passwords.strength import Strength
from crane_auth.setup import offer_setup, setup_url
from crane_core.context import Crane


def start(app: flask.Flask) -> None:
    """Refuse settings that cannot be meant; say how the first administrator is made, while there is none.

    :raises SetupError: for settings that cannot be used.
    """
    crane: Crane = app.extensions["crane"]
    crane.room(Strength).check_settings()
    crane.room(Proxy)
    crane.room(Methods)
    crane.room(LocalToken).offer()
    if token := offer_setup(crane):
        minutes = crane.settings["auth.setup_minutes"]
        # Not to the log, which hides tokens, and may be read by more people than the output of the server.
        crane.announcements.append(
            f"There is no administrator yet. Within {minutes:g} minutes, open {setup_url(crane, token)}"
        )
