"""crane group: groups of accounts, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Command, Group, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import give_each, remove_each
from crane_cli.output import Item, show_list
from crane_cli.session import Session
from crane_cli.visible import visible


@click.group(cls=Group)
def group() -> None:
    """Make groups, and put accounts into them."""


@group.command("ls", cls=Command)
@quiet_ids
@click.pass_obj
def list_(session: Session, *, quiet: bool) -> None:
    """List the groups."""

    def row(item: Item) -> Sequence[object]:
        return item.get("name"), item.get("members"), item.get("grants"), item.get("description")

    show_list(
        session,
        session.api().find_all("groups"),
        ("NAME", "MEMBERS", "GRANTS", "DESCRIPTION"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no groups.",
    )


@group.command("create", cls=Command)
@click.argument("name")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.pass_obj
def create(session: Session, name: str, *, description: str) -> None:
    """Make a group, with nobody in it."""
    _tell(session, session.api().post("groups", body={"name": name, "description": description}))


@group.command(cls=Command)
@click.argument("name")
@quiet_ids
@click.pass_obj
def inspect(session: Session, name: str, *, quiet: bool) -> None:
    """Show who is in a group, and who put them there."""

    def row(item: Item) -> Sequence[object]:
        state = "disabled" if item.get("disabled") else ""
        return item.get("name"), item.get("display_name"), ", ".join(item.get("sources") or ()), state

    show_list(
        session,
        session.api().find_all("groups", name, "members"),
        ("NAME", "DISPLAY NAME", "BY", "STATE"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing=f"Nobody is in the group {name}.",
    )


@group.command(cls=Command)
@click.argument("name")
@click.option("--description", metavar="TEXT", required=True, help="What it is for.")
@click.pass_obj
def update(session: Session, name: str, *, description: str) -> None:
    """Change what is said of a group."""
    _tell(session, session.api().send("PATCH", "groups", name, body={"description": description}).json())


@group.command("rm", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@click.pass_obj
def remove(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove groups with their grants; the accounts in them stay."""
    api = session.api()
    remove_each(session, "group", names, lambda name: api.send("DELETE", "groups", name), yes=yes)


@group.command(cls=Command)
@click.argument("name")
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@click.pass_obj
def add(session: Session, name: str, accounts: tuple[str, ...]) -> None:
    """Put accounts into a group."""
    api = session.api()

    def act(account: str) -> Item:
        api.send("POST", "groups", name, "members", body={"name": account})
        return {"name": account}

    give_each(session, accounts, act)


@group.command("take-out", cls=Command)
@click.argument("name")
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@click.pass_obj
def take_out(session: Session, name: str, accounts: tuple[str, ...]) -> None:
    """Take accounts out of a group."""
    api = session.api()
    remove_each(
        session, "account", accounts, lambda account: api.send("DELETE", "groups", name, "members", account), yes=True
    )


def _tell(session: Session, found: Item) -> None:
    if session.for_people:
        click.echo(visible(found.get("name")))
    else:
        session.give(found)
