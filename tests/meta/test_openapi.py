"""The OpenAPI document is valid, and says of every route what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from crane_core.answers import AnswerSchema, text
from crane_core.app import create_app
from crane_core.contributions import Action
from crane_core.http import Blueprint, ListQuery
from crane_core.openapi import PROBLEM, name_operation
from crane_core.orchestration.operations.model import Outcome, State
from crane_core.orchestration.plans.model import Verb
from crane_core.orchestration.services.operations import Condition
from crane_core.orchestration.stacks.operations import StackCondition
from crane_core.plugins import discover
from crane_core.security import Target, guard
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin

JSON = dict[str, Any]
METHODS = {"get", "put", "post", "patch", "delete"}
JSON_MEDIA = ("application/json", PROBLEM)
# What the name of an operation may begin with; a noun there would make a client that was generated from the document
# read badly.
# fmt: off
VERBS = frozenset({
    "add", "apply", "ask", "begin", "change", "check", "choose", "collect", "compare", "confirm", "connect",
    "create", "deploy", "disconnect", "explain", "export", "follow", "force", "give", "init", "inspect", "kill",
    "list", "log", "pause", "plan", "preview", "prune", "pull", "remove", "rename", "renew", "restart", "restore",
    "return", "rollback", "rotate", "scale", "set", "show", "start", "stop", "tag", "unlock", "unpause", "update",
})
# fmt: on


def read_document(data: Path, *plugins: Any) -> JSON:
    """Return the document of a server with some plugins."""
    settings = {"server.data_directory": str(data)}
    app = create_app(settings, environ={}, plugins=plugins, transport=MemoryAdapter(MemorySwarm(nodes=1)))
    document: JSON = app.test_client().get("/api/v1/openapi.json").get_json()
    return document


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> JSON:
    """The document of a server with every installed plugin."""
    return read_document(tmp_path_factory.mktemp("data"), *discover())


def operations_of(document: JSON) -> Iterator[tuple[str, str, JSON]]:
    """Return each operation with its method and path."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def resolve(document: JSON, found: JSON) -> JSON:
    """Return what a reference refers to, or what is no reference as it is."""
    while "$ref" in found:
        target: Any = document
        for member in found["$ref"].removeprefix("#/").split("/"):
            target = target[member]
        found = target
    return found


def test_document_is_valid(document: JSON) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_answer_has_a_schema(document: JSON) -> None:
    silent = []
    for method, path, operation in operations_of(document):
        for status, response in operation["responses"].items():
            content = resolve(document, response).get("content")
            if content is None and status not in ("204", "303", "304"):
                silent.append(f"{method} {path} {status}")
            silent += [f"{method} {path} {media}" for media, said in (content or {}).items() if not said.get("schema")]

    assert silent == []


def test_every_member_of_an_answer_is_explained(document: JSON) -> None:
    answered = {
        name
        for _, _, operation in operations_of(document)
        for response in operation["responses"].values()
        for name in schemas_in(document, resolve(document, response))
    }
    unexplained = [
        f"{name}.{member}"
        for name in answered
        for member, schema in document["components"]["schemas"][name].get("properties", {}).items()
        if not schema.get("description")
    ]

    assert {"Operation", "Verdict", "Failing", "Plan", "Service", "Task", "Node", "Stack", "Problem"} <= answered
    assert unexplained == []
    assert [name for name in answered if not document["components"]["schemas"][name].get("description")] == []


def schemas_in(document: JSON, part: Any, seen: set[str] | None = None) -> set[str]:
    """Return the names of the schemas that a part of the document refers to, at any depth."""
    seen = set() if seen is None else seen
    if isinstance(part, dict):
        name = str(part.get("$ref", "")).removeprefix("#/components/schemas/")
        if name and name not in seen and not name.startswith("#"):
            seen.add(name)
            schemas_in(document, document["components"]["schemas"][name], seen)
        for inner in part.values():
            schemas_in(document, inner, seen)
    elif isinstance(part, list):
        for inner in part:
            schemas_in(document, inner, seen)
    return seen


def test_every_operation_has_a_name_a_summary_and_a_tag(document: JSON) -> None:
    operations = [operation for _, _, operation in operations_of(document)]
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}

    assert len({operation["operationId"] for operation in operations}) == len(operations) > 30
    assert [operation["operationId"] for operation in operations if not operation["operationId"].isalnum()] == []
    assert [operation["operationId"] for operation in operations if not operation["summary"].endswith(".")] == []
    assert [operation["operationId"] for operation in operations if not tags.issuperset(operation["tags"])] == []


def test_every_operation_is_named_by_a_verb_and_a_thing(document: JSON) -> None:
    names = [operation["operationId"] for _, _, operation in operations_of(document)]
    parts = [re.match(r"([a-z]+)([A-Z][A-Za-z]*)$", name) for name in names]

    assert [name for name, part in zip(names, parts, strict=True) if part is None] == []
    assert {part[1] for part in parts if part} - VERBS == set()


def test_every_operation_tells_of_its_errors(document: JSON) -> None:
    for _, path, operation in operations_of(document):
        told, name = set(operation["responses"]), operation["operationId"]
        assert "default" in told, name
        guarded = "x-crane-action" in operation or "x-crane-known" in operation
        assert told.issuperset({"401", "403"}) == guarded, name
        assert ("404" in told) == ("{" in path), name
        assert "202" not in told or {"409", "503"} <= told, name
        assert "requestBody" not in operation or "422" in told, name


