"""A path is what the variables make of it."""

from __future__ import annotations

import pytest
from crane_cli.interpolation import interpolate, names


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("./a.conf", "./a.conf"),
        ("./$A.conf", "./1.conf"),
        ("./${A}.conf", "./1.conf"),
        ("${NO}x", "x"),
        ("$NO-x", "x"),
        ("$A-x", "1"),
        ("./$A/$NO:-b}c", "./1/b}c"),
        ("${A:-b}${NO:-b}${EMPTY:-b}", "1bb"),
        ("${NO-b}${EMPTY-b}", "b"),
        ("${A:+b}${EMPTY:+b}${EMPTY+c}", "bc"),
        ("${A:?must}${NO:?must}", "1"),
        ("${NO:-${A}}", "${A}"),
        ("${A:-${A}}", "1}"),
        ("${A:+${A}}", "${A:+1}"),
        ("$$A $", "$A $"),
        ("${A", "${A"),
        ("${!}", "${!}"),
    ],
)
def test_variables_are_replaced(text, made):
    assert interpolate(text, {"A": "1", "EMPTY": ""}) == made


@pytest.mark.parametrize("text", ["$TAG", "${TAG:-x}", "- TAG", "TAG"])
def test_text_names_a_variable_by_its_whole_name(text):
    assert names(text, "TAG")
    assert not names(text, "TA")
    assert not names(text, "AG")
