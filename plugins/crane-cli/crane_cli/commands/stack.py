"""crane stack: deploy stacks and look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crane_cli import choosing, rows
from crane_cli.command import Group, filtering, following, no_trunc, quiet_ids, several
from crane_cli.errors import WrongUse
from crane_cli.output import describe_time, paint_state, print_table, show_list, tell_age
from crane_cli.session import Session
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api
    from crane_cli.stackfiles import Sources


@click.group(cls=Group)
def stack() -> None:
    """Deploy stacks and look at them."""


sources_options = several(
    click.option(
        "-c", "--compose-file", "files", multiple=True, metavar="FILE",
        help="A stack file; several are merged, later ones win. - reads standard input.",
    ),
    click.option(
        "--env-file", "env_files", multiple=True, metavar="FILE", help="Take variables from here; the environment wins."
    ),
    click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Take in the services of this profile."),
    click.option(
        "--allow-path", "allowed", multiple=True, metavar="DIR", type=click.Path(exists=True, file_okay=False),
        help="Let files from this folder be sent, besides those in the first stack file's own.",
    ),
    click.option(
        "--file-format", "file_format", type=click.Choice(("auto", "compose", "dab", "bundle")), default="auto",
        show_default=True, help="What the files are.",
    ),
    click.option("--prune", is_flag=True, help="Remove what the files no longer name."),
    click.option(
        "--resolve-image", type=click.Choice(("always", "changed", "never")), default="always", show_default=True,
        help="When to look up the digest of an image.",
    ),
    click.option("--with-registry-auth", is_flag=True, help="Send this machine's logins for the images' registries."),
)  # fmt: skip


@stack.command()
@click.argument("stack")
@sources_options
@following
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--confirm", is_flag=True, help="Ask before anything is changed.")
@click.pass_obj
def deploy(
    session: Session,
    /,
    stack: str,
    *,
    detach: bool,
    quiet: bool,
    dry_run: bool,
    confirm: bool,
    timeout: float | None,
    **options: Any,
) -> None:
    """Show what will change, deploy it, follow it and tell how it ended.

    The stack files, the variables that they name and the files that they refer to are sent to the server. A file is
    sent only if its path stands in a stack file and it lies in the first one's folder.
    """
    from crane_cli import deploying, following, plan

    api = session.api()
    request = _prepare(session, api, timeout=timeout, **options)
    planned = deploying.make_plan(api, stack, request)
    if session.for_people and not quiet:
        plan.show_plan(session, planned)
    else:
        plan.tell_warnings(session, planned)
    if planned.get("violations"):
        raise _not_allowed()
    if dry_run:
        if not session.for_people:
            session.give(planned)
        return
    if confirm:
        deploying.ask(planned)
    operation = deploying.apply(session, api, planned, confirm=confirm, quiet=quiet)
    following.finish(session, api, [operation], detached=detach, quiet=quiet)


@stack.command("plan")
@click.argument("stack")
@sources_options
@click.pass_obj
def plan_(session: Session, /, stack: str, **options: Any) -> None:
    """Show what a deployment would change, and change nothing."""
    from crane_cli import deploying, plan

    api = session.api()
    planned = deploying.make_plan(api, stack, _prepare(session, api, timeout=None, **options))
    if session.for_people:
        plan.show_plan(session, planned)
    else:
        session.give(planned)
    if planned.get("violations"):
        raise _not_allowed()


def _not_allowed() -> WrongUse:
    return WrongUse("The plan breaks the rules named above; nothing was changed.")


def _prepare(session: Session, api: Api, *, timeout: float | None, **options: Any) -> dict[str, Any]:
    from crane_cli import deploying

    return deploying.prepare(
        session,
        api,
        _sources(options),
        prune=options["prune"],
        resolve_image=options["resolve_image"],
        with_registry_auth=options["with_registry_auth"],
        timeout=timeout,
    )


def _sources(options: dict[str, Any]) -> Sources:
    from crane_cli.stackfiles import Sources

    return Sources(
        files=options["files"],
        env_files=options["env_files"],
        profiles=options["profiles"],
        allowed=options["allowed"],
        format=options["file_format"],
    )


@stack.command("ls")
@quiet_ids
@click.pass_obj
def list_(session: Session, *, quiet: bool) -> None:
    """List the stacks."""
    show_list(
        session,
        session.api().find_all("stacks"),
        ("NAME", "SERVICES", "TASKS", "STATE", "UPDATED"),
        lambda item: (
            item.get("name"),
            item.get("services"),
            f"{item.get('tasks_running') or 0}/{item.get('tasks_desired') or 0}",
            item.get("state"),
            describe_time(item.get("updated_at")),
        ),
        quiet=(lambda item: item.get("name")) if quiet else None,
        nothing="There are no stacks.",
    )


@stack.command()
@click.argument("stack")
@filtering(*choosing.TASKS)
@no_trunc
@quiet_ids
@click.pass_obj
def ps(session: Session, stack: str, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List a stack's tasks, each with its earlier attempts and their errors."""
    answer = session.api().find_all("stacks", stack, "tasks")
    show_tasks(session, answer, filters, whole=no_trunc, quiet=quiet, nothing=f"The stack {stack} has no such tasks.")


