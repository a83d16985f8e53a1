"""crane may: what somebody may do, and why."""

from __future__ import annotations

import click

from crane_cli.command import Command
from crane_cli.errors import NOT_CONVERGED, WrongUse
from crane_cli.output import Item, print_table
from crane_cli.session import Session
from crane_cli.visible import visible


@click.command(cls=Command)
@click.argument("name", required=False)
@click.argument("action", required=False)
@click.option("--group", metavar="GROUP", help="Ask what this group gives its members.")
@click.option("--stack", metavar="STACK", help="On this stack, and what is in it.")
@click.option("--service", metavar="SERVICE", help="On this service.")
@click.option("--node", metavar="NODE", help="On this node.")
@click.option("-a", "--all", "every", is_flag=True, help="Show also what is not allowed.")
@click.pass_context
def may(
    context: click.Context,
    /,
    *,
    name: str | None,
    action: str | None,
    group: str | None,
    stack: str | None,
    service: str | None,
    node: str | None,
    every: bool,
) -> None:
    """Say what somebody may do, and why; without a name, what you may.

    \b
    crane may bob --stack shop
    crane may bob service:update --service shop_web
    crane may service:update --service shop_web

    Asked about one action, the exit status is 1 where it is not allowed.
    """
    session: Session = context.obj
    if name and action is None and ":" in name:
        # No account has such a name: it is an action, and asked of oneself or of a group.
        name, action = None, name
    if name and group:
        raise WrongUse("Ask about an account or about a group.")
    objects = {"stack": stack, "service": service, "node": node}
    named = [(kind, given) for kind, given in objects.items() if given is not None]
    if len(named) > 1:
        raise WrongUse("Ask about one thing: --stack, --service or --node.")
    kind, on = named[0] if named else (None, None)
    found: Item = session.api().get("rights", account=name, group=group, kind=kind, name=on, action=action)
    if not session.for_people:
        session.give(found)
    elif action:
        for right in found.get("rights") or ():
            click.echo(visible(f"{'yes' if right.get('allowed') else 'no'}: {right.get('reason')}"))
    else:
        _show(session, found, every)
    if action and not all(right.get("allowed") for right in found.get("rights") or ()):
        context.exit(NOT_CONVERGED)


def _show(session: Session, found: Item, every: bool) -> None:
    rights = [right for right in found.get("rights") or () if every or right.get("allowed")]
    rows = ((right.get("action"), "yes" if right.get("allowed") else "no", right.get("reason")) for right in rights)
    print_table(("ACTION", "ALLOWED", "WHY"), rows)
    if not rights:
        whose = f"who is in {found.get('group')}" if found.get("group") else found.get("account")
        session.note(f"There is nothing that {whose} may do there; --all shows what there is.")
