"""crane task: look at tasks."""

from __future__ import annotations

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, quiet_ids
from crane_cli.session import Session


@click.group(cls=Group)
def task() -> None:
    """Look at tasks."""


@task.command("ls")
@filtering(*choosing.TASKS)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the tasks of all services, each with its earlier attempts and their errors."""
    from crane_cli.commands.stack import show_tasks

    answer = session.api().find_all("tasks")
    show_tasks(session, answer, filters, whole=no_trunc, quiet=quiet, nothing="There are no such tasks.")


@task.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.pass_obj
def inspect(session: Session, tasks: tuple[str, ...]) -> None:
    """Show tasks as the Engine has them, as a JSON list."""
    api = session.api()
    session.give([api.get("tasks", name) for name in tasks])
