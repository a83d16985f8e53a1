"""crane swarm: how the Swarm is set up, and how machines join it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crane_cli.asking import read_line
from crane_cli.command import Group, seconds
from crane_cli.confirming import ask_at_terminal, make_sure, yes
from crane_cli.errors import WrongUse
from crane_cli.output import Item, describe_seconds
from crane_cli.session import Session
from crane_cli.visible import visible

ROLES = ("worker", "manager")


@click.group(cls=Group)
def swarm() -> None:
    """Look at the Swarm, set it up, and have machines join."""


@swarm.command()
@click.pass_obj
def show(session: Session) -> None:
    """Show how the Swarm is set up."""
    _show(session, session.api().get("swarm"))


@swarm.command()
@click.option("--advertise-addr", "advertise_address", metavar="ADDRESS", help="The address that nodes reach it at.")
@click.option("--listen-addr", "listen_address", metavar="ADDRESS", help="Where it listens. Default: 0.0.0.0:2377.")
@click.option("--data-path-addr", "data_path_address", metavar="ADDRESS", help="The address for overlay networks.")
@click.option(
    "--data-path-port", type=click.IntRange(1024, 49151), help="The port for overlay networks. Default: 4789."
)
@click.option(
    "--default-addr-pool", "address_pools", metavar="RANGE", multiple=True, help="Addresses of overlay networks."
)
@click.option("--default-addr-pool-mask-length", "subnet_size", type=click.IntRange(8, 29), help="Size of one network.")
@click.option("--autolock", is_flag=True, help="Have managers need a key after their Engine was started anew.")
@click.option("--force-new-cluster", is_flag=True, help="Start over after the majority of managers was lost.")
@click.pass_obj
def init(session: Session, /, **members: Any) -> None:
    """Make the server's Engine the first manager of a new Swarm."""
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in members.items() if value}
    made = session.api().post("swarm", "init", body=body)
    if session.for_people:
        click.echo(visible(made.get("node_id")))
        session.note("Have machines join with what this prints: crane swarm join-command worker")
    else:
        session.give(made)


@swarm.command()
@click.option("--task-history-limit", type=click.IntRange(0), help="Tasks that are kept for each slot.")
@click.option(
    "--dispatcher-heartbeat",
    "heartbeat_seconds",
    metavar="DURATION",
    callback=seconds,
    help="How often nodes tell that they live, as in 5s.",
)
@click.option(
    "--cert-expiry",
    "certificate_expiry_seconds",
    metavar="DURATION",
    callback=seconds,
    help="How long certificates of nodes are good for, as in 90d.",
)
@click.option("--snapshot-interval", type=click.IntRange(1), help="Entries of their log between snapshots of managers.")
@click.option("--max-snapshots", "keep_old_snapshots", type=click.IntRange(0), help="Snapshots kept besides the last.")
@click.option("--autolock/--no-autolock", default=None, help="Whether managers need a key after a new start.")
@click.option("--label-add", "added", metavar="NAME=VALUE", multiple=True, help="Set a label.")
@click.option("--label-rm", "removed", metavar="NAME", multiple=True, help="Remove a label.")
@click.pass_obj
def update(session: Session, /, added: Sequence[str], removed: Sequence[str], **members: Any) -> None:
    """Change how the Swarm is set up; what the options do not name stays as it is."""
    body = {name: value for name, value in members.items() if value is not None}
    labels: dict[str, str | None] = dict.fromkeys(removed)
    labels |= {pair.partition("=")[0]: pair.partition("=")[2] for pair in added}
    if labels:
        body["labels"] = labels
    if not body:
        raise WrongUse("Say what to change, as in --task-history-limit 3.")
    changed = session.api().send("PATCH", "swarm", body=body).json()
    _show(session, changed)
    if body.get("autolock"):
        session.note("Keep the key outside the Swarm; this prints it: crane swarm unlock-key")


