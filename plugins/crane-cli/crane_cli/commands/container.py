"""crane container: look at the containers of all nodes, and act on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, nodes, quiet_ids, seconds
from crane_cli.commands.logs import logs_of
from crane_cli.confirming import make_sure, yes
from crane_cli.each import give_each, show_each
from crane_cli.output import Item, print_table, shorten_id, shorten_image, show_list
from crane_cli.session import Session
from crane_cli.visible import visible

_several = click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
_one = click.argument("container")


def _whole_seconds(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    told = seconds(context, option, value)
    return None if told is None else round(told)


_grace = click.option(
    "-t", "--time", "grace", metavar="DURATION", callback=_whole_seconds, help="Kill it after so long, as in 10s or 1m."
)


@click.group(cls=Group)
def container() -> None:
    """Look at the containers of all nodes, and act on them.

    A container is named by its ID, the beginning of it, or its name; where several nodes have one of that name, by
    the node and a slash before it, as in node2/web.
    """


container.add_command(logs_of("container"))


@container.command("ls")
@filtering(choosing.CONTAINERS)
@no_trunc
@quiet_ids
@click.option("-r", "--running", is_flag=True, help="Only those that run.")
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool, running: bool) -> None:
    """List the containers of all nodes, also those that have stopped."""

    def row(item: Item) -> Sequence[object]:
        return (
            shorten_id(item.get("id"), no_trunc),
            item.get("name") if no_trunc else item.get("task") or item.get("name"),
            shorten_image(item.get("image"), no_trunc),
            item.get("node"),
            describe_state(item),
            item.get("stack"),
            ", ".join(describe_port(port) for port in item.get("Ports") or ()),
        )

    places = choosing.take_places(filters)
    answer = session.api().find_all("containers", state="running" if running else None, **places)
    show_list(
        session,
        choosing.choose(answer, filters, choosing.CONTAINERS),
        ("CONTAINER ID", "NAME", "IMAGE", "NODE", "STATE", "STACK", "PORTS"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such containers.",
    )


def describe_state(item: Item) -> str:
    """Say how a container is, and whether that was read just now."""
    state = str(item.get("state") or "")
    if item.get("exit_code") is not None:
        state += f" ({item['exit_code']})"
    elif item.get("health"):
        state += f" ({item['health']})"
    return state if item.get("fresh", True) else f"{state}, as known last"


def describe_port(port: Item) -> str:
    """Write a port as docker does: ``0.0.0.0:8080->80/tcp``."""
    inside = f"{port.get('PrivatePort')}/{port.get('Type') or 'tcp'}"
    if not port.get("PublicPort"):
        return inside
    address = f"{port['IP']}:" if port.get("IP") else ""
    return f"{address}{port['PublicPort']}->{inside}"


@container.command()
@_several
@click.pass_obj
def show(session: Session, containers: tuple[str, ...]) -> None:
    """Show containers as their node's Engine has them, as a JSON list."""
    api = session.api()
    show_each(session, containers, lambda name: api.get("containers", name))


@container.command()
@_several
@click.pass_obj
def start(session: Session, containers: tuple[str, ...]) -> None:
    """Start containers."""
    _act(session, containers, "start", {})


@container.command()
@_several
@_grace
@yes
@click.pass_obj
def stop(session: Session, containers: tuple[str, ...], *, grace: int | None, yes: bool) -> None:
    """Stop containers."""
    _act(session, containers, "stop", {"timeout": grace}, yes=yes, ask="Stop {name}?")


@container.command()
@_several
@_grace
@yes
@click.pass_obj
def restart(session: Session, containers: tuple[str, ...], *, grace: int | None, yes: bool) -> None:
    """Stop containers and start them again."""
    _act(session, containers, "restart", {"timeout": grace}, yes=yes, ask="Restart {name}?")


@container.command()
@_several
@click.pass_obj
def pause(session: Session, containers: tuple[str, ...]) -> None:
    """Hold up everything that runs in containers."""
    _act(session, containers, "pause", {})


