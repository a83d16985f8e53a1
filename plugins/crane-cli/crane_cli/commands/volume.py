"""crane volume: look at the volumes of all nodes, make and remove them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, nodes, quiet_ids
from crane_cli.confirming import make_sure, yes
from crane_cli.each import remove_each, show_each
from crane_cli.errors import WrongUse
from crane_cli.output import Item, show_list
from crane_cli.session import Session
from crane_cli.sizes import describe_size
from crane_cli.visible import visible


@click.group(cls=Group)
def volume() -> None:
    """Look at the volumes of all nodes, make and remove them.

    A volume is named by its node, a slash and its name, as in node2/shop_data; by its name where only one node has it.
    """


@volume.command("ls")
@filtering(choosing.VOLUMES)
@quiet_ids
@click.option("-s", "--size", is_flag=True, help="Ask the nodes for sizes, which takes them a while.")
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], quiet: bool, size: bool) -> None:
    """List the volumes of all nodes."""

    def row(item: Item) -> Sequence[object]:
        sized = ("" if item.get("size") is None else describe_size(item["size"]),) if size else ()
        return (
            item.get("name"),
            item.get("node"),
            item.get("driver"),
            item.get("stack"),
            item.get("containers"),
            item.get("services"),
            *sized,
        )

    answer = session.api().find_all("volumes", sizes=True if size else None, node=choosing.take_nodes(filters))
    show_list(
        session,
        choosing.choose(answer, filters, choosing.VOLUMES),
        ("VOLUME", "NODE", "DRIVER", "STACK", "CONTAINERS", "SERVICES", *(("SIZE",) if size else ())),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such volumes.",
    )


@volume.command()
@click.argument("volumes", nargs=-1, required=True, metavar="VOLUME...")
@click.pass_obj
def show(session: Session, volumes: tuple[str, ...]) -> None:
    """Show volumes with their size and who uses them, as a JSON list."""
    api = session.api()
    show_each(session, volumes, lambda name: api.get("volumes", name))


def _read_pairs(option: str, pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise WrongUse(f"{pair} is no NAME=VALUE; write it as in {option} type=nfs.")
        found[name] = value
    return found


@volume.command()
@click.argument("name", required=False, default="")
@click.option("--node", required=True, metavar="NODE", help="The node that it is made on.")
@click.option("-d", "--driver", default="local", metavar="DRIVER", help="Its driver. Default: local.")
@click.option("--opt", "options", metavar="NAME=VALUE", multiple=True, help="An option of the driver.")
@click.option("-l", "--label", "labels", metavar="NAME=VALUE", multiple=True, help="A label.")
@click.pass_obj
def create(
    session: Session, name: str, *, node: str, driver: str, options: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    """Make a volume on a node; without a name the Engine makes one up."""
    body = {
        "node": node,
        "name": name,
        "driver": driver,
        "options": _read_pairs("--opt", options),
        "labels": _read_pairs("--label", labels),
    }
    made: Item = session.api().post("volumes", body=body)
    if session.for_people:
        click.echo(visible(made.get("id")))
    else:
        session.give(made)


@volume.command()
@click.argument("volumes", nargs=-1, required=True, metavar="VOLUME...")
@click.option("-f", "--force", is_flag=True, help="Also where its driver does not answer any more.")
@yes
@click.pass_obj
def rm(session: Session, volumes: tuple[str, ...], *, force: bool, yes: bool) -> None:
    """Remove volumes and what is in them."""
    make_sure(f"Remove {', '.join(volumes)} and all data there?", yes=yes)
    api = session.api()
    query = {"force": True if force else None}
    # Asked already, with what is lost.
    remove_each(session, "volume", volumes, lambda name: api.send("DELETE", "volumes", name, query=query), yes=True)


@volume.command()
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that somebody gave a name.")
@nodes
@click.option("--dry-run", is_flag=True, help="Show what would go, and remove nothing.")
@yes
@click.pass_obj
def prune(session: Session, *, everything: bool, nodes: list[str], dry_run: bool, yes: bool) -> None:
    """Remove volumes that no container and no service needs, with what is in them.

    Services count whether or not they have tasks, and stopped containers too.
    """
    from crane_cli.pruning import prune as carry_out

    carry_out(session, "volumes", "volume", yes=yes, dry_run=dry_run, nodes=nodes, all=True if everything else None)
