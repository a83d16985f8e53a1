"""What editors are told of the keys of a Compose file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from crane_core.orchestration.stacks.formats import explain_compose
from crane_core.orchestration.stacks.formats.compose import ignored, meanings, schema

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = explain_compose()
SERVICE = SCHEMA["properties"]["services"]["additionalProperties"]
DEPLOY = SERVICE["properties"]["deploy"]


def without_meanings(node: Any) -> Any:
    """Return a schema without what is said to people."""
    if isinstance(node, dict):
        return {
            key: without_meanings(inner)
            for key, inner in node.items()
            if key not in ("description", "$schema", "title")
        }
    return node


def test_it_is_the_schema_that_files_are_checked_with() -> None:
    before = copy.deepcopy(schema.FILE)

    explained = explain_compose()

    assert without_meanings(explained) == without_meanings(schema.FILE)
    assert before == schema.FILE


@pytest.mark.parametrize("part", [SCHEMA, SERVICE, DEPLOY], ids=["file", "service", "deploy"])
def test_every_key_is_explained_in_a_sentence(part: dict[str, Any]) -> None:
    told = {key: inner.get("description", "") for key, inner in part["properties"].items()}

    assert {key for key, text in told.items() if not text.endswith(".")} == set()


@pytest.mark.parametrize(
    ("table", "part"),
    [(meanings.TOP_LEVEL, schema.FILE), (meanings.SERVICE_KEYS, schema.SERVICE), (meanings.DEPLOY_KEYS, schema.DEPLOY)],
    ids=["file", "service", "deploy"],
)
def test_every_explained_key_exists_and_is_not_ignored(table: dict[str, str], part: dict[str, Any]) -> None:
    assert set(table) <= set(part["properties"])
    assert set(table).isdisjoint({*ignored.SERVICE, *ignored.TOP_LEVEL})
    assert list(table) == sorted(table)


def test_ignored_key_says_what_to_do_instead() -> None:
    told = SERVICE["properties"]["container_name"]["description"]

    assert told.startswith("Ignored. The Swarm names the containers of a service")


@pytest.mark.parametrize("name", ["commands", "deploy-full", "many-settings", "volumes-long"])
def test_file_that_can_be_deployed_fits(name: str) -> None:
    content = yaml.safe_load((GOLDEN / name / "stack.yml").read_text("utf-8"))

    assert jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(content)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"services": {"web": {"imag": "nginx"}}},
        {"services": {"web": {"image": 5}}},
        {"services": {"web": {"image": "nginx", "deploy": {"replicas": -1}}}},
        {"services": {"two words": {"image": "nginx"}}},
        {"servces": {}},
    ],
)
def test_file_that_cannot_be_deployed_does_not_fit(content: Any) -> None:
    assert not jsonschema_rs.Draft202012Validator(SCHEMA).is_valid(content)
