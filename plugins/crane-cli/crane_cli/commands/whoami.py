"""crane whoami: who the server takes one for."""

from __future__ import annotations

import click

from crane_cli.command import Command
from crane_cli.output import Item
from crane_cli.session import Session
from crane_cli.visible import visible


@click.command(cls=Command)
@click.option("--actions", is_flag=True, help="List what you may do in general, too.")
@click.pass_obj
def whoami(session: Session, *, actions: bool) -> None:
    """Say who the server takes you for."""
    api = session.api()
    found: Item = api.get("whoami")
    if not session.for_people:
        session.give(found)
        return
    kind = {"service": "the account of a program", "local": "whoever runs the server", "nobody": "not logged in"}
    told = kind.get(str(found.get("kind")))
    click.echo(visible(f"{found.get('name')}{f' ({told})' if told else ''} at {api.server}"))
    if actions:
        for action in found.get("actions") or ():
            click.echo(visible(action))
