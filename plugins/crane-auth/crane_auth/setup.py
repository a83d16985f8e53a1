"""The first start: whoever reads the server's output makes the first administrator, and nobody else does.

Each server that starts without an administrator gives out a token; all servers accept it, because they share the
database, which holds its digest.
"""

from __future__ import annotations

import hmac
import socket
from datetime import timedelta

from crane_accounts import Account, has_admin, make_first_admin
from crane_database import answering, delete, select, session

from crane_auth.clock import Clock
from crane_auth.digests import digest, make_secret
from crane_auth.errors import WrongSetupToken
from crane_auth.models import SetupRow
from crane_auth.passwords.operations import set_password
from crane_auth.passwords.strength import Strength
from crane_core.context import Crane


def offer_setup(crane: Crane) -> str | None:
    """Give out a token for the first administrator; None when there is one already."""
    if has_admin():
        return None
    now = crane.room(Clock).now()
    token = str(crane.settings["auth.setup_token"]) or make_secret()
    expires_at = now + timedelta(minutes=crane.settings["auth.setup_minutes"])
    with answering(), session() as database:
        database.execute(delete(SetupRow).where(SetupRow.expires_at <= now))
        database.merge(SetupRow(digest=digest(token), expires_at=expires_at))
        database.commit()
    return token


def setup_url(crane: Crane, token: str) -> str:
    """Return the address of the panel's page for the first start; a browser sends no server what follows the #."""
    return f"{own_url(crane)}/setup#token={token}"


def own_url(crane: Crane) -> str:
    """Return the address of this server, as its users write it, without a slash at the end."""
    if url := str(crane.settings["auth.url"]):
        return url.rstrip("/")
    host = str(crane.settings["server.host"])
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 (nothing is bound here)
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{crane.settings['server.port']}"


def set_up(crane: Crane, token: str, name: str, password: str, display_name: str, email: str) -> Account:
    """Make the first administrator.

    :raises WrongSetupToken: when the token is none, or has expired.
    :raises Conflict: when there is an administrator.
    :raises WeakPassword: when the password is not good enough.
    """
    # With an administrator there is nothing to be shown a token for; making the first one says so.
    if not has_admin():
        demand_token(crane, token)
        crane.room(Strength).demand(password, name, display_name, email)
    account = make_first_admin(name, display_name, email)
    set_password(crane, account, password)
    with answering(), session() as database:
        database.execute(delete(SetupRow))
        database.commit()
    return account


def demand_token(crane: Crane, token: str) -> None:
    """Go on only with a setup token that is good.

    :raises WrongSetupToken: when it is none, or has expired.
    """
    wanted, now = digest(token), crane.room(Clock).now()
    with answering(), session() as database:
        good = [row.digest for row in database.scalars(select(SetupRow)) if row.expires_at > now]
    if not any(hmac.compare_digest(each, wanted) for each in good):
        raise WrongSetupToken
