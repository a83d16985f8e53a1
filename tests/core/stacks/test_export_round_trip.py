"""A stack file that is deployed, given back and loaded again asks for the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.diff import diff
from crane_core.orchestration.stacks.formats import load
from crane_core.orchestration.stacks.formats.export import Export, to_compose
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest

JSON = dict[str, Any]

FILES = sorted((Path(__file__).parent / "data" / "round_trip").glob("*.yml"))


def loaded(content: str, **attachments: bytes) -> DesiredStack:
    files = (SourceFile("stack.yml", content),)
    return load(StackRequest("shop", files, attachments={"./a.txt": b"hello $x\n"} | attachments))


def given_back(stack: DesiredStack, secrets: Mapping[str, JSON] | None = None) -> Export:
    """Return the stack as Compose, from what an Engine would tell of it.

    :param secrets: The live secrets, where the file itself does not make them.
    """
    return to_compose(
        "shop",
        [{"ID": name, "Spec": spec} for name, spec in stack.services.items()],
        [{"Id": f"id-{name}", **body} for name, body in stack.networks.items()],
        [{"ID": f"id-{name}", "Spec": body} for name, body in stack.configs.items()],
        [{"ID": f"id-{name}", "Spec": body} for name, body in (secrets or stack.secrets).items()],
        reveal=True,
    )


def shown(body: JSON) -> JSON:
    return {member: value for member, value in body.items() if value not in (None, "", False, [], {})}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_given_back_asks_for_the_same(file: Path) -> None:
    first = loaded(file.read_text())

    second = loaded(given_back(first).content)

    assert list(second.services) == list(first.services)
    for name, spec in first.services.items():
        assert diff(spec, second.services[name]) == []
    assert set(second.networks) == set(first.networks)
    assert {name: shown(body) for name, body in second.configs.items()} == {
        name: shown(body) for name, body in first.configs.items()
    }
    assert set(second.external_secrets) == set(first.secrets) | set(first.external_secrets)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_giving_back_twice_gives_the_same_file(file: Path) -> None:
    first = loaded(file.read_text())

    once = given_back(first)
    again = given_back(loaded(once.content), first.secrets)

    assert again.content == once.content
