"""Every hook is explained, documented and tested by its name."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from crane_core import hookspecs
from crane_core.contributions import Deployment
from crane_core.plugins import CALLED_FOR_EFFECT, TOLD, discover

ROOT = Path(__file__).parents[2]
CORE_HOOKS = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "crane_spec")}
# Those of plugins of this repository among them.
HOOKS = CORE_HOOKS | {
    name: hook
    for plugin in discover()
    if plugin.load and plugin.distribution in {path.parent.name for path in ROOT.glob("plugins/*/setup.cfg")}
    if (contribute := getattr(plugin.load(), "crane_hookspecs", None))
    for name, hook in vars(contribute()).items()
    if hasattr(hook, "crane_spec")
}


def find_tests() -> set[str]:
    """Return the names of all tests, read from the files."""
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]
    trees = [ast.parse(path.read_text("utf-8")) for path in files]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_hook_has_a_test_of_its_name() -> None:
    assert {f"test_hook_{name}" for name in HOOKS} - find_tests() == set()


@pytest.mark.parametrize("name", HOOKS)
def test_hook_is_explained(name: str) -> None:
    text = inspect.getdoc(HOOKS[name]) or ""
    first, _, rest = text.partition("\n\n")

    assert first.endswith(".")
    assert "\n" not in first
    assert rest, "when it is called, and who wins"
    signature = inspect.signature(HOOKS[name])
    assert set(re.findall(r"^:param (\w+):", text, re.MULTILINE)) == set(signature.parameters)
    assert (":returns:" in text) is (signature.return_annotation != "None")


@pytest.mark.parametrize("name", HOOKS)
def test_hook_is_in_the_reference(name: str) -> None:
    assert f"\n### {name}\n" in (ROOT / "docs/reference/hooks.md").read_text("utf-8")


@pytest.mark.parametrize("name", HOOKS)
def test_hook_has_an_example_in_the_reference(name: str) -> None:
    part = (ROOT / "docs/reference/hooks.md").read_text("utf-8").partition(f"\n### {name}\n")[2].partition("\n##")[0]

    assert f"@hookimpl\ndef {name}(" in part


@pytest.mark.parametrize("name", HOOKS)
def test_hook_has_at_most_three_arguments(name: str) -> None:
    assert len(inspect.signature(HOOKS[name]).parameters) <= 3


def test_hooks_called_for_effect_are_those_that_return_nothing() -> None:
    assert {name for name, hook in HOOKS.items() if inspect.signature(hook).return_annotation == "None"} == (
        CALLED_FOR_EFFECT
    )
    assert TOLD < CALLED_FOR_EFFECT


def test_hooks_are_called_somewhere() -> None:
    sources = [*ROOT.glob("crane_core/**/*.py"), *ROOT.glob("plugins/*/crane_*/**/*.py")]
    source = "\n".join(path.read_text("utf-8") for path in sources if path.name != "hookspecs.py")

    assert [name for name in HOOKS if f'"{name}"' not in source] == []


def test_deployment_says_what_plugins_are_told() -> None:
    members = {"spec", "previous", "identity", "stack", "origin", "together", "leaving"}

    assert set(inspect.signature(Deployment).parameters) == members
