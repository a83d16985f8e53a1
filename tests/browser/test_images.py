"""What operators do to images in the panel: each dialog, to its end."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from crane_core.testing import Missing
from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import complaints

UNPROCESSABLE = "the server responded with a status of 4(22|00)"


def names_of(simulated: Simulated, node: str) -> list[str]:
    """Return what the images of a node are called."""
    return sorted(name for image in simulated.swarm.engine(node).images.all() for name in image["RepoTags"] or ())


def test_image_is_pulled_tagged_and_removed(visit: Visit, simulated: Simulated) -> None:
    simulated.swarm.images["nowhere:1"] = Missing()
    page = visit(simulated.server, "/images")
    visit.expect(UNPROCESSABLE)

    page.get_by_role("button", name="Pull …").click()
    form = page.get_by_role("dialog", name="Pull an image")
    expect(form.get_by_role("button", name="Pull")).to_be_disabled()
    form.get_by_label("Image").fill("Not an image")
    form.get_by_role("button", name="Pull").click()
    expect(form.locator(".error, [role=alert]").first).to_be_visible()
    form.get_by_label("Image").fill("nginx:1.27")
    form.get_by_label("Nodes").fill("node2, node3")
    form.get_by_role("button", name="Pull").click()
    expect(form).to_contain_text("New on 2, there already on 0, failed on 0.")
    assert complaints(page) == ""
    form.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = page.locator("[data-row]").filter(has_text="nginx:1.27")
    expect(row).to_contain_text("2 nodes")

    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("nginx:1.27")
    page.get_by_role("button", name="Tag …").click()
    form = page.get_by_role("dialog", name="Give nginx:1.27 a further name")
    form.get_by_label("Further name").fill("web:tested")
    form.get_by_label("Nodes").fill("node3")
    assert complaints(page) == ""
    form.get_by_role("button", name="Tag", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("nginx:1.27, web:tested")).to_be_visible()
    assert (names_of(simulated, "node2"), names_of(simulated, "node3")) == (
        ["nginx:1.27"],
        ["nginx:1.27", "web:tested"],
    )

    page.get_by_role("button", name="Remove").click()
    asked = page.get_by_role("dialog", name="Remove nginx:1.27?")
    expect(asked).to_contain_text("node2, node3")
    asked.get_by_role("button", name="Remove").click()
    expect(page).to_have_url(re.compile(r"/images$"))
    expect(page.get_by_text("nginx:1.27")).to_have_count(0)


def test_image_in_use_stays_and_says_why(visit: Visit, simulated: Simulated) -> None:
    simulated.swarm.engine("node1").images.add("shop:1")
    simulated.swarm.engine("node2").containers.add("web", "shop:1")
    page = visit(simulated.server, "/images")

    page.get_by_role("button", name="Remove shop:1").click()
    asked = page.get_by_role("dialog", name="Remove shop:1?")
    asked.get_by_role("button", name="Remove").click()
    expect(asked.get_by_role("alert")).to_contain_text("node2:")
    asked.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-row]")).to_contain_text("node2")


def test_image_that_no_registry_has_is_said(visit: Visit, simulated: Simulated) -> None:
    simulated.swarm.images["nowhere:1"] = Missing()
    page = visit(simulated.server, "/images")

    page.get_by_role("button", name="Pull …").click()
    form = page.get_by_role("dialog", name="Pull an image")
    form.get_by_label("Image").fill("nowhere:1")
    page.keyboard.press("Enter")
    expect(form).to_contain_text("failed on 3.")
    expect(form).to_contain_text("pull access denied for nowhere")


def test_images_that_nothing_needs_are_cleaned_up_as_shown(visit: Visit, simulated: Simulated) -> None:
    simulated.swarm.engine("node2").images.add("")
    simulated.swarm.engine("node3").images.add("debian:13")
    simulated.create("web")
    page = visit(simulated.server, "/images")

    page.get_by_role("button", name="Clean up …").click()
    asked = page.get_by_role("dialog", name="Remove images that nothing needs")
    expect(asked.locator("[data-row]")).to_have_count(1)
    asked.get_by_label("Also those with a name").check()
    expect(asked.locator("[data-row]")).to_have_count(2)
    assert complaints(page) == ""
    asked.get_by_role("button", name="Remove", exact=True).click()
    expect(asked).to_contain_text("Removed 2 things")
    asked.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_text("debian:13")).to_have_count(0)
    expect(page.get_by_role("link", name="lab/web:v1")).to_be_visible()
