"""crane doctor: what is wrong with the Swarm or will be, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from crane_cli.command import Command
from crane_cli.errors import NOT_CONVERGED
from crane_cli.output import Item
from crane_cli.session import Session, style
from crane_cli.visible import visible

COLOURS: Mapping[str, str] = {"ok": "green", "info": "cyan", "warning": "yellow", "error": "red"}


@click.command(cls=Command)
@click.option("--fresh", is_flag=True, help="Look now, also where it was looked less than a minute ago.")
@click.option("-q", "--quiet", is_flag=True, help="Show only what hurts, or will.")
@click.pass_obj
@click.pass_context
def doctor(context: click.Context, session: Session, /, *, fresh: bool, quiet: bool) -> None:
    """Look what is wrong with the Swarm or will be, and what to do about it.

    Nodes, managers, certificates, join tokens, clocks, versions, sizes of packets, ports between nodes, disks, and the
    server itself. What cannot be found out is said too. Exit status 1 when something hurts, or will.
    """
    report: Item = session.api().get("doctor", fresh=fresh or None)
    if session.for_people:
        for check in report["checks"]:
            _tell(check, quiet)
        if quiet and report["state"] == "ok":
            session.note("Nothing hurts.")
    else:
        session.give(report)
    context.exit(0 if report["state"] == "ok" else NOT_CONVERGED)


def _tell(check: Item, quiet: bool) -> None:
    findings = [each for each in check["findings"] if not quiet or each["severity"] in ("warning", "error")]
    if quiet and not findings:
        return
    state = visible(check["state"])
    click.echo(f"{style(f'{state:<8}', fg=COLOURS.get(state))} {visible(check['title'])}")
    for finding in findings:
        severity = visible(finding["severity"])
        click.echo(f"  {style(severity, fg=COLOURS.get(severity))}: {visible(finding['what'])}")
        if finding.get("advice"):
            click.echo(f"    {visible(finding['advice'])}")
