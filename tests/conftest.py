"""What all tests share: the lab of real Engines."""

from __future__ import annotations

pytest_plugins = ["tests.lab.fixtures"]
