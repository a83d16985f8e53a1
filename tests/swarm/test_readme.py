"""The README's two commands do what it says, on a machine that has no Engine."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import api, images

pytestmark = pytest.mark.swarm

ROOT = Path(__file__).parents[2]
# A machine of its own as far as the script can see: no Engine's socket, one network card, no other processes.
MACHINE = """
set -e
mount -t tmpfs none /run
ip link set lo up
ip link add card type veth peer name cable
ip link set cable up
ip address add 198.51.100.1/24 dev card
ip link set card up
exec .venv/bin/python scripts/run
"""


class Machine:
    """A machine on which ``make run`` runs.

    :param data: Where the Engine's data go.
    """

    def __init__(self, data: Path) -> None:
        own = ("DOCKER_", "CRANE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self.environment |= {"XDG_STATE_HOME": str(data), "XDG_DATA_HOME": str(data), "HOME": str(data)}
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", MACHINE],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def listen(self, words: str) -> None:
        """Wait until the program says something."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return
        raise AssertionError(f"It ended and had said:\n{self.said}")

    @property
    def pid(self) -> int:
        """The process id of ``scripts/run``, as the host counts."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def run(self, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", f"--wdns={cwd}"]
        return subprocess.run(
            [*enter, *command], env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )

    def socket(self, path: str) -> str:
        """Return where a socket of the machine is for the host."""
        return f"/proc/{self.pid}/root{path}"

    def stop(self) -> str:
        """Ask the program to stop; return what it says until it has."""
        assert self.process.stdout is not None
        os.kill(self.pid, 15)
        rest = self.process.stdout.read()
        self.process.wait(60)
        return rest


@pytest.fixture
def machine(tmp_path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    with machine.process:
        try:
            yield machine
            # An Engine that is asked to stop removes its containers and their cgroups; one that is killed does not.
            if machine.process.poll() is None:
                machine.stop()
        finally:
            machine.process.kill()


def test_make_run_starts_an_engine_of_its_own_and_stops_it(machine):
    machine.listen("Crane is at http://127.0.0.1:5013")

    assert "No Docker Engine answers here" in machine.said
    assert "It is now a Swarm of one node".lower() in machine.said.lower()
    assert api.ask(machine.socket("/run/crane-engine/docker.sock"), "GET", "/info")["Swarm"]["ControlAvailable"]
    assert "Stopping the Engine" in machine.stop()
    assert machine.process.returncode == 0


def test_readme_stack_is_deployed_by_the_readme_command(machine, tmp_path):
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"^\.venv/bin/(crane stack deploy .*)$", readme, flags=re.MULTILINE)
    stack = re.search(r"```yaml\n(.*?)```", readme, flags=re.DOTALL)
    assert command
    assert stack
    (tmp_path / "stack.yml").write_text(stack[1])
    program, *arguments = shlex.split(command[1])
    machine.listen("Crane is at")
    socket = machine.socket("/run/crane-engine/docker.sock")
    api.ask(socket, "POST", "/images/load?quiet=1", images.archive())
    api.ask(socket, "POST", "/images/lab/web:v1/tag?repo=nginx&tag=1.27")

    done = machine.run(str(ROOT / ".venv/bin" / program), *arguments, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "converged" in done.stdout
    (service,) = api.ask(socket, "GET", "/services?status=true")
    assert service["Spec"]["Name"] == "shop_web"
    assert service["ServiceStatus"]["RunningTasks"] == 3
