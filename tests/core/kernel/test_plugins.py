"""Facts about how plugins are found, ordered, isolated and called."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pluggy
import pytest

from crane_core import hookspecs
from crane_core.contributions import Setting
from crane_core.errors import SetupError
from crane_core.events import Event
from crane_core.hookspecs import hookimpl, hookspec
from crane_core.plugins import Plugin, Plugins
from crane_core.testing.plugins import make_plugin


def listener(name: str, heard: list[str]) -> Callable[..., None]:
    """Make a listener that notes its name."""

    def crane_event(event: Event) -> None:
        heard.append(name)

    return crane_event


def broken_plugin(name: str) -> Plugin:
    """Make a plugin whose import fails."""

    def load() -> ModuleType:
        raise ImportError("no module named left_pad")

    return Plugin(name, load=load)


# --- Order --------------------------------------------------------------------------------------------------------


def test_required_plugin_is_called_first() -> None:
    heard: list[str] = []
    plugins = Plugins(
        [
            make_plugin("third", listener("third", heard), requires=["second"]),
            make_plugin("first", listener("first", heard)),
            make_plugin("second", listener("second", heard), requires=["first"]),
        ]
    )

    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == ["first", "second", "third"]


def test_core_is_called_before_other_plugins() -> None:
    heard: list[str] = []
    own = make_plugin("orchestration", listener("orchestration", heard))
    own.builtin = True
    plugins = Plugins([make_plugin("alerts", listener("alerts", heard)), own])

    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == ["orchestration", "alerts"]


def test_tryfirst_and_trylast_deviate_from_the_order() -> None:
    heard: list[str] = []
    plugins = Plugins(
        [
            make_plugin("last", hookimpl(listener("last", heard), trylast=True)),
            make_plugin("middle", listener("middle", heard), requires=["last"]),
            make_plugin("first", hookimpl(listener("first", heard), tryfirst=True), requires=["middle"]),
        ]
    )

    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == ["first", "middle", "last"]


def test_calling_order_is_that_of_a_plain_pluggy_call() -> None:
    heard: list[str] = []
    marks = [{}, {"tryfirst": True}, {}, {"trylast": True}, {"tryfirst": True}, {}, {"trylast": True}]
    made = [
        make_plugin(f"p{number}", hookimpl(listener(f"p{number}", heard), **mark)) for number, mark in enumerate(marks)
    ]
    manager = pluggy.PluginManager("crane")
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(made)
    for plugin in reversed(made):
        manager.register(plugin.module, plugin.name)

    manager.hook.crane_event(event=Event("x.done"))
    plain = list(heard)
    heard.clear()
    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == plain
    assert len(plain) == len(marks)


def test_circle_of_requirements_stops_the_start() -> None:
    with pytest.raises(SetupError, match=r"circle: .*(a → b|b → a)"):
        Plugins([make_plugin("a", requires=["b"]), make_plugin("b", requires=["a"])])


# --- State --------------------------------------------------------------------------------------------------------


def test_plugin_that_cannot_be_imported_stops_only_what_requires_it(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    plugins = Plugins(
        [
            broken_plugin("broken"),
            make_plugin("needs", listener("needs", heard), requires=["broken"]),
            make_plugin("above", listener("above", heard), requires=["needs"]),
            make_plugin("apart", listener("apart", heard)),
        ]
    )

    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == ["apart"]
    assert {plugin.name: plugin.state for plugin in plugins} == {
        "broken": "failed",
        "needs": "blocked",
        "above": "blocked",
        "apart": "active",
    }
    assert "no module named left_pad" in plugins.find("broken").error
    assert plugins.find("needs").error == "It requires broken, which is not active."
    assert plugins.find("above").error == "It requires needs, which is not active."
    assert any(record.exc_info for record in caplog.records), "the traceback of the import is logged"


def test_plugin_that_requires_what_is_not_installed_is_blocked(caplog: pytest.LogCaptureFixture) -> None:
    plugins = Plugins([make_plugin("history", requires=["database"])])

    assert plugins.find("history").state == "blocked"
    assert "database" in plugins.find("history").error


def test_disabled_plugin_is_not_imported_and_blocks_what_requires_it(caplog: pytest.LogCaptureFixture) -> None:
    imported = []

    def load() -> ModuleType:
        imported.append("database")
        return ModuleType("crane_database")

    plugins = Plugins(
        [Plugin("database", load=load), make_plugin("history", requires=["database"])], disabled=["database"]
    )

    assert imported == []
    assert plugins.find("database").state == "disabled"
    assert plugins.find("history").state == "blocked"


def test_disabling_what_is_not_installed_suggests_the_nearest() -> None:
    with pytest.raises(SetupError, match=r"names histroy, but .* Did you mean history\?"):
        Plugins([make_plugin("history")], disabled=["histroy"])


def test_part_of_the_core_cannot_be_disabled() -> None:
    own = make_plugin("orchestration")
    own.builtin = True

    with pytest.raises(SetupError, match="part of the core"):
        Plugins([own], disabled=["orchestration"])


def test_two_plugins_of_one_name_stop_the_start_and_are_named() -> None:
    one, other = make_plugin("freeze"), make_plugin("freeze")
    one.distribution, other.distribution = "crane-freeze", "acme-freeze"

    with pytest.raises(SetupError, match="crane-freeze and acme-freeze"):
        Plugins([one, other])


def test_hooks_of_a_plugin_are_known_by_name() -> None:
    def crane_settings() -> list[Setting]:
        return []

    plugins = Plugins([make_plugin("freeze", crane_settings, listener("freeze", []))])

    assert plugins.find("freeze").hooks == ("crane_event", "crane_settings")
    assert plugins.implemented("crane_event")
    assert not plugins.implemented("crane_authenticate")


# --- What is refused ----------------------------------------------------------------------------------------------


def test_misspelt_hook_stops_the_start_and_suggests_the_nearest() -> None:
    def crane_setings() -> list[Setting]:
        return []

    with pytest.raises(SetupError, match=r"Plugin freeze implements crane_setings, .* Did you mean crane_settings\?"):
        Plugins([make_plugin("freeze", crane_setings)])


def test_misspelt_argument_stops_the_start() -> None:
    def crane_event(evnt: Event) -> None:
        pass

    with pytest.raises(SetupError, match="evnt"):
        Plugins([make_plugin("freeze", crane_event)])


@pytest.mark.parametrize("name", ["crane_event", "crane_startup", "crane_shutdown", "crane_mutate_deployment"])
def test_told_hook_with_yield_is_refused(name: str) -> None:
    def told() -> Iterator[None]:
        yield

    told.__name__ = name

    with pytest.raises(SetupError, match=f"{name} contains yield"):
        Plugins([make_plugin("freeze", told)])


def test_wrapper_is_refused() -> None:
    def crane_settings() -> Iterator[Any]:
        return (yield)

    with pytest.raises(SetupError, match="cannot be wrapped"):
        Plugins([make_plugin("freeze", hookimpl(crane_settings, wrapper=True))])


def test_name_claimed_twice_stops_the_start_and_names_both() -> None:
    def crane_settings() -> Iterator[Setting]:
        yield Setting("shared.name", str, "", "A name.")

    plugins = Plugins([make_plugin("ann", crane_settings), make_plugin("bob", crane_settings)])

    with pytest.raises(SetupError, match=r"plugins ann and bob both claim the name shared\.name"):
        plugins.collect_named("crane_settings")


def test_value_in_place_of_values_is_refused_with_the_name_of_the_plugin() -> None:
    def crane_settings() -> Any:
        return Setting("freeze.until", str, "", "When.")

    with pytest.raises(SetupError, match="Plugin freeze: crane_settings returned"):
        Plugins([make_plugin("freeze", crane_settings)]).collect("crane_settings")


# --- Calling ------------------------------------------------------------------------------------------------------


def test_failing_listener_is_counted_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def crane_event(event: Event) -> None:
        raise RuntimeError("out of order")

    plugins = Plugins(
        [
            make_plugin("before", listener("before", heard)),
            make_plugin("broken", crane_event, requires=["before"]),
            make_plugin("after", listener("after", heard), requires=["broken"]),
        ]
    )

    plugins.notify("crane_event", event=Event("x.done"))
    plugins.notify("crane_event", event=Event("x.done"))

    assert heard == ["before", "after"] * 2
    assert plugins.find("broken").failures == 2
    assert plugins.find("broken").state == "active"
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.exc_info for record in caplog.records)


def test_first_answer_ends_the_asking() -> None:
    asked = []

    def answering(name: str, answer: str | None) -> Callable[..., Any]:
        def crane_find_registry_login(image: str) -> Any:
            asked.append(name)
            return answer

        return crane_find_registry_login

    plugins = Plugins(
        [
            make_plugin("a", answering("a", None)),
            make_plugin("b", answering("b", "login of b"), requires=["a"]),
            make_plugin("c", answering("c", "login of c"), requires=["b"]),
        ]
    )

    assert plugins.ask_first("crane_find_registry_login", image="nginx") == "login of b"
    assert asked == ["a", "b"]


def test_all_answers_come_with_the_names_of_their_plugins() -> None:
    def crane_authorize(action: str) -> str:
        return f"about {action}"

    def abstaining() -> None:
        return None

    abstaining.__name__ = "crane_authorize"
    plugins = Plugins([make_plugin("ann", crane_authorize), make_plugin("bob", abstaining)])

    answers = list(plugins.ask_all("crane_authorize", identity=None, action="service:update", target=None))

    assert answers == [("ann", "about service:update")]


def test_contributions_are_collected_from_generators_and_lists() -> None:
    def yielding() -> Iterator[str]:
        yield "a"
        yield "b"

    def returning() -> list[str]:
        return ["c"]

    yielding.__name__ = returning.__name__ = "crane_settings"
    plugins = Plugins([make_plugin("one", yielding), make_plugin("two", returning, requires=["one"])])

    assert plugins.collect("crane_settings") == [("one", "a"), ("one", "b"), ("two", "c")]


# --- Hooks of a plugin's own --------------------------------------------------------------------------------------


def module_of_hooks(*names: str) -> Callable[[], ModuleType]:
    """Make a ``crane_hookspecs`` that specifies hooks of these names."""
    module = ModuleType("hooks")
    for name in names:

        def hook() -> None:
            """Contribute something."""

        hook.__name__ = name
        setattr(module, name, hookspec(hook))

    def crane_hookspecs() -> ModuleType:
        return module

    return crane_hookspecs


def test_hook_of_a_plugin_is_implemented_by_another() -> None:
    def crane_search_hits() -> list[str]:
        return ["a hit"]

    plugins = Plugins(
        [
            make_plugin("search", module_of_hooks("crane_search_hits")),
            make_plugin("wiki", crane_search_hits),
        ]
    )

    assert plugins.collect("crane_search_hits") == [("wiki", "a hit")]


def test_hook_of_a_plugin_must_carry_its_name() -> None:
    with pytest.raises(SetupError, match="crane_hits; its name must start with crane_search_"):
        Plugins([make_plugin("search", module_of_hooks("crane_hits"))])


def test_plugin_cannot_specify_a_hook_of_the_core_again() -> None:
    with pytest.raises(SetupError, match=r"plugin find specifies cannot be used: .*already registered"):
        Plugins([make_plugin("find", module_of_hooks("crane_find_registry_login"))])


def test_module_without_hooks_stops_the_start() -> None:
    with pytest.raises(SetupError, match="plugin search specifies cannot be used"):
        Plugins([make_plugin("search", module_of_hooks())])


def test_implementation_that_does_not_fit_its_owned_hook_stops_the_start() -> None:
    def crane_search_hits(question: str) -> list[str]:
        return [question]

    with pytest.raises(SetupError, match="question"):
        Plugins(
            [
                make_plugin("search", module_of_hooks("crane_search_hits")),
                make_plugin("wiki", crane_search_hits),
            ]
        )


def test_plugin_may_import_what_is_bound_to_a_request_only():
    from flask import request

    @hookimpl
    def crane_actions():
        return []

    module = ModuleType("curious")
    module.request, module.crane_actions = request, crane_actions

    assert Plugins([Plugin("curious", module=module)]).find("curious").hooks == ("crane_actions",)
