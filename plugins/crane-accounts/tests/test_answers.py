"""Answers and topics say the same, and what the OpenAPI document says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from crane_core.context import Crane
from crane_core.live.board import Board

Root = Callable[..., Any]


@pytest.fixture
def company(people: Any, teams: Any, root: Root, deploy: Any) -> None:
    """One of everything."""
    deploy("shop")
    people(ann="admin", bob="operator@shop -viewer@bank")
    teams(shop_team="viewer@shop: ann bob")
    root("POST", "/roles", {"name": "scaler", "actions": ["service:read"]})


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/users", "/users"),
        ("/users/ann", "/users/{name}"),
        ("/groups", "/groups"),
        ("/groups/shop-team", "/groups/{name}"),
        ("/groups/shop-team/members", "/groups/{name}/members"),
        ("/roles", "/roles"),
        ("/roles/scaler", "/roles/{name}"),
        ("/actions", "/actions"),
        ("/grants", "/grants"),
        ("/grants/1", "/grants/{number}"),
        ("/rights?account=ann", "/rights"),
        ("/rights?account=bob&kind=stack&name=shop", "/rights"),
        ("/rights?group=shop-team", "/rights"),
    ],
)
def test_answer_is_as_the_document_says(root: Root, path: str, route: str) -> None:
    document = root("GET", "/openapi.json")
    told = document["paths"][f"/api/v1{route}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for schema in document["components"]["schemas"].values():
        if schema.get("properties"):
            schema["additionalProperties"] = False
    validator = jsonschema_rs.Draft202012Validator(
        {**told, "components": document["components"]}, validate_formats=True
    )
    answer = root("GET", path)

    assert [error.message for error in validator.iter_errors(answer)] == []
    assert answer.get("items", True)


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("name", ["users", "groups", "roles", "grants"])
def test_topic_tells_what_the_list_does(crane: Crane, crane_app: Flask, root: Root, name: str) -> None:
    [topic] = [topic for topic in crane.topics if topic.name == name]
    board = Board(name, topic.action, lambda: topic.listing(crane, {}), topic.key)
    with crane_app.app_context():
        board.refresh()

    told = sorted((json.loads(bytes(item.text)) for item in board.items.values()), key=lambda item: item["name"])
    assert told == sorted(root("GET", f"/{name}")["items"], key=lambda item: item["name"])
    assert told


@pytest.mark.usefixtures("company")
def test_list_that_did_not_change_is_not_sent_again(crane_app: Flask, root: Root) -> None:
    client = crane_app.test_client(use_cookies=False)
    operator = {"X-Account": "the-operator"}
    for path in ("/users", "/users/ann", "/groups", "/roles/viewer", "/grants", "/rights?account=ann"):
        etag = client.get(f"/api/v1{path}", headers=operator).headers["ETag"]
        again = client.get(f"/api/v1{path}", headers={**operator, "If-None-Match": etag})
        assert (path, again.status_code) == (path, 304)
    root("POST", "/users", {"name": "eve"})
    assert client.get("/api/v1/users", headers={**operator, "If-None-Match": etag}).status_code == 200
