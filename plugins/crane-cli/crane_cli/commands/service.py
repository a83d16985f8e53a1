"""crane service: look at services and change them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from crane_cli import choosing, rows
from crane_cli.command import Group, filtering, following, no_trunc, quiet_ids, several
from crane_cli.commands.logs import logs_of
from crane_cli.confirming import ask_at_terminal, yes
from crane_cli.each import show_each
from crane_cli.errors import CliError, Refused, WrongUse
from crane_cli.output import show_list
from crane_cli.session import Session

if TYPE_CHECKING:
    from crane_cli.api import Api
    from crane_cli.service_patch import Changes


@click.group(cls=Group)
def service() -> None:
    """Look at services and change them."""


service.add_command(logs_of("service"))


@service.command("ls")
@filtering(choosing.SERVICES)
@no_trunc
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List the services, each with why it is not as wanted."""
    show_list(
        session,
        choosing.choose(session.api().find_all("services"), filters, choosing.SERVICES),
        rows.SERVICE_HEADINGS,
        lambda item: rows.service_row(item, whole=no_trunc),
        quiet=(lambda item: item.get("ID")) if quiet else None,
        nothing="There are no such services.",
    )


@service.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@filtering(choosing.TASKS)
@no_trunc
@quiet_ids
@click.pass_obj
def ps(
    session: Session, services: tuple[str, ...], *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool
) -> None:
    """List the tasks of services, each with its earlier attempts and their errors."""
    from crane_cli.commands.stack import show_tasks

    api = session.api()
    answer = api.find_all("services", services[0], "tasks")
    for name in services[1:]:
        more = api.find_all("services", name, "tasks")
        answer = {**answer, "items": answer["items"] + more["items"], "total": answer["total"] + more["total"]}
    show_tasks(session, answer, filters, whole=no_trunc, quiet=quiet, nothing="There are no such tasks.")


@service.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.pass_obj
def inspect(session: Session, services: tuple[str, ...]) -> None:
    """Show services as the Engine has them, as a JSON list."""
    api = session.api()
    show_each(session, services, lambda name: api.get("services", name))


@service.command()
@click.argument("wanted", nargs=-1, required=True, metavar="SERVICE=REPLICAS...")
@following
@click.pass_obj
def scale(session: Session, wanted: tuple[str, ...], *, detach: bool, quiet: bool, timeout: float | None) -> None:
    """Set how many tasks services have."""
    from crane_cli.deploying import each

    replicas: dict[str, int] = {}
    for told in wanted:
        name, equals, number = told.rpartition("=")
        if not equals or not name or not number.isdecimal():
            raise WrongUse(f"{told} is no SERVICE=REPLICAS, as in shop_web=3.")
        replicas[name] = int(number)
    each(
        session,
        replicas,
        lambda api, name: api.send(
            "POST", "services", name, "scale", body={"replicas": replicas[name]}, query={"wait": 0, "timeout": timeout}
        ).json(),
        detached=detach,
        quiet=quiet,
    )


def _value(name: str, metavar: str, help_: str, **how: Any) -> Any:
    return click.option(f"--{name}", metavar=metavar, help=help_, **how)


def _list(name: str, metavar: str, help_: str) -> Any:
    return click.option(f"--{name}", metavar=metavar, help=help_, multiple=True)


patch_values = several(
    _value("image", "IMAGE", "The image."),
    _value("replicas", "N", "How many tasks.", type=click.IntRange(min=0)),
    _value("args", "COMMAND", "The arguments of the image's command, in one string."),
    _value("limit-cpu", "CPUS", "The most processors a task may use, as in 0.5."),
    _value("limit-memory", "SIZE", "The most memory a task may use, as in 512m."),
    _value("reserve-cpu", "CPUS", "The processors kept free for each task."),
    _value("reserve-memory", "SIZE", "The memory kept free for each task."),
    click.option("--restart-condition", type=click.Choice(("none", "on-failure", "any")), help="When a task restarts."),
    _value("restart-delay", "DURATION", "How long to wait before a restart."),
    _value("restart-max-attempts", "N", "How often a task restarts at most.", type=click.IntRange(min=0)),
    _value("update-parallelism", "N", "How many tasks to update at a time; 0 for all.", type=click.IntRange(min=0)),
    _value("update-delay", "DURATION", "How long to wait between them."),
    _value("update-monitor", "DURATION", "How long to watch each task for failure."),
    click.option(
        "--update-order", type=click.Choice(("start-first", "stop-first")), help="Whether the new task starts first."
    ),
    click.option(
        "--update-failure-action", type=click.Choice(("pause", "continue", "rollback")), help="What a failure leads to."
    ),
    _value("update-max-failure-ratio", "RATIO", "The share of tasks that may fail.", type=click.FloatRange(0, 1)),
)
patch_lists = several(
    _list("env-add", "NAME=VALUE", "Add or replace a variable; without a value it takes this shell's."),
    _list("env-rm", "NAME", "Remove a variable."),
    _list("label-add", "NAME=VALUE", "Add or replace a label of the service."),
    _list("label-rm", "NAME", "Remove a label of the service."),
    _list("container-label-add", "NAME=VALUE", "Add or replace a label of its containers."),
    _list("container-label-rm", "NAME", "Remove a label of its containers."),
    _list("constraint-add", "CONSTRAINT", "Add a placement constraint, as in node.role==worker."),
    _list("constraint-rm", "CONSTRAINT", "Remove a placement constraint."),
    _list("publish-add", "PORT", "Publish a port, as in 8080:80."),
    _list("publish-rm", "PORT", "Publish a port no longer, by its target, as in 80."),
)


