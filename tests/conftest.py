"""What all tests share: the lab of real Engines, and property tests that do not count seconds."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.lab.fixtures"]

# How long an example takes says how busy the machine is, and nothing about the law that is tested.
settings.register_profile("crane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crane")