@swarm.command()
@click.argument("role", type=click.Choice(ROLES), required=False)
@click.option("--rotate", is_flag=True, help="Replace it first; the old one lets nobody in any more.")
@yes
@click.pass_obj
def tokens(session: Session, *, role: str | None, rotate: bool, yes: bool) -> None:
    """Print the tokens with which machines join, or the one of a role."""
    api = session.api()
    if rotate:
        ask_at_terminal(f"Replace {f'the join token of {role}s' if role else 'all join tokens'}?", yes=yes)
        api.send("POST", "swarm", "join-tokens", "rotate", body={"roles": [role] if role else list(ROLES)})
    found = api.get("swarm", "join-tokens")
    if not session.for_people:
        session.give(found)
    elif role:
        click.echo(visible(found.get(role)))
    else:
        for each in ROLES:
            click.echo(visible(f"{each}: {found.get(each)}"))


@swarm.command("join-command")
@click.argument("role", type=click.Choice(ROLES), default="worker")
@click.pass_obj
def join_command(session: Session, *, role: str) -> None:
    """Print what makes a machine a node, to be run on the machine."""
    found = session.api().get("swarm", "join-command", role=role)
    if session.for_people:
        click.echo(visible(found.get("command")))
    else:
        session.give(found)


@swarm.command("rotate-ca")
@click.option("--cert", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="An authority of your own.")
@click.option("--key", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Its key.")
@yes
@click.pass_obj
def rotate_ca(session: Session, *, cert: str | None, key: str | None, yes: bool) -> None:
    """Replace the authority that vouches for nodes, and the certificate of each node.

    Join tokens are replaced with it. Nodes that are down get their certificate when they are back.
    """
    if bool(cert) != bool(key):
        raise WrongUse("An authority of your own needs both --cert and --key.")
    make_sure("Replace the authority of the Swarm, and all join tokens?", yes=yes)
    body = {"certificate": Path(cert).read_text(), "key": Path(key).read_text()} if cert and key else {}
    changed = session.api().post("swarm", "ca", "rotate", body=body)
    if not session.for_people:
        session.give(changed)
    elif changed.get("RootRotationInProgress"):
        click.echo("Nodes are being given their new certificates.")
    else:
        click.echo("Done.")


@swarm.command("unlock-key")
@click.option("--rotate", is_flag=True, help="Replace it first; the old one unlocks nothing any more.")
@yes
@click.pass_obj
def unlock_key(session: Session, *, rotate: bool, yes: bool) -> None:
    """Print the key that managers need after their Engine was started anew."""
    api = session.api()
    if rotate:
        ask_at_terminal("Replace the key that managers need?", yes=yes)
        api.send("POST", "swarm", "unlock-key", "rotate", body={})
    found = api.get("swarm", "unlock-key")
    if session.for_people:
        click.echo(visible(found.get("unlock_key")))
    else:
        session.give(found)


@swarm.command()
@click.pass_obj
def unlock(session: Session) -> None:
    """Unlock the server's manager after its Engine was started anew; the key is asked for, or read from input."""
    asked = sys.stdin.isatty()
    key = click.prompt("Unlock key", hide_input=True, err=True) if asked else read_line("unlock key")
    session.api().send("POST", "swarm", "unlock", body={"unlock_key": key})
    if session.for_people:
        click.echo("The manager takes part again.")


def _show(session: Session, found: Item) -> None:
    if not session.for_people:
        session.give(found)
        return
    heartbeat, expiry = found.get("heartbeat_seconds"), found.get("certificate_expiry_seconds")
    spare = int(found.get("spare_managers") or 0)
    lost = f"{spare or 'none'} may be lost" if spare >= 0 else "no majority answers: nothing can be changed"
    facts = [
        ("ID", found.get("ID")),
        ("Nodes", found.get("nodes")),
        ("Managers", f"{found.get('managers_reachable')} of {found.get('managers')} answer; {lost}"),
        ("Tasks kept for each slot", found.get("task_history_limit")),
        ("Nodes tell that they live every", f"{heartbeat:g} s" if heartbeat is not None else None),
        ("Certificates are good for", describe_seconds(expiry) if expiry is not None else None),
        ("Certificates are being replaced", "yes" if found.get("RootRotationInProgress") else "no"),
        ("Managers need a key", "yes" if found.get("autolock") else "no"),
        ("Address pools", ", ".join(found.get("DefaultAddrPool") or ())),
        ("Data path port", found.get("DataPathPort")),
    ]
    width = max(len(title) for title, _ in facts) + 1
    for title, value in facts:
        if value not in ("", None):
            click.echo(visible(f"{title}:".ljust(width) + f" {value}"))
