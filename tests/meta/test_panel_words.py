"""The panel has words for every code that the server can send, in each language but the server's own."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from crane_core.engine.images import InvalidImage
from crane_core.engine.policy import KINDS
from crane_core.orchestration.operations.causes import _KNOWN
from crane_core.orchestration.operations.model import Outcome, ServiceState
from docs.reference import all_errors

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "plugins/crane-panel/frontend"
WORDS = sorted((FRONTEND / "src/words").glob("said.*.json"))
SOURCES = sorted(
    path
    for pattern in ("crane_core/**/*.py", "plugins/*/crane_*/**/*.py")
    for path in ROOT.glob(pattern)
    if "testing" not in path.parts
)
# Which argument of a call is the code, and which is the advice.
CAUSES = {"Cause": (0, 2), "Verdict": (2, 5)}
# A code as the last of the arguments here, else by its name.
NOTES = {
    "Note": 0,
    "Violation": 4,
    "Reason": 0,
    "_violation": 3,
    "_locate": 2,
    "error": 4,
    "error_at": 5,
    "warn": 4,
    "warn_at": 5,
}
# What is passed on: codes that another of these calls has given, or that are had from elsewhere below.
PASSED_ON = {"code", "found.code", "clash.code", "ask.kind", "error.code"}
CAUSES_PASSED_ON = {
    "known.code",
    "cause.code",
    "outcome",
    "error.code",
    "worst.code or _outcome(worst)",
    "task.cause_code",
}

Codes = dict[str, set[str]]


def read(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the last name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield name, node


def argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named or (call.args[index] if len(call.args) > index else None)


def literals(node: ast.AST) -> set[str]:
    """Return the texts that an expression may be: itself, or either side of a condition."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else set()


def find_causes() -> tuple[Codes, set[str]]:
    """Return the codes of verdicts and services, those of them with an advice, and what is not understood."""
    found: Codes = {"causes": set(), "endings": set(), "advised": set()}
    strange = set()
    for path in SOURCES:
        for name, call in calls(read(path)):
            if name not in CAUSES:
                continue
            code = argument(call, CAUSES[name][0], "code")
            if code is None:
                continue
            if not (codes := literals(code)) and ast.unparse(code) not in CAUSES_PASSED_ON:
                strange.add(f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(code)}")
            ending = name == "Verdict" and literals(call.args[0]) == {"converged"}
            found["endings" if ending else "causes"] |= codes
            advice = argument(call, CAUSES[name][1], "advice")
            if advice is not None and not (isinstance(advice, ast.Constant) and advice.value is None):
                found["advised"] |= codes
    found["causes"] |= {known.code for known in _KNOWN} | set(get_args(Outcome)) - {"converged"}
    found["advised"] |= {known.code for known in _KNOWN if known.advice}
    return found, strange


def find_notes() -> tuple[set[str], set[str]]:
    """Return the codes of warnings, violations and reasons, and what is not understood."""
    found, strange = set(KINDS) | {InvalidImage.code}, set()
    for path in SOURCES:
        tree = read(path)
        for name, call in calls(tree):
            code = argument(call, NOTES[name], "code") if name in NOTES else None
            # There, a reason is why one node does not take a task; it is part of a sentence.
            if code is None or path.name == "placement.py":
                continue
            if not (codes := literals(code)) and ast.unparse(code) not in PASSED_ON:
                strange.add(f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(code)}")
            found |= codes
        for node in ast.walk(tree):
            # A code that is chosen first and given then, and one that is a property.
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]:
                found |= literals(node.value) if path.parent.name == "compose" else set()
            if isinstance(node, ast.FunctionDef) and node.name == "code":
                found |= {code for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value
                          for code in literals(inner.value)}  # fmt: skip
    return found, strange


