"""Loading stack files that are given as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.formats import InvalidStackFile, SourceFile, StackRequest, load

Load = Callable[..., DesiredStack]
Refuse = Callable[..., list[tuple[str, int | None, str]]]


def _request(*contents: str, **more: Any) -> StackRequest:
    names = ("stack.yml", "override.yml", "third.yml")
    files = tuple(SourceFile(name, content) for name, content in zip(names, contents, strict=False))
    return StackRequest(name=more.pop("name", "shop"), files=files, **more)


@pytest.fixture(scope="session")
def loaded() -> Load:
    """Load files given as text; keywords are those of StackRequest."""
    return lambda *contents, **more: load(_request(*contents, **more))


@pytest.fixture(scope="session")
def requested() -> Callable[..., StackRequest]:
    """Make a request of files given as text."""
    return _request


@pytest.fixture(scope="session")
def refused() -> Refuse:
    """Load files that cannot be loaded; return pointer, line and sentence of each violation."""

    def refuse(*contents: str, **more: Any) -> list[tuple[str, int | None, str]]:
        with pytest.raises(InvalidStackFile) as caught:
            load(_request(*contents, **more))
        return [(each.pointer, each.line, each.detail) for each in caught.value.violations]

    return refuse
