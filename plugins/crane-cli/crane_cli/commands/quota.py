"""crane quota: how much the services of some stacks may ask for together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from crane_cli.command import Group, quiet_ids, several
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.errors import WrongUse
from crane_cli.output import Item, show_list
from crane_cli.session import Session
from crane_cli.values import parse_cpus, parse_size

NONE = "none"
_MIB = 1024**2


def _limit(read: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Return how an option is read that may take a limit away: no answer, then, is not the same as none."""

    def parse(context: click.Context, option: click.Parameter, value: str | None) -> Any:
        if value is None:
            return ...
        return None if value == NONE else read(value)

    return parse


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise click.BadParameter(f"{text} is no number; write it as in 12, or none for no limit.")
    return int(text)


_limits = several(
    click.option(
        "--replicas", metavar="N", callback=_limit(_read_count), help="Tasks of all services together; or none."
    ),
    click.option(
        "--cpus",
        metavar="N",
        callback=_limit(lambda text: parse_cpus(text) / 10**9),
        help="Processors of all tasks together, by their limits, as in 4 or 0.5; or none.",
    ),
    click.option(
        "--memory",
        "memory_bytes",
        metavar="SIZE",
        callback=_limit(parse_size),
        help="Memory of all tasks together, by their limits, as in 512m or 8g; or none.",
    ),
    click.option(
        "--replicas-per-service", metavar="N", callback=_limit(_read_count), help="Tasks of each service; or none."
    ),
    click.option("--description", metavar="TEXT", help="What it is for."),
)


@click.group(cls=Group)
def quota() -> None:
    """Limit how much the services of some stacks may ask for."""


@quota.command("ls")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, quiet: bool) -> None:
    """List the quotas, each with how much of it is used."""

    def row(item: Item) -> Sequence[object]:
        used = item.get("used") or {}
        return (
            item.get("name"),
            item.get("stack") or "(everything)",
            _share(used.get("replicas"), item.get("replicas")),
            _share(used.get("cpus"), item.get("cpus")),
            _share(used.get("memory_bytes"), item.get("memory_bytes"), _describe_memory),
            _share(used.get("largest_service"), item.get("replicas_per_service")),
        )

    show_list(
        session,
        session.api().find_all("quotas"),
        ("NAME", "STACKS", "REPLICAS", "CPUS", "MEMORY", "PER SERVICE"),
        row,
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no quotas.",
    )


@quota.command()
@click.argument("name")
@click.option("--stack", metavar="STACK", help="The stack, in whose name * stands for anything.")
@click.option("--everything", is_flag=True, help="All services, those of no stack too.")
@_limits
@click.pass_obj
def create(session: Session, /, name: str, *, stack: str | None, everything: bool, **members: Any) -> None:
    """Make a quota.

    What runs already is left alone. Who holds policy:exceed, as administrators do, is exempt.

    \b
    crane quota create shop --stack 'shop*' --replicas 20 --cpus 8 --memory 16g
    """
    if (stack is None) == (not everything):
        raise WrongUse("Say what it is about: --stack STACK or --everything.")
    made = session.api().post("quotas", body={"name": name, "stack": stack, **_given(members)})
    _tell(session, made)


@quota.command()
@click.argument("name")
@click.pass_obj
def inspect(session: Session, name: str) -> None:
    """Show a quota, and which services set no limit."""
    _show(session, session.api().get("quotas", name))


@quota.command()
@click.argument("name")
@click.option("--stack", metavar="STACK", help="The stack, in whose name * stands for anything.")
@_limits
@click.pass_obj
def update(session: Session, /, name: str, *, stack: str | None, **members: Any) -> None:
    """Change a quota; what the options do not name stays as it is."""
    body = _given(members) | ({"stack": stack} if stack is not None else {})
    if not body:
        raise WrongUse("Say what to change, as in --replicas 20.")
    _tell(session, session.api().send("PATCH", "quotas", name, body=body).json())


@quota.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@yes
@click.pass_obj
def rm(session: Session, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove quotas."""
    api = session.api()
    remove_each(session, "quota", names, lambda name: api.send("DELETE", "quotas", name), yes=yes)


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in members.items()
        if value is not ... and not (name == "description" and value is None)
    }


def _tell(session: Session, made: Item) -> None:
    if session.for_people:
        click.echo(str(made.get("name")))
    else:
        session.give(made)


def _show(session: Session, found: Item) -> None:
    if not session.for_people:
        session.give(found)
        return
    from crane_cli.visible import visible

    used, unlimited = found.get("used") or {}, found.get("unlimited") or {}
    lines = [
        ("Name", found.get("name")),
        ("Stacks", found.get("stack") or "(everything)"),
        ("Description", found.get("description")),
        ("Services", found.get("services")),
        ("Replicas", _share(used.get("replicas"), found.get("replicas"))),
        ("Processors", _share(used.get("cpus"), found.get("cpus"))),
        ("Memory", _share(used.get("memory_bytes"), found.get("memory_bytes"), _describe_memory)),
        ("Largest service", _share(used.get("largest_service"), found.get("replicas_per_service"))),
        ("Without a limit of processors", ", ".join(unlimited.get("cpus") or ())),
        ("Without a limit of memory", ", ".join(unlimited.get("memory_bytes") or ())),
    ]
    for title, value in lines:
        if value not in ("", None):
            click.echo(visible(f"{title}: {value}"))


def _share(used: object, limit: object, describe: Callable[[object], object] = lambda value: value) -> str:
    if isinstance(used, float):
        used = f"{used:g}"
    if isinstance(limit, float):
        limit = f"{limit:g}"
    return f"{describe(used)} of {describe(limit)}" if limit is not None else f"{describe(used)}"


def _describe_memory(size: object) -> str:
    return f"{float(size) / _MIB:.10g} MiB" if isinstance(size, (int, float)) else "-"