@container.command()
@_several
@click.pass_obj
def unpause(session: Session, containers: tuple[str, ...]) -> None:
    """Let containers go on that were paused."""
    _act(session, containers, "unpause", {})


@container.command()
@_several
@click.option("-s", "--signal", default="KILL", metavar="SIGNAL", help="The signal, as in HUP. Default: KILL.")
@yes
@click.pass_obj
def kill(session: Session, containers: tuple[str, ...], *, signal: str, yes: bool) -> None:
    """Send a signal to containers."""
    _act(session, containers, "kill", {"signal": signal}, yes=yes, ask=f"Send {signal} to {{name}}?")


@container.command()
@_one
@click.argument("name")
@yes
@click.pass_obj
def rename(session: Session, container: str, name: str, *, yes: bool) -> None:
    """Give a container another name."""
    _act(session, (container,), "rename", {"name": name}, yes=yes, ask="Rename {name}?")


@container.command()
@_several
@click.option("-f", "--force", is_flag=True, help="Kill it first if it runs.")
@click.option("-v", "--volumes", is_flag=True, help="Remove its volumes without a name with it.")
@yes
@click.pass_obj
def rm(session: Session, containers: tuple[str, ...], *, force: bool, volumes: bool, yes: bool) -> None:
    """Remove containers."""
    _act(session, containers, None, {"force": force, "volumes": volumes}, yes=yes, ask="Remove {name}?")


def _act(
    session: Session,
    names: tuple[str, ...],
    action: str | None,
    sent: dict[str, Any],
    *,
    yes: bool = True,
    ask: str = "",
) -> None:
    """Act on containers in turn; where the Swarm would replace one, somebody is asked first."""
    api = session.api()

    def act(name: str) -> Item:
        if not yes:
            found = api.get("containers", name)
            if found.get("warning"):
                session.note(found["warning"])
                make_sure(ask.format(name=found.get("name")), yes=False)
        if action is None:
            query = {key: True if value else None for key, value in sent.items()}
            done: Item = api.send("DELETE", "containers", name, query=query).json()
        else:
            done = api.post("containers", name, action, body=sent)
        if done.get("warning"):
            session.warn(done["warning"])
        return done

    give_each(session, names, act)


@container.command()
@_one
@click.pass_obj
def diff(session: Session, container: str) -> None:
    """List what a container changed in its file system: A added, C changed, D deleted."""
    answer = session.api().find_all("containers", container, "diff")
    if not session.for_people:
        session.give(answer)
        return
    for item in answer["items"]:
        click.echo(visible(f"{str(item['kind'])[0].upper()} {item['Path']}"))


@container.command()
@_one
@click.pass_obj
def top(session: Session, container: str) -> None:
    """Show what runs in a container."""
    answer: Item = session.api().get("containers", container, "top")
    if session.for_people:
        print_table(answer["titles"], answer["processes"])
    else:
        session.give(answer)


@container.command()
@_one
@click.pass_obj
def port(session: Session, container: str) -> None:
    """List the ports of a container, and where they are published."""
    answer = session.api().find_all("containers", container, "ports")
    show_list(
        session,
        answer,
        ("PORT", "PUBLISHED"),
        lambda item: (
            item.get("name"),
            f"{item.get('address') or ''}:{item['published']}" if item.get("published") else "",
        ),
        nothing="It has no ports.",
    )


@container.command()
@nodes
@click.option("--dry-run", is_flag=True, help="Show what would go, and remove nothing.")
@yes
@click.pass_obj
def prune(session: Session, *, nodes: list[str], dry_run: bool, yes: bool) -> None:
    """Remove stopped containers, but for those of tasks that the Swarm remembers."""
    from crane_cli.pruning import prune as carry_out

    carry_out(session, "containers", "container", yes=yes, dry_run=dry_run, nodes=nodes)
