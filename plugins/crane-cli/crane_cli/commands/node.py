"""crane node: look at nodes."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, quiet_ids
from crane_cli.output import Item, shorten_id, show_list
from crane_cli.session import Session


@click.group(cls=Group)
def node() -> None:
    """Look at nodes."""


@node.command("ls")
@filtering(*choosing.NODES)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the nodes."""

    def row(item: Item) -> Sequence[object]:
        return (
            shorten_id(item.get("ID"), no_trunc),
            item.get("name"),
            str(item.get("state") or "").capitalize(),
            str(item.get("availability") or "").capitalize(),
            _manager_status(item),
            item.get("tasks_running"),
            item.get("engine_version"),
            item.get("address"),
        )

    show_list(
        session,
        choosing.choose(session.api().find_all("nodes"), filters, choosing.NODES),
        ("ID", "HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS", "TASKS", "ENGINE VERSION", "ADDRESS"),
        row,
        quiet=(lambda item: item.get("ID")) if quiet else None,
        nothing="There are no such nodes.",
    )


def _manager_status(node: Item) -> str:
    if node.get("leader"):
        return "Leader"
    return str((node.get("ManagerStatus") or {}).get("Reachability") or "").capitalize()
