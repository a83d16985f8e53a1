"""What a sender is asked for: variables, files and images that the files name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crane_core.orchestration.stacks.formats import (
    InvalidStackFile,
    NeededPath,
    NeededVariable,
    StackRequest,
    detect,
    inspect,
)
from crane_core.orchestration.stacks.formats.request import SourceFile

Request = Callable[..., StackRequest]


def test_variables_are_told_with_default_and_demand(requested: Request) -> None:
    needs = inspect(
        requested(
            "services:\n"
            "  a:\n"
            "    image: x:${TAG:-1}-${FLAVOUR}\n"
            "    labels: {a: '${MUST:?say it}', b: '${OUTER:-${INNER}}', c: '$$NOT'}\n"
            "    environment: [PLAIN, EMPTY=, SET=1]\n"
            "secrets: {s: {environment: TOKEN}}\n"
        )
    )

    assert needs.variables == (
        NeededVariable("TAG", "1"),
        NeededVariable("FLAVOUR"),
        NeededVariable("MUST", None, True, "say it"),
        NeededVariable("OUTER", "${INNER"),
        NeededVariable("PLAIN"),
        NeededVariable("EMPTY", ""),
        NeededVariable("TOKEN", None, True),
    )
    assert needs.images == ("x:1-",)


def test_files_are_told_as_they_stand_and_as_they_are_called(requested: Request) -> None:
    content = (
        "services: {a: {image: x, env_file: [./e, {path: f, required: false}], extends: {file: b.yml, service: b}}}\n"
        "configs: {c: {file: './${X}.conf'}, d: {external: true}}\n"
        "secrets: {s: {file: ../s}}\n"
    )

    needs = inspect(requested(content, variables={"X": "x"}))

    assert set(needs.paths) == {
        NeededPath("./e", "./e", "env_file"),
        NeededPath("f", "f", "env_file", optional=True),
        NeededPath("b.yml", "b.yml", "extends"),
        NeededPath("./x.conf", "./${X}.conf", "config"),
        NeededPath("../s", "../s", "secret"),
    }


def test_file_that_was_sent_is_looked_at_and_not_asked_for_again(requested: Request) -> None:
    needs = inspect(
        requested(
            "services: {a: {extends: {file: sub/b.yml, service: b}, env_file: e}}",
            attachments={
                "sub/b.yml": b"services: {b: {image: '${IMAGE}', env_file: ./g}}",
                "e": b"FROM_ENV_FILE\nA=1\n",
            },
        )
    )

    assert {variable.name for variable in needs.variables} == {"FROM_ENV_FILE", "IMAGE"}
    assert needs.paths == (NeededPath("sub/g", "./g", "env_file"),)


def test_files_that_extend_each_other_are_looked_at_once(requested: Request) -> None:
    needs = inspect(
        requested(
            "services: {a: {extends: {file: b.yml, service: b}}}",
            attachments={"b.yml": b"services: {b: {image: y, extends: {file: ./b.yml, service: b}}}"},
        )
    )

    assert needs.paths == ()
    assert needs.images == ("y",)


def test_needs_are_told_as_json(requested: Request) -> None:
    assert inspect(requested("services: {a: {image: x, user: '${U}'}}")).to_json() == {
        "format": "compose",
        "variables": [{"name": "U", "default": None, "required": False, "message": None}],
        "paths": [],
        "images": ["x"],
    }


def test_file_that_cannot_be_read_is_refused(requested: Request) -> None:
    with pytest.raises(InvalidStackFile):
        inspect(requested("a: ["))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("stack.yml", "services: {}", "compose"),
        ("stack.json", '{"services": {"a": {"image": "x"}}}', "compose"),
        ("shop.dab", "{}", "dab"),
        ("shop.json", '{"Version": "0.1", "Services": {"a": {"Image": "x"}}}', "dab"),
        ("shop.json", '{"version": "0.1", "services": {"a": {"Image": "x"}}}', "dab"),
        ("shop.json", '{"Namespace": "n", "Stack": {}}', "bundle"),
        ("shop.json", '{"stack": {"services": {}}}', "bundle"),
        ("shop.json", "{not json", "compose"),
    ],
)
def test_format_shows_in_name_and_content(name: str, content: str, found: str) -> None:
    assert detect(StackRequest("s", (SourceFile(name, content),))) == found


def test_format_that_is_asked_for_is_taken(requested: Request) -> None:
    assert detect(requested("{}", format="dab")) == "dab"


def test_unknown_format_is_refused(requested: Request) -> None:
    with pytest.raises(InvalidStackFile, match="no format `helm`"):
        detect(requested("{}", format="helm"))


def test_images_of_a_bundle_are_told(requested: Request) -> None:
    needs: Any = inspect(requested('{"Version": "0.1", "Services": {"a": {"Image": "x"}, "b": {"Image": "y"}}}'))

    assert (needs.format, needs.images) == ("dab", ("x", "y"))
