"""crane image: look at the images of all nodes, pull, tag and remove them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, nodes, quiet_ids
from crane_cli.confirming import make_sure, yes
from crane_cli.each import on_each, show_each
from crane_cli.errors import CliError, Interrupted
from crane_cli.output import Item, describe_time, shorten_id, show_list
from crane_cli.session import Session
from crane_cli.sizes import describe_size
from crane_cli.visible import visible

NOT_ON_ALL = "It was not done on all nodes."


@click.group(cls=Group)
def image() -> None:
    """Look at the images of all nodes, pull, tag and remove them."""


@image.command("ls")
@filtering(choosing.IMAGES)
@no_trunc
@quiet_ids
@click.option("--by-node", is_flag=True, help="A line for each node that has it.")
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool, by_node: bool) -> None:
    """List images, each with the nodes that have it."""
    answer = session.api().find_all("images", node=choosing.take_nodes(filters))
    answer = choosing.choose(answer, filters, choosing.IMAGES)
    shown = answer if by_node or not session.for_people else {**answer, "items": _together(answer["items"])}

    def row(item: Item) -> Sequence[object]:
        return (
            item.get("name"),
            str(item.get("id")) if no_trunc else shorten_id(str(item.get("id")).removeprefix("sha256:"), False),
            describe_time(item.get("created_at")),
            describe_size(item.get("size")),
            "yes" if item.get("in_use") else "no",
            item.get("node"),
        )

    show_list(
        session,
        shown,
        ("IMAGE", "IMAGE ID", "CREATED", "SIZE", "IN USE", "NODE" if by_node else "NODES"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such images.",
    )


def _together(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Make one line of each image, whichever nodes have it."""
    found: dict[tuple[object, object], dict[str, Any]] = {}
    for item in items:
        line = found.setdefault((item.get("id"), item.get("name")), {**item, "node": [], "in_use": False})
        line["node"].append(str(item.get("node")))
        line["in_use"] = line["in_use"] or item.get("in_use")
    return [{**line, "node": ", ".join(sorted(line["node"]))} for line in found.values()]


@image.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.pass_obj
def show(session: Session, images: tuple[str, ...]) -> None:
    """Show images as an Engine has them, with the nodes that do, as a JSON list."""
    api = session.api()
    show_each(session, images, lambda name: api.get("images", name))


@image.command()
@click.argument("image")
@no_trunc
@click.pass_obj
def history(session: Session, image: str, *, no_trunc: bool) -> None:
    """List the steps that an image was made by, the last one first."""
    answer = session.api().find_all("images", image, "history")

    def row(item: Item) -> Sequence[object]:
        made = str(item.get("CreatedBy") or "")
        return (
            shorten_id(str(item.get("Id")).removeprefix("sha256:"), no_trunc),
            describe_time(item.get("created_at")),
            made if no_trunc or len(made) <= 60 else f"{made[:59]}…",
            describe_size(item.get("size")),
        )

    show_list(session, answer, ("IMAGE", "CREATED", "CREATED BY", "SIZE"), row, nothing="Nobody knows how it was made.")


@image.command()
@click.argument("image")
@nodes
@click.option("--with-registry-auth", is_flag=True, help="Send this machine's login for the registry.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but what fails.")
@click.pass_obj
def pull(session: Session, image: str, *, nodes: list[str], with_registry_auth: bool, quiet: bool) -> None:
    """Pull an image on all nodes, or on some. Exit status 1 if any of them failed; Ctrl-C ends it on all."""
    from crane_cli.pulling import show_pull
    from crane_cli.registries import find_logins

    body: dict[str, Any] = {"image": image, "nodes": nodes}
    if with_registry_auth:
        body["registry_login"] = next(iter(find_logins([image], session.warn).values()), None)
    try:
        stream = session.api().post_lines("images", "pull", body=body)
        verdicts = show_pull(stream, quiet=quiet, for_people=session.for_people)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped pulling.") from error
    if not session.for_people:
        session.give(verdicts)
    if not verdicts or verdicts[-1]["node"] is not None:
        raise CliError("The server ended the pull before it was done.")
    if failed := verdicts[-1].get("failed"):
        raise CliError(f"It failed on {failed} of {len(verdicts) - 1} nodes.")


@image.command()
@click.argument("image")
@click.argument("name")
@nodes
@click.pass_obj
def tag(session: Session, image: str, name: str, *, nodes: list[str]) -> None:
    """Give an image a further name, on all nodes that have it."""
    if not _tell(session, session.api().post("images", "tag", body={"image": image, "tag": name, "nodes": nodes})):
        raise CliError(NOT_ON_ALL)


@image.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@nodes
@click.option("-f", "--force", is_flag=True, help="Also where a stopped container was made of it.")
@yes
@click.pass_obj
def rm(session: Session, images: tuple[str, ...], *, nodes: list[str], force: bool, yes: bool) -> None:
    """Take names from images; with its last name, or called by its ID, an image is removed."""
    where = f"on {', '.join(nodes)}" if nodes else "on all nodes"
    make_sure(f"Remove {', '.join(images)} {where}?", yes=yes)
    api = session.api()
    query = {"node": ",".join(nodes) or None, "force": True if force else None}
    failed: list[str] = []

    def remove(name: str) -> None:
        if not _tell(session, api.send("DELETE", "images", name, query=query).json()):
            failed.append(name)

    on_each(images, remove)
    if failed:
        raise CliError(NOT_ON_ALL)


def _tell(session: Session, answer: Item) -> bool:
    """Say what came of it on each node, and return whether it was done on all of them."""
    if not session.for_people:
        session.give(answer)
    for node in answer["nodes"]:
        if node["outcome"] == "failed":
            session.warn(f"{node['node']}: {node['why']}")
        elif session.for_people:
            click.echo(visible(f"{node['node']}: {node['outcome']}"))
    return all(node["outcome"] != "failed" for node in answer["nodes"])


@image.command()
@click.option("-a", "--all", "everything", is_flag=True, help="All that nothing needs, not only those without a name.")
@nodes
@click.option("--dry-run", is_flag=True, help="Show what would go, and remove nothing.")
@yes
@click.pass_obj
def prune(session: Session, *, everything: bool, nodes: list[str], dry_run: bool, yes: bool) -> None:
    """Remove images that no container and no service needs, whether or not the service has tasks."""
    from crane_cli.pruning import prune as carry_out

    carry_out(session, "images", "image", yes=yes, dry_run=dry_run, nodes=nodes, all=True if everything else None)
