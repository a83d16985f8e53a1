"""The agent as the pool and whoever watches over the server see it: where it is, its certificates, and how it fares.

The agent is a global service of HAProxy that stands in front of each node's Engine and lets nobody in but who shows a
certificate of Crane's own authority. It is made and changed by :mod:`crane_core.cluster.agent`; here is only read what
that wrote down.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from crane_core.engine.link import Endpoint, NodeUnreachable
from crane_core.engine.pool import ENDPOINT_LABEL, Pool
from crane_core.engine.records import Node, Service, Task
from crane_core.engine.transport import TlsFiles

if TYPE_CHECKING:
    from crane_core.context import Crane
    from crane_core.engine.snapshot import Snapshot

log = logging.getLogger(__name__)

# The name of the service, and the beginning of the names of its secrets and configs.
SERVICE = "crane-agent"
# On everything that belongs to the agent. Its value tells what the service's spec is made of; nobody else may use it.
LABEL = "crane.reserved.agent"
# On the service: the authorities that it trusts.
AUTHORITY_LABEL = "crane.reserved.agent.authorities"
# What the agent's certificate says it is, whatever the address of its node.
SERVER_NAME = "crane-agent"
OF_OTHERS = (
    "The agent was installed by a server that has other keys than this one: have agent.directory lead to these, or "
    "remove the agent and install it anew."
)
STATE_FILE = "agent.json"
# How often it is looked whether another server wrote something down, in seconds.
FRESH_SECONDS = 1.0

AgentState = Literal["absent", "foreign", "rolling", "rotating", "stalled", "settled"]
"""absent: there is no service; foreign: it is of a server that keeps other keys; rolling: tasks are replaced; rotating:
they are, and the old authority is trusted as well as the new one; stalled: they would have to be, and something is in
the way."""


class Authority(msgspec.Struct, frozen=True):
    """An authority that is trusted.

    :param name: The name of its files, without their endings; also what the agent's service calls it.
    """

    name: str
    ends: datetime


class Leaf(msgspec.Struct, frozen=True):
    """A certificate.

    :param name: The client's: the name of its files, without their endings; the agent's: that of the Swarm's secret.
    :param authority: The name of the authority that signed it.
    """

    name: str
    authority: str
    ends: datetime


class Papers(msgspec.Struct, frozen=True):
    """Which certificates are in use; the keys themselves stand in files beside this, or are secrets of the Swarm.

    :param authorities: Those that are trusted: the one that signs last. There are two while an old one is replaced.
    :param client: What the server shows to agents.
    :param agent: What agents show to the server.
    """

    authorities: tuple[Authority, ...]
    client: Leaf
    agent: Leaf

    @property
    def rotating(self) -> bool:
        """Whether an old authority is about to be given up."""
        return len(self.authorities) > 1

    @property
    def trusted(self) -> str:
        """The names of the authorities that are trusted, and the name of the file that holds their certificates."""
        return "-".join(authority.name for authority in self.authorities)


@dataclass(frozen=True)
class AgentOfNode:
    """The agent of one node.

    :param state: The state of its task; ``absent`` where the Swarm has none there.
    :param current: Whether it is as it should be by now, and not about to be replaced.
    :param reachable: Whether the node's Engine answers through it; None where it is reached by another way.
    :param error: Why it does not run, or is not reached.
    """

    node: str
    node_id: str
    state: str
    current: bool
    reachable: bool | None
    error: str = ""


@dataclass(frozen=True)
class AgentStatus:
    """How the agent fares.

    :param installed: Whether the Swarm has the service, and this server the keys to it.
    :param error: What is wrong, and what to do about it; empty when nothing is.
    :param certificate_ends: When the certificate of the agents ends; it is renewed long before.
    """

    installed: bool
    state: AgentState
    image: str
    port: int
    nodes: tuple[AgentOfNode, ...] = ()
    error: str = ""
    authority_ends: datetime | None = None
    certificate_ends: datetime | None = None
    client_ends: datetime | None = None


class AgentKeys:
    """The room of one server that knows where the keys to the agents are."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self.directory = Path(crane.settings["agent.directory"] or crane.data_directory / "agent")
        self._lock = threading.Lock()
        self._known: Papers | None = None
        self._read_at = float("-inf")
        self._stamp: tuple[int, int] | None = None

    def read(self, *, anew: bool = False) -> Papers | None:
        """Return which certificates are in use; None before the agent was installed.

        :param anew: Whether to look although that was done a moment ago: another server may have written since.
        """
        with self._lock:
            now = self._crane.cache.clock()
            if anew or now - self._read_at >= FRESH_SECONDS:
                self._read_at = now
                self._read_file()
            return self._known

    def find(self, node: Node) -> Endpoint | None:
        """Return the way to a node's Engine through its agent, None before that was installed.

        :raises NodeUnreachable: for a drained node, which the Swarm runs no agent on; and where the agent is that of a
            server with other keys.
        """
        papers = self.read()
        service = find_agent_service(self._crane.cache.snapshot())
        if service is None:
            return None
        if papers is None or not is_own(service, papers):
            raise NodeUnreachable(OF_OTHERS)
        if node.availability == "drain":
            raise NodeUnreachable(
                f"The Swarm runs no agent on {node.name}, because that is drained: make it active, or name its address "
                f"with the label {ENDPOINT_LABEL}."
            )
        address = address_of(node)
        if not address:
            return None
        host = f"[{address}]" if ":" in address else address
        return Endpoint(f"tcp://{host}:{self._crane.settings['agent.port']}", "agent", self.tls(papers))

    def tls(self, papers: Papers) -> TlsFiles:
        """Return the files with which agents are spoken to."""
        return TlsFiles(
            ca=str(self.directory / f"{papers.trusted}.pem"),
            cert=str(self.directory / f"{papers.client.name}.pem"),
            key=str(self.directory / f"{papers.client.name}.key"),
            server_name=SERVER_NAME,
        )

    def _read_file(self) -> None:
        path = self.directory / STATE_FILE
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._known, self._stamp = msgspec.json.decode(path.read_bytes(), type=Papers), stamp
        except FileNotFoundError:
            self._known = self._stamp = None
        except (OSError, msgspec.DecodeError) as error:
            if self._stamp is not None or self._known is None:
                log.error("Which certificates lead to agents cannot be read in %s: %s", path, error)
            self._known = self._stamp = None


