"""Joining: an Engine becomes a node of the Swarm by its endpoint, wholly or not at all."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crane_core.cluster.errors import NotJoined
from crane_core.cluster.nodes.operations import Wish, change_node
from crane_core.cluster.swarm.operations import Role, manager_addresses, read_tokens
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.errors import AlreadyInSwarm, StillJoining
from crane_core.engine.records import Node
from crane_core.engine.transport import TlsFiles
from crane_core.errors import CraneError, Invalid, NotFound, SetupError, Violation
from crane_core.events import Event

log = logging.getLogger(__name__)

# How long the Engine may take to join, and then the managers to find it ready, in seconds.
JOIN_SECONDS = 90.0
READY_SECONDS = 30.0
LOOK_SECONDS = 0.2
SCHEMES = ("tcp", "ssh", "unix")


@dataclass(frozen=True)
class TlsTexts:
    """The certificates for an Engine, as PEM."""

    ca: str
    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Newcomer:
    """An Engine that is to become a node.

    :param url: ``tcp://host:port``, ``ssh://user@host`` or ``unix:///path``.
    :param tls: Its certificates, for ``tcp://`` with TLS.
    :param addresses: ``AdvertiseAddr``, ``ListenAddr`` and ``DataPathAddr``, as far as the Engine is not to choose.
    """

    url: str
    role: Role = "worker"
    tls: TlsTexts | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    availability: str = "active"


def join(
    crane: Crane,
    by: str,
    newcomer: Newcomer,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] = time.sleep,
) -> Node:
    """Make an Engine a node, and return the node.

    :raises AlreadyInSwarm: when it is one already, of this Swarm or of another.
    :raises NotJoined: when a step failed; it has left the Swarm then, and its entry was removed.
    """
    with _reach(newcomer) as engine:
        swarm = engine.info().get("Swarm") or {}
        if swarm.get("LocalNodeState") not in (None, "", "inactive"):
            _refuse_member(crane, newcomer, swarm)
        remotes = manager_addresses(crane.engine.nodes())
        token = read_tokens(crane)[newcomer.role]
        steps = _Steps(crane, engine, newcomer, clock, pause)
        try:
            node = steps.take(remotes, token)
        except AlreadyInSwarm:
            # Somebody else had it join since it was looked at: that is theirs, and not to be undone.
            raise
        except CraneError as error:
            left = steps.undo()
            raise NotJoined(f"{newcomer.url} did not become a node: {error.detail} {left}") from error
    crane.emit(Event("node.created", node.name, node.id, by=by, detail={"role": newcomer.role}))
    return node


class _Steps:
    """The steps by which an Engine becomes a node, as far as they were taken."""

    def __init__(
        self,
        crane: Crane,
        engine: Engine,
        newcomer: Newcomer,
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._crane = crane
        self._engine = engine
        self._newcomer = newcomer
        self._clock = clock
        self._pause = pause
        self._sent = False
        self._node_id = ""

    def take(self, remotes: list[str], token: str) -> Node:
        """Join, wait until the managers find the node ready, and give it what was asked for."""
        body = {"ListenAddr": "0.0.0.0:2377", **self._newcomer.addresses, "RemoteAddrs": remotes, "JoinToken": token}
        self._sent = True
        deadline = self._clock() + JOIN_SECONDS
        # It waits for 20 seconds itself, which a Swarm that is busy, or that gets a second manager, may exceed.
        with contextlib.suppress(StillJoining):
            self._engine.send("POST", "/swarm/join", body, timeout=JOIN_SECONDS)
        self._node_id = self._wait_until_joined(deadline)
        node = self._wait_until_ready()
        labels = dict(self._newcomer.labels)
        availability = self._newcomer.availability
        if labels or availability != node.availability:
            # What is done here belongs to the joining, which is told of as a whole.
            node = change_node(self._crane, "", node.id, Wish(labels or None, None, availability), told=False)
        return self._crane.watcher.refresh(nodes=[node.id]).get_node(node.id)

    def _wait_until_joined(self, deadline: float) -> str:
        while True:
            swarm = self._engine.info().get("Swarm") or {}
            if swarm.get("LocalNodeState") == "active":
                return str(swarm.get("NodeID", ""))
            if swarm.get("LocalNodeState") == "error":
                raise NotJoined(f"It gave up: {str(swarm.get('Error') or 'it does not say why').rstrip('.')}.")
            if self._clock() > deadline:
                why = swarm.get("Error") or "the managers gave it no certificate, or did not take it in"
                raise NotJoined(f"It has not joined within {JOIN_SECONDS:g} s: {str(why).rstrip('.')}.")
            self._pause(LOOK_SECONDS)

    def _wait_until_ready(self) -> Node:
        deadline = self._clock() + READY_SECONDS
        while True:
            found = next((node for node in self._crane.engine.nodes() if node.id == self._node_id), None)
            if found is not None and found.state == "ready":
                return found
            if self._clock() > deadline:
                state = f"calls it {found.state}" if found is not None else "does not list it"
                raise NotJoined(f"It joined, but after {READY_SECONDS:g} s the Swarm still {state}.")
            self._pause(LOOK_SECONDS)

    def undo(self) -> str:
        """Leave the Swarm again and remove the node's entry; return what became of that, as a sentence."""
        failures: list[str] = []
        if self._sent:
            self._undo_one(self._leave, failures)
            self._undo_one(self._remove, failures)
        return f"Undoing it failed too: {' '.join(failures)}" if failures else "Nothing of it was kept."

    @staticmethod
    def _undo_one(step: Callable[[], None], failures: list[str]) -> None:
        try:
            step()
        except CraneError as error:
            log.warning("Joining an Engine failed, and undoing it too: %s", error.detail)
            failures.append(error.detail)

    def _leave(self) -> None:
        swarm = self._engine.info().get("Swarm") or {}
        self._node_id = self._node_id or str(swarm.get("NodeID", ""))
        if swarm.get("LocalNodeState") not in (None, "", "inactive"):
            self._demote()
            self._engine.send("POST", "/swarm/leave", params={"force": True}, timeout=JOIN_SECONDS)

    def _demote(self) -> None:
        """A manager that leaves without being demoted would go on counting for the majority."""
        if self._newcomer.role == "manager" and self._node_id:
            with contextlib.suppress(NotFound):
                self._set_role("worker")

    def _remove(self) -> None:
        if self._node_id:
            with contextlib.suppress(NotFound):
                self._crane.engine.remove("node", self._node_id, force=True)
            self._crane.watcher.refresh(nodes=[self._node_id])

    def _set_role(self, role: str) -> None:
        change_node(self._crane, "", self._node_id, Wish(role=role), told=False)


