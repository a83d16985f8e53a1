"""The page of the panel: sent for each of its addresses, and for no other."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from crane_panel.routes import make_policy

from crane_core import app as application
from crane_core.plugins import Plugin
from crane_core.testing import MemoryAdapter, MemorySwarm

ADDRESSES = ["/", "/stacks", "/stacks/shop?tab=tasks", "/services/shop_web.1", "/nodes/", "/apiary", "/metricses/x"]
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_address_of_the_panel_is_its_page(client: Any, static: Path, address: str) -> None:
    answer = client.get(address)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.text == (static / "index.html").read_text("utf-8")


@pytest.mark.parametrize("address", ["/api", "/api/v1/nothing", "/api/v2/stacks", "/assets", "/assets/", "/metrics/x"])
def test_address_that_is_not_the_panels_is_none(client: Any, address: str) -> None:
    answer = client.get(address)

    assert (answer.status_code, answer.mimetype, answer.json["code"]) == (404, PROBLEM, "not-found")


@pytest.mark.parametrize("address", ["/favicon.ico", "/robots.txt", "/.env", "/.git/config", "/index.html"])
def test_who_looks_for_a_file_gets_no_page(client: Any, address: str) -> None:
    assert client.get(address).status_code == 404


def test_routes_of_the_api_stay_where_they_are(client: Any) -> None:
    assert client.get("/api/v1/whoami").json["kind"] == "local"
    assert "crane_" in client.get("/metrics").text
    assert client.get("/api/v1/docs").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("address", ["/", "/stacks/shop", "/assets/index-1.js"])
def test_panel_takes_nothing(client: Any, address: str, method: str) -> None:
    answer = client.open(address, method=method, json={})

    assert (answer.status_code, answer.mimetype) == (405, PROBLEM)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_head_of_the_page_is_what_get_would_send(client: Any) -> None:
    got, head = client.get("/stacks"), client.head("/stacks")

    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Content-Security-Policy", "ETag", "Cache-Control"):
        assert head.headers[name] == got.headers[name]


def test_page_that_a_browser_has_is_not_sent_again(client: Any) -> None:
    first = client.get("/stacks")
    again = client.get("/services", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")


def test_page_is_read_once(client: Any, static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get("/")
    # Whatever reads the file now finds that it may not.
    found = (static / "index.html").stat()
    (static / "index.html").write_text("x" * found.st_size, "utf-8")
    os.utime(static / "index.html", ns=(found.st_atime_ns, found.st_mtime_ns))

    assert "importmap" in client.get("/").text


def test_page_that_was_built_anew_is_sent_with_its_own_policy(client: Any, static: Path) -> None:
    before = client.get("/")
    text = before.text.replace("vue-1.js", "vue-22.js")
    (static / "index.html").write_text(text, "utf-8")

    after = client.get("/")

    assert after.text == text
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["Content-Security-Policy"] == make_policy(text) != before.headers["Content-Security-Policy"]


def test_policy_allows_what_is_of_the_page_and_nothing_else(client: Any) -> None:
    answer = client.get("/")
    script = re.findall("<script type=.importmap.>(.*?)</script>", answer.text)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert answer.headers.getlist("Content-Security-Policy") == [
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_panel_that_is_not_built_says_what_to_do(client: Any, static: Path) -> None:
    shutil.rmtree(static)

    answer = client.get("/stacks")

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "make panel" in answer.text
    assert '"/api/v1/docs"' in answer.text
    assert answer.headers["Content-Security-Policy"] == make_policy(answer.text)
    assert client.get("/assets/index-1.js").status_code == 404
    assert client.get("/api/v1/whoami").status_code == 200


def test_panel_that_is_built_under_a_running_server_is_found(client: Any, static: Path) -> None:
    page = static / "index.html"
    text = page.read_text("utf-8")
    page.unlink()
    assert client.get("/").status_code == 503

    page.write_text(text, "utf-8")

    assert client.get("/").text == text


def test_panel_asks_the_engine_nothing(crane_plugins: list[Plugin], swarm: MemorySwarm, tmp_path: Path) -> None:
    # A server that was started would ask it all the time.
    app = application.create_app(
        {"server.data_directory": str(tmp_path / "crane")},
        environ={},
        plugins=crane_plugins,
        transport=MemoryAdapter(swarm),
    )

    assert app.test_client().get("/services").status_code == 200
    assert swarm.calls == []
