from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.engine.images import ImageRef, InvalidImage, find_registry, parse_image

SHA = "sha256:" + "ab" * 32

NAMES = [
    ("nginx", ImageRef("docker.io", "library/nginx"), "nginx"),
    ("nginx:1.27", ImageRef("docker.io", "library/nginx", "1.27"), "nginx:1.27"),
    ("ann/shop", ImageRef("docker.io", "ann/shop"), "ann/shop"),
    ("docker.io/nginx:1", ImageRef("docker.io", "library/nginx", "1"), "nginx:1"),
    ("index.docker.io/library/nginx", ImageRef("docker.io", "library/nginx"), "nginx"),
    ("ghcr.io/a/b:1", ImageRef("ghcr.io", "a/b", "1"), "ghcr.io/a/b:1"),
    ("localhost/a", ImageRef("localhost", "a"), "localhost/a"),
    ("localhost:5000/a:2", ImageRef("localhost:5000", "a", "2"), "localhost:5000/a:2"),
    ("[::1]:5000/a", ImageRef("[::1]:5000", "a"), "[::1]:5000/a"),
    ("Host/a", ImageRef("Host", "a"), "Host/a"),
    (f"nginx@{SHA}", ImageRef("docker.io", "library/nginx", None, SHA), "nginx"),
    (f"ghcr.io/a/b:1@{SHA}", ImageRef("ghcr.io", "a/b", "1", SHA), "ghcr.io/a/b:1"),
    ("a__b/c-d.e---f", ImageRef("docker.io", "a__b/c-d.e---f"), "a__b/c-d.e---f"),
]


@pytest.mark.parametrize(("text", "parts", "familiar"), NAMES)
def test_the_name_of_an_image_is_taken_apart(text, parts, familiar):
    assert parse_image(text) == parts
    assert parse_image(text).familiar == familiar


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "nginx:", "nginx@", "nginx@sha256:ab", "Nginx", "a//b", "/a", "a/", "-a", "a-", "a..b", "a___b",
        "a._b", "a b", "a:b c", "a:" + "x" * 129, "ghcr.io/", "ghcr.io:x/a", "a/" * 200 + "a", "nginx\n", "näme",
        "${X}",
    ],
)  # fmt: skip
def test_what_is_no_name_of_an_image_is_refused(text):
    with pytest.raises(InvalidImage):
        parse_image(text)


@given(st.sampled_from([text for text, _, _ in NAMES]))
def test_a_name_written_out_again_means_the_same(text):
    parts = parse_image(text)

    assert parse_image(str(parts)) == parts


@given(st.text("ab._-/:@[]0", max_size=40))
def test_any_text_is_either_a_name_or_refused(text):
    registry = find_registry(text)

    assert registry is None or parse_image(text).registry == registry


def test_a_hostile_name_is_refused_at_once():
    with pytest.raises(InvalidImage):
        parse_image("a" + "-a" * 100_000 + "!")
