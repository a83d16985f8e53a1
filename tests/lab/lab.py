"""A real Docker Swarm of a few nodes on this one machine, for tests.

::

    with Lab(nodes=3) as lab:
        lab.ask("GET", "/nodes")
        lab.kill_node(2)

Needs root and what Debian calls docker.io, iptables, iproute2, util-linux and busybox-static. ``python -m
tests.lab.lab`` starts one and keeps it until Ctrl-C. The kernel of a test machine often has no IPVS: virtual addresses
and the routing mesh then do not forward. Services that have to answer use ``endpoint_mode: dnsrr`` and ports of mode
``host``.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.lab import images, leftovers
from tests.lab.api import Refused
from tests.lab.network import Network
from tests.lab.node import Node, NodeError

# What the lab runs, and the Debian package that has it.
PROGRAMS = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "mount",
}
_numbers = itertools.count(1)
log = logging.getLogger(__name__)


class LabError(Exception):
    """The lab cannot be had, or did not come up."""


class Lab:
    """A Swarm of real Engines; node 1 is its manager.

    :param nodes: How many nodes it has.
    :param heartbeat: How often a node tells the manager that it lives, in seconds. One that was silent for three times
        as long is down; the Engine's own default is 5.
    """

    def __init__(self, nodes: int = 1, *, heartbeat: float = 2.0) -> None:
        self.name = f"{leftovers.PREFIX}-{os.getpid()}-{next(_numbers)}"
        self.directory = leftovers.directory_of(self.name)
        self.nodes: tuple[Node, ...] = ()
        self._count = nodes
        self._heartbeat = heartbeat
        self._network = Network(self.name, leftovers.link_of(self.name))

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        """The manager's ``DOCKER_HOST``."""
        return self.node(1).url

    @property
    def urls(self) -> tuple[str, ...]:
        """The ``DOCKER_HOST`` of each node."""
        return tuple(node.url for node in self.nodes)

    def node(self, number: int) -> Node:
        """Return a node, counted from 1."""
        return self.nodes[number - 1]

    def ask(self, method: str, target: str, body: Any = None, *, timeout: float = 60.0) -> Any:
        """Ask the manager's Engine; see :func:`tests.lab.api.ask`."""
        return self.node(1).ask(method, target, body, timeout=timeout)

    def docker(self, *arguments: str, check: bool = True) -> str:
        """Run the docker program against the manager; return what it printed."""
        environment = {**os.environ, "DOCKER_HOST": self.url}
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True, timeout=120)
        if check and done.returncode:
            raise LabError(f"docker {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def up(self) -> None:
        """Start the nodes, join them into a Swarm and give them the images.

        :raises LabError: When something is missing, or when a node does not come up; the log of each is in the message.
        """
        check_requirements()
        leftovers.remove_dead()
        leftovers.own(self.name)
        atexit.register(self.down)
        try:
            self._start()
            self._form_swarm()
        except (NodeError, Refused, OSError, subprocess.CalledProcessError) as error:
            logs = self.logs()
            self.down()
            detail = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
            raise LabError(f"The lab did not come up: {error} {detail}\n{logs}") from error
        except BaseException:
            self.down()
            raise

    def _start(self) -> None:
        self._network.up(self._count)
        self.nodes = tuple(
            Node(
                number,
                self.directory / f"node{number}",
                self._network.namespace(number),
                self._network.address(number),
                f"/{self.name}-node{number}",
            )
            for number in range(1, self._count + 1)
        )
        for node in self.nodes:
            node.start()

    def _form_swarm(self) -> None:
        archive = images.archive()

        def furnish(node: Node) -> None:
            node.wait()
            node.ask("POST", "/images/load?quiet=1", archive)

        with ThreadPoolExecutor(len(self.nodes)) as pool:
            furnished = [pool.submit(furnish, node) for node in self.nodes]
            self.node(1).wait()
            self._init()
            token = self.ask("GET", "/swarm")["JoinTokens"]["Worker"]
            joined = [pool.submit(self._join, node, token) for node in self.nodes[1:]]
            for future in (*furnished, *joined):
                future.result()
        self.wait_until(self._all_ready, "all nodes are ready")

    def _init(self) -> None:
        address = self.node(1).address
        heartbeat = int(self._heartbeat * images.NANOSECONDS)
        body = {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": address,
            "Spec": {"Dispatcher": {"HeartbeatPeriod": heartbeat}},
        }
        self.ask("POST", "/swarm/init", body)

    def _join(self, node: Node, token: str) -> None:
        node.wait()
        body = {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": node.address,
            "RemoteAddrs": [f"{self.node(1).address}:2377"],
            "JoinToken": token,
        }
        node.ask("POST", "/swarm/join", body)

    def _all_ready(self) -> bool:
        nodes = self.ask("GET", "/nodes")
        return len(nodes) == self._count and all(node["Status"]["State"] == "ready" for node in nodes)

    def down(self) -> None:
        """Remove the lab, whatever there is of it; a second time does nothing."""
        for node in self.nodes:
            node.kill()
        self.nodes = ()
        leftovers.remove(self.name)
        atexit.unregister(self.down)

    def kill_node(self, number: int) -> None:
        """Cut a node's power: its Engine and its containers are gone when this returns."""
        self.node(number).kill()

    def stop_engine(self, number: int) -> None:
        """Shut a node's Engine down properly."""
        self.node(number).stop()

    def start_node(self, number: int) -> None:
        """Switch a node on again and wait until its Engine answers and knows that it is in the Swarm.

        :raises NodeError: When it does not come up.
        """
        self.node(number).start()
        self.node(number).wait()
        self.wait_until(lambda: self._is_member(self.node(number)), f"node{number} is back in the Swarm")

    @staticmethod
    def _is_member(node: Node) -> bool:
        return bool(node.ask("GET", "/info")["Swarm"]["LocalNodeState"] == "active")

    def pause_engine(self, number: int) -> None:
        """Freeze a node's Engine: it takes connections and answers nothing."""
        self.node(number).pause()

    def resume_engine(self, number: int) -> None:
        """Let a paused Engine go on."""
        self.node(number).resume()

    def unplug(self, number: int) -> None:
        """Cut a node off from the network; its own socket goes on answering."""
        self._network.unplug(number)

    def plug(self, number: int) -> None:
        """Connect a node to the network again."""
        self._network.plug(number)

    def narrow(self, number: int, size: int = 1500) -> None:
        """Have a node's link carry packets of so many bytes at the most."""
        self._network.narrow(number, size)

    def resize_disk(self, free: float) -> None:
        """Make the disk that all nodes share so large that such a part of it is free, from 0 to 1."""
        now = os.statvfs(self.directory)
        used = (now.f_blocks - now.f_bfree) * now.f_frsize
        leftovers.resize(self.name, int(used / (1 - free)))

    def move_node(self, number: int) -> None:
        """Cut a node's power, and switch it on again with another address; a second time with its first one."""
        if self.node(number).running:
            self.kill_node(number)
        self._network.move(number)
        self.node(number).address = self._network.address(number)
        self.start_node(number)

    def load(self, archive: bytes) -> None:
        """Give every node the images of an archive."""
        for node in self.nodes:
            node.ask("POST", "/images/load?quiet=1", archive)

    def clear(self, patience: float = 60.0) -> None:
        """Bring the Swarm back to what it was when it came up, for the next test.

        Where that cannot be done, the nodes are made anew: what one test broke is not to fail those after it.

        :param patience: How long each step may take, in seconds.
        """
        try:
            self._clear(patience)
        except (LabError, NodeError, Refused, OSError) as error:
            log.warning("The lab %s is made anew: %s", self.name, error)
            self.down()
            self.up()

    def _clear(self, patience: float) -> None:
        for node in self.nodes:
            self.plug(node.number)
            if self._network.has_moved(node.number):
                self.move_node(node.number)
            if node.running:
                node.resume()
            else:
                self.start_node(node.number)
        services = self._settled(lambda: self.ask("GET", "/services"), patience)
        for service in services:
            self.ask("DELETE", f"/services/{service['ID']}")
        self._end_jobs([service["ID"] for service in services if "Job" in "".join(service["Spec"]["Mode"])])
        self.wait_until(self._no_containers, "the containers of removed services are gone", patience)
        self.wait_until(self._remove_volumes, "the volumes are gone", patience)
        for kind in ("configs", "secrets"):
            for thing in self.ask("GET", f"/{kind}"):
                self.ask("DELETE", f"/{kind}/{thing['ID']}")
        self.wait_until(self._remove_networks, "the networks of removed services are gone", patience)
        self.wait_until(self._reset_nodes, "all nodes are ready and as they were", patience)

    def _end_jobs(self, service_ids: list[str]) -> None:
        """End what jobs run by force: an Engine lets it run on when the service is removed."""
        for node in self.nodes:
            for container in node.ask("GET", "/containers/json") if service_ids else ():
                if container["Labels"].get("com.docker.swarm.service.id") in service_ids:
                    with contextlib.suppress(Refused):
                        node.ask("DELETE", f"/containers/{container['Id']}?force=1")

    def _settled(self, read: Callable[[], Any], patience: float) -> Any:
        """Return what a call answers once the manager has found its leader again."""
        answers: list[Any] = []

        def attempt() -> bool:
            answers.append(read())
            return True

        self.wait_until(attempt, "the manager answers", patience)
        return answers[-1]

    def _no_containers(self) -> bool:
        """Remove what has stopped, which a Swarm keeps for a while, and tell whether there was nothing."""
        found = [(node, each) for node in self.nodes for each in node.ask("GET", "/containers/json?all=1")]
        for node, container in found:
            if container["State"] != "running":
                with contextlib.suppress(Refused):
                    node.ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        return not found

    def _remove_volumes(self) -> bool:
        found = [(node, each["Name"]) for node in self.nodes for each in node.ask("GET", "/volumes")["Volumes"] or ()]
        for node, name in found:
            node.ask("DELETE", f"/volumes/{name}?force=1")
        return not found

    def _remove_networks(self) -> bool:
        left = [net for net in self.ask("GET", '/networks?filters={"type":["custom"]}') if net["Scope"] == "swarm"]
        left = [network for network in left if not network["Ingress"]]
        for network in left:
            self.ask("DELETE", f"/networks/{network['Id']}")
        return not left

    def _reset_nodes(self) -> bool:
        nodes = self.ask("GET", "/nodes")
        for node in nodes:
            role = "manager" if node["Description"]["Hostname"] == self.node(1).name else "worker"
            wanted = {"Role": role, "Availability": "active", "Labels": {}}
            if {**wanted, **node["Spec"]} != wanted:
                self.ask("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", wanted)
        # A node that is made a worker is a manager for some seconds more.
        return sum("ManagerStatus" in node for node in nodes) == 1 and self._all_ready()

    def wait_until(self, fact: Callable[[], bool], words: str, timeout: float = 60.0) -> None:
        """Wait until something is so; an Engine that refuses or hangs up meanwhile is asked again.

        :param words: What is waited for, for the message.
        :raises LabError: When it is not so in time.
        """
        deadline = time.monotonic() + timeout
        last: Exception | None = None
        while time.monotonic() < deadline:
            try:
                if fact():
                    return
                last = None
            except (OSError, Refused) as error:
                last = error
            time.sleep(0.05)
        raise LabError(f"Waited {timeout:.0f} s in vain until {words}{f': {last}' if last else ''}.\n{self.logs()}")

    def logs(self, lines: int = 40) -> str:
        """Return the end of each Engine's log."""
        return "\n".join(f"--- the Engine of {node.name}\n{node.log(lines)}" for node in self.nodes)


def check_requirements() -> None:
    """Make sure that the lab can run here.

    :raises LabError: With the name of everything that is missing.
    """
    if os.geteuid() != 0:
        raise LabError("The lab starts Docker Engines of its own and therefore needs root.")
    # Debian's root has these directories in its PATH only after a login.
    if "/usr/sbin" not in os.environ["PATH"].split(":"):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [f"{name} (Debian: {package})" for name, package in PROGRAMS.items() if not shutil.which(name)]
    if not images.BUSYBOX.exists():
        missing.append(f"{images.BUSYBOX} (Debian: busybox-static)")
    if missing:
        raise LabError(f"The lab lacks {', '.join(missing)}.")


def main(arguments: list[str]) -> int:
    """Start a lab and keep it until somebody presses Ctrl-C, or ends this process."""
    count = int(arguments[0]) if arguments else 3
    # A shell starts what is to run in the background with Ctrl-C ignored, so both are asked for.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        with Lab(count) as lab:
            print(f"A Swarm of {count} is up. Its images: {', '.join(images.NAMES)}. Point programs at it with:\n")
            print(f"    export DOCKER_HOST={lab.url}\n\nCtrl-C removes it.", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        print("\nThe lab is gone.")
        return 0
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
