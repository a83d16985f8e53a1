"""The files that the page loads: sent as what they are, for ever, compressed to who takes it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from crane_panel.routes import _Assets

KINDS = {
    "index-1.js": "text/javascript",
    "index-1.css": "text/css",
    "crane-1.svg": "image/svg+xml",
}


@pytest.mark.parametrize("name", KINDS)
def test_file_is_sent_as_what_it_is(client: Any, static: Path, name: str) -> None:
    answer = client.get(f"/assets/{name}")

    assert (answer.status_code, answer.mimetype) == (200, KINDS[name])
    assert answer.data == (static / "assets" / name).read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*"])
def test_compressed_copy_is_sent_to_who_takes_it(client: Any, accepted: str) -> None:
    plain = client.get("/assets/index-1.js")
    packed = client.get("/assets/index-1.js", headers={"Accept-Encoding": accepted})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.mimetype == "text/javascript"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
def test_who_does_not_take_it_is_sent_the_file_itself(client: Any, static: Path, accepted: str) -> None:
    answer = client.get("/assets/index-1.js", headers={"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers
    assert answer.data == (static / "assets/index-1.js").read_bytes()


def test_file_without_a_compressed_copy_is_sent_as_it_is(client: Any) -> None:
    answer = client.get("/assets/vue-1.js", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_file_that_a_browser_has_is_not_sent_again(client: Any, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = client.get("/assets/index-1.js", headers=headers)
    again = client.get("/assets/index-1.js", headers={**headers, "If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")


def test_head_of_a_file_is_what_get_would_send(client: Any) -> None:
    headers = {"Accept-Encoding": "gzip"}
    got, head = client.get("/assets/index-1.js", headers=headers), client.head("/assets/index-1.js", headers=headers)

    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Content-Encoding", "ETag", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "notes.txt",
        "index-1.js.gz",
        ".",
        "../index.html",
        "../../secret.js",
        "..%2f..%2fsecret.js",
        "%2e%2e/%2e%2e/secret.js",
        "x/../../../secret.js",
        "//etc/passwd",
        "..\\..\\secret.js",
        "index-1.js%00.css",
    ],
)
def test_what_is_no_file_of_the_panel_is_a_problem(client: Any, name: str) -> None:
    answer = client.get(f"/assets/{name}", follow_redirects=True)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["code"] == "not-found"
    assert "secret" not in answer.json["detail"]


def test_file_is_read_once_and_outlives_the_next_build(client: Any, static: Path) -> None:
    first = client.get("/assets/index-1.js")
    shutil.rmtree(static)

    assert client.get("/assets/index-1.js").data == first.data


def test_file_that_is_called_otherwise_is_not_kept_twice(static: Path) -> None:
    assets = _Assets(static / "assets")

    assert assets.find("index-1.js") is assets.find("x/../index-1.js") is assets.find("./index-1.js")
