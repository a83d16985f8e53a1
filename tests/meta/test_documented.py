"""What is public is documented: the reference pages say what the program says."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from crane_core.events import EVENT_KINDS

ROOT = Path(__file__).parents[2]
ACTION = re.compile(r"^[a-z]+(-[a-z]+)*:[a-z]+(-[a-z]+)*$")
EVENT = re.compile(r"^[a-z_]+\.[a-z]+$")
# What becomes of these is told by steps of an operation, which put the kind together.
OBJECTS = ("service", "network", "config", "secret")
KEBAB = re.compile(r"^[a-z]+(-[a-z]+)*$")


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    """The program that writes the pages."""
    specification = importlib.util.spec_from_file_location("docs_reference", ROOT / "docs/reference.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["docs_reference"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["docs_reference"]


def page(name: str) -> str:
    """Return a page of the reference."""
    return (ROOT / "docs/reference" / name).read_text("utf-8")


def test_reference_pages_say_what_the_program_says(reference: ModuleType) -> None:
    assert reference.outdated_pages() == [], "make docs"


def test_page_that_says_something_else_is_noticed(
    reference: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (ROOT / "docs/reference").glob("*.md"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "events.md").write_text("# Events\n", "utf-8")
    (tmp_path / "more.md").write_text("# More\n", "utf-8")
    monkeypatch.setattr(reference, "PAGES", tmp_path)

    assert {"events.md", "more.md"} <= set(reference.outdated_pages())


def test_every_setting_route_action_metric_and_check_is_documented(reference: ModuleType) -> None:
    app = reference.make_app()
    crane = app.extensions["crane"]

    assert [name for name in crane.settings.declared if f"`{name}`" not in page("settings.md")] == []
    assert [name for name in crane.actions if f"`{name}`" not in page("actions.md")] == []
    assert [topic.name for topic in crane.topics if f"`{topic.name}`" not in page("topics.md")] == []
    assert [metric.name for metric in crane.metrics if f"`{metric.name}`" not in page("metrics.md")] == []
    assert [check.name for check in crane.health_checks if f"`{check.name}`" not in page("metrics.md")] == []
    paths = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert [path for path in paths if f"`{path}`" not in page("routes.md")] == []


def test_names_of_actions_are_a_kind_and_a_verb(reference: ModuleType) -> None:
    actions = reference.make_app().extensions["crane"].actions

    assert [name for name in actions if not ACTION.match(name)] == []
    assert [name for name, action in actions.items() if not action.help.endswith(".")] == []


def test_names_of_metrics_begin_with_crane(reference: ModuleType) -> None:
    metrics = reference.make_app().extensions["crane"].metrics

    assert [metric.name for metric in metrics if not metric.name.startswith("crane_")] == []
    assert [metric.name for metric in metrics if metric.kind == "counter" and not metric.name.endswith("_total")] == []


def test_every_setting_has_a_sentence(reference: ModuleType) -> None:
    settings = reference.make_app().extensions["crane"].settings.declared.values()

    assert [setting.name for setting in settings if not setting.help.endswith(".")] == []


def test_every_route_says_what_it_does(reference: ModuleType) -> None:
    app = reference.make_app()
    described = {endpoint: (view.__doc__ or "").strip() for endpoint, view in app.view_functions.items()}

    assert [endpoint for endpoint, text in described.items() if not text] == []


def test_every_error_is_documented_and_explains_itself(reference: ModuleType) -> None:
    errors = [kind for kind in reference.all_errors() if kind.code != "setup-error"]

    assert [kind for kind in errors if f"`{kind.code}`" not in page("errors.md")] == []
    assert [kind for kind in errors if not KEBAB.match(kind.code)] == []
    assert [kind for kind in errors if not (kind.__doc__ or "").strip()] == []


def test_one_code_is_one_kind_of_error(reference: ModuleType) -> None:
    claimed: dict[str, type] = {}
    for kind in reference.all_errors():
        if "code" in vars(kind):
            other = claimed.setdefault(kind.code, kind)
            assert other is kind, f"{kind} and {other} both have the code {kind.code}"


def written_texts() -> set[str]:
    """Return every text that stands in the source of the core, but for the table of events itself."""
    sources = [path for path in ROOT.glob("crane_core/**/*.py") if path != ROOT / "crane_core/events.py"]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def emitted_kinds() -> Iterator[str]:
    """Return the kinds of the events that are emitted and that stand in the source as they are."""
    for path in (*ROOT.glob("crane_core/**/*.py"), *ROOT.glob("plugins/*/crane_*/**/*.py")):
        if path.is_relative_to(ROOT / "crane_core/testing"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(getattr(node, "func", None), "id", None) or getattr(
                getattr(node, "func", None), "attr", None
            )
            if not isinstance(node, ast.Call) or name not in ("Event", "_emit", "_tell"):
                continue
            texts = (given.value for given in node.args if isinstance(given, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and EVENT.match(text))


def test_every_event_is_documented() -> None:
    assert {"access.denied", "login.failed", "grant.created"} <= set(emitted_kinds())
    assert [kind for kind in (*EVENT_KINDS, *emitted_kinds()) if f"| `{kind}` |" not in page("events.md")] == []
    objects = {f"{kind}.{verb}" for kind in OBJECTS for verb in ("created", "updated", "removed")}
    assert set(EVENT_KINDS) - written_texts() - objects == set(), "nobody emits these"
    assert [kind for kind in EVENT_KINDS if not EVENT.match(kind)] == []


def test_every_command_is_documented(reference: ModuleType) -> None:
    from crane_core.cli import server

    assert [name for name in server.commands if f"\n## crane-server {name}\n" not in page("server-commands.md")] == []
