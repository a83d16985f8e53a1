"""The Engine's REST API over an in-memory Swarm: which request is answered by what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.events import EventStream
from crane_core.testing.filters import read_filters
from crane_core.testing.objects import Data, Networks, Nodes
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
_NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_STREAM_HEADERS = {"Content-Type": "application/octet-stream"}
_INCOMPLETE = (
    "Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be "
    "retrieved for the following reasons: node {node} is not available\n"
)
_ALREADY_IN = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'


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
            "GET /_ping": self._ping,
            "HEAD /_ping": self._ping,
            "GET /version": self._version,
            "GET /info": self._info,
            "GET /swarm": self._inspect_swarm,
        }

    def answer(self, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Response:
        """Return the answer to a request; refusals are answers too."""
        try:
            return self._route(method, _without_version(path), params, body)
        except Refusal as refusal:
            return refusal.to_response()

    def _route(self, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Response:
        if plain := self._plain.get(f"{method} {path}"):
            return plain()
        if (method, path) == ("POST", "/swarm/init"):
            return self._init_swarm()
        if (method, path) == ("GET", "/events"):
            return self._events(params)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if method == "GET" and parts[0] == "distribution" and parts[-1] == "json":
            return self._distribution("/".join(parts[1:-1]))
        if method == "GET" and parts[0] == "containers" and len(parts) == 3 and parts[2] == "json":
            return self._container(parts[1])
        self._check_manager(parts[0])
        if parts[0] == "services":
            return self._route_services(method, parts[1:], params, body)
        if parts[0] == "tasks" and method == "GET" and len(parts) == 3 and parts[2] == "logs":
            return self._task_output(parts[1], params)
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
        if not self._swarm.in_swarm and kind in ("services", "tasks", "nodes", "configs", "secrets"):
            raise Refusal(503, _NOT_A_MANAGER)

    @staticmethod
    def _ping() -> Response:
        return Response(200, b"OK", _PING_HEADERS)

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

    def _info(self) -> Response:
        swarm: dict[str, Any] = {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False}
        nodes = list(self._swarm.store.nodes)
        if self._swarm.in_swarm and nodes:
            swarm = {
                "NodeID": nodes[0].id,
                "NodeAddr": nodes[0].body["Status"]["Addr"],
                "LocalNodeState": "active",
                "ControlAvailable": True,
                "Nodes": len(nodes),
                "Managers": sum(node.spec["Role"] == "manager" for node in nodes),
                "Cluster": self._swarm.cluster,
            }
        return answer(
            {
                "ID": "MEMO:RYSW:ARM0",
                "Name": nodes[0].name if nodes else "node1",
                "ServerVersion": ENGINE_VERSION,
                "OperatingSystem": "memory",
                "OSType": "linux",
                "Architecture": "x86_64",
                "NCPU": 4,
                "MemTotal": 8 * 2**30,
                "Labels": [],
                "Swarm": {**swarm, "Error": "", "RemoteManagers": None},
            }
        )

    def _inspect_swarm(self) -> Response:
        if not self._swarm.in_swarm:
            raise Refusal(503, _NOT_A_MANAGER)
        tokens = {"Worker": "SWMTKN-1-memory-worker", "Manager": "SWMTKN-1-memory-manager"}
        return answer({**self._swarm.cluster, "JoinTokens": tokens})

    def _init_swarm(self) -> Response:
        if self._swarm.in_swarm:
            raise Refusal(503, _ALREADY_IN)
        self._swarm.in_swarm = True
        return answer(next(iter(self._swarm.store.nodes)).id)

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

    def _task_output(self, name: str, params: Mapping[str, str]) -> Response:
        streams = [stream for stream in ("stdout", "stderr") if params.get(stream) in ("1", "true")]
        if not streams:
            raise Refusal(400, "Bad parameters: you must choose at least one stream")
        task = self._swarm.store.tasks.get(name)
        if task.node_id in self._swarm.store.nodes and not self._swarm.store.nodes.get(task.node_id).reachable:
            return Response(200, _frame(3, _INCOMPLETE.format(node=task.node_id)), _STREAM_HEADERS)
        printed = self._swarm.outputs.get(task.id, "").splitlines(keepends=True)
        tail = params.get("tail", "all")
        lines = printed[-int(tail) :] if tail.isdecimal() else printed
        return Response(200, b"".join(_frame(1, line) for line in lines), _STREAM_HEADERS)

    def _container(self, name: str) -> Response:
        if name not in self._swarm.containers:
            raise Refusal(404, f"No such container: {name}")
        return answer(self._swarm.containers[name])


def _frame(stream: int, text: str) -> bytes:
    """Return a piece of output as it goes over the wire."""
    content = text.encode()
    return bytes((stream, 0, 0, 0)) + len(content).to_bytes(4, "big") + content


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
