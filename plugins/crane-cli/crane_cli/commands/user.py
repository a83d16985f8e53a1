"""crane user: users, and accounts of programs."""

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
def user() -> None:
    """Make users, and accounts of programs; change and remove them."""


@user.command("ls", cls=Command)
@click.option("--group", metavar="GROUP", help="Only who is in this group.")
@click.option("--service", is_flag=True, help="Only accounts of programs.")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, group: str | None, service: bool, quiet: bool) -> None:
    """List users, and accounts of programs."""

    def row(item: Item) -> Sequence[object]:
        return (
            item.get("name"),
            item.get("display_name"),
            "program" if item.get("kind") == "service" else "user",
            ", ".join(item.get("groups") or ()),
            "admin" if item.get("admin") else "",
            item.get("source"),
            "disabled" if item.get("disabled") else "",
        )

    show_list(
        session,
        session.api().find_all("users", group=group, kind="service" if service else None),
        ("NAME", "DISPLAY NAME", "KIND", "GROUPS", "ADMIN", "SOURCE", "STATE"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no such accounts.",
    )


@user.command("create", cls=Command)
@click.argument("name")
@click.option("--display-name", metavar="TEXT", default="", help="What people call them.")
@click.option("--email", metavar="ADDRESS", default="", help="Where mail reaches them.")
@click.option("--service", is_flag=True, help="Make the account of a program, which has tokens and no password.")
@click.pass_obj
def create(session: Session, name: str, *, display_name: str, email: str, service: bool) -> None:
    """Make a user, or the account of a program; nothing is granted to it yet."""
    kind = "service" if service else "user"
    body = {"name": name, "kind": kind, "display_name": display_name, "email": email}
    _tell(session, session.api().post("users", body=body))


@user.command(cls=Command)
@click.argument("name")
@click.pass_obj
def inspect(session: Session, name: str) -> None:
    """Show an account and its groups."""
    found: Item = session.api().get("users", name)
    if not session.for_people:
        session.give(found)
        return
    shown = {
        "Name": found.get("name"),
        "Display name": found.get("display_name"),
        "Kind": "program" if found.get("kind") == "service" else "user",
        "Email": found.get("email"),
        "Source": found.get("source"),
        "State": "disabled" if found.get("disabled") else "enabled",
        "Groups": ", ".join(found.get("groups") or ()),
        "Made": show_time(found.get("created_at")),
    }
    for title, value in shown.items():
        click.echo(visible(f"{title + ':':<14}{value or ''}").rstrip())


@user.command(cls=Command)
@click.argument("name")
@click.option("--display-name", metavar="TEXT", help="What people call them.")
@click.option("--email", metavar="ADDRESS", help="Where mail reaches them.")
@click.option("--disable/--enable", default=None, help="Let the account do nothing at all, or let it again.")
@click.pass_obj
def update(session: Session, name: str, *, display_name: str | None, email: str | None, disable: bool | None) -> None:
    """Change an account; one that is disabled is out at once."""
    wanted = {"display_name": display_name, "email": email, "disabled": disable}
    body = {member: value for member, value in wanted.items() if value is not None}
    if not body:
        raise WrongUse("Say what to change: --display-name, --email, --disable or --enable.")
    _tell(session, session.api().send("PATCH", "users", name, body=body).json())


@user.command("password", cls=Command)
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--keep", is_flag=True, help="Let them keep it; they choose another one at their next login otherwise.")
@click.pass_obj
def set_password(session: Session, name: str, *, password_stdin: bool, keep: bool) -> None:
    """Set somebody's password, which ends their sessions."""
    from crane_cli.asking import ask_new_password, read_line

    password = read_line("password") if password_stdin else ask_new_password()
    session.api().send("PUT", "passwords", name, body={"password": password, "must_change": not keep})
    click.echo(visible(name))


@user.command("rm", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@click.pass_obj
def remove(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove accounts, with their memberships and grants."""
    api = session.api()
    remove_each(session, "user", names, lambda name: api.send("DELETE", "users", name), yes=yes)


def _tell(session: Session, account: Item) -> None:
    if session.for_people:
        click.echo(visible(account.get("name")))
    else:
        session.give(account)
