"""crane operation: look at changes that go on or have ended."""

from __future__ import annotations

from collections.abc import Sequence

import click

from crane_cli.command import Group, quiet_ids, quiet_progress
from crane_cli.output import Item, describe_time, show_list
from crane_cli.session import Session


@click.group(cls=Group)
def operation() -> None:
    """Look at changes that go on or have ended."""


@operation.command("ls")
@click.option("--stack", metavar="STACK", help="Only those of this stack.")
@click.option("--target", metavar="NAME", help="Only those that change the stack or service of this name.")
@click.option("--kind", metavar="KIND", help="Only those of this kind, as in stack.deploy.")
@click.option("--state", metavar="STATE", help="Only those in this state: applying, following, unknown-yet or ended.")
@quiet_ids
@click.pass_obj
def list_(
    session: Session, *, stack: str | None, target: str | None, kind: str | None, state: str | None, quiet: bool
) -> None:
    """List the operations."""

    def row(item: Item) -> Sequence[object]:
        outcome = (item.get("verdict") or {}).get("outcome")
        state = f"{item.get('state')}: {outcome}" if outcome else item.get("state")
        cause = (item.get("verdict") or {}).get("cause") if outcome != "converged" else ""
        return item.get("id"), item.get("kind"), item.get("target"), state, item.get("by"), _begun(item), cause

    show_list(
        session,
        session.api().find_all("operations", stack=stack, target=target, kind=kind, state=state),
        ("ID", "KIND", "TARGET", "STATE", "BY", "BEGUN", "CAUSE"),
        row,
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="There are no such operations.",
    )


def _begun(item: Item) -> str:
    return describe_time(item.get("created_at"))


@operation.command()
@click.argument("operations", nargs=-1, required=True, metavar="OPERATION...")
@quiet_progress
@click.pass_obj
def wait(session: Session, operations: tuple[str, ...], *, quiet: bool) -> None:
    """Follow operations until they end, and tell how they did."""
    from crane_cli import following

    api = session.api()
    following.finish(session, api, [api.get("operations", name) for name in operations], quiet=quiet)
