"""What operators do to networks in the panel: each dialog, to its end."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import complaints

CONFLICT = "the server responded with a status of 409"


def test_network_is_made_connected_and_removed(visit: Visit, simulated: Simulated) -> None:
    engine = simulated.swarm.engine("node2")
    container = engine.containers.add("debug", "busybox:1.37")
    page = visit(simulated.server, "/networks")

    page.get_by_role("button", name="New network").click()
    form = page.get_by_role("dialog", name="New network")
    expect(form.get_by_role("button", name="Create")).to_be_disabled()
    form.get_by_label("Name", exact=True).fill("tools")
    form.get_by_label("Containers can be connected that are of no service").check()
    form.get_by_label("Subnet").fill("10.77.0.0/24")
    form.get_by_label("Gateway").fill("10.77.0.1")
    form.get_by_label("Labels").fill("team=storefront")
    assert complaints(page) == ""
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("tools")
    expect(page.get_by_text("10.77.0.0/24").first).to_be_visible()
    expect(page.get_by_text("storefront")).to_be_visible()

    page.get_by_role("button", name="Connect a container").click()
    form = page.get_by_role("dialog", name="Connect a container to tools")
    form.get_by_label("Container", exact=True).fill("debug")
    form.get_by_label("Also called").fill("lookout")
    form.get_by_role("button", name="Connect a container").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    here = page.get_by_role("link", name="debug")
    here.click()
    expect(page).to_have_url(re.compile(f"/containers/{container}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("debug")
    page.go_back()

    page.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog", name="Disconnect debug").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("No container of its own is on it")).to_be_visible()

    page.get_by_role("button", name="Remove").click()
    asked = page.get_by_role("dialog", name="Remove tools")
    expect(asked.get_by_role("button", name="Remove")).to_be_disabled()
    asked.get_by_role("textbox").fill("tools")
    asked.get_by_role("button", name="Remove").click()
    expect(page).to_have_url(re.compile(r"/networks$"))
    expect(page.get_by_role("link", name="ingress")).to_be_visible()
    expect(page.get_by_role("link", name="tools")).to_have_count(0)


def test_network_of_one_node_is_made_there(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/networks?scope=local")
    visit.expect(CONFLICT)

    page.get_by_role("button", name="New network").click()
    form = page.get_by_role("dialog", name="New network")
    form.get_by_label("Name", exact=True).fill("bridge")
    form.get_by_label("Where", exact=True).select_option("node")
    form.get_by_label("Node", exact=True).fill("node3")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("bridge")
    form.get_by_label("Name", exact=True).fill("inner")
    form.get_by_role("button", name="Create").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("inner")
    expect(page.get_by_role("link", name="node3")).to_be_visible()