def find_agent_service(snapshot: Snapshot) -> Service | None:
    """Return the agent's service."""
    service = snapshot.service_named(SERVICE)
    return service if service is not None and LABEL in service.labels else None


def is_own(service: Service, papers: Papers) -> bool:
    """Tell whether an agent lets in who has these keys."""
    trusted = service.labels.get(AUTHORITY_LABEL, "").split("-")
    return LABEL in service.labels and any(authority.name in trusted for authority in papers.authorities)


def address_of(node: Node) -> str:
    """Return the address at which other nodes reach a node; empty where it is not known.

    A manager that was made the first of its Swarm tells none of its own but as a manager.
    """
    if node.Status.Addr not in ("", "0.0.0.0", "127.0.0.1", "::", "::1"):  # noqa: S104
        return node.Status.Addr
    try:
        return urlsplit(f"//{node.ManagerStatus.Addr}").hostname or "" if node.ManagerStatus is not None else ""
    except ValueError:
        return ""


def describe_agent(crane: Crane) -> AgentStatus:
    """Tell how the agent fares, from what is known already."""
    snapshot, papers = crane.cache.snapshot(), crane.room(AgentKeys).read()
    service = find_agent_service(snapshot)
    image, port = str(crane.settings["agent.image"]), int(crane.settings["agent.port"])
    if service is None:
        left = (
            "" if papers is None else "The service of the agent was removed: install it again, or remove what is left."
        )
        return AgentStatus(False, "absent", image, port, error=left)
    nodes = tuple(_describe_nodes(crane, snapshot, service))
    if papers is None or not is_own(service, papers):
        return AgentStatus(False, "foreign", service.image, port, nodes, OF_OTHERS)
    state, error = _judge(papers, service, nodes, snapshot)
    return AgentStatus(
        True,
        state,
        service.image,
        port,
        nodes,
        error,
        papers.authorities[-1].ends,
        papers.agent.ends,
        papers.client.ends,
    )


def _judge(
    papers: Papers, service: Service, nodes: tuple[AgentOfNode, ...], snapshot: Snapshot
) -> tuple[AgentState, str]:
    paused = service.update_state in ("paused", "rollback_paused", "rollback_completed", "rollback_started")
    if paused and service.UpdateStatus is not None:
        why = service.UpdateStatus.Message
        return "stalled", f"The Swarm gave up replacing its tasks, and is asked once more within a minute: {why}."
    old = [each for each in nodes if each.state == "running" and not each.current]
    held = [each.node for each in old if snapshot.get_node(each.node_id).availability == "pause"]
    if held:
        # The others wait behind it, because one is replaced at a time.
        return "stalled", f"The Swarm replaces no tasks on paused nodes: make {', '.join(held)} active."
    lacking = [each for each in nodes if each.state != "running" and takes_agents(snapshot.get_node(each.node_id))]
    failing = next((f"{each.node}: {each.error}" for each in lacking if each.error), "")
    if papers.rotating:
        return "rotating", failing
    if old or lacking or service.updating or service.labels.get(AUTHORITY_LABEL) != papers.trusted:
        return "rolling", failing
    return "settled", ""


def takes_agents(node: Node) -> bool:
    """Tell whether the Swarm would start an agent on a node now."""
    return node.state == "ready" and node.availability == "active" and node.Description.Platform.OS in ("linux", "")


def _describe_nodes(crane: Crane, snapshot: Snapshot, service: Service) -> Iterator[AgentOfNode]:
    pool = crane.room(Pool)
    tasks: dict[str, list[Task]] = {}
    for task in snapshot.tasks_of(service.id):
        tasks.setdefault(task.NodeID, []).append(task)
    for node in sorted(snapshot.nodes.values(), key=lambda node: node.name):
        link, present = pool.link(node.id), _find_present(tasks.get(node.id, ()))
        through = link.endpoint is not None and link.endpoint.via == "agent"
        state = "absent" if present is None else present.state
        error = link.error if through and state == "running" else ""
        if state != "running" and takes_agents(node):
            # What keeps the present one from running is what the one before ended with.
            error = next((task.error for task in reversed(tasks.get(node.id, ())) if task.error), "")
        current = present is not None and is_current(present, service)
        yield AgentOfNode(node.name, node.id, state, current, link.answers if through else None, error)


def is_current(task: Task, service: Service) -> bool:
    """Tell whether a task of the agent is made of the present spec; each spec has another number for this."""
    return task.Spec.ForceUpdate == service.spec.TaskTemplate.ForceUpdate


def _find_present(tasks: Sequence[Task]) -> Task | None:
    """Return the task of a node that counts: one that runs, else the newest that is meant to."""
    meant = [task for task in tasks if task.desired_state in ("running", "ready")]
    return next((task for task in reversed(meant) if task.state == "running"), meant[-1] if meant else None)