def test_errors_are_problems(document: JSON) -> None:
    for _, _, operation in operations_of(document):
        for status, response in operation["responses"].items():
            if (status[0] == "4" or status == "default") and status != "304":
                assert set(resolve(document, response)["content"]) == {PROBLEM}, operation["operationId"]


def test_lists_tell_of_their_etag(document: JSON) -> None:
    lists = [
        operation
        for _, _, operation in operations_of(document)
        if {parameter["name"] for parameter in operation.get("parameters", ())} >= {"limit", "offset", "sort", "q"}
    ]

    assert len(lists) > 7
    for operation in lists:
        assert "ETag" in operation["responses"]["200"]["headers"], operation["operationId"]
        assert "304" in operation["responses"], operation["operationId"]
        assert "If-None-Match" in {parameter["name"] for parameter in operation["parameters"]}


def test_words_that_programs_decide_on_are_those_of_the_code(document: JSON) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["Operation"]["properties"]["state"]["enum"] == list(get_args(State))
    assert schemas["Verdict"]["properties"]["outcome"]["enum"] == list(get_args(Outcome))
    assert schemas["Service"]["properties"]["state"]["enum"] == list(get_args(Condition))
    assert schemas["Stack"]["properties"]["state"]["enum"] == list(get_args(StackCondition))
    assert schemas["Change"]["properties"]["action"]["enum"] == list(get_args(Verb))


def test_followed_operation_has_both_kinds_of_stream(document: JSON) -> None:
    streams = document["paths"]["/api/v1/operations/{operation_id}/events"]["get"]["responses"]["200"]["content"]

    assert set(streams) == {"text/event-stream", "application/x-ndjson"}
    assert {stream["schema"]["x-item"]["$ref"] for stream in streams.values()} == {"#/components/schemas/Operation"}


def test_login_is_demanded_where_a_plugin_authenticates(document: JSON, tmp_path: Path) -> None:
    def crane_authenticate(request: Any) -> None:
        return None

    alone = read_document(tmp_path)
    strict = read_document(tmp_path, make_plugin("strict", crane_authenticate))

    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert alone["security"] == [{"bearer": []}, {}]
    assert document["security"] == [{"bearer": []}]
    assert strict["security"] == [{"bearer": []}]
    assert strict["paths"]["/api/v1/health"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/api/v1/services", "listServices"),
        ("post", "/api/v1/services", "createService"),
        ("get", "/api/v1/services/{name}", "showService"),
        ("patch", "/api/v1/services/{name}", "updateService"),
        ("delete", "/api/v1/services/{name}", "removeService"),
        ("post", "/api/v1/services/{name}/scale", "scaleService"),
        ("get", "/api/v1/services/{name}/tasks", "listServiceTasks"),
        ("post", "/api/v1/stack-files/inspect", "inspectStackFiles"),
        ("post", "/api/v1/services/{name}/notes", "createServiceNote"),
        ("get", "/api/v1/stacks/{name}/compose", "showStackCompose"),
        ("get", "/api/v1/health", "showHealth"),
        ("get", "/api/v1/registries/{name}", "showRegistry"),
        ("put", "/api/v1/access-policies/{id}/rules/{rule}", "putAccessPolicyRule"),
    ],
)
def test_operation_is_named_after_method_and_path(method: str, path: str, name: str) -> None:
    assert name_operation(method, path) == name


class BudgetSchema(AnswerSchema):
    """What a service may cost."""

    __module__ = "crane_budget.schemas"
    name = text("The service.")


def test_routes_of_a_plugin_follow_the_same_conventions(tmp_path: Path) -> None:
    blueprint = Blueprint("budget", __name__, url_prefix="/api/v1", description="Budgets.")

    @blueprint.route("/budgets/<name>", methods=["DELETE"])
    @guard("budget:remove", by="name")
    @blueprint.response(200, BudgetSchema)
    def remove(name: str) -> None:
        """Remove a budget."""

    @blueprint.route("/budgets")
    @guard("budget:read")
    @blueprint.arguments(ListQuery, location="query")
    @blueprint.response_list(BudgetSchema, description="The budgets.")
    def list_all(query: JSON) -> None:
        """List budgets."""

    def crane_routes() -> list[Blueprint]:
        return [blueprint]

    def crane_actions() -> list[Action]:
        return [Action("budget:read", "See budgets."), Action("budget:remove", "Remove budgets.", Target)]

    document = read_document(tmp_path, make_plugin("budget", crane_routes, crane_actions))
    listed = document["paths"]["/api/v1/budgets"]["get"]
    removed = document["paths"]["/api/v1/budgets/{name}"]["delete"]

    assert (listed["operationId"], removed["operationId"]) == ("listBudgets", "removeBudget")
    assert (listed["x-crane-action"], removed["x-crane-action"]) == ("budget:read", "budget:remove")
    assert set(listed["responses"]) == {"200", "304", "401", "403", "422", "default"}
    assert set(removed["responses"]) == {"200", "401", "403", "404", "default"}
    assert {"budget.Budget", "budget.BudgetList"} <= document["components"]["schemas"].keys()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
