"""What tests of logins need: a browser that keeps cookies, and the plugins of a server that asks for logins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import crane_accounts
import crane_database
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import crane_auth
from crane_auth.authenticating import COOKIE
from crane_core.plugins import Plugin

SETUP_TOKEN = "the setup token of the tests"  # noqa: S105 (of servers that end with the tests)
PASSWORD = "velvet otter seventeen"  # noqa: S105 (likewise)


def auth_plugins() -> list[Plugin]:
    """Return the logins and what they require, as their entry points give them."""
    return [
        Plugin("database", "crane-database", "0.1.0", module=crane_database),
        Plugin("accounts", "crane-accounts", "0.1.0", module=crane_accounts),
        Plugin("auth", "crane-auth", "0.1.0", module=crane_auth),
    ]


@dataclass
class Browser:
    """Somebody at a browser, or a program: keeps cookies as a browser does, or a token."""

    client: FlaskClient
    address: str = "192.0.2.1"
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, status: int | None = None, **headers: str) -> Any:
        """Send a request; return its answer, decoded where a status is expected."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        answer: TestResponse = self.client.open(
            f"/api/v1/{path}",
            method=method,
            json=body,
            headers=sent,
            environ_base={"REMOTE_ADDR": self.address},
        )
        if status is None:
            return answer
        assert answer.status_code == status, answer.text
        return answer.get_json(silent=True)

    def log_in(self, name: str = "ann", password: str = PASSWORD, status: int = 200, **members: Any) -> Any:
        """Log in with name and password."""
        return self.ask("POST", "auth/login", {"name": name, "password": password, **members}, status)

    @property
    def cookie(self) -> str:
        """The session that it keeps."""
        found = self.client.get_cookie(COOKIE)
        return found.value if found else ""

    @property
    def name(self) -> str:
        """Who the server takes it for."""
        return str(self.ask("GET", "whoami", status=200)["name"])
