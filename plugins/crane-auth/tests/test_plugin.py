"""The plugin as a whole."""

from __future__ import annotations

from crane_database.testing import find_drift
from flask import Flask


def test_models_and_migrations_say_the_same(crane_app: Flask) -> None:
    assert find_drift(crane_app) == {}
