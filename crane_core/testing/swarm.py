"""A Docker Swarm in memory, which answers the Engine's REST API and moves only when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.testing.agenda import Agenda
from crane_core.testing.answers import Refusal, Response
from crane_core.testing.api import API_VERSION, ENGINE_VERSION, Api
from crane_core.testing.behaviours import Behaviour, Runs
from crane_core.testing.cluster import Cluster
from crane_core.testing.events import EventStream, Stream
from crane_core.testing.lives import Lives, Pace
from crane_core.testing.node_engine import NodeEngine
from crane_core.testing.objects import Networks, make_node
from crane_core.testing.orchestrator import Orchestrator
from crane_core.testing.printed import Printed
from crane_core.testing.records import NetworkRecord, NodeRecord, Store

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
NOTICED_AFTER = 10.0  # seconds without a heartbeat until the manager calls a node down


class EngineGone(ConnectionRefusedError):
    """Nobody listens where the Engine should be."""


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    params: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]


class MemorySwarm:
    """A manager with its nodes, services and tasks.

    Nothing happens by itself: :meth:`advance` and :meth:`settle` move the time, and with it tasks, updates and
    restarts; the same calls always lead to the same state. :meth:`run` lets it keep pace with the real time instead.

    :param nodes: How many nodes; they are called ``node1`` (the manager), ``node2`` and so on.
    :param in_swarm: Whether the Engine is a manager from the start, or must be made one (``swarm/init``).
    :param pace: How long each step of a task takes.
    :param seconds_per_request: Seconds by which each request for a list moves the time before it is answered; lets code
        that polls see progress without another thread.
    """

    def __init__(
        self,
        nodes: int = 3,
        *,
        in_swarm: bool = True,
        pace: Pace | None = None,
        start: float = START,
        seconds_per_request: float = 0.0,
    ) -> None:
        self.images: dict[str, Behaviour] = {}
        # Of the kernels' control groups: 1 or 2.
        self.cgroup_version = "2"
        self.digests: dict[str, str] = {}
        self.containers: dict[str, dict[str, Any]] = {}
        # The shells that an image has, where they are others than ash and sh.
        self.shells: dict[str, tuple[str, ...]] = {}
        self.calls: list[Request] = []
        # What the Engine refuses although it could do it: method, the end of the path, and how it says so.
        self.refusals: list[tuple[str, str, Refusal]] = []
        self.in_swarm = in_swarm
        self.seconds_per_request = seconds_per_request
        # Held while something is answered or changes; who reaches into the Swarm while a server asks it holds it too.
        self.lock = threading.RLock()
        self._gone = False
        self._agenda = Agenda(start)
        self.store = Store(self._agenda, seed=5013)
        self.printed = Printed(self._agenda)
        # The ports at which nobody is let in, each with the name of its node.
        self.closed_ports: set[tuple[str, int]] = set()
        self.lives = Lives(
            self.store, lambda image: self.images.get(image, Runs()), pace or Pace(), self.containers, self.printed
        )
        self.orchestrator = self.lives.orchestrator = Orchestrator(self.store, self.lives)
        # What is followed of it, by whom it matters not.
        self.streams: list[Stream] = []
        self._engines: dict[str, NodeEngine] = {}
        for number in range(1, nodes + 1):
            make_node(self.store, number, role="manager" if number == 1 else "worker")
        self.cluster = Cluster(self)
        self._make_first_networks()
        self._api = Api(self)

    def __repr__(self) -> str:
        return f"<MemorySwarm: {len(self.store.nodes)} nodes, {len(self.store.services)} services>"

    # The Engine's side

    def handle(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        node: str | None = None,
    ) -> Response:
        """Answer a request.

        :param path: With or without the version of the API in front.
        :param node: The node whose own Engine is asked; the manager unless told otherwise.
        :raises EngineGone: after :meth:`go_away`, and by a node that is down.
        """
        with self.lock:
            engine = self.engine(node)
            if node is None and self._gone:
                raise EngineGone(111, "Connection refused")
            if node is not None and not engine.node.reachable:
                raise EngineGone(113, "No route to host")
            params = dict(params or {})
            self.calls.append(Request(method, path, params, body, dict(headers or {})))
            if self.seconds_per_request and method == "GET" and path.endswith(("/services", "/tasks")):
                self._agenda.run_until(self._agenda.now + self.seconds_per_request)
            for refused, end, refusal in self.refusals:
                if method == refused and path.endswith(end):
                    return refusal.to_response()
            return self._api.answer(engine, method, path, params, body)

    def engine(self, node: str | None = None) -> NodeEngine:
        """Return the Engine of a node, of the manager unless told otherwise. Raises ``EngineGone`` for no node."""
        try:
            record = next(iter(self.store.nodes)) if node is None else self._node(node)
        except Refusal as error:
            raise EngineGone(113, "No route to host") from error
        if record.id not in self._engines:
            self._engines[record.id] = NodeEngine(self, record)
        return self._engines[record.id]

    # Time

    @property
    def now(self) -> float:
        """The present moment, in seconds since the epoch."""
        return self._agenda.now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        with self.lock:
            self._agenda.run_until(self._agenda.now + seconds)

    def settle(self, most: float = 120.0) -> None:
        """Let time pass until nothing is left to happen, at most so many seconds (a crash loop never settles)."""
        with self.lock:
            end = self._agenda.now + most
            while (due := self._agenda.next_due()) is not None and due <= end:
                self._agenda.run_until(due)

    def run(self, stop: threading.Event, *, speed: float = 1.0, tick: float = 0.02) -> None:
        """Keep pace with the real time until the event is set.

        :param speed: Seconds that pass in the Swarm for each real one.
        """
        last = time.monotonic()
        while not stop.wait(tick):
            now = time.monotonic()
            self.advance((now - last) * speed)
            last = now

    # What a test scripts

    def node_down(self, name: str, *, exit_code: int | None = None) -> None:
        """Cut a node off; the manager notices after ten seconds.

        :param exit_code: With what its containers ended, as the manager was still told; None while they go on.
        """
        with self.lock:
            node = self._node(name)
            if exit_code is not None:
                for task in list(node.tasks.values()):
                    self.lives.end_container(task, exit_code)
            node.reachable = False
            self._agenda.after(NOTICED_AFTER, lambda: self._notice(node))

    def node_up(self, name: str) -> None:
        """Bring a node back."""
        with self.lock:
            node = self._node(name)
            node.reachable = True
            self._set_state(node, "ready", "")
            self.lives.resume(node)

    def print(self, container: str, text: str | bytes, stream: str = "stdout") -> None:
        """Have a container print something, whole lines as a rule.

        :param container: Its id, or that of its task.
        """
        with self.lock:
            task = next((task for task in self.store.tasks if task.id == container), None)
            self.printed.add(task.container_id if task else container, text, stream)

    def break_streams(self, name: str) -> None:
        """Break off what the Engine of a node sends of its containers' output, as when it is started anew."""
        with self.lock:
            node = self._node(name)
            for task in list(node.tasks.values()):
                self.printed.break_off(task.container_id)

    def drain(self, name: str) -> None:
        """Drain a node."""
        self.set_availability(name, "drain")

    def set_availability(self, name: str, availability: str) -> None:
        """Make a node ``active``, ``pause`` or ``drain``."""
        with self.lock:
            node = self._node(name)
            node.body["Spec"] = {**node.spec, "Availability": availability}
            self._node_changed(node)

    def label_node(self, name: str, **labels: str) -> None:
        """Add labels to a node."""
        with self.lock:
            node = self._node(name)
            node.body["Spec"] = {**node.spec, "Labels": {**node.labels, **labels}}
            self._node_changed(node)

    def make_network(self, name: str, labels: Mapping[str, str]) -> NetworkRecord:
        """Make an overlay network."""
        with self.lock:
            return Networks(self.store).make(name, "overlay", {"Labels": labels})

    def go_away(self) -> None:
        """Stop listening: requests are refused, and streams end. Tasks live on."""
        with self.lock:
            self._gone = True
            streams = list(self.streams)
        for stream in streams:
            stream.close()

    def come_back(self) -> None:
        """Listen again."""
        with self.lock:
            self._gone = False

    # What a test asserts

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path (without the API's version) of each request so far."""
        return [(call.method, _plain(call.path)) for call in self.calls]

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Those requests that could change something."""
        return [(method, path) for method, path in self.requests if method not in ("GET", "HEAD")]

    @property
    def services(self) -> list[str]:
        """The names of the services, sorted."""
        with self.lock:
            return sorted(service.name for service in self.store.services)

    @property
    def networks(self) -> list[str]:
        """The names of the networks of the Swarm, but for the ingress network, sorted."""
        with self.lock:
            networks = (network for network in self.store.networks if network.body["Scope"] == "swarm")
            return sorted(network.name for network in networks if not network.body["Ingress"])

    @property
    def configs(self) -> list[str]:
        """The names of the configs, sorted."""
        with self.lock:
            return sorted(config.name for config in self.store.configs)

    @property
    def secrets(self) -> list[str]:
        """The names of the secrets, sorted."""
        with self.lock:
            return sorted(secret.name for secret in self.store.secrets)

    def service(self, name: str) -> dict[str, Any]:
        """Return a service as the Engine shows it."""
        with self.lock:
            return dict(self.store.services.get(name).body)

    def tasks(self, service: str) -> list[dict[str, Any]]:
        """Return the tasks of a service as the Engine shows them, oldest first."""
        with self.lock:
            return [dict(task.body) for task in self.store.services.get(service).tasks.values()]

    def secret_data(self, name: str) -> str:
        """Return the content of a secret, as base64."""
        with self.lock:
            return self.store.secrets.get(name).data

    def follow(self, kind: type[EventStream], types: list[str]) -> EventStream:
        """Return a stream of the events from now on."""
        stream = kind(types, self.forget_stream)
        self.streams.append(stream)
        self.store.listeners.append(stream.tell)
        return stream

    def stream(self, forget: Callable[[Stream], None]) -> Stream:
        """Open a stream of bytes.

        :param forget: Told when it is closed.
        """

        def forget_it(stream: Stream) -> None:
            with self.lock:
                forget(stream)
                self.forget_stream(stream)

        stream = Stream(forget_it)
        self.streams.append(stream)
        return stream

    def forget_stream(self, stream: Stream) -> None:
        """Tell a stream nothing any more."""
        with self.lock:
            if stream in self.streams:
                self.streams.remove(stream)
            if isinstance(stream, EventStream) and stream.tell in self.store.listeners:
                self.store.listeners.remove(stream.tell)

    def _node(self, name: str) -> NodeRecord:
        return self.store.nodes.get(name)

    def _notice(self, node: NodeRecord) -> None:
        if not node.reachable and node.ready and node.id in self.store.nodes:
            self._set_state(node, "down", "heartbeat failure")

    def _set_state(self, node: NodeRecord, state: str, message: str) -> None:
        was = node.body["Status"]["State"]
        status = {"State": state, "Addr": node.body["Status"]["Addr"]}
        node.body["Status"] = {**status, "Message": message} if message else status
        if was != state:
            self._node_changed(node, **{"state.new": state, "state.old": was})

    def _node_changed(self, node: NodeRecord, **attributes: str) -> None:
        self.store.touch(node)
        self.store.tell("node", "update", node, **attributes)
        self.orchestrator.node_changed(node)

    def _make_first_networks(self) -> None:
        networks = Networks(self.store)
        networks.make("ingress", "overlay", {"Ingress": True})
        for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null")):
            networks.make(name, driver, {"IPAM": {"Config": []}})
        networks.make("docker_gwbridge", "bridge", {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}})


def _plain(path: str) -> str:
    first, _, rest = path.lstrip("/").partition("/")
    return f"/{rest}" if first.startswith("v1.") else path


__all__ = ["API_VERSION", "ENGINE_VERSION", "EngineGone", "MemorySwarm", "Pace", "Request"]
