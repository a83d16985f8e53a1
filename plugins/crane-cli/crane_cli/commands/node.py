"""crane node: look at nodes, change them, and have machines join and leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crane_cli import choosing
from crane_cli.command import Group, filtering, no_trunc, quiet_ids
from crane_cli.confirming import make_sure, yes
from crane_cli.each import on_each, remove_each
from crane_cli.errors import Refused, WrongUse
from crane_cli.output import Item, print_table, shorten_id, show_list, show_time, tell_age
from crane_cli.rows import TASK_HEADINGS, task_rows
from crane_cli.session import Session, style
from crane_cli.values import describe_size
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api

ROLES = click.Choice(["worker", "manager"])
AVAILABILITIES = click.Choice(["active", "pause", "drain"])
_REACHED = "fresh"
# How each outcome of a plan is said and coloured.
OUTCOMES = {
    "moves": ("moves to", "green"),
    "pending": ("waits", "red"),
    "stops": ("stops", None),
    "ends": ("ends, and is not started again", "yellow"),
    "stays": ("stays", None),
}


@click.group(cls=Group)
def node() -> None:
    """Look at nodes, change them, and have machines join."""


@node.command("ls")
@filtering(choosing.NODES)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the nodes, and say which are ready although their Engines are not reached."""
    api = session.api()
    engines = cache(lambda: {id_: each.get("state") for id_, each in _read_engines(api).items()})

    def state(item: Item) -> str:
        said = str(item.get("state") or "")
        # No agent runs on drained nodes, and nobody expects an answer of those that are down.
        expected = said == "ready" and item.get("availability") != "drain"
        reached = not expected or engines().get(item.get("ID"), _REACHED) == _REACHED
        return said.capitalize() + ("" if reached else " (not reached)")

    def row(item: Item) -> Sequence[object]:
        return (
            shorten_id(item.get("ID"), no_trunc),
            item.get("name"),
            state(item),
            str(item.get("availability") or "").capitalize(),
            _manager_status(item),
            item.get("tasks_running"),
            _share(item, "cpus", _say_number),
            _share(item, "memory_bytes", describe_size),
            item.get("engine_version"),
            item.get("address"),
        )

    show_list(
        session,
        choosing.choose(api.find_all("nodes"), filters, choosing.NODES),
        (
            "ID",
            "HOSTNAME",
            "STATUS",
            "AVAILABILITY",
            "MANAGER STATUS",
            "TASKS",
            "CPUS RESERVED",
            "MEMORY RESERVED",
            "ENGINE VERSION",
            "ADDRESS",
        ),
        row,
        quiet=(lambda item: item.get("ID")) if quiet else None,
        nothing="There are no such nodes.",
    )


