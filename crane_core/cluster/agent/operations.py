"""Install the agent, keep its certificates young, replace its authority, and remove it again.

What is wished for stands in the :class:`Vault`; a loop brings the Swarm there step by step, so that a server that was
stopped half-way goes on where it was. A new authority takes over without an interruption: first each agent is replaced
by one that has a certificate of the new authority and lets in who shows one of either; then the server shows a new one
itself; then each agent is replaced once more, and the old authority is forgotten.
"""

from __future__ import annotations

import logging
import threading
import time
from base64 import b64encode
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from crane_core.cluster.agent import spec
from crane_core.cluster.agent.certificates import AGENT_LEFT, AUTHORITY_LEFT, CLIENT_LEFT
from crane_core.cluster.agent.errors import AgentAbsent, AgentOfOthers, NameTaken
from crane_core.cluster.agent.vault import NewLeaf, Vault
from crane_core.contributions import RegistryLogin
from crane_core.engine.agent import (
    LABEL,
    OF_OTHERS,
    SERVICE,
    AgentKeys,
    AgentStatus,
    Authority,
    Papers,
    address_of,
    describe_agent,
    find_agent_service,
    is_current,
    is_own,
    takes_agents,
)
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node, Service
from crane_core.errors import CraneError, NotFound
from crane_core.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crane_core.context import Crane

log = logging.getLogger(__name__)

# How often it is looked whether certificates are due, and how often while agents are replaced, in seconds.
LONG_SECONDS, SHORT_SECONDS = 60.0, 0.5
TICK_SECONDS = 0.25
# A Swarm that gave up replacing agents, as when a node goes away meanwhile, is asked once more after this.
RESUME_AFTER = timedelta(minutes=1)
# A registry that does not answer must not hold up an installation; the image goes by its tag then.
LOOKUP_SECONDS = 2.0


