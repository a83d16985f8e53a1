"""Every answer is as the OpenAPI document says, and says nothing that the document does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.contributions import Column, Field, Page, PageAction
from crane_core.errors import EngineUnavailable
from crane_core.orchestration.operations.operations import Operations
from crane_core.plugins import Plugin
from crane_core.testing.behaviours import Exits, Missing
from crane_core.testing.cluster import Outsider
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import serve

JSON = dict[str, Any]
SHOP = """
services:
  web:
    image: nginx:1.27
    environment: {PASSWORD: canary, COLOUR: blue}
    ports: ["8080:80"]
    configs: [site]
    secrets: [key]
    healthcheck: {test: "true"}
    deploy: {replicas: 2, placement: {constraints: [node.role == worker]}}
  everywhere: {image: busybox:1, deploy: {mode: global}}
  once: {image: "job:1", deploy: {mode: replicated-job}}
  loops: {image: "loops:1"}
  nowhere: {image: "nginx:1.27", deploy: {placement: {constraints: [node.labels.ssd == yes]}}}
configs: {site: {file: ./site.conf}}
secrets: {key: {file: ./key}}
"""
ATTACHED = {"./site.conf": {"content": "listen 80;"}, "./key": {"content": "a2V5", "encoding": "base64"}}


def inspected(content: str) -> JSON:
    """Return what is sent to look into a stack file."""
    return {"files": [{"name": "stack.yml", "content": content}]}


def stack_files(content: str = SHOP, **members: Any) -> JSON:
    """Return what is sent to plan or deploy a stack file."""
    return {**inspected(content), "attachments": ATTACHED, "resolve_image": "never", **members}


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """A plugin with pages, so that there are some to tell of."""

    def crane_pages() -> Iterator[Page]:
        restart = PageAction(
            "Restart", "POST", "/api/v1/services/{name}/force", "service:update", fields=(Field("a", "A"),)
        )
        columns, source = (Column("name", "Name"),), "/api/v1/services"
        yield Page("/restarts", "Restarts", "system", "service:read", None, source, columns, (restart,))
        yield Page("/clock", "Clock", "system", "service:read", module="/clock.js")

    return [make_plugin("pages", crane_pages)]


# --- The document ----------------------------------------------------------------------------------------------------


class Document:
    """The OpenAPI document, made so strict that it allows no member which it does not name."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.content: JSON = app.test_client().get("/api/v1/openapi.json").get_json()
        self.strict = copy.deepcopy(self.content)
        for schema in self.strict["components"]["schemas"].values():
            _close(schema)

    @property
    def names(self) -> set[str]:
        """The names of all operations."""
        return {operation["operationId"] for operation, _ in self._operations()}

    def operation_of(self, answer: TestResponse) -> JSON:
        """Return what the document says of the route that gave an answer."""
        asked = answer.request
        adapter = self.app.url_map.bind("localhost")
        rule, _ = adapter.match(asked.path, asked.method, return_rule=True)
        # A parameter that may hold slashes is ``<path:name>`` to the router.
        path = str(rule.rule).replace("<path:", "<").replace("<", "{").replace(">", "}")
        found: JSON = self.strict["paths"][path][asked.method.lower()]
        return found

    def violations_of(self, answer: TestResponse) -> list[str]:
        """Return in what an answer is not as the document says."""
        responses = self.operation_of(answer)["responses"]
        told = self._resolve(responses.get(str(answer.status_code)) or responses["default"])
        missing = [f"the header {name} is missing" for name in told.get("headers", ()) if name not in answer.headers]
        if "content" not in told:
            return missing + ([] if answer.data == b"" else ["there is a body"])
        if answer.mimetype not in told["content"]:
            return [*missing, f"{answer.mimetype} is none of {', '.join(told['content'])}"]
        schema = told["content"][answer.mimetype]["schema"]
        if answer.is_json:
            return missing + self._compare(schema, answer.json)
        values = _values_of(answer)
        return missing + [text for value in values for text in self._compare(schema["x-item"], value)]

    def _compare(self, schema: JSON, value: Any) -> list[str]:
        whole = {**schema, "components": self.strict["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]

    def _resolve(self, found: JSON) -> JSON:
        if "$ref" not in found:
            return found
        target: Any = self.strict
        for member in found["$ref"].removeprefix("#/").split("/"):
            target = target[member]
        return self._resolve(target)

    def _operations(self) -> Iterator[tuple[JSON, str]]:
        for path, item in self.content["paths"].items():
            for method in {"get", "put", "post", "patch", "delete"} & item.keys():
                yield item[method], path


def _close(schema: JSON) -> None:
    """Allow an object nothing that is not named; where the Engine's members stand beside ours, only those of its."""
    members = schema.get("properties", {})
    if any(name[0].isupper() for name in members):
        schema["patternProperties"] = {"^[A-Z]": {}}
        schema["additionalProperties"] = False
    elif members and schema.get("additionalProperties") is not True:
        schema["additionalProperties"] = False


def _values_of(answer: TestResponse) -> list[Any]:
    """Return the values of a stream."""
    if answer.mimetype == "application/yaml":
        return []
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines()]
    values = [json.loads(line) for line in lines if line.strip(": ")]
    assert values
    return values


# --- What is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One request to an operation, and the status that it is to be answered with.

    :param path: May name ``{task}``, ``{plan}`` and ``{operation}``, which stand for such as exist; a URL in the body
        may be ``{outsider}``, which stands for an Engine in no Swarm.
    """

    name: str
    method: str
    path: str
    status: int = 200
    body: JSON | None = None
    headers: JSON = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}-{self.path.partition('?')[2] or self.headers.get('Accept', '')}-{self.status}"


LINES = {"Accept": "application/x-ndjson"}
CALLS = [
    Call("showOwnIdentity", "GET", "/whoami"),
    Call("listOwnRights", "GET", "/whoami/rights?kind=stack&name=shop&name=other"),
    Call("listOwnRights", "GET", "/whoami/rights?name=shop", 422),
    Call("listPages", "GET", "/pages"),
    Call("listPlugins", "GET", "/plugins"),
    Call("listSettings", "GET", "/settings"),
    Call("showHealth", "GET", "/health"),
    Call("listNodes", "GET", "/nodes"),
    Call("listNodes", "GET", "/nodes?sort=nonsense", 422),
    Call("showNode", "GET", "/nodes/node1"),
    Call("showNode", "GET", "/nodes/nothing", 404),
    Call("listNodeTasks", "GET", "/nodes/node1/tasks"),
    Call("showNodeDrainPlan", "GET", "/nodes/node2/drain-plan"),
    Call("createNode", "POST", "/nodes", 201, {"url": "{outsider}"}),
    Call("createNode", "POST", "/nodes", 422, {"url": "http://node"}),
    Call("updateNode", "PATCH", "/nodes/node2", 200, {"labels": {"a": "b"}, "availability": "pause"}),
    Call("updateNode", "PATCH", "/nodes/node1", 409, {"role": "worker"}),
    Call("removeNode", "DELETE", "/nodes/node3?force=true", 204),
    Call("removeNode", "DELETE", "/nodes/node3", 409),
    Call("showSwarm", "GET", "/swarm"),
    Call("updateSwarm", "PATCH", "/swarm", 200, {"task_history_limit": 3, "autolock": True}),
    Call("updateSwarm", "PATCH", "/swarm", 409, {"autolock": True}, {"If-Match": '"1"'}),
    Call("initSwarm", "POST", "/swarm/init", 409, {}),
    Call("listSwarmJoinTokens", "GET", "/swarm/join-tokens"),
    Call("rotateSwarmJoinTokens", "POST", "/swarm/join-tokens/rotate", 204, {"roles": ["worker"]}),
    Call("showSwarmJoinCommand", "GET", "/swarm/join-command?role=manager"),
    Call("rotateSwarmCa", "POST", "/swarm/ca/rotate", 200, {}),
    Call("showSwarmUnlockKey", "GET", "/swarm/unlock-key", 409),
    Call("rotateSwarmUnlockKey", "POST", "/swarm/unlock-key/rotate", 409),
    Call("unlockSwarm", "POST", "/swarm/unlock", 409, {"unlock_key": "SWMKEY-1-x"}),
    Call("listEngines", "GET", "/engines"),
    Call("listEngines", "GET", "/engines?sort=nonsense", 422),
    Call("showAgent", "GET", "/agent"),
    Call("removeAgent", "DELETE", "/agent", 409),
    Call("rotateAgent", "POST", "/agent/rotate", 409),
    Call("createAgent", "POST", "/agent?wait=0", 202),
    Call("createAgent", "POST", "/agent?wait=-1", 422),
    Call("inspectStackFiles", "POST", "/stack-files/inspect", 200, inspected("services: {a: {image: 'a:${T?say}'}}")),
    Call("inspectStackFiles", "POST", "/stack-files/inspect", 200, inspected(SHOP)),
    Call("showStackFileSchema", "GET", "/stack-files/schema"),
    Call("listStacks", "GET", "/stacks"),
    Call("showStack", "GET", "/stacks/shop"),
    Call("showStackCompose", "GET", "/stacks/shop/compose"),
    Call("showStackCompose", "GET", "/stacks/shop/compose", headers={"Accept": "application/yaml"}),
    Call("listStackServices", "GET", "/stacks/shop/services"),
    Call("listStackTasks", "GET", "/stacks/shop/tasks"),
    Call("planStack", "POST", "/stacks/shop/plan", 201, stack_files(SHOP.replace("blue", "red"))),
    Call("planStack", "POST", "/stacks/other/plan", 201, stack_files(SHOP)),
    Call("planStack", "POST", "/stacks/shop/plan", 201, stack_files("services: {a: {image: a}}", prune=True)),
    Call("planStack", "POST", "/stacks/shop/plan", 422, stack_files("services: {a: {imag: a}}")),
    Call("planStack", "POST", "/stacks/shop/plan", 422, {"file": []}),
    Call("deployStack", "PUT", "/stacks/shop", 202, stack_files(SHOP.replace("blue", "red"))),
    Call("deployStack", "PUT", "/stacks/shop?plan=true", 201, stack_files(SHOP.replace("blue", "red"))),
    Call("rollbackStack", "POST", "/stacks/shop/rollback?plan=true", 201),
    Call("rollbackStack", "POST", "/stacks/shop/rollback", 202),
    Call("removeStack", "DELETE", "/stacks/shop?plan=true", 201),
    Call("removeStack", "DELETE", "/stacks/shop", 202),
    Call("listServices", "GET", "/services?limit=2"),
    Call("listServices", "GET", "/services?state=degraded"),
    Call("createService", "POST", "/services", 202, {"name": "new", "image": "nginx:1.27", "replicas": 2}),
    Call("createService", "POST", "/services", 409, {"name": "shop_web", "image": "nginx:1.27"}),
    Call("showService", "GET", "/services/shop_web"),
    Call("showService", "GET", "/services/shop_loops?reveal=true"),
    Call("updateService", "PATCH", "/services/shop_web", 202, {"TaskTemplate": {"ContainerSpec": {"Hostname": "a"}}}),
    Call("updateService", "PATCH", "/services/shop_once?plan=true", 201, {"Labels": {"a": "b"}}),
    Call("updateService", "PATCH", "/services/shop_web", 409, {"Labels": {}}, {"If-Match": '"1"'}),
    Call("removeService", "DELETE", "/services/shop_web", 202),
    Call("listServiceTasks", "GET", "/services/shop_loops/tasks"),
    Call("listServiceTasks", "GET", "/services/shop_everywhere/tasks"),
    Call("scaleService", "POST", "/services/shop_web/scale", 202, {"replicas": 3}),
    Call("scaleService", "POST", "/services/shop_everywhere/scale", 422, {"replicas": 3}),
    Call("changeServiceImage", "POST", "/services/shop_web/image", 202, {"image": "nginx:1", "resolve_image": "never"}),
    Call("forceServiceUpdate", "POST", "/services/shop_web/force", 202),
    Call("rollbackService", "POST", "/services/shop_web/rollback", 202),
    Call("listNetworks", "GET", "/networks"),
    Call("createNetwork", "POST", "/networks", 201, {"name": "new", "attachable": True}),
    Call("createNetwork", "POST", "/networks", 422, {"name": "new", "ingress": True}),
    Call("showNetwork", "GET", "/networks/shop_default"),
    Call("showNetwork", "GET", "/networks/node1/bridge"),
    Call("listNetworkServices", "GET", "/networks/shop_default/services"),
    Call("listNetworkContainers", "GET", "/networks/shop_default/containers"),
    Call("removeNetwork", "DELETE", "/networks/shop_default", 409),
    Call("connectNetwork", "POST", "/networks/node1/bridge/connect", 404, {"container": "gone"}),
    Call("disconnectNetwork", "POST", "/networks/node1/bridge/disconnect", 404, {"container": "gone"}),
    Call("showNetworkGraph", "GET", "/networks/graph"),
    Call("listSecrets", "GET", "/secrets"),
    Call("createSecret", "POST", "/secrets", 201, {"name": "new", "content": "a"}),
    Call("createSecret", "POST", "/secrets", 422, {"name": "new"}),
    Call("showSecret", "GET", "/secrets/shop_key"),
    Call("listSecretServices", "GET", "/secrets/shop_key/services"),
    Call("updateSecret", "PATCH", "/secrets/shop_key", 200, {"labels": {"a": "b"}}),
    Call("updateSecret", "PATCH", "/secrets/shop_key", 409, {"labels": {}}, {"If-Match": '"1"'}),
    Call("rotateSecret", "POST", "/secrets/shop_key/rotate", 202, {"content": "b"}),
    Call("rotateSecret", "POST", "/secrets/shop_key/rotate?plan=true", 201, {"content": "b"}),
    Call("removeSecret", "DELETE", "/secrets/shop_key", 409),
    Call("listConfigs", "GET", "/configs"),
    Call("createConfig", "POST", "/configs", 201, {"name": "new", "content": "a"}),
    Call("createConfig", "POST", "/configs", 422, {"name": "new"}),
    Call("showConfig", "GET", "/configs/shop_site"),
    Call("listConfigServices", "GET", "/configs/shop_site/services"),
    Call("showConfigContent", "GET", "/configs/shop_site/content"),
    Call("updateConfig", "PATCH", "/configs/shop_site", 200, {"labels": {"a": "b"}}),
    Call("updateConfig", "PATCH", "/configs/shop_site", 409, {"labels": {}}, {"If-Match": '"1"'}),
    Call("rotateConfig", "POST", "/configs/shop_site/rotate", 202, {"content": "b"}),
    Call("rotateConfig", "POST", "/configs/shop_site/rotate?plan=true", 201, {"content": "b"}),
    Call("removeConfig", "DELETE", "/configs/shop_site", 409),
    Call("listTasks", "GET", "/tasks"),
    Call("showTask", "GET", "/tasks/{task}"),
    Call("showPlan", "GET", "/plans/{plan}"),
    Call("applyPlan", "POST", "/plans/{plan}/apply", 202),
    Call("listOperations", "GET", "/operations"),
    Call("showOperation", "GET", "/operations/{operation}"),
    Call("listOperationEvents", "GET", "/operations/{operation}/events"),
    Call("listOperationEvents", "GET", "/operations/{operation}/events", headers={"Accept": "application/x-ndjson"}),
    Call("listContainers", "GET", "/containers"),
    Call("showContainer", "GET", "/containers/node2/by-hand"),
    Call("showContainer", "GET", "/containers/{container}"),
    Call("showContainer", "GET", "/containers/nothing", 404),
    Call("showContainerProcesses", "GET", "/containers/by-hand/top"),
    Call("listContainerChanges", "GET", "/containers/by-hand/diff"),
    Call("listContainerPorts", "GET", "/containers/by-hand/ports"),
    Call("startContainer", "POST", "/containers/stopped/start"),
    Call("stopContainer", "POST", "/containers/{container}/stop", 200, {"timeout": 1}),
    Call("restartContainer", "POST", "/containers/by-hand/restart", 200, {}),
    Call("pauseContainer", "POST", "/containers/by-hand/pause"),
    Call("unpauseContainer", "POST", "/containers/by-hand/unpause", 409),
    Call("killContainer", "POST", "/containers/by-hand/kill", 200, {"signal": "HUP"}),
    Call("renameContainer", "POST", "/containers/by-hand/rename", 200, {"name": "other"}),
    Call("removeContainer", "DELETE", "/containers/stopped"),
    Call("removeContainer", "DELETE", "/containers/by-hand", 409),
    Call("previewContainerPrune", "GET", "/containers/prune"),
    Call("pruneContainers", "POST", "/containers/prune", 200, {"token": "{preview}"}),
    Call("pruneContainers", "POST", "/containers/prune", 404, {"token": "none"}),
    Call("listImages", "GET", "/images"),
    Call("showImage", "GET", "/images/spare:1"),
    Call("showImageHistory", "GET", "/images/spare:1/history"),
    Call("pullImages", "POST", "/images/pull", 200, {"image": "new:1"}, headers={"Accept": "application/x-ndjson"}),
    Call("pullImages", "POST", "/images/pull", 200, {"image": "gone:1"}),
    Call("tagImages", "POST", "/images/tag", 200, {"image": "spare:1", "tag": "spare:2"}),
    Call("removeImage", "DELETE", "/images/spare:1"),
    Call("previewImagePrune", "GET", "/images/prune?all=true"),
    Call("pruneImages", "POST", "/images/prune", 200, {"token": "{preview}"}),
    Call("listVolumes", "GET", "/volumes?sizes=true"),
    Call("createVolume", "POST", "/volumes", 201, {"node": "node2", "name": "new", "options": {"type": "tmpfs"}}),
    Call("showVolume", "GET", "/volumes/node2/data"),
    Call("removeVolume", "DELETE", "/volumes/data", 409),
    Call("removeVolume", "DELETE", "/volumes/spare", 204),
    Call("previewVolumePrune", "GET", "/volumes/prune?all=true"),
    Call("pruneVolumes", "POST", "/volumes/prune", 200, {"token": "{preview}"}),
    Call("listServiceLogs", "GET", "/services/shop_web/logs", headers=LINES),
    Call("listServiceLogs", "GET", "/services/shop_web/logs?tail=-1", 422),
    Call("listStackLogs", "GET", "/stacks/shop/logs", headers=LINES),
    Call("listTaskLogs", "GET", "/tasks/{task}/logs", headers=LINES),
    Call("listContainerLogs", "GET", "/containers/by-hand/logs", headers=LINES),
    Call("createContainerTerminalTicket", "POST", "/containers/by-hand/terminal-tickets", 201, {}),
    Call("createTaskTerminalTicket", "POST", "/tasks/{task}/terminal-tickets", 409, {"command": ["sh"]}),
    Call("createServiceTerminalTicket", "POST", "/services/shop_web/terminal-tickets", 201, {}),
    Call("createServiceTerminalTicket", "POST", "/services/shop_web/terminal-tickets", 422, {"columns": 0}),
    Call("listTerminalRecordings", "GET", "/terminal-recordings"),
    Call("showTerminalRecording", "GET", "/terminal-recordings/none", 404),
    Call("removeTerminalRecording", "DELETE", "/terminal-recordings/none", 404),
    Call("listServiceStats", "GET", "/stats/services"),
    Call("showServiceStats", "GET", "/stats/services/shop_web?by=task"),
    Call("listStackStats", "GET", "/stats/stacks"),
    Call("showStackStats", "GET", "/stats/stacks/shop"),
    Call("listNodeStats", "GET", "/stats/nodes?sort=-cpu"),
    Call("showNodeStats", "GET", "/stats/nodes/node1?step=60"),
    Call("listTaskStats", "GET", "/stats/tasks"),
    Call("showTaskStats", "GET", "/stats/tasks/{task}"),
    Call("listContainerStats", "GET", "/stats/containers"),
    Call("showContainerStats", "GET", "/stats/containers/by-hand"),
    Call("showContainerStats", "GET", "/stats/containers/nothing", 404),
    Call("listEvents", "GET", "/events"),
    Call("listEvents", "GET", "/events?limit=-1", 422),
    Call("showDoctor", "GET", "/doctor"),
    Call("showDashboard", "GET", "/dashboard"),
]


@pytest.fixture
def document(crane_app: Flask) -> Document:
    """The document of the server."""
    return Document(crane_app)


@pytest.fixture
def client(crane_app: Flask) -> FlaskClient:
    """A client of the server."""
    return crane_app.test_client(use_cookies=False)


@pytest.fixture
def lively(client: FlaskClient, swarm: MemorySwarm, crane: Crane) -> None:
    """A stack in which nearly everything that can be happens: one service runs, one crashes, one finds no node ..."""
    engine = swarm.engine("node2")
    engine.containers.add("by-hand", volumes=["data"])
    engine.containers.add("stopped", running=False)
    engine.images.add("spare:1")
    engine.volumes.add("spare")
    swarm.images |= {"loops:1": Exits(1), "gone:1": Missing(), "job:1": Exits(0)}
    for content in (SHOP.replace("blue", "green"), SHOP):
        assert client.put("/api/v1/stacks/shop", json=stack_files(content)).status_code in (200, 202)
        swarm.settle(20)
        crane.watcher.look(full=True)


@pytest.fixture
def ask(
    client: FlaskClient, crane: Crane, swarm: MemorySwarm, lively: None, outsider: str
) -> Callable[[Call], TestResponse]:
    """Send a request to the server with that stack."""

    def send(call: Call) -> TestResponse:
        path = call.path
        if "{task}" in path:
            failed = [task for task in swarm.tasks("shop_loops") if task["Status"]["State"] == "failed"]
            path = path.replace("{task}", failed[-1]["ID"])
        if "{plan}" in path:
            plan = client.post("/api/v1/stacks/shop/plan", json=stack_files(SHOP.replace("blue", "red")))
            path = path.replace("{plan}", plan.get_json()["id"])
        if "{operation}" in path:
            path = path.replace("{operation}", fail(client, crane, swarm))
        if "{container}" in path:
            [found, *_] = client.get("/api/v1/containers?service=shop_web").get_json()["items"]
            path = path.replace("{container}", found["id"])
        body = {**call.body, "url": outsider} if (call.body or {}).get("url") == "{outsider}" else call.body
        if body == {"token": "{preview}"}:
            body = {"token": client.get(f"/api/v1{path}").get_json()["token"]}
        return client.open(f"/api/v1{path}", method=call.method, json=body, headers=call.headers)

    return send


@pytest.fixture
def outsider(swarm: MemorySwarm, tmp_path: Path) -> Iterator[str]:
    """The URL of an Engine that is in no Swarm."""
    server = serve(Outsider(swarm), str(tmp_path / "outsider.sock"))
    yield f"unix://{tmp_path}/outsider.sock"
    server.shutdown()
    server.server_close()


def fail(client: FlaskClient, crane: Crane, swarm: MemorySwarm) -> str:
    """Let an operation fail, and return its id."""
    content = "services: {bad: {image: 'gone:1'}}"
    started = client.put("/api/v1/stacks/other", json=stack_files(content)).get_json()
    swarm.settle(20)
    crane.watcher.look(full=True)
    crane.room(Operations).wait(started["id"], 60)
    return str(started["id"])


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_answer_is_as_the_document_says(call: Call, ask: Callable[[Call], TestResponse], document: Document) -> None:
    answer = ask(call)

    assert answer.status_code == call.status, answer.text
    assert document.operation_of(answer)["operationId"] == call.name
    assert document.violations_of(answer) == []


def test_every_operation_is_asked(document: Document) -> None:
    assert {call.name for call in CALLS} == document.names


def test_known_list_is_answered_without_a_body(
    client: FlaskClient, ask: Callable[[Call], TestResponse], document: Document
) -> None:
    first = ask(Call("listServices", "GET", "/services"))
    again = client.get("/api/v1/services", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert document.violations_of(again) == []


def test_outdated_plan_is_answered_with_the_new_one(
    client: FlaskClient, ask: Callable[[Call], TestResponse], document: Document
) -> None:
    plan = ask(Call("planStack", "POST", "/stacks/shop/plan", body=stack_files(SHOP.replace("blue", "red")))).get_json()
    client.post("/api/v1/services/shop_web/scale", json={"replicas": 5})

    answer = client.post(f"/api/v1/plans/{plan['id']}/apply")

    assert answer.status_code == 409
    assert answer.get_json()["code"] == "plan-outdated"
    assert answer.get_json()["plan"]["id"] != plan["id"]
    assert document.violations_of(answer) == []


def test_operation_that_failed_tells_all_there_is_to_tell(
    client: FlaskClient, crane: Crane, swarm: MemorySwarm, lively: None, document: Document
) -> None:
    answer = client.get(f"/api/v1/operations/{fail(client, crane, swarm)}")

    assert answer.get_json()["verdict"]["outcome"] == "failed"
    assert answer.get_json()["services"][0]["failing"]
    assert document.violations_of(answer) == []


def test_old_answers_say_so(
    client: FlaskClient, crane: Crane, swarm: MemorySwarm, lively: None, document: Document
) -> None:
    swarm.go_away()
    with pytest.raises(EngineUnavailable):
        crane.watcher.look()

    answers = [client.get(f"/api/v1/{path}") for path in ("services", "health", "stacks/shop")]

    assert answers[0].get_json()["sources"][0]["error"]
    assert [document.violations_of(answer) for answer in answers] == [[], [], []]


def test_member_that_the_document_does_not_name_is_found(
    client: FlaskClient, ask: Callable[[Call], TestResponse], document: Document
) -> None:
    answer = ask(Call("showNode", "GET", "/nodes/node1"))
    del document.strict["components"]["schemas"]["NodeDetail"]["properties"]["engine_version"]
    document.strict["components"]["schemas"]["NodeDetail"]["required"].remove("engine_version")

    assert len(document.violations_of(answer)) == 1
    assert "engine_version" in document.violations_of(answer)[0]