def find_findings() -> tuple[set[str], set[str], set[str]]:
    """Return the codes of what the doctor finds, those of them with an advice, and what is not understood."""
    found, advised, strange = set(), set(), set()
    for path in SOURCES:
        for name, call in calls(read(path)):
            code = argument(call, 0, "code") if name == "Finding" else None
            if code is None:
                continue
            if not (codes := literals(code)):
                strange.add(f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(code)}")
            found |= codes
            if argument(call, 4, "advice") is not None:
                advised |= codes
    return found, advised, strange


def find_problems() -> set[str]:
    """Return the codes of errors: those of the server, those of HTTP, and those that the panel itself makes."""
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    of_http = set(re.findall(r"`([a-z-]+)` \d{3}", page.rpartition("| --- |")[2]))
    assert of_http, "the page names what HTTP itself refuses"
    sources = "".join(path.read_text("utf-8") for kind in ("ts", "vue") for path in FRONTEND.glob(f"src/**/*.{kind}"))
    of_panel = set(re.findall(r"new Problem\(\{ code: '([a-z-]+)'", sources))
    spoken = re.search(r"SPOKEN = new Set\(\[(.*)\]\)", (FRONTEND / "src/words/said.ts").read_text("utf-8"))
    assert spoken, "which of its problems the panel says in the reader's language by itself"
    own = set(re.findall(r"'([a-z-]+)'", spoken[1]))
    assert own < of_panel
    return {kind.code for kind in all_errors() if kind.code != "setup-error"} | of_http | of_panel - own


@pytest.fixture(params=WORDS, ids=lambda path: path.name)
def said(request: pytest.FixtureRequest) -> Any:
    return json.loads(request.param.read_text("utf-8"))


def test_there_are_words_in_another_language() -> None:
    assert [path.name for path in WORDS] == ["said.zh-CN.json"]


def test_every_cause_has_words_and_the_advice_that_goes_with_it(said: Any) -> None:
    found, strange = find_causes()

    assert strange == set(), "a code that this test cannot read"
    assert {"image-missing", "stalled", "interrupted", "tasks-missing", "rolled-back"} <= found["causes"]
    assert set(said["causes"]) == found["causes"]
    assert set(said["endings"]) == found["endings"] == {"converged", "removed"}
    assert {code for code, words in said["causes"].items() if words.get("advice")} == found["advised"]
    assert said["refusals"]["advice"]["text"]


def test_every_state_of_a_service_on_its_way_has_words(said: Any) -> None:
    assert set(said["progress"]) == set(get_args(ServiceState))


def test_every_problem_has_words(said: Any) -> None:
    assert set(said["problems"]) == find_problems()


def test_every_warning_violation_and_reason_with_a_code_has_words(said: Any) -> None:
    found, strange = find_notes()

    assert strange == set(), "a code that this test cannot read"
    assert {"ignored", "port-asked-twice", "digest-unknown", "tasks-move", "incomplete", "host-mounts"} <= found
    assert set(said["notes"]) == found


def test_whatever_the_doctor_finds_has_words_and_the_advice_that_goes_with_it(said: Any) -> None:
    found, advised, strange = find_findings()

    assert strange == set(), "a code that this test cannot read"
    assert {"clock-skew", "even-managers", "nodes-not-asked"} <= found
    assert set(said["findings"]) == found
    assert {code for code, words in said["findings"].items() if words.get("advice")} == advised


def test_words_are_sentences_in_another_writing(said: Any) -> None:
    texts = [text for section in said.values() for words in section.values() for text in words.values()]

    assert [text for text in texts if not text.endswith("。") or not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_whatever_the_server_wishes_to_warn_of_in_a_plan_has_a_code() -> None:
    nameless = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in SOURCES
        if {"plans", "compose", "policy.py"} & set(path.parts)
        for name, call in calls(read(path))
        if name in ("Violation", "error", "error_at", "warn", "warn_at") and argument(call, NOTES[name], "code") is None
        # The log has a `warn` and an `error` too, and the table of what is ignored a `warn` of its own.
        if ast.unparse(call.func) not in ("ignored.warn", "log.error", "log.warning")
    ]

    assert nameless == []
