"""Plugins: found by entry points, ordered by what they require, called one by one.

One plugin that cannot be imported, or requires what is missing, is named and stops only what depends on it. What would
make the server something else than its operator thinks stops the start: a hook that nobody specified, a name that two
plugins claim.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib import metadata
from types import ModuleType
from typing import Any, Literal

import pluggy

from crane_core import hookspecs
from crane_core.errors import CraneError, SetupError

ENTRY_POINT_GROUP = "crane"
TOLD = frozenset({"crane_event", "crane_operation", "crane_request", "crane_startup", "crane_shutdown", "crane_wait"})
CALLED_FOR_EFFECT = TOLD | {"crane_mutate_deployment"}

log = logging.getLogger(__name__)


@dataclass
class Plugin:
    """One plugin and how it fares.

    ``state`` is ``active``; ``disabled`` by a setting; ``failed`` when it cannot be imported; ``blocked`` when
    something that it requires is not active.
    """

    name: str
    distribution: str = ""
    version: str = ""
    state: Literal["active", "disabled", "failed", "blocked"] = "active"
    error: str = ""
    requires: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    builtin: bool = False
    failures: int = 0
    load: Callable[[], ModuleType] | None = field(default=None, repr=False)
    module: ModuleType | None = field(default=None, repr=False)


def discover() -> list[Plugin]:
    """Find the installed plugins, without importing them."""
    found = []
    for entry in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        found.append(
            Plugin(
                entry.name,
                distribution=entry.dist.name if entry.dist else "",
                version=entry.dist.version if entry.dist else "",
                load=entry.load,
            )
        )
    return found


class Plugins:
    """The plugins of one server, and the only way to call their hooks."""

    def __init__(self, plugins: Iterable[Plugin], *, disabled: Iterable[str] = ()) -> None:
        self._manager = pluggy.PluginManager("crane")
        self._manager.add_hookspecs(hookspecs)
        self.all = list(plugins)
        self._refuse_duplicates()
        self._by_name = {plugin.name: plugin for plugin in self.all}
        self._disable(disabled)
        self._import()
        # pluggy calls in the reverse order of registration, and who is required shall be called first.
        for plugin in reversed(self._in_order()):
            self._register(plugin)
        self._add_owned_hookspecs()
        self._refuse_unknown_hooks()

    def __iter__(self) -> Iterator[Plugin]:
        return iter(self.all)

    def find(self, name: str) -> Plugin | None:
        """Find a plugin by its name, whatever its state."""
        return self._by_name.get(name)

    def implemented(self, hook: str) -> bool:
        """Tell whether any active plugin implements a hook."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def ask_first(self, hook: str, **arguments: Any) -> Any:
        """Ask until one plugin answers; None when none does. An exception ends the asking."""
        return getattr(self._manager.hook, hook)(**arguments)

    def ask_all(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Ask every plugin, who is required first; yields the name of each that answered, and its answer."""
        for plugin, implementation in self._implementations(hook):
            answer = self._call(implementation, arguments)
            if answer is not None:
                yield plugin.name, answer

    def collect(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Collect the values that plugins contribute to a hook, each with the name of its plugin."""
        collected = []
        for name, answer in self.ask_all(hook, **arguments):
            if isinstance(answer, ModuleType):
                collected.append((name, answer))
            elif isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, Mapping)):
                collected.extend((name, value) for value in answer)
            else:
                raise SetupError(f"Plugin {name}: {hook} returned {answer!r}; it must yield values, or return a list.")
        return collected

    def collect_named(
        self, hook: str, key: Callable[[Any], str] = lambda value: str(value.name), **arguments: Any
    ) -> dict[str, Any]:
        """Collect contributed values by their names; for what the server is made of, before it runs.

        :raises SetupError: when two plugins claim the same name, or one fails.
        """
        return {name: value for name, (_, value) in self.collect_owned(hook, key, **arguments).items()}

    def collect_owned(
        self, hook: str, key: Callable[[Any], str] = lambda value: str(value.name), **arguments: Any
    ) -> dict[str, tuple[str, Any]]:
        """Collect contributed values by their names as :meth:`collect_named` does, each with the name of its plugin."""
        owned: dict[str, tuple[str, Any]] = {}
        try:
            collected = [(plugin, key(value), value) for plugin, value in self.collect(hook, **arguments)]
        except CraneError:
            raise
        except Exception as error:
            log.exception("A plugin failed in %s.", hook)
            raise SetupError(f"A plugin failed in {hook}: {type(error).__name__}: {error}; see above where.") from error
        for plugin, name, value in collected:
            if name in owned:
                raise SetupError(f"{hook}: the plugins {owned[name][0]} and {plugin} both claim the name {name}.")
            owned[name] = plugin, value
        return owned

    def notify(self, hook: str, *, last_first: bool = False, **arguments: Any) -> None:
        """Tell every plugin something; one that fails is logged and counted, and the others are told all the same.

        :param last_first: Whether who is required is told last.
        """
        told = list(self._implementations(hook))
        for plugin, implementation in reversed(told) if last_first else told:
            try:
                self._call(implementation, arguments)
            except Exception:
                plugin.failures += 1
                log.exception("Plugin %s failed in %s.", plugin.name, hook)

    def _implementations(self, hook: str) -> Iterator[tuple[Plugin, pluggy.HookImpl]]:
        # pluggy keeps implementations in the reverse of the order in which it calls them.
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            yield self._by_name[implementation.plugin_name], implementation

    @staticmethod
    def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
        # An implementation may name fewer arguments than its specification.
        return implementation.function(*(arguments[name] for name in implementation.argnames))

    def _refuse_duplicates(self) -> None:
        seen: dict[str, Plugin] = {}
        for plugin in self.all:
            if other := seen.get(plugin.name):
                owners = " and ".join(each.distribution or each.name for each in (other, plugin))
                raise SetupError(f"Two plugins are called {plugin.name}: those of {owners}. Uninstall one of them.")
            seen[plugin.name] = plugin

    def _disable(self, names: Iterable[str]) -> None:
        for name in names:
            plugin = self.find(name)
            if plugin is None:
                nearest = difflib.get_close_matches(name, [each.name for each in self.all], 1)
                hint = f" Did you mean {nearest[0]}?" if nearest else ""
                raise SetupError(f"plugins.disabled names {name}, but no such plugin is installed.{hint}")
            if plugin.builtin:
                raise SetupError(
                    f"plugins.disabled names {name}, which is part of the core and cannot be switched off."
                )
            plugin.state = "disabled"

    def _import(self) -> None:
        for plugin in self.all:
            if plugin.state != "active" or plugin.module is not None or plugin.load is None:
                continue
            try:
                plugin.module = plugin.load()
            except Exception as error:
                plugin.state = "failed"
                plugin.error = f"It cannot be imported: {type(error).__name__}: {error}"
                log.exception("Plugin %s cannot be imported.", plugin.name)
        for plugin in self.all:
            if plugin.module is not None:
                plugin.requires = tuple(getattr(plugin.module, "requires", ()))

    def _in_order(self) -> list[Plugin]:
        by_name = self._by_name
        graph = {
            plugin.name: [name for name in plugin.requires if name in by_name] for plugin in self.all if plugin.module
        }
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise SetupError(f"Plugins require each other in a circle: {' → '.join(error.args[1])}.") from error
        active = []
        for name in order:
            plugin = by_name[name]
            if plugin.state != "active" or plugin.module is None:
                continue
            missing = [name for name in plugin.requires if name not in by_name or by_name[name].state != "active"]
            if missing:
                plugin.state = "blocked"
                plugin.error = f"It requires {', '.join(missing)}, which is not active."
                log.error("Plugin %s is blocked: %s", plugin.name, plugin.error)
            else:
                active.append(plugin)
        return sorted(active, key=lambda plugin: not plugin.builtin)

    def _register(self, plugin: Plugin) -> None:
        implementations: dict[str, tuple[Any, Mapping[str, Any]]] = {
            options["specname"] or name: (function, options)
            for name, function in vars(plugin.module).items()
            # A proxy of Flask is callable too, and fails when it is looked into outside a request.
            if inspect.isroutine(function) and (options := getattr(function, "crane_impl", None))
        }
        for name, (function, options) in implementations.items():
            # Hooks are called one by one, so that each plugin can be named and isolated; nothing could be wrapped.
            if options["hookwrapper"] or options["wrapper"]:
                raise SetupError(f"Plugin {plugin.name}: {name} is a wrapper, and hooks of Crane cannot be wrapped.")
            # Such a function would return a generator that nobody runs.
            if name in CALLED_FOR_EFFECT and inspect.isgeneratorfunction(function):
                raise SetupError(
                    f"Plugin {plugin.name}: {name} contains yield, so it would never run. Remove the yield."
                )
        try:
            self._manager.register(plugin.module, plugin.name)
        except pluggy.PluginValidationError as error:
            raise SetupError(f"Plugin {plugin.name}: {error}") from error
        plugin.hooks = tuple(sorted(implementations))

    def _add_owned_hookspecs(self) -> None:
        for owner, module in self.collect("crane_hookspecs"):
            prefix = f"crane_{owner.replace('-', '_')}_"
            for name, function in vars(module).items():
                if getattr(function, "crane_spec", None) and not name.startswith(prefix):
                    raise SetupError(f"Plugin {owner} specifies the hook {name}; its name must start with {prefix}.")
            try:
                self._manager.add_hookspecs(module)
            except (pluggy.PluginValidationError, ValueError) as error:
                raise SetupError(f"The hooks that plugin {owner} specifies cannot be used: {error}") from error

    def _refuse_unknown_hooks(self) -> None:
        known = {name for name, value in vars(self._manager.hook).items() if getattr(value, "spec", None)}
        for plugin in self.all:
            for name in set(plugin.hooks) - known:
                nearest = difflib.get_close_matches(name, known, 1)
                hint = f" Did you mean {nearest[0]}?" if nearest else ""
                raise SetupError(f"Plugin {plugin.name} implements {name}, but nobody specified such a hook.{hint}")
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise SetupError(str(error)) from error