class Agents:
    """The room of one server that makes and changes the agent.

    :param now: Returns the time in UTC, which certificates are dated by.
    """

    def __init__(self, crane: Crane, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._crane = crane
        self._now = now
        self._keys = crane.room(AgentKeys)
        self._vault = Vault(self._keys.directory)
        self._lock = threading.Lock()
        self._due = float("-inf")
        self._seen: Papers | None = None
        self._gave_up_at: datetime | None = None
        # Of which service, at which version, no earlier agent was left.
        self._at_rest: tuple[str, int] | None = None

    # What is asked for

    def install(self, by: str) -> AgentStatus:
        """Install the agent, or bring it to what the settings say by now and to what its image's tag means by now.

        :raises NameTaken: when a service of that name is none of Crane's.
        :raises AgentOfOthers: when it belongs to a server that keeps other keys.
        :raises KeysUnwritable: when the keys cannot be kept.
        """
        with self._lock, self._vault.locked():
            live, papers = self._find(), self._keys.read(anew=True)
            if live is not None:
                self._check_own(live, papers)
            if papers is None:
                authority = self._vault.make_authority(self._now())
                leaf = self._vault.issue_for_agent(authority, self._now())
                client = self._vault.issue_for_client(authority, self._now())
                papers = self._keep(Papers((authority,), client, leaf.leaf), leaf)
            self._send(self._renew(papers), live, pull=True)
        self._tell("agent.installed", by)
        return self.describe()

    def rotate(self, by: str) -> AgentStatus:
        """Replace the authority and all certificates, or go on with that.

        :raises AgentAbsent: when there is nothing to rotate.
        :raises AgentOfOthers: when it belongs to a server that keeps other keys.
        """
        with self._lock, self._vault.locked():
            live, papers = self._find(), self._keys.read(anew=True)
            if live is None or (papers is None and LABEL not in live.labels):
                raise AgentAbsent("The agent is not installed; install it with `crane agent install`.")
            papers = self._check_own(live, papers)
            if not papers.rotating:
                papers = self._begin_rotation(papers)
            self._send(papers, live, again=True)
        self._tell("agent.rotated", by)
        return self.describe()

    def remove(self, by: str) -> None:
        """Remove the agent, whosever it is, and the keys of this server to it.

        :raises AgentAbsent: when there is nothing to remove.
        """
        with self._lock, self._vault.locked():
            live, papers = self._find(), self._keys.read(anew=True)
            own = live is not None and LABEL in live.labels
            if not own and papers is None:
                raise AgentAbsent("The agent is not installed.")
            if live is not None and own:
                self._crane.engine.remove("service", live.id)
                self._crane.watcher.refresh(services=[live.id])
            self._sweep(())
            self._vault.destroy()
            self._keys.read(anew=True)
        self._tell("agent.removed", by)

    def describe(self) -> AgentStatus:
        """Tell how the agent fares; it has not come to rest while an earlier one may answer in its place."""
        status, live = describe_agent(self._crane), find_agent_service(self._crane.cache.snapshot())
        # Whoever follows it asks again and again: what was found at rest is, until the service is another.
        if status.state != "settled" or live is None or self._at_rest == (live.id, live.version):
            return status
        with suppress(CraneError):
            if names := sorted(node.name for node in self._find_leaving(live)):
                return replace(status, state="rolling", error=f"{names[0]}: an earlier agent is still being stopped.")
            self._at_rest = (live.id, live.version)
        return status

    def wait(self, seconds: float) -> AgentStatus:
        """Wait until nothing is left to do, or something is in the way; for so many seconds at the most."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while True:
            status = self.describe()
            if status.state not in ("rolling", "rotating") or time.monotonic() >= deadline:
                break
            self._crane.watcher.wake()
            pause.wait(TICK_SECONDS)
        if lost := [each.node_id for each in status.nodes if each.reachable is False]:
            # Those that met an earlier agent meanwhile need not wait until they are looked at again.
            pool = self._crane.room(Pool)
            for node_id in lost:
                pool.link(node_id).retry()
            wait(pool.look(), pool.patience)
            status = self.describe()
        return status

    # What is done by itself

    def run(self, stop: threading.Event) -> None:
        """Bring the agent to what is wished for, until told to stop."""
        while not stop.wait(TICK_SECONDS):
            papers = self._keys.read()
            if papers is not self._seen:
                # Also another server may have been asked for something.
                self._seen, self._due = papers, float("-inf")
            if papers is None or self._crane.cache.clock() < self._due:
                continue
            try:
                left = self.step()
            except CraneError as error:
                log.warning("The agent could not be brought to what it should be, which is tried again: %s", error)
                left = False
            self._seen = self._keys.read()
            self._due = self._crane.cache.clock() + (SHORT_SECONDS if left else LONG_SECONDS)

    def step(self) -> bool:
        """Do what is due; tell whether more is left to do soon."""
        with self._lock, self._vault.locked():
            live, papers = self._find(), self._keys.read(anew=True)
            if papers is None or live is None or not is_own(live, papers):
                return False
            papers = self._renew(papers)
            live = self._send(papers, live, again=self._is_to_resume(live))
            if not self._has_settled(live):
                return True
            if papers.rotating:
                self._send(self._end_rotation(papers), live)
                return True
            self._sweep((papers.agent.name, *self._names(papers)))
            return False

    def _is_to_resume(self, live: Service) -> bool:
        """Tell whether the Swarm gave up long enough ago to be asked once more."""
        if live.update_state != "paused":
            self._gave_up_at = None
            return False
        self._gave_up_at = self._gave_up_at or self._now()
        if self._now() - self._gave_up_at < RESUME_AFTER:
            return False
        self._gave_up_at = None
        return True

    # Certificates

    def _renew(self, papers: Papers) -> Papers:
        """Sign anew what ends soon."""
        now, signer = self._now(), papers.authorities[-1]
        if signer.ends - now < AUTHORITY_LEFT and not papers.rotating:
            return self._begin_rotation(papers)
        if papers.client.ends - now < CLIENT_LEFT:
            # While authorities change, agents that have not been replaced yet know the old one only.
            client = self._vault.issue_for_client(papers.authorities[0], now)
            papers = self._keep(Papers(papers.authorities, client, papers.agent), before=papers)
        if papers.agent.ends - now < AGENT_LEFT or self._attach("secret", papers.agent.name) is None:
            papers = self._replace_leaf(papers, papers.authorities)
        return papers

    def _begin_rotation(self, papers: Papers) -> Papers:
        return self._replace_leaf(papers, (*papers.authorities, self._vault.make_authority(self._now())))

    def _replace_leaf(self, papers: Papers, authorities: tuple[Authority, ...]) -> Papers:
        leaf = self._vault.issue_for_agent(authorities[-1], self._now())
        return self._keep(Papers(authorities, papers.client, leaf.leaf), leaf, papers)

    def _end_rotation(self, papers: Papers) -> Papers:
        newest = papers.authorities[-1]
        client = self._vault.issue_for_client(newest, self._now())
        return self._keep(Papers((newest,), client, papers.agent), before=papers)

    def _keep(self, papers: Papers, leaf: NewLeaf | None = None, before: Papers | None = None) -> Papers:
        if leaf is not None:
            # Before it is written down: what is wished for can then always be had.
            self._make("secret", leaf.leaf.name, leaf.content)
        self._vault.save(papers, before)
        self._keys.read(anew=True)
        return papers

    # The Swarm

    def _find(self) -> Service | None:
        """Return the service as it is now."""
        try:
            found = self._crane.engine.inspect("service", SERVICE)
        except NotFound:
            return None
        return next(iter(self._crane.engine.services(ids=[str(found["ID"])])), None)

    @staticmethod
    def _check_own(live: Service, papers: Papers | None) -> Papers:
        if LABEL not in live.labels:
            raise NameTaken(f"A service called {SERVICE} exists and is none of Crane's: remove it first.")
        if papers is None or not is_own(live, papers):
            raise AgentOfOthers(OF_OTHERS)
        return papers

    def _send(self, papers: Papers, live: Service | None, *, pull: bool = False, again: bool = False) -> Service:
        """Make the service what it should be, if it is anything else.

        :param pull: Whether to look up anew what the image's tag stands for.
        :param again: Whether to send it although it is: the Swarm may have given up in the middle.
        """
        crane = self._crane
        login = crane.plugins.ask_first("crane_find_registry_login", image=str(crane.settings["agent.image"]))
        login = login if isinstance(login, RegistryLogin) else None
        wanted = spec.make_spec(self._gather(papers, self._choose_image(live, login, pull)))
        if live is None:
            id_ = crane.engine.create("service", wanted, registry_auth=login)
        elif live.labels[LABEL] == wanted["Labels"][LABEL] and not (again and live.update_state == "paused"):
            return live
        else:
            id_ = live.id
            crane.engine.update("service", id_, live.version, wanted, registry_auth=login)
        crane.watcher.refresh(services=[id_], secrets=[SERVICE], configs=[SERVICE])
        return next(iter(crane.engine.services(ids=[id_])))

    def _choose_image(self, live: Service | None, login: RegistryLogin | None, pull: bool) -> str:
        image = str(self._crane.settings["agent.image"])
        if "@" in image:
            return image
        if live is not None and not pull and live.image.partition("@")[0] == image:
            return live.image
        try:
            return f"{image}@{self._crane.engine.distribution(image, login, timeout=LOOKUP_SECONDS)}"
        except CraneError as error:
            log.info("The agent goes by the tag of its image, because no registry told what it stands for: %s", error)
            return image

    def _gather(self, papers: Papers, image: str) -> spec.Parts:
        settings, (authorities, configuration) = self._crane.settings, self._names(papers)
        return spec.Parts(
            image=image,
            socket=str(settings["agent.socket"]),
            configuration=self._have("config", configuration, self._configure()),
            certificate=self._have("secret", papers.agent.name),
            authorities=self._have("secret", authorities, self._vault.read_trusted(papers)),
            trusted=papers.trusted,
        )

    def _names(self, papers: Papers) -> tuple[str, str]:
        """Return the names of what is made of something, which are new ones when that is."""
        authorities = spec.digest_of(self._vault.read_trusted(papers))
        return f"{SERVICE}-authorities-{authorities}", f"{SERVICE}-configuration-{spec.digest_of(self._configure())}"

    def _configure(self) -> bytes:
        over_ipv6 = any(":" in address_of(node) for node in self._crane.cache.snapshot().nodes.values())
        return spec.write_configuration(int(self._crane.settings["agent.port"]), over_ipv6=over_ipv6).encode()

    def _have(self, kind: Literal["secret", "config"], name: str, content: bytes | None = None) -> spec.Attachment:
        """Return a secret or config of the agent, made if there is none."""
        found = self._attach(kind, name)
        if found is not None:
            return found
        if content is None:
            raise NotFound(f"The {kind} {name} of the agent is gone; rotate the agent's certificates.")
        return self._make(kind, name, content)

    def _make(self, kind: Literal["secret", "config"], name: str, content: bytes) -> spec.Attachment:
        body = {"Name": name, "Labels": {LABEL: "true"}, "Data": b64encode(content).decode()}
        return spec.Attachment(name, self._crane.engine.create(kind, body))

    def _attach(self, kind: Literal["secret", "config"], name: str) -> spec.Attachment | None:
        engine = self._crane.engine
        for each in engine.secrets() if kind == "secret" else engine.configs():
            if each.name == name:
                return spec.Attachment(name, each.ID)
        return None

    def _sweep(self, used: Iterable[str]) -> None:
        """Remove the agent's secrets and configs but for those that are in use."""
        engine, kept, gone = self._crane.engine, set(used), False
        for kind, objects in (("secret", engine.secrets()), ("config", engine.configs())):
            for each in objects:
                if LABEL in (each.Spec.Labels or {}) and each.name not in kept:
                    engine.remove(kind, each.ID)
                    gone = True
        if gone:
            self._crane.watcher.refresh(secrets=[SERVICE], configs=[SERVICE])

    def _has_settled(self, live: Service) -> bool:
        """Tell whether each node that can have an agent has one as it should be, and none has another."""
        engine = self._crane.engine
        if live.updating or live.update_state == "paused":
            return False
        tasks = [task for task in engine.tasks([live.id]) if task.state == "running" or not task.ended]
        nodes = [node for node in engine.nodes() if node.state == "ready"]
        on = {task.NodeID for task in tasks if is_current(task, live) and task.state == "running"}
        return {node.id for node in nodes if takes_agents(node)} <= on and not self._find_leaving(live)

    def _find_leaving(self, live: Service) -> list[Node]:
        """Return the nodes on which another agent than the present one has not ended.

        Two can listen at one port, and the machine then chooses who is met. Also the tasks of a removed service count.
        """
        tasks = self._crane.engine.tasks(label=[LABEL])
        others = [task for task in tasks if task.ServiceID != live.id or not is_current(task, live)]
        on = {task.NodeID for task in others if not task.ended}
        return [node for node in self._crane.engine.nodes() if node.id in on and node.state == "ready"]

    def _tell(self, kind: str, by: str) -> None:
        self._due = float("-inf")
        self._crane.emit(Event(kind, SERVICE, by=by))
