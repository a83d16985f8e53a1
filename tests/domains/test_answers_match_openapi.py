"""Every answer is as the OpenAPI document says, and says nothing that the document does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

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
        path = str(rule.rule).replace("<", "{").replace(">", "}")
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

    :param path: May name ``{task}``, ``{plan}`` and ``{operation}``, which stand for such as exist.
    """

    name: str
    method: str
    path: str
    status: int = 200
    body: JSON | None = None
    headers: JSON = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}-{self.path.partition('?')[2] or self.headers.get('Accept', '')}-{self.status}"


CALLS = [
    Call("showWhoami", "GET", "/whoami"),
    Call("listWhoamiRights", "GET", "/whoami/rights?kind=stack&name=shop&name=other"),
    Call("listWhoamiRights", "GET", "/whoami/rights?name=shop", 422),
    Call("listPages", "GET", "/pages"),
    Call("listPlugins", "GET", "/plugins"),
    Call("listSettings", "GET", "/settings"),
    Call("showHealth", "GET", "/health"),
    Call("listNodes", "GET", "/nodes"),
    Call("listNodes", "GET", "/nodes?sort=nonsense", 422),
    Call("showNode", "GET", "/nodes/node1"),
    Call("showNode", "GET", "/nodes/nothing", 404),
    Call("inspectStackFiles", "POST", "/stack-files/inspect", 200, inspected("services: {a: {image: 'a:${T?say}'}}")),
    Call("inspectStackFiles", "POST", "/stack-files/inspect", 200, inspected(SHOP)),
    Call("showStackFilesSchema", "GET", "/stack-files/schema"),
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
    Call("imageService", "POST", "/services/shop_web/image", 202, {"image": "nginx:1", "resolve_image": "never"}),
    Call("forceService", "POST", "/services/shop_web/force", 202),
    Call("rollbackService", "POST", "/services/shop_web/rollback", 202),
    Call("listTasks", "GET", "/tasks"),
    Call("showTask", "GET", "/tasks/{task}"),
    Call("showPlan", "GET", "/plans/{plan}"),
    Call("applyPlan", "POST", "/plans/{plan}/apply", 202),
    Call("listOperations", "GET", "/operations"),
    Call("showOperation", "GET", "/operations/{operation}"),
    Call("listOperationEvents", "GET", "/operations/{operation}/events"),
    Call("listOperationEvents", "GET", "/operations/{operation}/events", headers={"Accept": "application/x-ndjson"}),
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
    swarm.images |= {"loops:1": Exits(1), "gone:1": Missing(), "job:1": Exits(0)}
    for content in (SHOP.replace("blue", "green"), SHOP):
        assert client.put("/api/v1/stacks/shop", json=stack_files(content)).status_code in (200, 202)
        swarm.settle(20)
        crane.watcher.look(full=True)


@pytest.fixture
def ask(client: FlaskClient, crane: Crane, swarm: MemorySwarm, lively: None) -> Callable[[Call], TestResponse]:
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
        return client.open(f"/api/v1{path}", method=call.method, json=call.body, headers=call.headers)

    return send


def fail(client: FlaskClient, crane: Crane, swarm: MemorySwarm) -> str:
    """Let an operation fail, and return its id."""
    content = "services: {bad: {image: 'gone:1'}}"
    started = client.put("/api/v1/stacks/other", json=stack_files(content)).get_json()
    swarm.settle(20)
    crane.watcher.look(full=True)
    crane.room(Operations).wait(started["id"], 20)
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
