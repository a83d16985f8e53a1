"""Durations, sizes, processors, command lines, numbers as text, and references to images."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.orchestration.stacks.formats.compose import images, scalars, values


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("5s", 5e9),
        ("1m30s", 90e9),
        ("1.5h", 5400e9),
        (".5s", 5e8),
        ("1us", 1e3),
        ("2µs", 2e3),
        ("-3ms", -3e6),
        ("+1ns", 1),
    ],
)
def test_duration_is_read(text: str, nanoseconds: float) -> None:
    assert values.duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "5", "1d", "s", "1 s", "1s ", "5sm", ".s", "1..5s", "300000000h", "1h-5s", "9" * 9999 + "s"]
)
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        values.duration(text)


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s{milliseconds}ms"

    assert values.duration(text) == ((hours * 60 + minutes) * 60 + seconds) * 10**9 + milliseconds * 10**6


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50M", 50 << 20),
        ("1g", 1 << 30),
        ("1.5G", 3 << 29),
        ("100kb", 100 << 10),
        ("2GiB", 2 << 30),
        ("1 gb", 1 << 30),
        ("10B", 10),
        ("7", 7),
        (7, 7),
    ],
)
def test_size_is_read(text: str | int, size: int) -> None:
    assert values.size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "5x", "5mbb", "1..5g", ".", "9000000t", "9" * 40, "9" * 9999])
def test_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a size"):
        values.size(text)


@pytest.mark.parametrize(
    ("text", "billionths"), [("0.5", 5e8), (".25", 25e7), ("2", 2e9), ("1e-1", 1e8), ("1/4", 25e7), (0.1, 1e8)]
)
def test_processors_are_read(text: str | float, billionths: float) -> None:
    assert values.cpus(text) == billionths


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/3", "0.0000000001", "nan", "1e999999999", "9" * 9999])
def test_text_that_is_no_number_of_processors_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a number of processors"):
        values.cpus(text)


@given(st.lists(st.text()))
def test_words_that_were_quoted_are_the_words_again(words: list[str]) -> None:
    assert values.words(shlex.join(words)) == words


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_as_text_is_the_same_number(number: float) -> None:
    assert float(scalars.text(number)) == number


@given(st.integers(-(2**63), 2**64 - 1))
def test_integer_is_read_as_it_is_written(number: int) -> None:
    assert scalars.resolve(str(number)) == number


@pytest.mark.parametrize(("text", "value"), [("9" * 100, 1e100), ("9" * 9999, "9" * 9999), ("1e999", "1e999")])
def test_number_that_is_too_large_is_a_float_or_text(text: str, value: float | str) -> None:
    assert scalars.resolve(text) == value


@given(st.text(max_size=30))
def test_any_word_of_yaml_has_a_meaning(text: str) -> None:
    assert isinstance(scalars.resolve(text), str | int | float | bool | None)


@pytest.mark.parametrize(
    ("image", "familiar"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1", "nginx:1"),
        ("index.docker.io/a/b", "a/b:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("ghcr.io/a/b@sha256:" + "a" * 64, "ghcr.io/a/b@sha256:" + "a" * 64),
        ("a" * 64, "a" * 64),
        ("Reg/a:1", "Reg/a:1"),
    ],
)
def test_image_is_written_in_its_familiar_form(image: str, familiar: str) -> None:
    assert images.familiar(image) == familiar
    assert images.familiar(familiar) == familiar


@pytest.mark.parametrize(
    "image", ["Nginx", "-a", "a:", "a:b:c", "a@b", "a/", "/a", "a//b", "a b", "http://a/b", "a" * 300, "é"]
)
def test_text_that_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="not a reference to an image"):
        images.familiar(image)