@service.command()
@click.argument("service")
@patch_values
@patch_lists
@following
@click.option("--force", is_flag=True, help="Replace the tasks even if nothing else asks for it.")
@click.option("--rollback", is_flag=True, help="Put the service back to what it was before.")
@click.option("--with-registry-auth", is_flag=True, help="Send this machine's login for the registry of --image.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.pass_obj
def update(
    session: Session,
    /,
    service: str,
    *,
    detach: bool,
    quiet: bool,
    timeout: float | None,
    with_registry_auth: bool,
    force: bool,
    rollback: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Change a service: what the options name, and nothing else."""
    from crane_cli import following, plan
    from crane_cli.registries import find_logins
    from crane_cli.service_patch import Changes

    lists = {name: value for name, value in options.items() if isinstance(value, tuple)}
    values = {name: value for name, value in options.items() if not isinstance(value, tuple) and value is not None}
    changes = Changes(values, lists, force, os.environ)
    given = bool(values) or any(lists.values())
    if rollback and (given or force):
        raise WrongUse("--rollback goes with no other change.")
    if not (given or force or rollback):
        raise WrongUse("Name what to change, as in --image nginx:1.27; crane service update --help lists it all.")
    only_image = set(values) == {"image"} and not any(lists.values()) and not force
    if with_registry_auth and not only_image:
        raise WrongUse("--with-registry-auth goes with --image and no other change.")
    api = session.api()
    query = {"plan": True if dry_run else None, "wait": 0, "timeout": timeout}
    if rollback:
        answer = api.post("services", service, "rollback", **query)
    elif only_image:
        logins = find_logins([values["image"]], session.warn) if with_registry_auth else {}
        body = {"image": values["image"], "registry_logins": logins}
        answer = api.post("services", service, "image", body=body, **query)
    elif force and not given:
        answer = api.post("services", service, "force", **query)
    else:
        answer = _patch(api, service, changes, query)
    if answer is None:
        session.note(f"{service} is so already; nothing was changed.")
    elif not dry_run:
        following.finish(session, api, [answer], detached=detach, quiet=quiet)
    elif session.for_people:
        plan.show_plan(session, answer)
    else:
        session.give(answer)


def _patch(api: Api, service: str, changes: Changes, query: dict[str, Any]) -> Any:
    from crane_cli.service_patch import make_patch

    live = api.get("services", service)
    patch = make_patch(live.get("Spec") or {}, changes)
    if not patch:
        return None
    version = (live.get("Version") or {}).get("Index")
    headers = {"Content-Type": "application/merge-patch+json", "If-Match": f'"{version}"'}
    try:
        return api.send("PATCH", "services", service, body=patch, query=query, headers=headers).json()
    except Refused as error:
        if error.status != 412 and "version" not in error.problem:
            raise
        raise CliError(f"Somebody else has changed {service} just now; nothing was changed. Try again.") from error


@service.command()
@click.argument("service")
@following
@click.pass_obj
def rollback(session: Session, service: str, *, detach: bool, quiet: bool, timeout: float | None) -> None:
    """Put a service back to what it was before."""
    from crane_cli.deploying import each

    each(
        session,
        [service],
        lambda api, name: api.post("services", name, "rollback", wait=0, timeout=timeout),
        detached=detach,
        quiet=quiet,
    )


@service.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@following
@yes
@click.pass_obj
def rm(
    session: Session, services: tuple[str, ...], *, detach: bool, quiet: bool, timeout: float | None, yes: bool
) -> None:
    """Remove services, and wait until their tasks are gone."""
    from crane_cli.deploying import each

    ask_at_terminal(f"Remove the service{'' if len(services) == 1 else 's'} {', '.join(services)}?", yes=yes)
    each(
        session,
        services,
        lambda api, name: api.send("DELETE", "services", name, query={"wait": 0, "timeout": timeout}).json(),
        detached=detach,
        quiet=quiet,
    )