def show_tasks(
    session: Session, answer: dict[str, Any], filters: dict[str, list[str]], *, whole: bool, quiet: bool, nothing: str
) -> None:
    """Print a list of tasks by slot."""
    flat = [task for tasks in rows.in_slots(answer["items"]) for task in tasks]
    if session.for_people or filters:
        answer = choosing.choose({**answer, "items": flat}, filters, choosing.TASKS)
    if not session.for_people:
        session.give(answer)
        return
    tell_age(session, answer)
    if quiet:
        for task in answer["items"]:
            click.echo(visible(task.get("ID")))
        return
    print_table(rows.TASK_HEADINGS, rows.task_rows(answer["items"], whole=whole))
    if not answer["items"]:
        session.note(nothing)


@stack.command()
@click.argument("stack")
@filtering(*choosing.SERVICES)
@no_trunc
@quiet_ids
@click.pass_obj
def services(session: Session, stack: str, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List a stack's services."""
    show_list(
        session,
        choosing.choose(session.api().find_all("stacks", stack, "services"), filters, choosing.SERVICES),
        rows.SERVICE_HEADINGS,
        lambda item: rows.service_row(item, whole=no_trunc),
        quiet=(lambda item: item.get("ID")) if quiet else None,
        nothing=f"The stack {stack} has no such services.",
    )


@stack.command()
@click.argument("stack")
@click.pass_obj
def inspect(session: Session, stack: str) -> None:
    """Show a stack with its services, networks, configs and secrets."""
    answer = session.api().get("stacks", stack)
    if not session.for_people:
        session.give(answer)
        return
    click.echo(f"{visible(answer.get('name'))}: {paint_state(visible(answer.get('state')))}")
    print_table(rows.SERVICE_HEADINGS, (rows.service_row(item) for item in answer.get("services") or ()))
    for kind in ("networks", "configs", "secrets"):
        named = ", ".join(visible(_name(item)) for item in answer.get(kind) or ())
        if named:
            click.echo(f"{kind.capitalize()}: {named}")


def _name(item: Any) -> object:
    if not isinstance(item, dict):
        return item
    return item.get("name") or item.get("Name") or (item.get("Spec") or {}).get("Name")


@stack.command()
@click.argument("stack")
@click.pass_obj
def config(session: Session, stack: str) -> None:
    """Give a running stack back as a Compose file.

    What the file cannot express is noted on standard error.
    """
    answer = session.api().get("stacks", stack, "compose")
    if not session.for_people:
        session.give(answer)
        return
    # The file is meant to be written to a file, so that it is not made visible line by line as everything else is.
    click.echo(_harmless(str(answer.get("content") or "")), nl=False)
    for note in answer.get("notes") or ():
        session.warn(f"{note.get('pointer')}: {note.get('detail')}")


def _harmless(content: str) -> str:
    return "\n".join(visible(line) if "\x1b" in line else line for line in content.split("\n"))


@stack.command()
@click.argument("stacks", nargs=-1, required=True, metavar="STACK...")
@following
@click.pass_obj
def rm(session: Session, stacks: tuple[str, ...], *, detach: bool, quiet: bool, timeout: float | None) -> None:
    """Remove stacks, and wait until their tasks and networks are gone."""
    from crane_cli.deploying import each

    each(
        session,
        stacks,
        lambda api, name: api.send("DELETE", "stacks", name, query={"wait": 0, "timeout": timeout}).json(),
        detached=detach,
        quiet=quiet,
    )


@stack.command()
@click.argument("stack")
@following
@click.pass_obj
def rollback(session: Session, stack: str, *, detach: bool, quiet: bool, timeout: float | None) -> None:
    """Put a stack's services back to what they were before."""
    from crane_cli.deploying import each

    each(
        session,
        [stack],
        lambda api, name: api.post("stacks", name, "rollback", wait=0, timeout=timeout),
        detached=detach,
        quiet=quiet,
    )
