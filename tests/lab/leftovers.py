"""Clean up after labs whose test run died: they are ours by name, and their owner is gone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.lab import network, node

PREFIX = "cranelab"
_NAME = re.compile(rf"({PREFIX}-(\d+)-(\d+))(?:-.*)?")


def directory_of(name: str) -> Path:
    """Return where the lab of a name keeps its files."""
    return Path(tempfile.gettempdir()) / name


def link_of(name: str) -> str:
    """Return what the host's end of a lab's cable is called: at most 15 characters."""
    _, pid, number = name.split("-")
    return f"cl{pid}n{number}"


def own(name: str) -> None:
    """Make the lab of a name a place in memory, and write down that this process owns it.

    The managers of a Swarm agree on nothing while the disk of one of them is slow, and how slow a test machine's disk
    is says nothing about what is tested.
    """
    directory = directory_of(name)
    directory.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", name, str(directory)], check=True)
    (directory / "owner").write_text(_birth(os.getpid()) or "")


def resize(name: str, size: int) -> None:
    """Make the place of a lab so many bytes large."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(directory_of(name))], check=True)


def remove_dead() -> list[str]:
    """Remove every lab of this machine whose owner lives no more; return their names."""
    found = {}
    places = (*Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"), *network.NAMESPACES.glob(f"{PREFIX}-*"))
    for path in places:
        if match := _NAME.fullmatch(path.name):
            found[match[1]] = int(match[2])
    dead = sorted(name for name, pid in found.items() if not _lives(name, pid))
    for name in dead:
        remove(name)
    return dead


def remove(name: str) -> None:
    """Remove the lab of a name: processes, network, cgroups and files."""
    _kill_processes(name)
    network.remove(name, link_of(name))
    node.remove_cgroups(name)
    directory = directory_of(name)
    if directory.is_mount():
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
    shutil.rmtree(directory, ignore_errors=True)


def _lives(name: str, pid: int) -> bool:
    birth = _birth(pid)
    try:
        owner = (directory_of(name) / "owner").read_text()
    except OSError:
        # Without the file the process's number must do; it errs by leaving a dead lab alone.
        return birth is not None
    return birth is not None and owner == birth


def _birth(pid: int) -> str | None:
    """Return when a process started, so that a later one with its number is not taken for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _kill_processes(name: str) -> None:
    """Kill what still runs in the network namespaces of a lab."""
    deadline = time.monotonic() + 10
    while (pids := _processes(name)) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _processes(name: str) -> list[int]:
    spaces = {path.stat().st_ino for path in network.NAMESPACES.glob(f"{name}-*")}
    return [pid for pid in _pids() if _namespace(pid) in spaces]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _namespace(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None