@node.command()
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show a node: what it is, what it has, and what of it is promised to tasks."""
    api = session.api()
    found = api.get("nodes", name)
    tell_age(session, found)
    if not session.for_people:
        session.give(found)
        return
    spec, description = found.get("Spec") or {}, found.get("Description") or {}
    platform = description.get("Platform") or {}
    capacity = found.get("capacity") or {}
    _print_facts(
        [
            ("Name", found.get("name")),
            ("ID", found.get("ID")),
            ("Role", f"{found.get('role')}{' (leader)' if found.get('leader') else ''}"),
            ("Availability", found.get("availability")),
            ("State", _state(found)),
            ("As a manager", _manager_status(found).lower()),
            ("Address", found.get("address")),
            ("Platform", "/".join(filter(None, (platform.get("OS"), platform.get("Architecture"))))),
            ("Engine", found.get("engine_version")),
            ("Engine is reached", _say_reached(api, found)),
            ("Joined", show_time(found.get("CreatedAt"))),
            ("Labels", _say_labels(spec.get("Labels"))),
            ("Labels of the Engine", _say_labels((description.get("Engine") or {}).get("Labels"))),
            ("Tasks that run", found.get("tasks_running")),
        ]
    )
    click.echo()
    parts = ("total", "reserved", "limited", "free")
    rows = [(part.capitalize(), *_amount(capacity.get(part) or {})) for part in parts]
    print_table(("CAPACITY", "CPUS", "MEMORY", "GENERIC"), rows)
    if unlimited := capacity.get("unlimited_tasks"):
        session.note(f"{unlimited} of its tasks {'has' if unlimited == 1 else 'have'} no limit of memory.")


@node.command()
@click.argument("name")
@no_trunc
@quiet_ids
@click.pass_obj
def tasks(session: Session, name: str, *, no_trunc: bool, quiet: bool) -> None:
    """List the tasks on a node."""
    answer = session.api().find_all("nodes", name, "tasks")
    if not session.for_people or quiet:
        nothing = f"There are no tasks on {name}."
        show_list(session, answer, (), lambda item: (), quiet=lambda item: item.get("ID"), nothing=nothing)
        return
    tell_age(session, answer)
    print_table(TASK_HEADINGS, task_rows(answer["items"], whole=no_trunc))


# --- Changing -----------------------------------------------------------------------------------------------------


@node.command()
@click.argument("name")
@click.option("--label-add", "added", metavar="NAME=VALUE", multiple=True, help="Set a label; repeat it for several.")
@click.option("--label-rm", "removed", metavar="NAME", multiple=True, help="Remove a label; repeat it for several.")
@click.option("--role", type=ROLES, help="Make it a manager or a worker.")
@click.option("--availability", type=AVAILABILITIES, help="Whether it takes tasks, and keeps those it has.")
@click.pass_obj
def update(
    session: Session,
    name: str,
    *,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    role: str | None,
    availability: str | None,
) -> None:
    """Change a node; what the options do not name stays as it is.

    \b
    crane node update node2 --label-add ssd=true --label-rm old
    """
    labels = _labels(added, removed)
    body = {"labels": labels, "role": role, "availability": availability}
    body = {member: value for member, value in body.items() if value}
    if not body:
        raise WrongUse("Say what to change, as in --label-add ssd=true.")
    _change(session, [name], body)


@node.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-f", "--force", is_flag=True, help="Though it is up; it does not know then that it has left.")
@yes
@click.pass_obj
def rm(session: Session, names: tuple[str, ...], *, force: bool, yes: bool) -> None:
    """Remove nodes that are down from the Swarm."""
    api = session.api()
    query = {"force": "true"} if force else {}
    remove_each(session, "node", names, lambda name: api.send("DELETE", "nodes", name, query=query), yes=yes)


@node.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def promote(session: Session, names: tuple[str, ...]) -> None:
    """Make managers of workers."""
    _change(session, names, {"role": "manager"})


@node.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def demote(session: Session, names: tuple[str, ...]) -> None:
    """Make workers of managers. A majority of managers that answer must be left."""
    _change(session, names, {"role": "worker"})


@node.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def activate(session: Session, names: tuple[str, ...]) -> None:
    """Let nodes take tasks. None moves there by itself."""
    _change(session, names, {"availability": "active"})


@node.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def pause(session: Session, names: tuple[str, ...]) -> None:
    """Give nodes no new tasks; they keep those they have."""
    _change(session, names, {"availability": "pause"})


def _change(session: Session, names: Iterable[str], body: Item) -> None:
    api = session.api()

    def change(name: str) -> None:
        changed = api.send("PATCH", "nodes", name, body=body).json()
        if session.for_people:
            click.echo(visible(changed.get("name")))
        else:
            session.give(changed)

    on_each(names, change)


# --- Draining -----------------------------------------------------------------------------------------------------


@node.command("drain-plan")
@click.argument("name")
@click.option("--pause", is_flag=True, help="What pausing it would do, in place of draining.")
@click.pass_obj
def drain_plan(session: Session, name: str, *, pause: bool) -> None:
    """Say what draining a node would do to each of its tasks; nothing is changed."""
    plan = session.api().get("nodes", name, "drain-plan", availability="pause" if pause else "drain")
    tell_age(session, plan)
    if session.for_people:
        _show_plan(plan)
    else:
        session.give(plan)


@node.command()
@click.argument("name")
@yes
@click.pass_obj
def drain(session: Session, name: str, *, yes: bool) -> None:
    """Take the tasks from a node and give it no new ones; what that does is shown first."""
    api = session.api()
    if session.for_people:
        plan = api.get("nodes", name, "drain-plan")
        tell_age(session, plan)
        _show_plan(plan)
    make_sure(f"Drain {name}?", yes=yes)
    _change(session, [name], {"availability": "drain"})


def _show_plan(plan: Item) -> None:
    rows = []
    notes = []
    for task in plan.get("tasks") or ():
        said, colour = OUTCOMES.get(str(task.get("outcome")), (str(task.get("outcome")), None))
        text = visible(" ".join(filter(None, (said, task.get("node")))))
        rows.append((task.get("name"), text, task.get("why") or "", colour))
        notes += [f"{task.get('name')}: {note.get('detail')}" for note in task.get("notes") or ()]
    _print_outcomes(rows)
    for note in notes:
        click.echo(visible(note))
    counts = ", ".join(f"{outcome} {count}" for outcome, count in (plan.get("counts") or {}).items() if count)
    click.echo(visible(f"{plan.get('node')}: {counts or 'no tasks'}."))
    if hidden := plan.get("hidden"):
        click.echo(f"{hidden} of these tasks you may not see.")


def _print_outcomes(rows: Sequence[tuple[Any, str, str, str | None]]) -> None:
    names = max((len(visible(name)) for name, _, _, _ in rows), default=0)
    texts = max((len(text) for _, text, _, _ in rows), default=0)
    for name, text, why, colour in rows:
        painted = style(text.ljust(texts), fg=colour) if colour else text.ljust(texts)
        click.echo(f"{visible(name).ljust(names)}   {painted}   {visible(why)}".rstrip())


# --- Joining ------------------------------------------------------------------------------------------------------


@node.command()
@click.argument("url")
@click.option("--role", type=ROLES, default="worker", show_default=True, help="What it becomes.")
@click.option(
    "--availability", type=AVAILABILITIES, default="active", show_default=True, help="Whether it takes tasks."
)
@click.option("--label-add", "added", metavar="NAME=VALUE", multiple=True, help="Give it a label.")
@click.option("--advertise-addr", metavar="ADDRESS", help="The address that other nodes reach it at.")
@click.option(
    "--tls-ca", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Who signed its certificate."
)
@click.option(
    "--tls-cert", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="A client's certificate."
)
@click.option("--tls-key", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Its key.")
@click.pass_obj
def join(
    session: Session,
    url: str,
    *,
    role: str,
    availability: str,
    added: tuple[str, ...],
    advertise_addr: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Make the Engine at a URL a node. When a step fails, all of it is undone.

    It is the server that connects to it: by tcp:// (with TLS), ssh:// with the server's own keys, or a socket of the
    server's machine. Without a way there, run on the machine what crane swarm join-command prints.

    \b
    crane node join ssh://ops@10.0.0.7 --label-add ssd=true
    """
    files = {"ca": tls_ca, "certificate": tls_cert, "key": tls_key}
    if any(files.values()) and not all(files.values()):
        raise WrongUse("TLS needs all of --tls-ca, --tls-cert and --tls-key.")
    body: dict[str, Any] = {"url": url, "role": role, "availability": availability}
    if added:
        body["labels"] = _labels(added, ())
    if advertise_addr:
        body["advertise_address"] = advertise_addr
    if all(files.values()):
        body["tls"] = {name: Path(str(file)).read_text() for name, file in files.items()}
    made = session.api().post("nodes", body=body)
    if session.for_people:
        click.echo(visible(made.get("name")))
    else:
        session.give(made)


