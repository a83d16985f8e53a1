"""Pages that a plugin brings: the one of the documentation, and one that throws."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_frame import choose
from tests.browser.test_pages import TOO_WIDE, complaints, wait_until_complete
from tests.together.test_first_plugin import install
from tests.together.test_page_plugin import FILE, PAGE

BROKEN = """
from flask import Response

from crane_core.contributions import Page
from crane_core.hookspecs import hookimpl
from crane_core.http import Blueprint
from crane_core.security import guard

blueprint = Blueprint("broken", __name__, url_prefix="/api/v1")

@hookimpl
def crane_routes():
    yield blueprint

@blueprint.route("/broken.js")
@guard("service:read")
def send_module():
    \"\"\"Send a module that throws.\"\"\"
    text = "export default () => ({ setup() { throw new Error('the printer is on fire') } })"
    return Response(text, mimetype="text/javascript")

@hookimpl
def crane_pages():
    yield Page("/broken", "Broken", "system", "service:read", module="/api/v1/broken.js")
"""


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A server with both plugins."""
    directory = tmp_path_factory.mktemp("plugged")
    for name, content in FILE.findall(PAGE):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    site = directory / "site"
    install(directory / "crane-notes", site)
    described = site / "crane_broken-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: crane-broken\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[crane]\nbroken = crane_broken\n")
    (site / "crane_broken.py").write_text(BROKEN)
    with Simulated(directory, PYTHONPATH=str(site)) as running:
        running.create("web", replicas=2)
        running.create("api", image="lab/web:v2")
        yield running


def test_page_by_data_lists_and_acts(visit: Visit, plugged: Simulated) -> None:
    page = visit(plugged.server, "/")
    navigation = page.get_by_role("navigation", name="Navigation")
    navigation.get_by_role("list", name="Applications").get_by_role("link", name="Notes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Notes")
    expect(page.locator("[data-kind=none]")).to_be_visible()
    assert complaints(page) == ""

    page.get_by_role("button", name="Write").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Service").fill("web")
    dialog.get_by_label("Note").fill("x" * 201)
    dialog.get_by_role("button", name="Write").click()
    expect(dialog.locator("[data-field=text] [role=alert]")).to_be_visible()
    visit.expect("the server responded with a status of 422")
    dialog.get_by_label("Note").fill("Ask Ann first.")
    assert complaints(page) == ""
    dialog.get_by_role("button", name="Write").click()
    row = page.locator('[data-row="web"]')
    expect(row).to_contain_text("Ask Ann first.")
    expect(row.get_by_role("link", name="web")).to_have_attribute("href", "/services/web")
    assert complaints(page) == ""

    plugged.server.ask("PUT", "/notes/api", {"text": "Written by somebody else."})
    expect(page.locator('[data-row="api"]')).to_contain_text("somebody else")
    for box in page.get_by_role("checkbox", name=re.compile("Select (web|api)")).all():
        box.check()
    page.locator(".tools").get_by_role("button", name="Remove").click()
    expect(dialog).to_contain_text("Remove the note on web?")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-kind=none]")).to_be_visible()
    assert plugged.server.ask("GET", "/notes")[1]["items"] == []


def test_page_by_module_is_live_and_speaks_both_languages(visit: Visit, plugged: Simulated) -> None:
    page = visit(plugged.server, "/image-use")
    row = page.locator('[data-row="lab/web:v1"]')
    expect(row.locator("[data-column=tasks]")).to_have_text("2")
    plugged.server.change("POST", "/services/web/scale", {"replicas": 3})
    expect(row.locator("[data-column=tasks]")).to_have_text("3")
    assert complaints(page) == ""

    choose(page, "Language", "zh-CN")
    expect(page.get_by_role("columnheader", name="运行中的任务")).to_be_visible()
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lab/web:v1")
    expect(page.locator('[data-row="web"]')).to_be_visible()
    page.reload()
    expect(page.locator('[data-row="web"]')).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image use")


def test_page_that_throws_is_contained_and_named(visit: Visit, plugged: Simulated) -> None:
    page = visit(plugged.server, "/broken")
    visit.expect("the printer is on fire")
    expect(page.get_by_role("alert")).to_contain_text("The page Broken of the plugin broken failed")
    expect(page.get_by_role("alert")).to_contain_text("the printer is on fire")
    assert complaints(page) == ""

    page.get_by_role("navigation", name="Navigation").get_by_role("link", name="Services").click()
    expect(page.locator('[data-row="web"]')).to_be_visible()


@pytest.mark.parametrize("path", ["/notes", "/image-use", "/image-use/nowhere", "/broken"])
def test_they_fit_a_phone(visit: Visit, plugged: Simulated, path: str) -> None:
    page = visit(plugged.server, path, viewport=NARROW, dark=True)
    visit.expect("the printer is on fire")
    wait_until_complete(page)

    assert page.evaluate(TOO_WIDE) == []
    assert complaints(page) == ""
