"""Routes are compiled late, and write the same addresses as others."""

from __future__ import annotations

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from crane_core.routing import LateRule


def make_app(kind: type[Rule]) -> Flask:
    app = Flask("crane_core", static_folder=None)
    app.url_rule_class = kind
    app.add_url_rule("/services/<name>/tasks/<int:slot>", "task", lambda name, slot: f"{name}.{slot}")
    app.add_url_rule("/files/<path:path>", "file", lambda path: path)
    return app


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("task", {"name": "shop web/ä", "slot": 3}),
        ("task", {"name": "shop", "slot": 3, "tail": "5", "q": ["a", "b"]}),
        ("file", {"path": "a/b c.txt", "_anchor": "end", "_external": True}),
    ],
)
def test_addresses_are_written_as_by_any_route(endpoint: str, values: dict[str, object]) -> None:
    written = []
    for kind in (Rule, LateRule):
        with make_app(kind).test_request_context(base_url="http://crane.example"):
            written += [url_for(endpoint, **values), url_for(endpoint, **values)]

    assert len(set(written)) == 1


def test_requests_find_their_route() -> None:
    client = make_app(LateRule).test_client()

    assert client.get("/services/shop/tasks/3").text == "shop.3"
    assert client.get("/services/shop/tasks/three").status_code == 404


def test_server_starts_without_writing_an_address(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(Rule, "_compile_builder", lambda rule, unknown: compiled.append(rule.rule))
    make_app(LateRule)

    assert compiled == []
    assert all(isinstance(rule, LateRule) for rule in client.application.url_map.iter_rules())
