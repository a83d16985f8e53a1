"""What the command line costs before it does anything."""

from __future__ import annotations

import compileall
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.client import median
from tests.bench.figures import Figure
from tests.bench.processes import ROOT

TRIES = 15


def measure(_directory: Path) -> Iterator[Figure]:
    """Measure what `crane --help` takes of a processor."""
    compileall.compile_dir(str(ROOT / "plugins" / "crane-cli" / "crane_cli"), quiet=2)
    seconds = [_help() for _ in range(TRIES)]
    note = f"median of {TRIES}, at most {max(seconds) * 1000:.0f} ms"
    yield Figure("`crane --help`, of a processor", median(seconds), 150, "ms", note=note)


def _help() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([Path(sys.executable).with_name("crane"), "--help"], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
