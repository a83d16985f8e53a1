"""crane stack: deploy stacks and look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crane_cli import choosing, rows
from crane_cli.command import Group, filtering, following, no_trunc, quiet_ids, several
from crane_cli.commands.logs import logs_of
from crane_cli.confirming import ask_at_terminal, yes
from crane_cli.errors import WrongUse
from crane_cli.output import Item, describe_time, paint_state, print_table, show_list, tell_age
from crane_cli.session import Session, style
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api
    from crane_cli.stackfiles import Sources


@click.group(cls=Group)
def stack() -> None:
    """Deploy stacks and look at them."""


stack.add_command(logs_of("stack"))


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
    from crane_cli import deploying

    api = session.api()
    request = _prepare(session, api, timeout=timeout, **options)
    planned = deploying.make_plan(api, stack, request)
    _carry_out(session, api, planned, detach=detach, quiet=quiet, dry_run=dry_run, confirm=confirm)


def _carry_out(
    session: Session, api: Api, planned: dict[str, Any], *, detach: bool, quiet: bool, dry_run: bool, confirm: bool
) -> None:
    """Show a plan, and unless that is all that is wanted, apply it and tell how it ended."""
    from crane_cli import deploying, following, plan

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
@filtering(choosing.TASKS)
@no_trunc
@quiet_ids
@click.pass_obj
def ps(session: Session, stack: str, *, filters: dict[str, list[str]], no_trunc: bool, quiet: bool) -> None:
    """List a stack's tasks, each with its earlier attempts and their errors."""
    answer = session.api().find_all("stacks", stack, "tasks", **choosing.take_places(filters))
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
@filtering(choosing.SERVICES)
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
    tell_age(session, answer)
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
@yes
@click.pass_obj
def rm(
    session: Session, stacks: tuple[str, ...], *, detach: bool, quiet: bool, timeout: float | None, yes: bool
) -> None:
    """Remove stacks, and wait until their tasks and networks are gone."""
    from crane_cli.deploying import each

    ask_at_terminal(f"Remove the stack{'' if len(stacks) == 1 else 's'} {', '.join(stacks)}?", yes=yes)
    each(
        session,
        stacks,
        lambda api, name: api.send("DELETE", "stacks", name, query={"wait": 0, "timeout": timeout}).json(),
        detached=detach,
        quiet=quiet,
    )


@stack.command()
@click.argument("stack", metavar="STACK[@REVISION]")
@following
@click.option("--prune", is_flag=True, help="With a revision: remove what it does not name.")
@click.option("--with-registry-auth", is_flag=True, help="With a revision: send this machine's logins for its images.")
@click.option("--dry-run", is_flag=True, help="With a revision: show the plan and change nothing.")
@click.option("--confirm", is_flag=True, help="With a revision: ask before anything is changed.")
@click.pass_obj
def rollback(
    session: Session,
    /,
    stack: str,
    *,
    detach: bool,
    quiet: bool,
    timeout: float | None,
    prune: bool,
    with_registry_auth: bool,
    dry_run: bool,
    confirm: bool,
) -> None:
    """Put a stack back to a revision, or its services to what they were before.

    shop@12 deploys revision 12 again, with its file, its variables and the images that it had; the plan is shown first.
    shop alone returns each service to the spec from before its last change.
    """
    from crane_cli.deploying import each
    from crane_cli.history import parse_revision

    name, number = parse_revision(stack)
    if number is not None:
        _return(session, name, number, detach=detach, quiet=quiet, timeout=timeout, prune=prune,
                with_registry_auth=with_registry_auth, dry_run=dry_run, confirm=confirm)  # fmt: skip
        return
    if prune or with_registry_auth or dry_run or confirm:
        raise WrongUse(f"This is only for a return to a revision, as in {name}@12; nothing was changed.")
    each(
        session,
        [name],
        lambda api, name: api.post("stacks", name, "rollback", wait=0, timeout=timeout),
        detached=detach,
        quiet=quiet,
    )


def _return(
    session: Session,
    name: str,
    number: int,
    *,
    detach: bool,
    quiet: bool,
    timeout: float | None,
    prune: bool,
    with_registry_auth: bool,
    dry_run: bool,
    confirm: bool,
) -> None:
    from crane_cli import registries
    from crane_cli.history import asking_history

    api = session.api()
    logins: dict[str, Any] = {}
    with asking_history():
        if with_registry_auth:
            images = api.get("stacks", name, "revisions", str(number)).get("images") or {}
            logins = registries.find_logins(list(images.values()), session.warn)
        planned = api.post(
            "stacks",
            name,
            "revisions",
            str(number),
            "plan",
            body={"registry_logins": logins},
            prune="true" if prune else None,
            timeout=timeout,
        )
    _carry_out(session, api, planned, detach=detach, quiet=quiet, dry_run=dry_run, confirm=confirm)


