"""crane secret and crane config: the commands that both have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, following, no_trunc, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.output import Item, describe_time, shorten_id, show_list, tell_age
from crane_cli.session import Session
from crane_cli.visible import visible

Kind = Literal["config", "secret"]
_label = click.option("--label", "-l", "labels", multiple=True, metavar="NAME=VALUE", help="A label; several times.")


def make_group(kind: Kind) -> click.Group:
    """Return the commands of configs, or of secrets."""
    group = Group(kind, help=f"Make {kind}s, rotate and remove them, and see who uses them.")
    group.add_command(_list(kind))
    group.add_command(_inspect(kind))
    group.add_command(_create(kind))
    group.add_command(_label_command(kind))
    group.add_command(_rotate(kind))
    group.add_command(_remove(kind))
    if kind == "config":
        group.add_command(_cat())
    return group


def _list(kind: Kind) -> click.Command:
    @click.command("ls", cls=Group.command_class, help=f"List the {kind}s, each with how many services use it.")
    @filtering(choosing.DATA)
    @no_trunc
    @quiet_ids
    @click.pass_obj
    def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
        def row(item: Item) -> Sequence[object]:
            return (
                shorten_id(item.get("ID"), no_trunc),
                item.get("name"),
                item.get("stack"),
                item.get("services"),
                describe_time(item.get("CreatedAt")),
            )

        show_list(
            session,
            choosing.choose(session.api().find_all(f"{kind}s"), filters, choosing.DATA),
            ("ID", "NAME", "STACK", "SERVICES", "CREATED"),
            row,
            quiet=(lambda item: item.get("ID")) if quiet else None,
            nothing=f"There are no such {kind}s.",
        )

    return list_


def _inspect(kind: Kind) -> click.Command:
    @click.command("inspect", cls=Group.command_class, help=f"Show a {kind} and the services that use it.")
    @click.argument("name")
    @click.pass_obj
    def inspect(session: Session, name: str) -> None:
        api = session.api()
        found = api.get(f"{kind}s", name)
        tell_age(session, found)
        users = api.find_all(f"{kind}s", name, "services")["items"]
        if not session.for_people:
            session.give({**found, "users": users})
            return
        labels = (found.get("Spec") or {}).get("Labels") or {}
        shown = {
            "Name": found.get("name"),
            "ID": found.get("ID"),
            "Stack": found.get("stack"),
            "Created": describe_time(found.get("CreatedAt")),
            "Labels": ", ".join(f"{label}={value}" for label, value in sorted(labels.items())),
        }
        for title, value in shown.items():
            if value:
                click.echo(visible(f"{title + ':':<10}{value}"))
        for use in users:
            files = ", ".join(str(file.get("Name")) for file in use.get("files") or ())
            how = "after a rollback" if use.get("former") else f"as {files}" if files else ""
            click.echo(visible(f"Used by:  {use.get('name')} {how}").rstrip())
        if not users:
            click.echo("Used by:  no service that you may see" if found.get("services") else "Used by:  no service")

    return inspect


def _create(kind: Kind) -> click.Command:
    @click.command(
        "create",
        cls=Group.command_class,
        help=f"""Make a {kind} of what is in a file, or in standard input.

        \b
        crane {kind} create server.key ./server.key
        pwgen 32 1 | crane {kind} create password -
        """,
    )
    @click.argument("name")
    @click.argument("file", default="-")
    @_label
    @click.option("--stack", metavar="STACK", help="The stack that it belongs to.")
    @click.option("--template", is_flag=True, help="Have each task's node fill in the content as a template.")
    @click.pass_obj
    def create(
        session: Session, name: str, file: str, *, labels: tuple[str, ...], stack: str | None, template: bool
    ) -> None:
        from crane_cli import contents

        told = contents.read_labels(labels)
        if stack is not None:
            told["com.docker.stack.namespace"] = stack
        body = {"name": name, "labels": told, "template": template, **contents.read(file)}
        _tell(session, session.api().post(f"{kind}s", body=body))

    return create


def _label_command(kind: Kind) -> click.Command:
    @click.command("label", cls=Group.command_class, help=f"Change the labels of a {kind}; the others stay.")
    @click.argument("name")
    @click.argument("labels", nargs=-1, metavar="[NAME=VALUE]...")
    @click.option("--rm", "removed", multiple=True, metavar="NAME", help="Remove a label; several times.")
    @click.pass_obj
    def label(session: Session, name: str, labels: tuple[str, ...], *, removed: tuple[str, ...]) -> None:
        from crane_cli import contents
        from crane_cli.errors import WrongUse

        wanted: dict[str, str | None] = {**contents.read_labels(labels), **dict.fromkeys(removed)}
        if not wanted:
            raise WrongUse("Say which label to change, as in tier=front or --rm tier.")
        _tell(session, session.api().send("PATCH", f"{kind}s", name, body={"labels": wanted}).json())

    return label


def _rotate(kind: Kind) -> click.Command:
    @click.command(
        "rotate",
        cls=Group.command_class,
        help=f"""Give a {kind} another content, from a file or standard input.

        It becomes a new version, and each service that uses the old one gets one update. The old version goes once all
        of them have converged, and stays when one does not.

        \b
        crane {kind} rotate server.key ./new.key
        """,
    )
    @click.argument("name")
    @click.argument("file", default="-")
    @following
    @click.option("--keep-old", is_flag=True, help="Keep the old version in any case.")
    @click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
    @click.pass_obj
    def rotate(
        session: Session,
        name: str,
        file: str,
        *,
        detach: bool,
        quiet: bool,
        timeout: float | None,
        keep_old: bool,
        dry_run: bool,
    ) -> None:
        from crane_cli import contents, plan
        from crane_cli import following as follow

        api = session.api()
        body = {"keep_old": keep_old, **contents.read(file)}
        query: dict[str, Any] = {"plan": True if dry_run else None, "wait": 0, "timeout": timeout}
        answer = api.post(f"{kind}s", name, "rotate", body=body, **query)
        if not dry_run:
            follow.finish(session, api, [answer], detached=detach, quiet=quiet)
        elif session.for_people:
            plan.show_plan(session, answer)
        else:
            session.give(answer)

    return rotate


def _remove(kind: Kind) -> click.Command:
    @click.command("rm", cls=Group.command_class, help=f"Remove {kind}s that no service uses.")
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @yes
    @click.pass_obj
    def rm(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
        api = session.api()
        remove_each(session, kind, names, lambda name: api.send("DELETE", f"{kind}s", name), yes=yes)

    return rm


def _cat() -> click.Command:
    @click.command("cat", cls=Group.command_class, help="Print the content of a config, byte for byte.")
    @click.argument("name")
    @click.pass_obj
    def cat(session: Session, name: str) -> None:
        import base64

        found = session.api().get("configs", name, "content")
        if not session.for_people:
            session.give(found)
            return
        raw = base64.b64decode(found.get("data") or "")
        # At a terminal a content must not steer the terminal; what is piped is left as it is.
        if sys.stdout.isatty():
            click.echo("\n".join(visible(line) for line in raw.decode(errors="replace").split("\n")))
        else:
            sys.stdout.buffer.write(raw)

    return cat


def _tell(session: Session, made: Item) -> None:
    if session.for_people:
        click.echo(visible(made.get("name")))
    else:
        session.give(made)
