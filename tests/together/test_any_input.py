"""Whatever is sent to the API, as its own document describes it or not, is answered as that document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.core.failures import Failure, FailureGroup

from crane_core import app as application
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm
from tests.identity import find_headers

STACK = "services: {web: {image: 'nginx:1', deploy: {replicas: 2}}, api: {image: 'nginx:1'}}"
# These answers go on for as long as somebody reads them.
ENDLESS = r"/(follow|events|live)$"
# For each operation, and of each kind: what the document allows, and what it does not.
EXAMPLES = 5
# What a schema allows may still name what there is not, as a member to sort by; and what it does not allow may not get
# as far as the server, as a list without items in a query. Other tests hold what is refused and what is not.
LEFT_TO_OTHERS = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Flask]:
    """A server with all plugins, over a Swarm with a stack."""
    swarm = MemorySwarm(nodes=2)
    app = application.create_app(
        {"server.data_directory": str(tmp_path), "auth.setup_token": SETUP_TOKEN},
        environ={},
        plugins=discover(),
        transport=MemoryAdapter(swarm),
    )
    crane = app.extensions["crane"]
    crane.watcher.look()
    application.start(app)
    body = {"files": [{"name": "stack.yml", "content": STACK}], "resolve_image": "never"}
    app.test_client().put("/api/v1/stacks/shop", json=body, headers=find_headers(tmp_path))
    swarm.settle()
    crane.watcher.look(full=True)
    yield app
    application.stop(app)


@schemathesis.hook
def map_query(_context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Wait for no operation: nothing moves by itself in this Swarm."""
    return {name: value for name, value in query.items() if name != "wait"} if query else query


def find_wrong_answers(app: Flask, headers: dict[str, str], examples: int = EXAMPLES) -> dict[str, str]:
    """Send all kinds of things to every operation; return what was answered otherwise than documented."""
    described: Any = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    wrong = {}
    operations = [found.ok() for found in described.exclude(path_regex=ENDLESS).get_all_operations()]
    fixed = {operation.path for operation in operations if "{" not in operation.path}
    for operation in operations:
        for mode in GenerationMode:
            try:
                # A container `prune` is no example: what is answered at its path is no container.
                cases = operation.as_strategy(generation_mode=mode)
                cases = cases.filter(lambda case: case.path in fixed or case.formatted_path not in fixed)
                send(cases, headers, examples)
            except Unsatisfiable:
                # There is nothing that could be sent to it wrongly.
                assert mode is GenerationMode.NEGATIVE, operation.label
            except (Failure, FailureGroup) as failure:
                wrong[operation.label] = "\n".join(map(str, getattr(failure, "exceptions", [failure])))
    return wrong


def send(cases: Any, headers: dict[str, str], examples: int) -> None:
    """Send a few of many possible requests, and look at their answers."""

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        # The same things each time: what is new to the API is tried with what is new in its document.
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=cases)
    def call(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=LEFT_TO_OTHERS)

    call()


def make_viewer(app: Flask) -> dict[str, str]:
    """Make somebody who may see everything of the Swarm; return what says that they ask."""
    ann = Browser(app.test_client())
    ann.ask("POST", "auth/setup", {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD}, 201)
    ann.ask("POST", "users", {"name": "vic", "kind": "service"}, 201)
    ann.ask("POST", "grants", {"role": "viewer", "account": "vic"}, 201)
    made = ann.ask("POST", "tokens", {"account": "vic", "name": "all kinds of things"}, 201)
    return {"Authorization": f"Bearer {made['token']}"}


@pytest.mark.parametrize("who", ["whoever runs the server", "a viewer", "nobody"])
def test_answers_are_as_documented(served: Flask, tmp_path: Path, who: str) -> None:
    headers = {"a viewer": make_viewer, "nobody": lambda _: {}}.get(who, lambda _: find_headers(tmp_path))(served)

    # Whoever has not logged in is sent away before anything is looked at.
    wrong = find_wrong_answers(served, headers, EXAMPLES if headers else 1)

    assert not wrong, "\n\n".join(f"{operation}: {failure}" for operation, failure in wrong.items())
