"""What operators do to secrets and configs in the panel: each dialog, to its end."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import VERDICT, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import complaints

CONFLICT = "the server responded with a status of 409"


def make(page: Page, kind: str, name: str, content: str) -> None:
    """Make one by the dialog of its list."""
    page.get_by_role("button", name=f"New {kind}").first.click()
    form = page.get_by_role("dialog", name=f"New {kind}")
    expect(form.get_by_role("button", name="Create")).to_be_disabled()
    form.get_by_label("Name", exact=True).fill(name)
    form.get_by_label("Content", exact=True).fill(content)
    form.get_by_label("Labels").fill("team=storefront")
    assert complaints(page) == ""
    form.get_by_role("button", name="Create").click()


def data_of(simulated: Simulated, kind: str) -> dict[str, bytes]:
    """Return what there is of a kind, with what it holds."""
    records: dict[str, Any] = getattr(simulated.swarm.store, f"{kind}s")
    return {each.spec["Name"]: base64.b64decode(each.spec.get("Data", "")) for each in records}


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_data_is_made_labelled_rotated_and_removed(visit: Visit, simulated: Simulated, kind: str) -> None:
    page = visit(simulated.server, f"/{kind}s")
    visit.expect(CONFLICT)
    make(page, kind, "key", "first")
    expect(page.get_by_role("heading", level=1)).to_have_text("key")
    member = kind.title()
    reference = {f"{member}Name": "key", "File": {"Name": "/run/key", "UID": "0", "GID": "0", "Mode": 0o444}}
    container = {"Image": "lab/web:v1", f"{member}s": [reference]}
    simulated.create("web", 2, TaskTemplate={"ContainerSpec": container})
    expect(page.get_by_role("link", name="web")).to_be_visible()
    expect(page.get_by_role("button", name="Remove")).to_be_disabled()

    page.get_by_role("button", name="Edit labels").click()
    form = page.get_by_role("dialog", name="Edit labels")
    expect(form.get_by_label("Labels")).to_have_value("team=storefront")
    form.get_by_label("Labels").fill("team")
    expect(form.get_by_role("button", name="Save")).to_be_disabled()
    form.get_by_label("Labels").fill("tier=front")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("tier", exact=True)).to_be_visible()
    expect(page.get_by_text("storefront")).to_have_count(0)

    page.get_by_role("button", name="Rotate").click()
    form = page.get_by_role("dialog", name="Rotate key")
    form.get_by_label("New content").fill("second")
    assert complaints(page) == ""
    form.get_by_role("button", name="Plan").click()
    plan = page.get_by_role("dialog", name="Rotate key")
    expect(plan.get_by_test_id("plan")).to_contain_text("web")
    plan.get_by_role("button", name="Apply").click()
    expect(plan.get_by_text("Converged").first).to_be_visible(timeout=VERDICT)
    plan.get_by_role("button", name="Close").last.click()

    page.goto(f"/{kind}s")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.get_by_role("link", name="key").first.click()
    expect(page.get_by_role("link", name="web")).to_be_visible()
    simulated.server.ask("DELETE", "/services/web?wait=30")
    page.get_by_role("button", name="Remove").click()
    asked = page.get_by_role("dialog", name=re.compile("^Remove key"))
    asked.get_by_role("textbox").fill(page.get_by_role("heading", level=1).inner_text())
    asked.get_by_role("button", name="Remove").click()
    expect(page).to_have_url(re.compile(f"/{kind}s$"))
    expect(page.get_by_text(f"There are no {kind}s")).to_be_visible()


def test_content_of_a_config_is_shown_when_asked_for(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/configs")
    visit.expect(CONFLICT)
    make(page, "config", "motd", "Hello")
    expect(page.get_by_role("heading", level=1)).to_have_text("motd")

    page.get_by_role("link", name="Content", exact=True).click()
    page.get_by_role("button", name="Show the content").click()
    expect(page.get_by_text("Hello", exact=True)).to_be_visible()
    page.goto("/configs")
    page.get_by_role("button", name="New config").first.click()
    form = page.get_by_role("dialog", name="New config")
    form.get_by_label("Name", exact=True).fill("motd")
    form.get_by_label("Where the content comes from").select_option("file")
    form.get_by_label("File", exact=True).set_input_files(
        {"name": "motd", "mimeType": "application/octet-stream", "buffer": b"\x00\xff"}
    )
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text(re.compile("motd")).first).to_be_visible()
    form.get_by_label("Name", exact=True).fill("raw")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("raw")

    assert data_of(simulated, "config") == {"motd": b"Hello", "raw": b"\x00\xff"}
