"""crane usage: what a service, a stack or the tasks of a node used over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from crane_cli.command import Command, moment
from crane_cli.errors import Refused
from crane_cli.output import Item, print_table, tell_age
from crane_cli.session import Session

WIDTH = 40
BARS = "▁▂▃▄▅▆▇█"
NAMES = {
    "cpu": "CPU",
    "memory": "MEMORY",
    "network_received": "RECEIVED",
    "network_sent": "SENT",
    "disk_read": "READ",
    "disk_written": "WRITTEN",
    "pids": "PROCESSES",
}
# What Prometheus knows of.
PAST_KINDS = ("service", "stack", "node")


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["service", "stack", "node", "task", "container"]))
@click.argument("name")
@click.option("--since", metavar="WHEN", callback=moment, help="From when on, as in 7d (seven days ago). Default: 24h.")
@click.option("--until", metavar="WHEN", callback=moment, help="Until when. Default: now.")
@click.option("--by-task", is_flag=True, help="Tell of each task by itself.")
@click.option("--recent", is_flag=True, help="Tell what the server measured itself in the last 24 hours.")
@click.pass_obj
def usage(
    session: Session,
    /,
    *,
    kind: str,
    name: str,
    since: str | None,
    until: str | None,
    by_task: bool,
    recent: bool,
) -> None:
    """Show what a service, a stack, a task, a container or the tasks of a node used over time.

    The figures come from the Prometheus that the server's setting history.prometheus_url names. Without one, and of
    tasks and containers, they are what the server measured itself in the last 24 hours.
    """
    query = {"until": until, "by": "task" if by_task else None}
    found = None
    if not recent and kind in PAST_KINDS:
        found = _ask_history(session, f"{kind}s", name, query={**query, "since": since})
    if found is None:
        found = session.api().get("stats", f"{kind}s", name, since=since or _a_day_ago(), **query)
    tell_age(session, found)
    if not session.for_people:
        session.give(found)
        return
    rows = [
        (
            series.get("task") or name,
            NAMES.get(figure["name"], figure["name"]),
            *(describe(series.get(member), figure["unit"]) for member in ("least", "mean", "most")),
            draw([value for _, value in series.get("points") or ()]),
        )
        for figure in found.get("figures") or ()
        for series in figure.get("series") or ()
    ]
    print_table(("OF", "FIGURE", "LEAST", "MEAN", "MOST", "OVER TIME"), sorted(rows, key=lambda row: str(row[0])))
    if not rows and "pace" in found:
        session.note("Nothing was measured in this time. The Engine of each node has to answer the server.")
    elif not rows:
        session.note("Prometheus knows nothing of it in this time. It has to scrape cAdvisor on every node.")


def _ask_history(session: Session, *path: str, query: Mapping[str, str | None]) -> Item | None:
    """Return what Prometheus knows; None where the server has none."""
    from crane_cli.history import NoHistory, asking_history

    try:
        with asking_history():
            found: Item = session.api().get("stats-history", *path, **query)
            return found
    except NoHistory:
        pass
    except Refused as error:
        if error.problem.get("code") != "no-prometheus":
            raise
    session.note("The server has no Prometheus to ask; these are its own last 24 hours.")
    return None


def _a_day_ago() -> str:
    from datetime import UTC, datetime, timedelta

    # A minute less, so that it is within what is kept.
    return (datetime.now(UTC) - timedelta(hours=24, minutes=-1)).isoformat().replace("+00:00", "Z")


def describe(value: float | None, unit: str) -> str:
    """Say how much something is in a unit that fits."""
    from crane_cli.sizes import describe_size

    if value is None:
        return ""
    if unit == "cores":
        return f"{value:.2f} cores"
    if unit == "processes":
        return f"{value:.0f}"
    return describe_size(round(value)) + ("/s" if unit.endswith("per second") else "")


def draw(values: Sequence[float]) -> str:
    """Draw figures as bars, the least of which stands for zero.

    >>> draw([0, 1, 2, 7])
    '▁▂▃█'
    """
    if not values:
        return ""
    count = min(WIDTH, len(values))
    parts = [values[index * len(values) // count : (index + 1) * len(values) // count] for index in range(count)]
    means = [sum(part) / len(part) for part in parts]
    most = max(max(means), 1e-12)
    return "".join(BARS[min(len(BARS) - 1, max(0, round(mean / most * (len(BARS) - 1))))] for mean in means)
