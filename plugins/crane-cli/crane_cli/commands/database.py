"""crane database: look at the server's database."""

from __future__ import annotations

import click

from crane_cli.command import Command
from crane_cli.output import Item, describe_time, print_table
from crane_cli.session import Session
from crane_cli.sizes import describe_size
from crane_cli.visible import visible


@click.command(cls=Command)
@click.pass_obj
def database(session: Session) -> None:
    """Show the server's database, its tables and last backup.

    Where several servers share it, it is shown too which of them runs what runs once.
    """
    found: Item = session.api().get("database")
    if not session.for_people:
        session.give(found)
        return
    backup = found.get("backup")
    made = f"{describe_time(backup.get('made_at'))}, {describe_size(backup.get('bytes'))}" if backup else "none yet"
    click.echo(visible(f"Database: {found.get('kind')}, {found.get('where')}, {describe_size(found.get('size'))}"))
    click.echo(visible(f"Last backup: {made}"))
    click.echo()
    rows = ([row.get(name) for name in ("name", "revision", "state", "pending")] for row in found.get("plugins") or ())
    print_table(("PLUGIN", "REVISION", "STATE", "PENDING"), rows)
    if leases := found.get("leases"):
        click.echo()
        print_table(("LOOP", "SERVER"), ([lease.get("name"), lease.get("holder")] for lease in leases))
