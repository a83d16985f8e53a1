"""crane task: look at tasks."""

from __future__ import annotations

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, moment, no_trunc, quiet_ids
from crane_cli.commands.logs import logs_of
from crane_cli.each import show_each
from crane_cli.output import describe_time, shorten_id, show_list
from crane_cli.session import Session

KEPT = ("service", "stack", "node", "state", "exit-code")


@click.group(cls=Group)
def task() -> None:
    """Look at tasks."""


task.add_command(logs_of("task"))


@task.command("ls")
@filtering(choosing.TASKS)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the tasks of all services, each with its earlier attempts and their errors."""
    from crane_cli.commands.stack import show_tasks

    answer = session.api().find_all("tasks", **choosing.take_places(filters))
    show_tasks(session, answer, filters, whole=no_trunc, quiet=quiet, nothing="There are no such tasks.")


@task.command()
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.pass_obj
def inspect(session: Session, tasks: tuple[str, ...]) -> None:
    """Show tasks as the Engine has them, as a JSON list."""
    api = session.api()
    show_each(session, tasks, lambda name: api.get("tasks", name))


@task.command()
@filtering(KEPT)
@click.option("--died", is_flag=True, help="Only those that ended badly.")
@click.option("--since", metavar="WHEN", callback=moment, help="Not before: a moment, or how long ago, as in 2h.")
@click.option("--until", metavar="WHEN", callback=moment, help="Before: a moment, or how long ago.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=50, metavar="N", help="The newest N tasks. Default: 50."
)
@no_trunc
@quiet_ids
@click.pass_obj
def history(
    session: Session,
    /,
    *,
    filters: dict[str, list[str]],
    died: bool,
    since: str | None,
    until: str | None,
    limit: int,
    no_trunc: bool,
    quiet: bool,
) -> None:
    """List tasks on record, the newest first, also those that the Swarm has forgotten."""
    from crane_cli.history import asking_history

    query = {key.replace("-", "_"): ",".join(wanted) for key, wanted in filters.items()}
    with asking_history():
        answer = session.api().get(
            "task-history", limit=limit, since=since, until=until, died="true" if died else None, **query
        )
    show_list(
        session,
        answer,
        ("ID", "NAME", "NODE", "STATE", "EXIT CODE", "WHEN", "WHY"),
        lambda item: (
            shorten_id(item.get("id"), no_trunc),
            item.get("name"),
            item.get("node"),
            item.get("state"),
            item.get("exit-code"),
            describe_time(item.get("at")),
            item.get("cause"),
        ),
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such tasks on record.",
    )
