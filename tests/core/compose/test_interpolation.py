"""Variables in stack files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.orchestration.stacks.formats.compose.interpolate import InvalidTemplate, Template

VARIABLES = {"SET": "set", "EMPTY": "", "A_1": "a"}
FORMS = {
    "$SET": "set",
    "${SET}": "set",
    "$A_1.x": "a.x",
    "${NONE}": "",
    "${SET:-word}": "set",
    "${EMPTY:-word}": "word",
    "${NONE:-word}": "word",
    "${SET-word}": "set",
    "${EMPTY-word}": "",
    "${NONE-word}": "word",
    "${SET:?word}": "set",
    "${EMPTY?word}": "",
    "${SET:+word}": "word",
    "${EMPTY:+word}": "",
    "${NONE:+word}": "",
    "${SET+word}": "word",
    "${EMPTY+word}": "word",
    "${NONE+word}": "",
    "${NONE:-${SET}}": "${SET}",
    "${NONE:-${EMPTY:-${A_1}}}x": "${EMPTY:-${A_1}}x",
    "${SET:-${EMPTY}}": "set}",
    "${NONE:-$SET}": "$SET",
    "(.*)$/${SET}": "(.*)/set",
    "$(cat $SET) $5 $SET": "(cat set) 5 set",
    "${NONE:-a:-b?c}": "a:-b?c",
    "${NONE:-{}": "{",
    "${NONE:-$$x}": "$$x",
    "${NONE:-}": "",
    "a$$b$$$$c": "a$b$$c",
    "$${SET}": "${SET}",
    "100%": "100%",
    "$SET-x": "set",
    "$NONE-x}y": "x}y",
    "<$SET>$A_1": "<set>a",
}


@pytest.mark.parametrize("text", FORMS)
def test_form_is_filled_in(text: str) -> None:
    assert Template(VARIABLES).fill(text) == FORMS[text]


@pytest.mark.parametrize(
    "text",
    [
        "${EMPTY:?}",
        "${NONE:?word}",
        "${NONE?word}",
        "${NONE:?word}/$SET",
        "$",
        "$5",
        "${",
        "${5}",
        "${A",
        "${A:x}",
        "${A!}",
        "$SET $",
        "$5 $$SET",
    ],
)
def test_form_that_cannot_be_filled_in_is_refused(text: str) -> None:
    with pytest.raises(InvalidTemplate):
        Template(VARIABLES).fill(text)


@given(st.text())
def test_text_with_doubled_dollars_is_itself_again(text: str) -> None:
    assert Template(VARIABLES).fill(text.replace("$", "$$")) == text


@given(st.text(), st.text(alphabet=st.characters(blacklist_characters="${}")))
def test_default_counts_exactly_when_there_is_no_value(value: str, word: str) -> None:
    assert Template({"V": value}).fill(f"${{V:-{word}}}") == (value or word)
    assert Template({"V": value}).fill(f"${{V-{word}}}") == value
    assert Template({}).fill(f"${{V-{word}}}") == word


@given(st.text(), st.text())
def test_a_value_is_not_looked_into(value: str, other: str) -> None:
    assert Template({"V": value, "W": other}).fill("${V}|${W}") == f"{value}|{other}"


@given(st.text(alphabet="${}:-?+AB_ 1"))
def test_any_text_is_filled_in_or_refused(text: str) -> None:
    try:
        filled = Template({"A": "x"}).fill(text)
    except InvalidTemplate:
        return
    assert isinstance(filled, str)


def test_number_and_switch_out_of_a_variable_become_what_they_are(loaded: Callable[..., Any]) -> None:
    stack = loaded(
        "services:\n"
        "  a:\n"
        "    image: x\n"
        "    read_only: ${YES}\n"
        "    ulimits: {nofile: '${N}'}\n"
        "    ports: [{target: '${N}', published: '${N}'}]\n"
        "    deploy: {replicas: '${N}', update_config: {max_failure_ratio: '${R}'}}\n",
        variables={"YES": "yes", "N": "3", "R": "0.5"},
    )
    spec = stack.services["shop_a"]

    assert spec["Mode"] == {"Replicated": {"Replicas": 3}}
    assert spec["UpdateConfig"]["MaxFailureRatio"] == 0.5
    assert spec["EndpointSpec"]["Ports"] == [{"TargetPort": 3, "PublishedPort": 3}]
    assert spec["TaskTemplate"]["ContainerSpec"]["ReadOnly"] is True
    assert spec["TaskTemplate"]["ContainerSpec"]["Ulimits"] == [{"Name": "nofile", "Soft": 3, "Hard": 3}]


def test_variable_that_is_not_set_is_a_warning_with_its_name_and_line(loaded: Callable[..., Any]) -> None:
    stack = loaded("services:\n  a:\n    image: x\n    user: '${WHO}'\n")

    assert [(each.path, each.line) for each in stack.warnings] == [("/services/a/user", 4)]
    assert "`WHO` is not set" in stack.warnings[0].detail


def test_default_without_braces_is_a_warning(loaded: Callable[..., Any]) -> None:
    stack = loaded("services: {a: {image: 'x:$TAG-alpine'}}", variables={"TAG": "1"})

    assert stack.services["shop_a"]["TaskTemplate"]["ContainerSpec"]["Image"] == "x:1"
    assert "write `${TAG}` with braces" in stack.warnings[0].detail


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${A:-${B}}", "variables in it are not filled in"),
        ("^/$ ${SET}", "A `$` that begins no variable is left out"),
    ],
)
def test_surprise_that_docker_has_for_its_users_is_a_warning(
    loaded: Callable[..., Any], text: str, sentence: str
) -> None:
    stack = loaded(f"services:\n  a:\n    image: x\n    hostname: '{text}'\n", variables={"SET": "set"})

    assert [(each.path, each.line) for each in stack.warnings] == [("/services/a/hostname", 4)]
    assert sentence in stack.warnings[0].detail


def test_keys_are_not_filled_in(loaded: Callable[..., Any]) -> None:
    stack = loaded("services: {a: {image: x, labels: {'${A}': '${A}'}}}", variables={"A": "b"})

    assert stack.services["shop_a"]["TaskTemplate"]["ContainerSpec"]["Labels"]["${A}"] == "b"
