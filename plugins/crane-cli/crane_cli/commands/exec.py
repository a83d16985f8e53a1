"""crane exec: run a program in a container of any node, or open a shell there."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import click

from crane_cli.command import Command
from crane_cli.errors import Refused, WrongUse
from crane_cli.kinds import NOT_FOUND, narrow
from crane_cli.session import Session

KINDS = ("service", "task", "container")


class ExecCommand(Command):
    """A command whose last arguments are another program's, and are handed on as they stand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments as click does."""
        return click.Command.parse_args(self, ctx, args)


@click.command("exec", cls=ExecCommand, context_settings={"allow_interspersed_args": False})
@click.option("-i", "--interactive", is_flag=True, help="Send standard input to the program.")
@click.option("-t", "--tty", is_flag=True, help="Give the program a terminal.")
@click.option("-u", "--user", default="", metavar="USER[:GROUP]", help="Run it as this user.")
@click.option("-w", "--workdir", default="", metavar="DIRECTORY", help="Where it begins.")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="A variable; without a value our own.")
@click.option("--task", metavar="TASK", help="The task of the service: its slot, its name as in web.1, or its id.")
@click.argument("target")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def exec_(
    session: Session,
    /,
    *,
    interactive: bool,
    tty: bool,
    user: str,
    workdir: str,
    env: tuple[str, ...],
    task: str | None,
    target: str,
    command: tuple[str, ...],
) -> None:
    """Run a program in a container of any node, or open a shell there.

    TARGET is a service, a task as in shop_web.2, or a container, looked for in this order, by exact name before the
    beginning of an id; write service/NAME, task/ID or container/NAME to mean one of them. Without a command it is a
    shell.

    \b
    crane exec -it shop_web
    crane exec shop_db pg_dump shop > shop.sql

    The exit status is the program's; 127 where it cannot be started.
    """
    from crane_cli.sockets import Socket
    from crane_cli.terminal import SUBPROTOCOL, Sitting, find_size, raw_terminal

    if not command and not interactive and not tty:
        interactive = tty = sys.stdin.isatty() and sys.stdout.isatty()
    if tty and interactive and not sys.stdin.isatty():
        raise WrongUse("Standard input is no terminal: leave out -t to send it to the program.")
    columns, rows = find_size()
    body: dict[str, Any] = {
        "command": list(command),
        "tty": tty,
        "user": user,
        "working_directory": workdir,
        "environment": dict(map(_variable, env)),
        "columns": columns,
        "rows": rows,
    }
    api = session.api()
    path, ticket = _order(session, target, body, task)

    def reach(id_: str, secret: str, seen: int) -> Socket:
        query = {"session": id_, "seen": seen} if id_ else {}
        return Socket(api, api.target(*path, "terminal", **query), [SUBPROTOCOL, secret or ticket])

    sitting = Sitting(reach, interactive, tty, session.pause)
    with raw_terminal() if tty and interactive else contextlib.nullcontext():
        status = sitting.run()
    raise SystemExit(status)


def _order(session: Session, target: str, body: dict[str, Any], task: str | None) -> tuple[tuple[str, str], str]:
    """Return where a terminal is opened, and the ticket for it; what the target is, is found out on the way."""
    api = session.api()
    kind, slash, name = target.partition("/")
    if slash and kind in KINDS and name:
        kinds = [kind]
    else:
        name, kinds = target, narrow(api, KINDS[:1] if task else KINDS, target)
    # Where there is nothing of the kind, the server says so.
    tried = [(f"{kind}s", name) for kind in kinds or KINDS[-1:]]
    if task is not None and tried[0][0] != "services":
        raise WrongUse("--task chooses among the tasks of a service.")
    for path in tried:
        sent = {**body, "task": task or ""} if path[0] == "services" else body
        try:
            return path, str(api.post(*path, "terminal-tickets", body=sent)["ticket"])
        except Refused as refusal:
            # Who may not open one kind at all may be allowed to open another.
            if path == tried[-1] or refusal.status != NOT_FOUND:
                raise
    raise AssertionError("unreachable")


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    return name, value if equals else os.environ.get(name, "")
