"""crane plugin: look at the server's plugins."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Group, quiet_ids
from crane_cli.output import Item, show_list
from crane_cli.session import Session


@click.group(cls=Group)
def plugin() -> None:
    """Look at the server's plugins."""


@plugin.command("ls")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, quiet: bool) -> None:
    """List the plugins, each with its state and what is wrong with it."""

    def row(item: Item) -> Sequence[object]:
        requires = ", ".join(str(name) for name in item.get("requires") or ())
        return item.get("name"), item.get("version"), item.get("state"), requires, item.get("error")

    show_list(
        session,
        session.api().find_all("plugins"),
        ("NAME", "VERSION", "STATE", "REQUIRES", "ERROR"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="The server has no plugins.",
    )
