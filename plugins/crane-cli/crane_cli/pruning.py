"""Pruning: show what may go on each node, ask, and then say what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from crane_cli.confirming import make_sure
from crane_cli.errors import CliError
from crane_cli.output import print_table
from crane_cli.session import Session, style
from crane_cli.sizes import describe_size
from crane_cli.visible import visible

Item = Mapping[str, Any]


def prune(session: Session, kind: str, noun: str, *, yes: bool, dry_run: bool, nodes: list[str], **query: Any) -> None:
    """Preview, ask and carry out.

    :param kind: The collection in the API.
    :param noun: What one of these is called.
    :raises CliError: Something was not removed.
    """
    api = session.api()
    preview: Item = api.get(kind, "prune", node=",".join(nodes) or None, **query)
    for node in preview["nodes"]:
        if node["state"] == "missing":
            session.warn(f"Nothing is removed on {node['node']}: {node['error']}")
    if dry_run and not session.for_people:
        session.give(preview)
        return
    if session.for_people:
        _show_preview(session, preview, noun)
    if dry_run or not preview["count"]:
        if not session.for_people:
            session.give({"bytes": 0, "count": 0, "nodes": []})
        return
    make_sure(f"Remove {_count(preview['count'], noun)}?", yes=yes)
    done: Item = api.post(kind, "prune", body={"token": preview["token"]})
    if session.for_people:
        _show_outcome(done, noun)
    else:
        session.give(done)
    if left := [each for each in _outcomes(done) if each["outcome"] != "removed"]:
        raise CliError(f"{_count(len(left), noun)} not removed; why is said above.")
    if missing := [str(node["node"]) for node in done["nodes"] if node["state"] == "missing"]:
        raise CliError(f"Nobody knows what became of the {noun}s on {', '.join(missing)}.")


def _show_preview(session: Session, preview: Item, noun: str) -> None:
    rows = [
        (node["node"], item["name"], describe_size(item["bytes"]), item["detail"])
        for node in preview["nodes"]
        for item in node["items"]
    ]
    if not rows:
        session.note(f"There is no {noun} to remove.")
        return
    print_table(("NODE", noun.upper(), "SIZE", "DETAIL"), rows)
    click.echo(f"\nThis removes {_count(len(rows), noun)} and frees at least {describe_size(preview['bytes'])}.")


def _show_outcome(done: Item, noun: str) -> None:
    for node in done["nodes"]:
        if node["state"] == "missing":
            click.echo(style(visible(f"{node['node']}: {node['error']}"), fg="red"))
        for item in node["items"]:
            if item["outcome"] != "removed":
                click.echo(style(visible(f"{node['node']}: {item['name']} {item['outcome']}: {item['why']}"), fg="red"))
    click.echo(f"Removed {_count(done['count'], noun)}; at least {describe_size(done['bytes'])} are free again.")


def _outcomes(done: Item) -> list[Item]:
    return [item for node in done["nodes"] for item in node["items"]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
