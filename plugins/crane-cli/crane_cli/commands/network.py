"""crane network: networks of the Swarm and of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.errors import WrongUse
from crane_cli.output import Item, shorten_id, show_list, tell_age
from crane_cli.session import Session
from crane_cli.visible import visible


@click.group(cls=Group)
def network() -> None:
    """Make networks, connect containers, and see who is on them.

    A network of one node is written with the node before it, as in node2/side.
    """


@network.command("ls")
@filtering(choosing.NETWORKS)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the networks of the Swarm and of each node."""

    def row(item: Item) -> Sequence[object]:
        return (
            shorten_id(item.get("id"), no_trunc),
            item.get("name"),
            item.get("Driver"),
            item.get("Scope"),
            item.get("node"),
            item.get("stack"),
            item.get("services") if item.get("node") is None else "",
            ", ".join(item.get("subnets") or ()),
        )

    answer = session.api().find_all("networks", node=choosing.take_nodes(filters))
    show_list(
        session,
        choosing.choose(answer, filters, choosing.NETWORKS),
        ("ID", "NAME", "DRIVER", "SCOPE", "NODE", "STACK", "SERVICES", "SUBNETS"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such networks.",
    )


@network.command()
@click.argument("name")
@click.pass_obj
def inspect(session: Session, name: str) -> None:
    """Show a network, and who is on it."""
    api = session.api()
    found = api.get("networks", name)
    members = api.find_all("networks", name, "services")["items"]
    containers = api.find_all("networks", name, "containers")
    for read in (found, containers):
        tell_age(session, read)
    if not session.for_people:
        session.give({**found, "members": members, "containers": containers["items"]})
        return
    properties = [word for word in ("Attachable", "Internal", "Ingress") if found.get(word)]
    properties += ["encrypted"] if found.get("encrypted") else []
    shown = {
        "Name": found.get("name"),
        "ID": found.get("id"),
        "Driver": found.get("Driver"),
        "Node": found.get("node") or "all",
        "Stack": found.get("stack"),
        "Subnets": ", ".join(found.get("subnets") or ()),
        "Is": ", ".join(properties).lower(),
    }
    for title, value in shown.items():
        if value:
            click.echo(visible(f"{title + ':':<11}{value}"))
    for member in members:
        click.echo(visible(f"Service:   {member.get('name')}{_reached(member)}"))
        for task in member.get("tasks") or ():
            where = f" on {task['node']}" if task.get("node") else ""
            click.echo(visible(f"  Task:    {task.get('name')}{where}{_reached(task)}"))
    for container in containers["items"]:
        if container.get("service") is None:
            click.echo(visible(f"Container: {container.get('name')} on {container.get('node')}{_reached(container)}"))


def _reached(item: Item) -> str:
    words = [*(item.get("addresses") or ()), *(item.get("aliases") or ())]
    return f" ({', '.join(str(word) for word in words)})" if words else ""


def _pairs(told: tuple[str, ...], what: str) -> dict[str, str]:
    pairs = {}
    for each in told:
        name, _, value = each.partition("=")
        if not name:
            raise WrongUse(f"{each} is no {what}; write it as in name=value.")
        pairs[name] = value
    return pairs


@network.command()
@click.argument("name")
@click.option("-d", "--driver", default="overlay", show_default=True, help="overlay, or a driver of one node.")
@click.option("--node", metavar="NODE", help="The node that it is made on; not for the driver overlay.")
@click.option("--attachable", is_flag=True, help="Let containers be connected that are of no service.")
@click.option("--internal", is_flag=True, help="Lead nowhere but to itself.")
@click.option("--ipv6", is_flag=True, help="Have IPv6 addresses as well.")
@click.option("--encrypted", is_flag=True, help="Encrypt what goes between nodes; for the driver overlay.")
@click.option("--stack", metavar="STACK", help="The stack that it belongs to.")
@click.option("--opt", "options", multiple=True, metavar="NAME=VALUE", help="An option of the driver.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label; several times.")
@click.option("--subnet", metavar="SUBNET", help="The range of addresses, as in 10.9.0.0/24.")
@click.option("--ip-range", metavar="RANGE", help="The part of it that addresses are taken from.")
@click.option("--gateway", metavar="ADDRESS", help="The address of the way out.")
@click.option("--ipam-driver", default="default", help="The driver that hands out addresses.")
@click.pass_obj
def create(
    session: Session,
    /,
    name: str,
    *,
    options: tuple[str, ...],
    labels: tuple[str, ...],
    stack: str | None,
    subnet: str | None,
    ip_range: str | None,
    gateway: str | None,
    ipam_driver: str,
    **members: Any,
) -> None:
    """Make a network: of the driver overlay for the whole Swarm, of any other on one node.

    \b
    crane network create front --attachable --subnet 10.9.0.0/24
    crane network create side --driver bridge --node node2
    """
    told = _pairs(labels, "label")
    if stack is not None:
        told["com.docker.stack.namespace"] = stack
    body: dict[str, Any] = {
        "name": name,
        "options": _pairs(options, "option"),
        "labels": told,
        **{member: value for member, value in members.items() if value is not None},
    }
    if subnet is None and (ip_range or gateway):
        raise WrongUse("--ip-range and --gateway go with --subnet.")
    if subnet is not None or ipam_driver != "default":
        given = {"subnet": subnet, "ip_range": ip_range, "gateway": gateway}
        ranges = [{member: value for member, value in given.items() if value is not None}] if subnet else []
        body["ipam"] = {"driver": ipam_driver, "config": ranges}
    made = session.api().post("networks", body=body)
    if session.for_people:
        click.echo(visible(made.get("id")))
    else:
        session.give(made)


@network.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@click.pass_obj
def rm(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove networks that nothing uses."""
    api = session.api()
    remove_each(session, "network", names, lambda name: api.send("DELETE", "networks", name), yes=yes)


@network.command()
@click.argument("name")
@click.argument("container")
@click.option("--alias", "aliases", multiple=True, metavar="NAME", help="A name that it answers to there.")
@click.option("--ip", "ipv4_address", metavar="ADDRESS", help="The address that it gets.")
@click.option("--ip6", "ipv6_address", metavar="ADDRESS", help="The IPv6 address that it gets.")
@click.pass_obj
def connect(
    session: Session, /, name: str, container: str, *, aliases: tuple[str, ...], **addresses: str | None
) -> None:
    """Connect a container to a network; it may be written node/container."""
    given = {member: value for member, value in addresses.items() if value is not None}
    body = {"container": container, "aliases": list(aliases), **given}
    session.api().send("POST", "networks", name, "connect", body=body)


@network.command()
@click.argument("name")
@click.argument("container")
@click.option("-f", "--force", is_flag=True, help="Also if its Engine does not know of it any more.")
@click.pass_obj
def disconnect(session: Session, name: str, container: str, *, force: bool) -> None:
    """Take a container off a network."""
    body = {"container": container, "force": force}
    session.api().send("POST", "networks", name, "disconnect", body=body)


@network.command()
@click.option("--stack", metavar="STACK", help="Only this stack's services and networks.")
@click.pass_obj
def graph(session: Session, *, stack: str | None) -> None:
    """Show which services are on which networks of the Swarm."""
    found = session.api().get("networks", "graph")
    tell_age(session, found)
    if not session.for_people:
        session.give(found)
        return
    services = {each["id"]: each for each in found.get("services") or ()}
    shown = 0
    for each in found.get("networks") or ():
        members = [edge for edge in found.get("edges") or () if edge.get("network") == each.get("id")]
        names = sorted(
            f"{services[edge['service']]['name']}{_reached(edge)}"
            for edge in members
            if edge.get("service") in services
        )
        stacks = {each.get("stack"), *(services[edge["service"]].get("stack") for edge in members)}
        if stack is not None and stack not in stacks:
            continue
        shown += 1
        notes = [word for word in ("ingress", "internal", "encrypted", "attachable") if each.get(word)]
        told = f" [{', '.join(notes)}]" if notes else ""
        click.echo(visible(f"{each.get('name')}{told}"))
        for position, name in enumerate(names):
            branch = "`--" if position == len(names) - 1 else "|--"
            click.echo(visible(f"{branch} {name}"))
    if not shown:
        session.note(f"There are no networks {f'of the stack {stack} ' if stack else ''}that you may see.")
