"""Facts about the list of operations over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def deployed(client: FlaskClient) -> None:
    """A stack with two services, deployed."""
    content = "services: {web: {image: 'nginx:1'}, db: {image: 'postgres:16'}}"
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
    assert client.put("/api/v1/stacks/shop", json=body).status_code in (200, 202)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1),
        ("stack=shop", 1),
        ("stack=other", 0),
        ("service=shop_web", 1),
        ("service=shop_db,shop_x", 1),
        ("service=shop", 0),
        ("kind=stack.deploy", 1),
        ("state=applying,following,ended", 1),
    ],
)
def test_operations_are_filtered(client: FlaskClient, query: str, found: int) -> None:
    answered = client.get(f"/api/v1/operations?{query}")

    assert answered.status_code == 200, answered.json
    assert answered.json["total"] == found
