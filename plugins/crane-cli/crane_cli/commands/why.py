"""crane why: say why a task died."""

from __future__ import annotations

import click

from crane_cli.command import Command
from crane_cli.history import asking_history
from crane_cli.output import Item, describe_time, paint_state, print_table, shorten_id, show_time
from crane_cli.session import Session
from crane_cli.visible import visible

HEADINGS = ("ID", "STATE", "EXIT CODE", "NODE", "WHEN", "WHY")


@click.command(cls=Command)
@click.argument("task")
@click.option("--json", "as_json", is_flag=True, help="Write the whole answer as JSON; the same as -o json.")
@click.option("--no-output", is_flag=True, help="Leave out what it printed.")
@click.pass_obj
def why(session: Session, /, task: str, *, as_json: bool, no_output: bool) -> None:
    """Say why a task died, also when its service is gone.

    TASK is its id or the beginning of it; a service and a slot as in shop_web.1, for the last that died there; or a
    service, for the last that died of it.
    """
    if as_json:
        session.output = "json"
    with asking_history():
        found: Item = session.api().get("task-history", task, "why")
    if not session.for_people:
        session.give(found)
        return
    _tell_cause(found)
    _tell_circumstances(found)
    click.echo()
    states = found.get("states") or ()
    print_table(
        ("STATE", "WHEN", "MESSAGE"),
        ((each.get("state"), show_time(each.get("at")), each.get("error") or each.get("message")) for each in states),
    )
    if attempts := found.get("attempts"):
        click.echo("\nEarlier attempts in the same place:")
        print_table(HEADINGS, (_row(attempt) for attempt in attempts))
    if not no_output:
        _tell_output(found.get("output"))


def _tell_cause(found: Item) -> None:
    task, cause = found.get("task") or {}, found.get("cause") or {}
    state = paint_state(visible(task.get("state")))
    click.echo(f"{visible(task.get('name'))}: {state} {visible(describe_time(task.get('at')))}".rstrip())
    click.echo(visible(cause.get("text")))
    if cause.get("advice"):
        click.echo(visible(cause["advice"]))


def _tell_circumstances(found: Item) -> None:
    from crane_cli.sizes import describe_size

    task, node = found.get("task") or {}, found.get("node") or {}
    now = node.get("state_now") or "gone"
    then = f" ({node['state']} then, {now} now)" if node.get("state") else ""
    limit, killed = found.get("memory_limit"), found.get("out_of_memory")
    click.echo()
    for title, value in (
        ("Task", task.get("id")),
        ("Image", task.get("image")),
        ("Exit code", task.get("exit_code")),
        ("Error", task.get("error")),
        ("Node", f"{node.get('name') or ''}{then}"),
        ("Memory limit", describe_size(limit) if limit else "none"),
        ("Out of memory", None if killed is None else "yes" if killed else "no"),
        ("Health check", found.get("health")),
        ("Forgotten", show_time(task.get("gone_at"))),
    ):
        if value not in (None, ""):
            click.echo(visible(f"{title + ':':<15}{value}"))


def _row(attempt: Item) -> tuple[object, ...]:
    return (
        shorten_id(attempt.get("id"), False),
        attempt.get("state"),
        attempt.get("exit_code"),
        attempt.get("node"),
        describe_time(attempt.get("at")),
        attempt.get("cause"),
    )


def _tell_output(output: Item | None) -> None:
    if output is None:
        click.echo("\nNothing is kept of what it printed.")
        return
    if output.get("error"):
        click.echo(visible(f"\nWhat it printed last is not all there: {output['error']}"))
    if text := str(output.get("text") or ""):
        click.echo("\nThe last that it printed:" if output.get("cut") else "\nWhat it printed:")
        for line in text.splitlines():
            click.echo(f"  {visible(line)}")
    elif not output.get("error"):
        click.echo("\nIt printed nothing.")
