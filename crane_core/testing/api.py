"""The Engine's REST API over an in-memory Swarm: which request is answered by what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.cluster import NOT_A_MANAGER
from crane_core.testing.events import EventStream
from crane_core.testing.filters import read_filters
from crane_core.testing.node_engine import NodeEngine
from crane_core.testing.objects import Data, Networks, Nodes
from crane_core.testing.printed import Source, frame
from crane_core.testing.records import NodeRecord, TaskRecord
from crane_core.testing.services import Services

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

API_VERSION = "1.41"
ENGINE_VERSION = "20.10.24"
_VERSIONED = re.compile(r"/v(\d{1,3})\.(\d{1,3})(/.*)")
_PING_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    "Api-Version": API_VERSION,
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": f"Docker/{ENGINE_VERSION} (linux)",
}
_STREAM_HEADERS = {"Content-Type": "application/octet-stream"}
_INCOMPLETE = (
    "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be "
    "retrieved for the following reasons: node {node} is not available\n"
)


class Api:
    """Answer requests."""

    def __init__(self, swarm: MemorySwarm) -> None:
        self._swarm = swarm
        store, orchestrator = swarm.store, swarm.orchestrator
        self._services = Services(store, orchestrator)
        self._kinds: Mapping[str, Nodes | Networks | Data] = {
            "nodes": Nodes(store, orchestrator),
            "networks": Networks(store),
            "configs": Data(store, "config"),
            "secrets": Data(store, "secret"),
        }
        self._plain: Mapping[str, Callable[[], Response]] = {
            "GET /version": self._version,
        }

    def answer(
        self, node: NodeEngine, method: str, path: str, params: Mapping[str, str], body: bytes | None
    ) -> Response:
        """Return the answer of a node's Engine to a request; refusals are answers too."""
        try:
            return self._route(node, method, _without_version(path), params, body)
        except Refusal as refusal:
            return refusal.to_response()

    def _route(
        self, node: NodeEngine, method: str, path: str, params: Mapping[str, str], body: bytes | None
    ) -> Response:
        if path == "/_ping" and method in ("GET", "HEAD"):
            return Response(200, b"OK", _PING_HEADERS)
        if (method, path) == ("GET", "/info"):
            return self._info(node.node)
        if (method, path) == ("GET", "/events") and _asks_of_the_node(params):
            return node.follow(params)
        if found := node.find(method, path):
            return found(params, body)
        if node.node.spec["Role"] != "manager":
            raise Refusal(503, NOT_A_MANAGER) if _is_of_the_swarm(path) else Refusal(404, "page not found")
        return self._manage(method, path, params, body)

    def _manage(self, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Response:
        if plain := self._plain.get(f"{method} {path}"):
            return plain()
        if path == "/swarm" or path.startswith("/swarm/"):
            return self._swarm.cluster.answer(method, path, params, _decode(body) if body else {})
        if (method, path) == ("GET", "/events"):
            return self._events(params)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if method == "GET" and parts[0] == "distribution" and parts[-1] == "json":
            return self._distribution("/".join(parts[1:-1]))
        self._check_manager(parts[0])
        if parts[0] == "services" and method == "GET" and len(parts) == 3 and parts[2] == "logs":
            service = self._swarm.store.services.get(parts[1])
            return self._output_of_tasks(list(service.tasks.values()), params)
        if parts[0] == "services":
            return self._route_services(method, parts[1:], params, body)
        if parts[0] == "tasks" and method == "GET" and len(parts) == 3 and parts[2] == "logs":
            return self._output_of_tasks([self._swarm.store.tasks.get(parts[1])], params)
        if parts[0] == "tasks" and method == "GET" and len(parts) < 3:
            if len(parts) == 2:
                return self._services.inspect_task(parts[1], params)
            return self._services.list_tasks(params)
        if parts[0] in self._kinds:
            return self._route_objects(method, self._kinds[parts[0]], parts[1:], params, body)
        raise Refusal(404, "page not found")

    def _route_services(self, method: str, rest: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        match method, rest:
            case "GET", []:
                return self._services.list(params)
            case "POST", ["create"]:
                return self._services.create(_decode(body))
            case "GET", [name]:
                return self._services.inspect(name, params)
            case "DELETE", [name]:
                return self._services.remove(name)
            case "POST", [name, "update"]:
                return self._services.update(name, params, _decode(body))
        raise Refusal(404, "page not found")

    @staticmethod
    def _route_objects(
        method: str, kind: Nodes | Networks | Data, rest: list[str], params: Mapping[str, str], body: bytes | None
    ) -> Response:
        match method, rest:
            case "GET", []:
                return kind.list(params)
            case "POST", ["create"] if not isinstance(kind, Nodes):
                return kind.create(_decode(body))
            case "GET", [name]:
                return kind.inspect(name, params)
            case "DELETE", [name]:
                return kind.remove(name, params)
            case "POST", [name, "update"] if not isinstance(kind, Networks):
                return kind.update(name, params, _decode(body))
        raise Refusal(404, "page not found")

    def _check_manager(self, kind: str) -> None:
        if kind in ("services", "tasks", "nodes", "configs", "secrets"):
            self._swarm.cluster.check_manager()

    @staticmethod
    def _version() -> Response:
        version = {
            "Version": ENGINE_VERSION,
            "ApiVersion": API_VERSION,
            "MinAPIVersion": "1.12",
            "Os": "linux",
            "Arch": "amd64",
        }
        details = {"ApiVersion": API_VERSION, "Arch": "amd64", "Os": "linux"}
        return answer({**version, "Components": [{"Name": "Engine", "Version": ENGINE_VERSION, "Details": details}]})

    def _info(self, node: NodeRecord) -> Response:
        swarm: dict[str, Any] = {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False}
        if self._swarm.cluster.locked:
            swarm["LocalNodeState"] = "locked"
        elif self._swarm.in_swarm:
            manages = node.spec["Role"] == "manager"
            swarm = {
                "NodeID": node.id,
                "NodeAddr": node.body["Status"]["Addr"],
                "LocalNodeState": "active",
                "ControlAvailable": manages,
            }
            if manages:
                nodes = list(self._swarm.store.nodes)
                swarm |= {
                    "Nodes": len(nodes),
                    "Managers": sum(each.spec["Role"] == "manager" for each in nodes),
                    "Cluster": self._swarm.cluster.body,
                }
        return answer(
            {
                "ID": "MEMO:RYSW:ARM0",
                "Name": node.name,
                "ServerVersion": ENGINE_VERSION,
                "OperatingSystem": "memory",
                "OSType": "linux",
                "Architecture": "x86_64",
                "NCPU": 4,
                "MemTotal": 8 * 2**30,
                "Labels": [],
                "CgroupVersion": self._swarm.cgroup_version,
                "SystemTime": self._swarm.store.agenda.stamp(),
                "Swarm": {**swarm, "Error": "", "RemoteManagers": None},
            }
        )

    def _events(self, params: Mapping[str, str]) -> Response:
        filters = read_filters(params, ("type", "scope", "event", "service", "node", "label"))
        return Response(200, self._swarm.follow(EventStream, filters.get("type", [])))

    def _distribution(self, image: str) -> Response:
        digest = self._swarm.digests.get(image)
        if digest is None:
            registry = image.partition("/")[0] if "." in image.partition("/")[0] else "registry-1.docker.io"
            raise Refusal(500, f'Get "https://{registry}/v2/": dial tcp: lookup {registry}: no such host')
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        return answer(
            {
                "Descriptor": {"mediaType": media_type, "digest": digest, "size": 525},
                "Platforms": [{"architecture": "amd64", "os": "linux"}],
            }
        )

    def _output_of_tasks(self, tasks: list[TaskRecord], params: Mapping[str, str]) -> Response:
        """Answer what the managers are asked of the output of tasks."""
        nodes = self._swarm.store.nodes
        for task in tasks:
            if task.node_id in nodes and not nodes.get(task.node_id).reachable:
                return Response(200, frame(3, _INCOMPLETE.format(node=task.node_id).encode()), _STREAM_HEADERS)
        # The managers know no end of what is asked for.
        params = {name: value for name, value in params.items() if name != "until"}
        sources = [Source(task.container_id or task.id, _describe(task)) for task in tasks]
        return self._swarm.printed.answer(sources, params, self._swarm.stream)


def _asks_of_the_node(params: Mapping[str, str]) -> bool:
    """Tell whether somebody asks for the events of the Engine's own node."""
    return "local" in read_filters(params, None).get("scope", [])


def _describe(task: TaskRecord) -> str:
    """Return what the managers tell of a task before each of its lines, where details are asked for."""
    ids = {"node": task.node_id, "service": task.service.id, "task": task.id}
    return ",".join(f"com.docker.swarm.{kind}.id={id_}" for kind, id_ in ids.items())


def _is_of_the_swarm(path: str) -> bool:
    return path.startswith(("/services", "/tasks", "/nodes", "/configs", "/secrets", "/swarm"))


def _without_version(path: str) -> str:
    match = _VERSIONED.fullmatch(path)
    if match is None:
        return path
    version = f"{match[1]}.{match[2]}"
    if (int(match[1]), int(match[2])) > (1, 41):
        raise Refusal(400, f"client version {version} is too new. Maximum supported API version is {API_VERSION}")
    return match[3]


def _decode(body: bytes | None) -> dict[str, Any]:
    if not body:
        raise Refusal(400, "got EOF while reading request body")
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Refusal(400, f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "json: cannot unmarshal array into Go value of type swarm.ServiceSpec")
    return value
