"""What all tests share: the lab of real Engines, and property tests that do not count seconds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.lab.fixtures"]

# How long an example takes says how busy the machine is, and nothing about the law that is tested.
settings.register_profile("crane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crane")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of the resources be run once more, with every plugin that is installed."""
    parser.addoption("--all-plugins", action="store_true", help="run the servers of tests/domains with all plugins")
