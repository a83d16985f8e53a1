"""crane grant: roles that are given to somebody, or withheld from them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Command, Group, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.errors import WrongUse
from crane_cli.output import Item, show_list, show_time
from crane_cli.session import Session
from crane_cli.visible import visible


@click.group(cls=Group)
def grant() -> None:
    """Give roles to users and groups, and take them back."""


@grant.command("ls", cls=Command)
@click.option("--user", "account", metavar="ACCOUNT", help="Only those of this account itself.")
@click.option("--group", metavar="GROUP", help="Only those of this group.")
@click.option("--role", metavar="ROLE", help="Only those of this role.")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, account: str | None, group: str | None, role: str | None, quiet: bool) -> None:
    """List who was given which role, and where."""

    def row(item: Item) -> Sequence[object]:
        holder = f"group {item.get('group')}" if item.get("group") else item.get("account")
        where = item.get("scope") if not item.get("on") else f"{item.get('scope')} {item.get('on')}"
        made = show_time(item.get("created_at"))
        return item.get("id"), holder, item.get("effect"), item.get("role"), where, item.get("created_by"), made

    show_list(
        session,
        session.api().find_all("grants", account=account, group=group, role=role),
        ("ID", "HOLDER", "EFFECT", "ROLE", "ON", "BY", "SINCE"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such grants.",
    )


@grant.command("create", cls=Command)
@click.argument("role")
@click.option("--user", "account", metavar="ACCOUNT", help="The account to have it.")
@click.option("--group", metavar="GROUP", help="The group to have it.")
@click.option("--stack", metavar="STACK", help="On this stack only, or on those of a pattern, as in 'shop-*'.")
@click.option("--node", metavar="NODE", help="On this node only, or on those of a pattern.")
@click.option("--registry", metavar="NAMESPACE", help="On this namespace of the registry only.")
@click.option("--deny", is_flag=True, help="Withhold it, whatever else is granted.")
@click.pass_obj
def create(
    session: Session,
    role: str,
    *,
    account: str | None,
    group: str | None,
    stack: str | None,
    node: str | None,
    registry: str | None,
    deny: bool,
) -> None:
    """Give a role to a user or a group, on everything unless told otherwise."""
    if (account is None) == (group is None):
        raise WrongUse("Say who is to have it, and one at a time: --user ACCOUNT or --group GROUP.")
    scopes = {"stack": stack, "node": node, "registry": registry}
    named = {kind: pattern for kind, pattern in scopes.items() if pattern is not None}
    if len(named) > 1:
        raise WrongUse("A grant is on one thing: --stack, --node or --registry.")
    body: dict[str, object] = {"role": role, "effect": "deny" if deny else "allow", "account": account, "group": group}
    for kind, pattern in named.items():
        body |= {"scope": kind, "on": pattern}
    made = session.api().post("grants", body=body)
    if session.for_people:
        click.echo(visible(f"{made.get('id')}: {made.get('name')}"))
    else:
        session.give(made)


@grant.command(cls=Command)
@click.argument("identifier", metavar="ID")
@click.pass_obj
def inspect(session: Session, identifier: str) -> None:
    """Show a grant."""
    session.give(session.api().get("grants", identifier))


@grant.command("rm", cls=Command)
@click.argument("identifiers", nargs=-1, required=True, metavar="ID...")
@yes
@click.pass_obj
def remove(session: Session, identifiers: tuple[str, ...], *, yes: bool) -> None:
    """Take grants back."""
    api = session.api()
    remove_each(session, "grant", identifiers, lambda name: api.send("DELETE", "grants", name), yes=yes)
