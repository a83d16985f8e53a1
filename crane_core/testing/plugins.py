"""Plugins made on the spot, out of a few functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from crane_core.hookspecs import hookimpl
from crane_core.plugins import Plugin


def make_plugin(name: str, *hooks: Callable[..., Any], requires: Iterable[str] = ()) -> Plugin:
    """Make a plugin out of functions that are called like the hooks they implement.

    :param name: The plugin's name, as an entry point would give it.
    :param hooks: Its implementations; those not marked with ``hookimpl`` yet are marked here.
    :param requires: Names of the plugins that it requires.
    """
    module = ModuleType(f"crane_{name.replace('-', '_')}", f"The plugin {name} of a test.")
    module.requires = tuple(requires)  # type: ignore[attr-defined]
    for hook in hooks:
        setattr(module, hook.__name__, hook if hasattr(hook, "crane_impl") else hookimpl(hook))
    return Plugin(name, distribution=f"crane-{name}", version="1.0", module=module)
