"""Distributed Application Bundles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.formats.dab import load_dab
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest

BUNDLE = """{
  "Version": "0.1",
  "Services": {
    "web": {
      "Image": "nginx@sha256:6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b",
      "Command": ["nginx"], "Args": ["-g", "daemon off;"], "Env": ["A=1"], "Labels": {"tier": "front"},
      "Ports": [{"Protocol": "tcp", "Port": 80}, {"Port": 443}],
      "WorkingDir": "/srv", "User": "www", "Networks": ["front"]
    },
    "db": {"Image": "postgres:16", "Networks": ["front", "back"]}
  }
}"""


def load(content: Any, name: str = "shop") -> DesiredStack:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return load_dab(StackRequest(name, (SourceFile("shop.dab", text),)))


def problems(content: Any, name: str = "shop") -> dict[str, tuple[str, int | None]]:
    with pytest.raises(InvalidStackFile) as refused:
        load(content, name)
    return {found.path: (found.detail, found.line) for found in refused.value.violations}


def test_bundle_becomes_what_docker_made_of_it() -> None:
    stack = load(BUNDLE)

    assert stack.services["shop_web"] == {
        "Name": "shop_web",
        "Labels": {
            "tier": "front",
            "com.docker.stack.image": "nginx@sha256:6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b",
            "com.docker.stack.namespace": "shop",
        },
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "nginx@sha256:6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b6d3f6f1e1b1f5a5d8ad8a9bb8f1d7a4b",
                "Labels": {"com.docker.stack.namespace": "shop"},
                "Command": ["nginx"],
                "Args": ["-g", "daemon off;"],
                "Env": ["A=1"],
                "Dir": "/srv",
                "User": "www",
            },
            "Networks": [{"Target": "shop_front", "Aliases": ["web"]}],
        },
        "EndpointSpec": {
            "Ports": [{"Protocol": "tcp", "TargetPort": 80}, {"Protocol": "tcp", "TargetPort": 443}],
        },
    }
    assert list(stack.networks) == ["shop_front", "shop_back"]
    assert stack.networks["shop_back"]["Driver"] == "overlay"
    assert stack.networks["shop_back"]["Labels"] == {"com.docker.stack.namespace": "shop"}
    assert list(stack.services) == ["shop_web", "shop_db"]
    assert stack.warnings == ()
    assert stack.places["/Services/db"].line == 10


def test_case_of_names_is_ignored() -> None:
    stack = load({"version": "0.1", "services": {"web": {"image": "nginx:1", "ports": [{"port": 80}]}}})

    assert stack.services["shop_web"]["EndpointSpec"]["Ports"] == [{"Protocol": "tcp", "TargetPort": 80}]


def test_predefined_network_is_used_and_not_made() -> None:
    stack = load({"Version": "0.1", "Services": {"web": {"Image": "nginx:1", "Networks": ["host"]}}})

    assert stack.external_networks == ("host",)
    assert stack.networks == {}


def test_image_without_a_tag_is_told_of() -> None:
    stack = load({"Version": "0.1", "Services": {"web": {"Image": "nginx"}}})

    assert [(warning.path, warning.line) for warning in stack.warnings] == [("/Services/web/Image", 5)]


def test_everything_wrong_is_told_at_once_with_its_line() -> None:
    found = problems("""{
  "Version": "0.2",
  "Services": {
    "web": {
      "Imaeg": "nginx",
      "Ports": [{"Port": "80"}, {"Port": 70000, "Protocol": "icmp"}],
      "Env": {"A": "1"}
    },
    "a b": {"Image": "Not An Image", "Networks": ["x y"]}
  }
}""")

    assert {path: line for path, (_, line) in found.items()} == {
        "/Version": 2,
        "/Services/web/Imaeg": 5,
        "/Services/web/Image": 4,
        "/Services/web/Ports/0/Port": 6,
        "/Services/web/Ports/1/Port": 6,
        "/Services/web/Ports/1/Protocol": 6,
        "/Services/web/Env": 7,
        "/Services/a b": 9,
        "/Services/a b/Image": 9,
        "/Services/a b/Networks/0": 9,
    }
    assert found["/Services/web/Imaeg"][0] == '"Imaeg" is not known here; do you mean "Image"?'
    assert found["/Services/web/Env"][0] == "This must be a list, and it is an object."


@pytest.mark.parametrize(
    ("content", "path", "says"),
    [
        ("", "", "the file is empty"),
        ("{", "", "a name in double quotes is expected here"),
        ('{"Version": "0.1",}', "", "a name in double quotes is expected here"),
        ('{"Version": "0.1"} x', "", "something follows after the end"),
        ('{"Version": 0.1x}', "", '"0.1x" is no value'),
        ('{"Version": "0.1', "", "unterminated string"),
        ("[" * 5000, "", "nested more than 64 levels deep"),
        ("[]", "", "This must be an object, and it is a list."),
        ('{"Version": "0.1", "Version": "0.1"}', "/Version", "given twice"),
        ('{"Version": "0.1", "version": "0.1"}', "/version", "given twice, in different cases"),
        ('{"Services": {"web": {"Image": "nginx:1"}}}', "/Version", "missing"),
        ('{"Version": "0.1", "Services": {}}', "/Services", "no services"),
        ('{"Version": "0.1", "Services": {"web": null}}', "/Services/web", "null"),
        ('{"Version": "0.1", "Services": {"web": {"Image": null}}}', "/Services/web/Image", "missing"),
        ('{"Version": "0.1", "Services": {"web": {"Image": 5}}}', "/Services/web/Image", "a text"),
        (f'{{"Version": "{"x" * 2**20}"}}', "", "larger than 1 MiB"),
    ],
)
def test_bad_bundle_is_refused_with_a_sentence(content: str, path: str, says: str) -> None:
    found = problems(content)

    assert path in found
    assert says in found[path][0]


def test_broken_line_is_named() -> None:
    assert problems('{\n "Version":\n "0.1"\n "Services": {}}')[""][1] == 4


def test_name_of_the_stack_is_checked() -> None:
    assert "cannot be called" in problems(BUNDLE, "my shop")[""][0]


def test_two_bundles_cannot_be_merged() -> None:
    with pytest.raises(InvalidStackFile, match="one file"):
        load_dab(StackRequest("shop", (SourceFile("a.dab", BUNDLE), SourceFile("b.dab", BUNDLE))))
