"""crane token: tokens for programs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Command, Group, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.output import Item, describe_time, show_list, show_time
from crane_cli.session import Session
from crane_cli.visible import visible

OWN = ("auth", "me", "tokens")


@click.group(cls=Group)
def token() -> None:
    """Make and revoke API tokens."""


@token.command("ls", cls=Command)
@click.option("-a", "--all", "everybodys", is_flag=True, help="List those of all accounts.")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, everybodys: bool, quiet: bool) -> None:
    """List your tokens; their secrets are shown to nobody."""

    def row(item: Item) -> Sequence[object]:
        actions, stacks = item.get("actions"), item.get("stacks")
        return (
            item.get("id"),
            item.get("name"),
            item.get("account"),
            "all" if actions is None else ", ".join(actions),
            "all" if stacks is None else ", ".join(stacks),
            describe_time(item.get("used_at")) or "never",
            "expired" if item.get("expired") else show_time(item.get("expires_at")) or "never",
        )

    show_list(
        session,
        session.api().find_all(*(("tokens",) if everybodys else OWN)),
        ("ID", "NAME", "ACCOUNT", "ACTIONS", "STACKS", "LAST USED", "EXPIRES"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no tokens.",
    )


@token.command("create", cls=Command)
@click.argument("name")
@click.option("--account", help="The service account that it stands for. Default: yourself.")
@click.option("--action", "actions", multiple=True, help="What it may at the most, as in stack:update; repeat it.")
@click.option("--stack", "stacks", multiple=True, help="A stack that it is limited to, or a pattern as in 'shop-*'.")
@click.option("--days", type=click.IntRange(1), help="How many days it is good for. Default: as many as allowed.")
@click.pass_obj
def create(
    session: Session,
    name: str,
    *,
    account: str | None,
    actions: tuple[str, ...],
    stacks: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a token, and print it; this once.

    It may do what its account may, or less: what --action and --stack say.
    """
    body = {"name": name, "actions": list(actions) or None, "stacks": list(stacks) or None, "days": days}
    if account:
        made = session.api().post("tokens", body={**body, "account": account})
    else:
        made = session.api().post(*OWN, body=body)
    if not session.for_people:
        session.give(made)
        return
    until = show_time(made.get("expires_at"))
    session.note(f"Token {made.get('id')} of {made.get('account')}{f', good until {until}' if until else ''}:")
    click.echo(visible(made.get("token")))


@token.command("rm", cls=Command)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("-a", "--all", "everybodys", is_flag=True, help="Those of other accounts as well.")
@yes
@click.pass_obj
def remove(session: Session, ids: tuple[str, ...], *, everybodys: bool, yes: bool) -> None:
    """Revoke tokens; programs that use them are refused at once."""
    api, where = session.api(), ("tokens",) if everybodys else OWN
    remove_each(session, "token", ids, lambda name: api.send("DELETE", *where, name), yes=yes)
