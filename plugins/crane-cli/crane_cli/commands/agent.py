"""crane agent: what lets the server reach the Engine of each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crane_cli.command import Command, Group, seconds
from crane_cli.confirming import ask_at_terminal, yes
from crane_cli.errors import CliError, Unknown
from crane_cli.output import Item, print_table, show_time
from crane_cli.session import Session, style
from crane_cli.visible import visible

HEADINGS = ("NODE", "VIA", "STATE", "AGENT", "ADDRESS", "ERROR")
# How long one request waits; it is sent again until the time is over.
TURN_SECONDS = 20.0

detached = click.option("-d", "--detach", is_flag=True, help="Do not wait until it has come to rest on each node.")


def _at_least_one(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    told = seconds(context, option, value)
    if told is not None and told < 1:
        raise click.BadParameter("wait a second at least, as in 90s or 5m.")
    return told


timeout = click.option(
    "--timeout",
    metavar="DURATION",
    callback=_at_least_one,
    default="5m",
    show_default=True,
    help="Wait so long at the most.",
)


@click.group(cls=Group)
def agent() -> None:
    """Install, rotate and remove the agent, which reaches the Engine of each node."""


@agent.command("status", cls=Command)
@click.pass_obj
def status(session: Session) -> None:
    """Show the agent, and how each node's Engine is reached.

    Exit status 1 when it is installed and something is wrong with it.
    """
    found = session.api().get("agent")
    if not session.for_people:
        session.give(found)
    else:
        _show(session, found)
    if found.get("state") in ("foreign", "stalled") or (found.get("installed") and found.get("error")):
        raise CliError(str(found.get("error")))


@agent.command("install", cls=Command)
@detached
@timeout
@click.pass_obj
def install(session: Session, *, detach: bool, timeout: float) -> None:
    """Install the agent on every node.

    If it is there already, it is brought to what the server's settings say, and to what its image's tag means by now.
    """
    _carry_out(session, "agent", detach=detach, timeout=timeout, done="Agents run on every node that can have one.")


@agent.command("rotate", cls=Command)
@detached
@timeout
@click.pass_obj
def rotate(session: Session, *, detach: bool, timeout: float) -> None:
    """Replace the authority and all certificates of the agent, without an interruption.

    Every agent is replaced twice, one node after the other; who used to get in by the old ones does not any more then.
    """
    _carry_out(
        session,
        "agent/rotate",
        detach=detach,
        timeout=timeout,
        done="Nothing of the old authority is trusted any more.",
    )


@agent.command("rm", cls=Command)
@yes
@click.pass_obj
def remove(session: Session, *, yes: bool) -> None:
    """Remove the agent with its secrets, its configs and the server's keys to it."""
    ask_at_terminal("Remove the agent from all nodes?", yes=yes)
    session.api().send("DELETE", "agent")
    if session.for_people:
        click.echo("crane-agent")


def _carry_out(session: Session, path: str, *, detach: bool, timeout: float, done: str) -> None:
    api, parts = session.api(), path.split("/")
    found = api.post(*parts, wait=0 if detach else min(timeout, TURN_SECONDS))
    left = timeout - TURN_SECONDS
    while not detach and left > 0 and found.get("state") in ("rolling", "rotating"):
        session.pause(1)
        left -= 1
        found = api.get("agent")
    if not session.for_people:
        session.give(found)
    else:
        _show(session, found)
    if detach:
        return
    if found.get("state") in ("rolling", "rotating"):
        why = f": {found['error']}" if found.get("error") else ""
        raise Unknown(f"It has not come to rest within {timeout:g} seconds{why}. It goes on; see `crane agent status`.")
    if found.get("state") != "settled":
        raise CliError(str(found.get("error") or f"The agent is {found.get('state')}."))
    session.note(done)


def _show(session: Session, found: Item) -> None:
    for title, value in (
        ("State", _paint(str(found.get("state") or ""))),
        ("Image", visible(found.get("image"))),
        ("Port", visible(found.get("port"))),
        ("Certificate of agents ends", show_time(found.get("certificate_ends"))),
        ("Certificate of this server ends", show_time(found.get("client_ends"))),
        ("Authority ends", show_time(found.get("authority_ends"))),
    ):
        if value:
            click.echo(f"{title}: {value}")
    engines = session.api().find_all("engines")
    agents = {each.get("node_id"): each for each in found.get("nodes") or ()}
    click.echo()
    print_table(HEADINGS, (_row(each, agents.get(each.get("node_id"), {})) for each in engines["items"]))


def _row(engine: Item, agent: dict[str, Any]) -> Sequence[object]:
    state = "answers" if engine.get("state") == "fresh" else "does not answer"
    replaced = agent.get("state") == "running" and not agent.get("current")
    return (
        engine.get("node"),
        engine.get("via") or "-",
        state,
        f"{engine.get('agent') or '-'}{' (to be replaced)' if replaced else ''}",
        engine.get("address") or "-",
        engine.get("error") or agent.get("error") or "",
    )


def _paint(state: str) -> str:
    text = visible(state)
    if state in ("foreign", "stalled"):
        return style(text, fg="red")
    return style(text, fg="green") if state == "settled" else text