@stack.command()
@click.argument("stack", metavar="STACK[@REVISION]")
@quiet_ids
@click.pass_obj
def revisions(session: Session, /, stack: str, *, quiet: bool) -> None:
    """List a stack's revisions, or show one of them.

    Each deployment of a file is a revision. shop lists them, the newest first; shop@12 shows the files, the variables,
    the changes and the verdict of revision 12, values that look secret hidden.
    """
    from crane_cli.history import asking_history, parse_revision

    name, number = parse_revision(stack)
    api = session.api()
    if number is not None:
        with asking_history():
            _show_revision(session, api.get("stacks", name, "revisions", str(number)))
        return
    with asking_history():
        answer = api.find_all("stacks", name, "revisions")
    show_list(
        session,
        answer,
        ("REVISION", "WHEN", "BY", "OUTCOME", "CHANGED", "CAUSE"),
        lambda item: (
            _name_revision(item),
            describe_time(item.get("at")),
            item.get("by"),
            item.get("outcome") or "goes on",
            item.get("changed"),
            item.get("cause"),
        ),
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing=f"There are no revisions of the stack {name}.",
    )


def _name_revision(item: Item) -> str:
    again = f" (as @{item['same_as']})" if item.get("same_as") else ""
    return f"{item.get('id')}{again}"


def _show_revision(session: Session, found: Item) -> None:
    if not session.for_people:
        session.give(found)
        return
    outcome = paint_state(visible(found.get("outcome") or "goes on"))
    click.echo(f"{visible(_name_revision(found))}: {outcome}, {visible(found.get('changed'))}")
    click.echo(visible(f"By {found.get('by')}, {describe_time(found.get('at'))}; operation {found.get('operation')}"))
    if found.get("cause"):
        click.echo(visible(found["cause"]))
    for name, value in (found.get("variables") or {}).items():
        click.echo(visible(f"{name}={value}"))
    for attachment in found.get("attachments") or ():
        click.echo(visible(f"{attachment.get('path')}: {attachment.get('bytes')} bytes, sealed"))
    for file in found.get("files") or ():
        click.echo(visible(f"\n--- {file.get('name')}"))
        for line in str(file.get("content")).splitlines():
            click.echo(visible(line))


@stack.command()
@click.argument("older", metavar="STACK@REVISION")
@click.argument("newer", metavar="[STACK@REVISION]", required=False)
@click.pass_obj
def diff(session: Session, /, older: str, newer: str | None) -> None:
    """Show how two revisions of a stack differ; one of them alone is compared with the newest.

    Values that look secret stay hidden; where they differ, that is said.
    """
    from crane_cli.history import asking_history, parse_revision

    name, one = parse_revision(older)
    other_name, other = parse_revision(newer) if newer else (name, None)
    if one is None or (newer and other is None):
        raise WrongUse("Name revisions, as in: crane stack diff shop@11 shop@12")
    if other_name != name:
        raise WrongUse("Revisions of one stack can be compared, not those of two.")
    with asking_history():
        found: Item = session.api().get("stacks", name, "revisions", "diff", **{"from": one, "to": other})
    if not session.for_people:
        session.give(found)
        return
    if not any(found.get(kind) for kind in ("files", "variables", "attachments", "options", "images")):
        session.note(f"Revisions {found.get('from')} and {found.get('to')} do not differ.")
    for file in found.get("files") or ():
        _show_difference(file)
    for title, kind in (("Variables", "variables"), ("Options", "options"), ("Images", "images")):
        if changes := found.get(kind):
            click.echo(f"{title}:")
            for change in changes:
                click.echo(visible(f"  {change.get('name')}: {_say(change.get('from'))} -> {_say(change.get('to'))}"))
    for attachment in found.get("attachments") or ():
        click.echo(visible(f"{attachment.get('path')}: {attachment.get('change')}"))


def _say(value: object) -> str:
    return "nothing" if value is None else str(value)


def _show_difference(file: Item) -> None:
    if file.get("diff") is None:
        click.echo(visible(f"{file.get('name')}: {file.get('change')}; too long to be compared line by line"))
    elif file.get("hidden_differs"):
        click.echo(visible(f"{file.get('name')}: only values differ that are hidden"))
    for line in str(file.get("diff") or "").splitlines():
        colour = {"+": "green", "-": "red"}.get(line[:1])
        click.echo(style(visible(line), fg=colour) if colour else visible(line))
