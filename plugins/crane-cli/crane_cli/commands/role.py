"""crane role: sets of actions."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Command, Group, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.errors import WrongUse
from crane_cli.output import Item, print_table, show_list
from crane_cli.session import Session
from crane_cli.visible import visible


@click.group(cls=Group)
def role() -> None:
    """Look at roles, and make roles of your own."""


@role.command("ls", cls=Command)
@quiet_ids
@click.pass_obj
def list_(session: Session, *, quiet: bool) -> None:
    """List the roles, those that come with Crane too."""

    def row(item: Item) -> Sequence[object]:
        actions = len(item.get("actions") or ())
        built_in = "yes" if item.get("built_in") else ""
        return item.get("name"), actions, item.get("grants"), built_in, item.get("description")

    show_list(
        session,
        session.api().find_all("roles"),
        ("NAME", "ACTIONS", "GRANTS", "BUILT IN", "DESCRIPTION"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no roles.",
    )


@role.command(cls=Command)
@click.argument("name")
@click.pass_obj
def inspect(session: Session, name: str) -> None:
    """Show the actions of a role, and what each lets one do."""
    api = session.api()
    found: Item = api.get("roles", name)
    if not session.for_people:
        session.give(found)
        return
    known = {action["name"]: action for action in api.find_all("actions")["items"]}
    rows = []
    for action in found.get("actions") or ():
        described: Item = known.get(action) or {}
        rows.append((action, described.get("help"), ", ".join(described.get("within") or ()) or "everything only"))
    print_table(("ACTION", "WHO HOLDS IT MAY", "CAN BE GIVEN ON"), rows)


@role.command(cls=Command)
@quiet_ids
@click.pass_obj
def actions(session: Session, *, quiet: bool) -> None:
    """List the actions that roles are made of."""

    def row(item: Item) -> Sequence[object]:
        within = ", ".join(item.get("within") or ()) or "everything only"
        return item.get("name"), item.get("help"), within, ", ".join(item.get("roles") or ())

    show_list(
        session,
        session.api().find_all("actions"),
        ("ACTION", "WHO HOLDS IT MAY", "CAN BE GIVEN ON", "ROLES"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no actions.",
    )


@role.command("create", cls=Command)
@click.argument("name")
@click.option("--action", "actions", multiple=True, help="An action that it holds, as in service:update; repeat it.")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.pass_obj
def create(session: Session, name: str, *, actions: tuple[str, ...], description: str) -> None:
    """Make a role; it gives nobody anything before it is granted."""
    body = {"name": name, "actions": list(actions), "description": description}
    _tell(session, session.api().post("roles", body=body))


@role.command(cls=Command)
@click.argument("name")
@click.option("--add", multiple=True, metavar="ACTION", help="Another action that it holds from now on; repeat it.")
@click.option("--take", multiple=True, metavar="ACTION", help="An action that it holds no longer; repeat it.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.pass_obj
def update(
    session: Session, name: str, *, add: tuple[str, ...], take: tuple[str, ...], description: str | None
) -> None:
    """Change a role, and with it what all those may do who have it."""
    if not add and not take and description is None:
        raise WrongUse("Say what to change: --add, --take or --description.")
    api = session.api()
    body: dict[str, object] = {} if description is None else {"description": description}
    if add or take:
        held = set(api.get("roles", name).get("actions") or ())
        if lacking := sorted(set(take) - held):
            raise WrongUse(f"The role {name} does not hold {', '.join(lacking)}.")
        body["actions"] = sorted((held | set(add)) - set(take))
    _tell(session, api.send("PATCH", "roles", name, body=body).json())


@role.command("rm", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@click.pass_obj
def remove(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove roles that nobody has."""
    api = session.api()
    remove_each(session, "role", names, lambda name: api.send("DELETE", "roles", name), yes=yes)


def _tell(session: Session, found: Item) -> None:
    if session.for_people:
        click.echo(visible(found.get("name")))
    else:
        session.give(found)
