"""crane secret: secrets, which are never shown."""

from __future__ import annotations

from crane_cli.commands.data import make_group

secret = make_group("secret")
