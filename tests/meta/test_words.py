"""The words that the code is written in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "base", "misc"}
SOURCES = sorted(
    path
    for path in (*ROOT.glob("crane_core/**/*.py"), *ROOT.glob("plugins/*/crane_*/**/*.py"))
    if "build" not in path.relative_to(ROOT).parts
)


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {path for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts if part in EMPTY_NAMES}

    assert SOURCES
    assert named == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_explained_and_so_is_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not any(getattr(decorator, "id", "") == "hookimpl" for decorator in node.decorator_list)
        and not ast.get_docstring(node)
    ]

    if tree.body:
        assert ast.get_docstring(tree), "the first line names the subject of the module"
    assert silent == []


def test_only_the_engine_package_names_the_docker_sdk() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "docker" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "docker")
    }

    assert importing == {"crane_core/engine/client.py"}
