"""The lab as fixtures: ``lab1`` and ``lab3`` for the whole run, ``swarm1`` and ``swarm3`` cleared after each test.

A test that uses one of them gets the marker ``swarm`` and, when it fails, the end of each Engine's log.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.lab import Lab

_NAMES = frozenset({"lab1", "lab3", "swarm1", "swarm3"})


@pytest.fixture(scope="session")
def lab1() -> Iterator[Lab]:
    """A Swarm of one node, kept for the whole run. Leave it as you found it, or use ``swarm1``."""
    with Lab(1) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab3() -> Iterator[Lab]:
    """A Swarm of three nodes, kept for the whole run. Leave it as you found it, or use ``swarm3``."""
    with Lab(3) as lab:
        yield lab


@pytest.fixture
def swarm1(lab1: Lab) -> Iterator[Lab]:
    """A Swarm of one node that runs nothing, and is cleared afterwards."""
    yield lab1
    lab1.clear()


@pytest.fixture
def swarm3(lab3: Lab) -> Iterator[Lab]:
    """A Swarm of three nodes that runs nothing, and is cleared afterwards, its nodes switched on again."""
    yield lab3
    lab3.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on real Engines."""
    for item in items:
        if isinstance(item, pytest.Function) and _NAMES.intersection(item.fixturenames):
            item.add_marker("swarm")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the Engines' logs to the report of a failure."""
    report = yield
    used = getattr(item, "funcargs", {})
    if report.failed:
        for lab in {id(lab): lab for lab in (used.get(name) for name in _NAMES) if isinstance(lab, Lab)}.values():
            report.sections.append((f"Engines of {lab.name}", lab.logs()))
    return report