# --- Words --------------------------------------------------------------------------------------------------------


def _labels(added: Iterable[str], removed: Iterable[str]) -> dict[str, str | None]:
    labels: dict[str, str | None] = dict.fromkeys(removed)
    for pair in added:
        name, _, value = pair.partition("=")
        labels[name] = value
    return labels


def _manager_status(node: Item) -> str:
    if node.get("leader"):
        return "Leader"
    return str((node.get("ManagerStatus") or {}).get("Reachability") or "").capitalize()


def _state(node: Item) -> str:
    message = (node.get("Status") or {}).get("Message")
    return f"{node.get('state')} ({message})" if message else str(node.get("state"))


def _say_reached(api: Api, node: Item) -> str:
    """Say how the server reaches a node's Engine, or why not; empty for who may not know."""
    engine = _read_engines(api, q=node.get("name")).get(node.get("ID"))
    if engine is None:
        return ""
    if engine.get("state") == _REACHED:
        return f"yes, by {engine.get('via')}"
    return f"no: {engine.get('error') or 'it does not answer'}"


def _read_engines(api: Api, **query: Any) -> dict[Any, Item]:
    """Read how the nodes' Engines are reached, by the nodes' ids; of none for who may not know."""
    try:
        return {each.get("node_id"): each for each in api.find_all("engines", **query)["items"]}
    except Refused:
        return {}


def _print_facts(facts: Sequence[tuple[str, object]]) -> None:
    known = [(title, value) for title, value in facts if value not in ("", None)]
    width = max(len(title) for title, _ in known) + 1
    for title, value in known:
        click.echo(visible(f"{title}:".ljust(width) + f" {value}"))


def _say_labels(labels: Any) -> str:
    return ", ".join(f"{name}={value}" if value else name for name, value in sorted((labels or {}).items()))


def _say_number(number: object) -> str:
    return f"{number:g}" if isinstance(number, (int, float)) else "-"


def _share(node: Item, member: str, say: Callable[[Any], str]) -> str:
    capacity = node.get("capacity") or {}
    if not capacity:
        return ""
    return f"{say((capacity.get('reserved') or {}).get(member))} of {say((capacity.get('total') or {}).get(member))}"


def _amount(amount: Item) -> tuple[str, str, str]:
    generic = ", ".join(f"{count} {kind}" for kind, count in (amount.get("generic") or {}).items())
    return _say_number(amount.get("cpus")), describe_size(amount.get("memory_bytes")), generic
