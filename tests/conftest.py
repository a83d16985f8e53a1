"""What all tests share: the lab of real Engines, and property tests that do not count seconds."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.lab.fixtures"]

# The priority of tests that need neither an Engine nor a browser; 0 is the usual one, 19 the lowest.
_LATER = 10

# How long an example takes says how busy the machine is, and nothing about the law that is tested.
settings.register_profile("crane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crane")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of the resources be run once more, with every plugin that is installed."""
    parser.addoption("--all-plugins", action="store_true", help="run the servers of tests/domains with all plugins")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and try once more what depends on programs of others.

    An Engine or a browser that is started, killed and cut off hundreds of times has races of its own. A defect of Crane
    fails twice; what passed the second time only is listed when the tests have ended.
    """
    for item in items:
        if _place(item.nodeid) in _WAITING:
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: _FIRST.index(place) if (place := _place(item.nodeid)) in _FIRST else len(_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out tests by what they share, where several processes run them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        """Each process that needs a Swarm or a browser starts one of its own, and keeps it."""

        def _split_scope(self, nodeid: str) -> str:
            return _place(nodeid)

    return ByPlace(config, log)


_WAITING = ("lab", "pages", "browser")
_FIRST = (*_WAITING, "tests/together/test_any_input.py")


def _place(nodeid: str) -> str:
    """Return what a test shares with others: a lab, a browser, or its file."""
    if nodeid.startswith(("tests/lab/", "tests/swarm/")):
        return "lab"
    if nodeid.startswith("tests/browser/"):
        # A third of all the time in browsers goes there, and no Engine is needed.
        return "pages" if nodeid.startswith("tests/browser/test_pages.py") else "browser"
    return nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let Engines and browsers go first where several processes run tests.

    They wait for each other most of the time, so that there are more processes than processors; when they do want one,
    it must not be taken by tests to which it is all the same.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Who may not take a priority back keeps the low one.
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0 if _place(item.nodeid) in _WAITING else _LATER)
