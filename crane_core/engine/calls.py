"""What an Engine is asked for, and told to do: one call for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from crane_core.contributions import RegistryLogin
from crane_core.engine import decode
from crane_core.engine.connection import Connection, decode_json, decoded
from crane_core.engine.errors import AnswerUnreadable, shorten
from crane_core.engine.failures import FAILURES
from crane_core.engine.output import Output, OutputReader
from crane_core.engine.records import Config, Network, Node, Secret, Service, Task
from crane_core.engine.streaming import EventStream
from crane_core.engine.usage import Usage, decode_usage
from crane_core.errors import EngineUnavailable, NotFound

LOOKUP_SECONDS = 5.0
OUTPUT_SECONDS = 5.0

EVENT_TYPES = ("service", "node", "network", "config", "secret")
KINDS = ("service", "task", "node", "network", "config", "secret")


class Calls(Connection):
    """The calls of one Engine. They raise what :class:`Connection` says."""

    # What the Engine is

    def ping(self, timeout: float | None = None) -> None:
        """Raise unless the Engine answers, and speaks an API that Crane knows.

        :param timeout: Seconds; where it is given, the Engine is asked even if it answered before.
        """
        if timeout is not None:
            self.ask("GET", "/_ping", timeout=timeout, versioned=False)
        self._negotiate(timeout)

    def info(self, timeout: float | None = None) -> dict[str, Any]:
        """Return what the Engine says of itself and its node."""
        return self.read_object("/info", timeout)

    def version(self) -> dict[str, Any]:
        """Return the versions of the Engine and its parts."""
        return self.read_object("/version")

    def swarm(self) -> dict[str, Any]:
        """Return the Swarm that the Engine manages. Raises ``NotAManager``."""
        return self.read_object("/swarm")

    def init_swarm(self, advertise_address: str = "") -> str:
        """Make the Engine the manager of a new Swarm of one node; return the node's id."""
        body = {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": advertise_address}
        return str(decode_json(self.ask("POST", "/swarm/init", body=body)))

    # Reading

    def services(self, status: bool = True, ids: Iterable[str] | None = None) -> list[Service]:
        """Read services; ``status`` asks for the number of running tasks too."""
        wanted = None if ids is None else list(ids)
        if wanted == []:
            return []
        filters = None if wanted is None else {"id": wanted}
        return decoded(decode.decode_services, self.read("/services", status=status, filters=filters))

    def tasks(self, service_ids: Iterable[str] | None = None, **filters: list[str]) -> list[Task]:
        """Read tasks, also those that have ended; of these services, or of all.

        :param filters: The Engine's own filters, such as ``label=["com.docker.stack.namespace=shop"]``.
        :raises NotFound: when one of the services is gone.
        """
        if service_ids is not None:
            filters["service"] = list(service_ids)
            if not filters["service"]:
                return []
        return decoded(decode.decode_tasks, self.read("/tasks", filters=filters or None))

    def nodes(self) -> list[Node]:
        """Read the nodes of the Swarm."""
        return decoded(decode.decode_nodes, self.read("/nodes"))

    def networks(self) -> list[Network]:
        """Read the networks, those of the Engine's own node included."""
        return decoded(decode.decode_networks, self.read("/networks"))

    def configs(self) -> list[Config]:
        """Read the configs."""
        return decoded(decode.decode_configs, self.read("/configs"))

    def secrets(self) -> list[Secret]:
        """Read the secrets, whose content the Engine keeps to itself."""
        return decoded(decode.decode_secrets, self.read("/secrets"))

    def inspect(self, kind: str, id_or_name: str) -> dict[str, Any]:
        """Return everything that the Engine knows of one object. Raises ``NotFound``."""
        return self.read_object(_path(kind, id_or_name))

    def container(self, container_id: str) -> dict[str, Any]:
        """Return a container of the Engine's own node. Raises ``NotFound``."""
        return self.read_object(_path("container", container_id) + "/json")

    def container_usage(self, container_id: str, timeout: float | None = None) -> Usage | None:
        """Return what a container of the Engine's own node uses; None while it does not run. Raises ``NotFound``."""
        # Unless it is asked for a single look, the Engine takes a second for two of them.
        params = {"stream": False, "one-shot": True}
        raw = self.ask("GET", _path("container", container_id) + "/stats", params=params, timeout=timeout)
        return decoded(decode_usage, raw)

    def distribution(self, image: str, login: RegistryLogin | None = None, timeout: float = LOOKUP_SECONDS) -> str:
        """Ask the registry, through the Engine, for the digest of an image.

        :param timeout: Seconds; a registry that does not answer must not hold up a deployment.
        """
        # The slashes of an image's name are part of the path that the Engine expects.
        path = f"/distribution/{quote(image, safe='/:@')}/json"
        answer = decode_json(self.ask("GET", path, login=login, timeout=timeout))
        try:
            return str(answer["Descriptor"]["digest"])
        except (KeyError, TypeError) as error:
            raise AnswerUnreadable("The Engine told no digest of the image.") from error

    def task_output(
        self, task_id: str, *, most: int = 64 * 1024, lines: int = 2000, timeout: float = OUTPUT_SECONDS
    ) -> Output:
        """Return the end of what a task printed, to both streams. Raises ``NotFound`` once the Swarm forgot the task.

        The manager fetches it from the task's node. Of a node that it has lost it says so at once, in the output's
        ``error``; one that hangs is waited for no longer than told.

        :param most: How many bytes are returned.
        :param lines: How many lines the node is asked for.
        :param timeout: Seconds that all of it may take.
        """
        path = _path("task", task_id) + "/logs"
        params = {"stdout": True, "stderr": True, "tail": lines}
        deadline = time.monotonic() + timeout
        response = self.request("GET", path, params=params, timeout=timeout)
        reader = OutputReader(most)
        try:
            while piece := response.raw.read1(64 * 1024):
                reader.feed(piece)
                if time.monotonic() > deadline:
                    raise EngineUnavailable(f"What the task printed did not come within {timeout:g} s.")
        except FAILURES as error:
            raise EngineUnavailable(f"What the task printed did not come within {timeout:g} s.") from error
        finally:
            response.close()
        output = reader.end()
        return replace(output, error=shorten(output.error))

    def events(
        self,
        stop: threading.Event | None = None,
        since: str | None = None,
        *,
        types: Collection[str] = EVENT_TYPES,
        scope: str = "swarm",
    ) -> EventStream:
        """Follow what happens to services, nodes, networks, configs and secrets. Tasks are never mentioned.

        :param stop: Ends the stream at the next event; ``close()`` of the stream ends it at once.
        :param since: A time in seconds since the epoch from which on past events are told first.
        :param types: What else to follow instead, such as ``container``.
        :param scope: ``local`` for what happens on the Engine's own node.
        """
        filters = {"type": list(types), "scope": [scope]}
        return EventStream(self.stream("/events", filters=filters, since=since), stop)

    # Changing

    def create(self, kind: str, body: Mapping[str, Any], *, registry_auth: RegistryLogin | None = None) -> str:
        """Create an object from the Engine's own JSON; return its id."""
        if kind == "network" and self.api < (1, 44) and "CheckDuplicate" not in body:
            # Engines before API 1.44 make a second network of the same name unless they are told not to.
            body = {**body, "CheckDuplicate": True}
        answer = decode_json(self.ask("POST", f"/{kind}s/create", body=body, login=registry_auth))
        try:
            return str(answer.get("ID") or answer["Id"])
        except (AttributeError, KeyError) as error:
            raise AnswerUnreadable(f"The Engine told no id of the {kind} that it created.") from error

    def update(
        self,
        kind: str,
        id: str,  # noqa: A002
        version: int,
        body: Mapping[str, Any],
        *,
        registry_auth: RegistryLogin | None = None,
        rollback: bool = False,
        registry_auth_from: str | None = None,
    ) -> list[str]:
        """Replace the spec of an object; return the Engine's warnings. Raises ``Outdated`` for an old version.

        :param rollback: Return to the previous spec of a service; ``body`` is the present one.
        :param registry_auth_from: ``spec`` or ``previous-spec``: whose credential to keep when none is given.
        """
        params = {
            "version": version,
            "rollback": "previous" if rollback else None,
            "registryAuthFrom": registry_auth_from,
        }
        raw = self.ask("POST", _path(kind, id) + "/update", params=params, body=body, login=registry_auth)
        answer = decode_json(raw) if raw.strip() else None
        return [str(one) for one in answer.get("Warnings") or ()] if isinstance(answer, dict) else []

    def remove(self, kind: str, id: str, *, force: bool = False) -> None:  # noqa: A002
        """Remove an object. Raises ``InUse`` while something uses it."""
        self.ask("DELETE", _path(kind, id), params={"force": True if force else None})


def _path(kind: str, name: str) -> str:
    if not name or name in (".", ".."):
        raise NotFound(f"There is no {kind} called {name!r}.")
    return f"/{kind}s/{quote(name, safe='')}"