def _refuse_member(crane: Crane, newcomer: Newcomer, swarm: Mapping[str, Any]) -> None:
    known = crane.cache.snapshot().nodes.get(str(swarm.get("NodeID", "")))
    if known is not None:
        raise AlreadyInSwarm(f"{newcomer.url} is the node {known.name} of this Swarm already.")
    raise AlreadyInSwarm(
        f"{newcomer.url} is part of another Swarm, or is about to join one. Run `docker swarm leave` there first."
    )


@contextlib.contextmanager
def _reach(newcomer: Newcomer) -> Iterator[Engine]:
    """Connect to the Engine; certificates are in files of ours for as long as that lasts."""
    with contextlib.ExitStack() as stack:
        tls = stack.enter_context(_written(newcomer.tls)) if newcomer.tls is not None else None
        try:
            engine = Engine(newcomer.url, tls, name=f"Docker Engine at {newcomer.url}")
        except (SetupError, OSError) as error:
            raise Invalid(violations=[Violation("/url", str(error), code="invalid-endpoint")]) from error
        stack.callback(engine.close)
        yield engine


@contextlib.contextmanager
def _written(tls: TlsTexts) -> Iterator[TlsFiles]:
    # The folder is made so that nobody else may look into it.
    with tempfile.TemporaryDirectory(prefix="crane-join-") as folder:
        paths = []
        for name, text in (("ca.pem", tls.ca), ("cert.pem", tls.certificate), ("key.pem", tls.key)):
            path = Path(folder, name)
            path.write_text(text)
            path.chmod(0o600)
            paths.append(str(path))
        yield TlsFiles(*paths)
