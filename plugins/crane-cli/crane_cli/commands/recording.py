"""crane recording: see, download and remove recorded terminals."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from crane_cli.command import Group, filtering, quiet_ids
from crane_cli.confirming import yes
from crane_cli.each import remove_each
from crane_cli.output import describe_time, show_list
from crane_cli.session import Session


@click.group(cls=Group)
def recording() -> None:
    """See, download and remove recorded terminals."""


@recording.command("ls")
@filtering(("by", "node", "service", "stack", "open"))
@quiet_ids
@click.pass_obj
def list_(session: Session, *, filters: dict[str, list[str]], quiet: bool) -> None:
    """List recorded terminals, the newest first."""
    query = {key: ",".join(wanted) for key, wanted in filters.items()}
    answer = session.api().find_all("terminal-recordings", sort="-started_at", **query)
    show_list(
        session,
        answer,
        ("ID", "BY", "WHERE", "COMMAND", "WHEN", "SECONDS", "BYTES"),
        lambda item: (
            item.get("id"),
            item.get("by"),
            f"{item.get('container')} on {item.get('node')}",
            item.get("command"),
            describe_time(datetime.fromtimestamp(item.get("started_at") or 0, UTC).isoformat()),
            f"{item.get('seconds') or 0:.0f}{' (open)' if item.get('open') else ''}",
            item.get("bytes"),
        ),
        quiet=(lambda item: item.get("id")) if quiet else None,
        nothing="Nothing is recorded; the setting terminal.record switches it on.",
    )


@recording.command()
@click.argument("recording", metavar="ID")
@click.option("-f", "--file", type=click.Path(dir_okay=False), help="Where to write it. Default: standard output.")
@click.pass_obj
def download(session: Session, *, recording: str, file: str | None) -> None:
    """Download a recording, as an asciicast that players such as asciinema show."""
    if file is None:
        session.api().copy(sys.stdout.buffer, "terminal-recordings", recording)
        return
    with open(file, "wb") as target:
        session.api().copy(target, "terminal-recordings", recording)


@recording.command()
@click.argument("recordings", nargs=-1, required=True, metavar="ID...")
@yes
@click.pass_obj
def rm(session: Session, recordings: tuple[str, ...], *, yes: bool) -> None:
    """Remove recordings; not those of terminals that are still open."""
    api = session.api()
    remove_each(session, "recording", recordings, lambda id_: api.send("DELETE", "terminal-recordings", id_), yes=yes)
