"""Measure the server and compare it with its goals: ``make bench``.

Prints a table, writes it into docs/explanation/performance.md when everything was measured, and ends with status 1 when
a goal is missed. ``ARGS="--only large"`` or ``"--only real"`` measures a part.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.bench import (
    commandline,
    large,
    logins,
    logs,
    lost,
    monitoring,
    panel,
    panel_logs,
    permission,
    real,
    tasks,
    timeline,
)
from tests.bench.figures import Figure, table, write_page
from tests.bench.processes import ROOT

PARTS: Mapping[str, Callable[..., Iterator[Figure]]] = {
    "commandline": commandline.measure,
    "large": large.measure,
    "logins": logins.measure,
    "logs": logs.measure,
    "lost": lost.measure,
    "monitoring": monitoring.measure,
    "panel": panel.measure,
    "panel-logs": panel_logs.measure,
    "permission": permission.measure,
    "real": real.measure,
    "tasks": tasks.measure,
    "timeline": timeline.measure,
}


def main() -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the server.")
    parser.add_argument("--only", choices=PARTS, help="measure a part")
    parser.add_argument(
        "--minutes", type=float, default=panel.MINUTES, help="how long a tab of the panel stays open (%(default)g)"
    )
    options = parser.parse_args()
    only = options.only
    # As an installation leaves it; sources that were edited since would be compiled at each start.
    compileall.compile_dir(str(ROOT / "crane_core"), quiet=2)
    figures = []
    for name, measure in PARTS.items():
        if only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(prefix="crane-bench-") as directory:
            more = {"minutes": options.minutes} if name == "panel" else {}
            for figure in measure(Path(directory), **more):
                figures.append(figure)
                say(" | ".join(figure.row()))
    say("\n" + table(figures))
    if only is None and options.minutes == panel.MINUTES:
        write_page(figures)
    return 0 if all(figure.met for figure in figures) else 1


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
