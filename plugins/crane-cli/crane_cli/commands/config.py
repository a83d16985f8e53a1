"""crane config: configs."""

from __future__ import annotations

from crane_cli.commands.data import make_group

config = make_group("config")
