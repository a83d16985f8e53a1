"""What operators do to volumes in the panel: each dialog, to its end."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import complaints

CONFLICT = "the server responded with a status of 409"


def test_volume_is_made_and_removed(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/volumes")
    visit.expect(f"{CONFLICT}|status of 404")

    page.get_by_role("button", name="New volume …").click()
    form = page.get_by_role("dialog", name="New volume")
    form.get_by_label("Node").select_option("node2")
    form.get_by_label("Name").fill("data")
    form.get_by_label("Options of the driver").fill("type=nfs\no=addr=10.0.0.9")
    form.get_by_label("Labels").fill("tier=back")
    assert complaints(page) == ""
    form.get_by_role("button", name="Make volume").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="data", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("data")
    expect(page.get_by_text("addr=10.0.0.9")).to_be_visible()
    expect(page.get_by_text("tier", exact=True)).to_be_visible()

    page.goto("/volumes")
    page.get_by_role("button", name="New volume …").click()
    form.get_by_label("Node").select_option("node2")
    form.get_by_label("Name").fill("data")
    form.get_by_role("button", name="Make volume").click()
    expect(form.get_by_role("alert")).to_contain_text("data")
    form.get_by_role("button", name="Cancel").click()

    # As well from its own page.
    simulated.swarm.engine("node2").volumes.add("spare")
    page.goto("/volumes/node2/spare")
    page.get_by_role("button", name="Remove").click()
    asked = page.get_by_role("dialog", name="Remove spare on node2?")
    asked.get_by_role("textbox").fill("spare")
    asked.get_by_role("button", name="Remove").click()
    expect(page).to_have_url(f"{simulated.server.url}/volumes")

    page.get_by_role("button", name="Remove data on node2").click()
    asked = page.get_by_role("dialog", name="Remove data on node2?")
    expect(asked.get_by_role("button", name="Remove")).to_be_disabled()
    asked.get_by_role("textbox").fill("data")
    asked.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("There is no volume")).to_be_visible()


def test_volumes_that_nothing_needs_are_cleaned_up_as_shown(visit: Visit, simulated: Simulated) -> None:
    engine = simulated.swarm.engine("node3")
    engine.volumes.add("5e" * 32)
    engine.volumes.add("old")
    engine.volumes.add("used")
    engine.containers.add("keeper", volumes=["used"])
    page = visit(simulated.server, "/volumes")
    expect(page.get_by_role("button", name="Remove used on node3")).to_be_disabled()

    page.get_by_role("button", name="Clean up …").click()
    asked = page.get_by_role("dialog", name="Remove volumes that nothing needs")
    expect(asked.locator("[data-row]")).to_have_count(1)
    asked.get_by_label(re.compile("Also those with a name")).check()
    expect(asked.locator("[data-row]")).to_have_count(2)
    assert complaints(page) == ""
    asked.get_by_role("button", name="Remove", exact=True).click()
    expect(asked).to_contain_text("Removed 2 things")
    asked.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.get_by_role("link", name="used")).to_be_visible()
