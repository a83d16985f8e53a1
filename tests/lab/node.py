"""One node of the lab: a dockerd that believes to be alone on a machine.

It has namespaces of its own for network, mounts, host name and processes. Because it is process 1 of its process
namespace, to kill it is to cut the power: containerd, shims and containers are gone in the same moment, and so are all
mounts. ``ip netns exec`` is of no use here: it mounts /sys anew and thereby hides the cgroups.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.lab import api

CGROUPS = Path("/sys/fs/cgroup")

# A node's /run is its own, because containerd's sockets lie there. Nobody answers DNS on a node, so that a look-up is
# refused at once: an unreachable server would keep every task in "preparing" for half a minute.
_ENTER = """
set -e
hostname "$1"
mount --bind "$2/run" /run
if [ -f /etc/resolv.conf ]; then mount --bind "$2/resolv.conf" /etc/resolv.conf; fi
shift 2
exec dockerd "$@"
"""


class NodeError(Exception):
    """A node of the lab did not do what it should."""


class Node:
    """A node: starts, stops and answers.

    :param number: Counted from 1.
    :param directory: Where its data, sockets and log lie.
    :param namespace: The network namespace that it lives in.
    :param address: Its address in the lab's network.
    :param cgroup: The cgroup below which its containers run, as ``/cranelab-1-1``.
    """

    def __init__(self, number: int, directory: Path, namespace: str, address: str, cgroup: str) -> None:
        self.number = number
        self.name = f"node{number}"
        self.address = address
        self._directory = directory
        self._namespace = namespace
        self._cgroup = cgroup
        # Where the certificates are with which it listens at port 2376, in place of 2375, which needs none.
        self.certificates: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The socket that its Engine listens at."""
        return self._directory / "docker.sock"

    @property
    def data(self) -> Path:
        """Where its Engine keeps what outlives a start."""
        return self._directory / "data"

    @property
    def url(self) -> str:
        """What ``DOCKER_HOST`` has to be to reach it."""
        return f"unix://{self.socket}"

    @property
    def running(self) -> bool:
        """Whether the node is under power (its Engine may be paused)."""
        return self._process is not None and self._process.poll() is None

    def ask(self, method: str, target: str, body: Any = None, *, timeout: float = 60.0) -> Any:
        """Ask its Engine; see :func:`tests.lab.api.ask`."""
        return api.ask(str(self.socket), method, target, body, timeout=timeout)

    def start(self) -> None:
        """Switch the node on; :meth:`wait` tells when it is ready.

        :raises NodeError: When it runs already, or when called on another thread than the main one: the node dies with
            the thread that started it, so that a test run that is killed leaves no daemon.
        """
        if self.running:
            raise NodeError(f"{self.name} is running already.")
        if threading.current_thread() is not threading.main_thread():
            raise NodeError(f"{self.name} can be started by the main thread only.")
        self._prepare()
        command = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/var/run/netns/{self._namespace}"]
        command += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["sh", "-c", _ENTER, "node", self.name, str(self._directory), *self._options()]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _prepare(self) -> None:
        # What a machine loses when its power goes: process ids that are written down somewhere now belong to others.
        for gone in ("run", "exec"):
            shutil.rmtree(self._directory / gone, ignore_errors=True)
        for file in ("docker.sock", "pid"):
            (self._directory / file).unlink(missing_ok=True)
        run = self._directory / "run"
        run.mkdir(parents=True)
        nobody_answers = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
        (self._directory / "resolv.conf").write_text(nobody_answers)
        resolv = Path(os.path.realpath("/etc/resolv.conf"))
        if resolv.is_relative_to("/run"):
            inside = run / resolv.relative_to("/run")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.write_text(nobody_answers)

    def _options(self) -> list[str]:
        return [
            f"--data-root={self.data}",
            f"--exec-root={self._directory / 'exec'}",
            f"--pidfile={self._directory / 'pid'}",
            f"--cgroup-parent={self._cgroup}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--host=unix:///run/docker.sock",
            f"--host={self.url}",
            *self._ways(),
        ]

    def _ways(self) -> list[str]:
        if self.certificates is None:
            return [f"--host=tcp://{self.address}:2375", "--tls=false"]
        files = {"cacert": "ca", "cert": "cert", "key": "key"}
        told = [f"--tls{option}={self.certificates / name}.pem" for option, name in files.items()]
        return [f"--host=tcp://{self.address}:2376", "--tlsverify", *told]

    def run_beside(self, *command: str) -> subprocess.Popen[str]:
        """Start a program in the node's network, as if it ran on that machine; whoever calls ends it."""
        inside = ["ip", "netns", "exec", self._namespace, *command]
        return subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until the Engine answers.

        :raises NodeError: When it ended or did not answer in time; with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.running:
                raise NodeError(f"The Engine of {self.name} ended:\n{self.log()}")
            try:
                self.ask("GET", "/_ping", timeout=5)
            except (OSError, api.Refused):
                time.sleep(0.05)
            else:
                return
        raise NodeError(f"The Engine of {self.name} did not answer within {timeout:.0f} s:\n{self.log()}")

    def kill(self) -> None:
        """Cut the power: every process of the node is gone when this returns."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut the Engine down properly; its containers stop with it."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            self._signal(number)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                process.wait(30)
        self._process = None

    def pause(self) -> None:
        """Freeze the Engine: connections are taken, and nothing is answered.

        :raises NodeError: When one of its threads goes on for more than ten seconds.
        """
        self._signal(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while not self._frozen():
            if time.monotonic() > deadline:
                raise NodeError(f"The Engine of {self.name} does not stop.")
            time.sleep(0.01)

    def _frozen(self) -> bool:
        threads = Path(f"/proc/{self._engine()}/task").glob("*/stat")
        return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)

    def resume(self) -> None:
        """Let a paused Engine go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._engine(), number)

    def _engine(self) -> int:
        """Return the Engine's process id; it is process 1 of everything on the node."""
        process = self._process
        if process is None or process.poll() is not None:
            raise NodeError(f"{self.name} is not running.")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        # Until `unshare` has made its child it is alone, and takes the child with it when it dies.
        return int(children[0]) if children else process.pid

    def log(self, lines: int = 40) -> str:
        """Return the end of the Engine's log."""
        try:
            written = (self._directory / "log").read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join(written.splitlines()[-lines:])


def remove_cgroups(prefix: str) -> None:
    """Remove the empty cgroups that killed containers left below a node's own."""
    for hierarchy in (CGROUPS, *CGROUPS.glob("*")):
        for top in hierarchy.glob(f"{prefix}-*"):
            for directory, _, _ in os.walk(top, topdown=False):
                _remove_cgroup(Path(directory))


def _remove_cgroup(directory: Path) -> None:
    for _ in range(100):
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            # The kernel is still taking leave of the last process in it.
            time.sleep(0.02)
        else:
            return
