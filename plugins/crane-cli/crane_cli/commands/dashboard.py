"""crane dashboard: how the Swarm fares, on one screen."""

from __future__ import annotations

from collections.abc import Iterator

import click

from crane_cli.command import Command
from crane_cli.commands.usage import describe
from crane_cli.errors import CliError
from crane_cli.output import Item, print_table, tell_age
from crane_cli.session import Session, style
from crane_cli.visible import visible


@click.command(cls=Command)
@click.pass_obj
def dashboard(session: Session, /) -> None:
    """Show how the Swarm fares: nodes, services in trouble and why, and who uses most.

    Exit status 1 when nothing is known of it.
    """
    shown: Item = session.api().get("dashboard")
    tell_age(session, shown)
    if not session.for_people:
        session.give(shown)
    if not shown["nodes"]["total"]:
        # A Swarm has a node, which the server has not read yet.
        raise CliError("Nothing is known of the Swarm.")
    if not session.for_people:
        return
    for line in _head(shown):
        click.echo(line)
    if troubled := shown["services"]["troubled"]:
        click.echo()
        print_table(
            ("IN TROUBLE", "STATE", "TASKS", "WHY"),
            (
                (each["name"], each["state"], f"{each['tasks_running']}/{each['tasks_desired']}", each["why"])
                for each in troubled
            ),
        )
    for kind in ("nodes", "services"):
        if rows := shown["busiest"][kind]:
            click.echo()
            print_table(
                (f"BUSIEST {kind.upper()}", "CPU", "MEMORY"),
                ((each["name"], describe(each["cpu"], "cores"), describe(each["memory"], "bytes")) for each in rows),
            )


def _head(shown: Item) -> Iterator[str]:
    nodes, services, tasks = shown["nodes"], shown["services"], shown["tasks"]
    away = f" ({', '.join(nodes['not_ready'])} not)" if nodes["not_ready"] else ""
    yield visible(f"Nodes:     {nodes['ready']} of {nodes['total']} ready{away}")
    yield visible(f"Managers:  {nodes['managers_reachable']} of {nodes['managers']} reachable")
    yield visible(f"CPU:       {_share(nodes, 'cpus', 'cores')}")
    yield visible(f"Memory:    {_share(nodes, 'memory_bytes', 'bytes')}")
    told = visible(f"Services:  {services['converged']} of {services['total']} as they should be")
    yield told if services["converged"] == services["total"] else style(told, fg="red")
    yield visible(f"Tasks:     {tasks['running']} of {tasks['desired']} run")


def _share(nodes: Item, member: str, unit: str) -> str:
    used = describe(nodes["used"][member], unit) or "unknown"
    if 0 < (measured := nodes["used"]["nodes"]) < nodes["ready"]:
        # The share of all would be less than it is.
        used += f" on {measured} of {nodes['ready']} nodes"
    return (
        f"{used} used, {describe(nodes['reserved'][member], unit)} reserved, "
        f"of {describe(nodes['capacity'][member], unit)}"
    )
