"""What operators do to containers in the panel: each dialog, to its end."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import complaints

CONFLICT = "the server responded with a status of 409"


def ask(page: Page, deed: str, title: str) -> Locator:
    """Press what does something, and return the dialog that asks about it."""
    page.locator("main").get_by_role("button", name=deed, exact=True).click()
    return page.get_by_role("dialog", name=title)


def do(page: Page, deed: str, title: str) -> None:
    """Do something, and agree to it."""
    ask(page, deed, title).get_by_role("button", name=deed, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_container_is_started_stopped_renamed_killed_and_removed(visit: Visit, simulated: Simulated) -> None:
    engine = simulated.swarm.engine("node2")
    container = engine.containers.add("debug", "busybox:1.37")
    engine.containers.add("taken", "busybox:1.37")
    page = visit(simulated.server, f"/containers/{container}")
    visit.expect(CONFLICT)
    state = page.locator("main [data-state]").first
    expect(page.get_by_role("heading", level=1)).to_have_text("debug")

    asked = ask(page, "Stop", "Stop debug?")
    assert complaints(page) == ""
    asked.get_by_role("button", name="Cancel").click()
    expect(state).to_have_text("Running")
    do(page, "Stop", "Stop debug?")
    expect(state).to_have_text("Exited")
    do(page, "Start", "Start")
    expect(state).to_have_text("Running")
    do(page, "Restart", "Restart debug?")
    do(page, "Pause", "Pause debug?")
    expect(state).to_have_text("Paused")
    do(page, "Let go on", "Let go on")
    expect(state).to_have_text("Running")

    form = ask(page, "Rename", "Rename debug")
    expect(form.get_by_role("button", name="Rename")).to_be_disabled()
    form.get_by_label("New name").fill("taken")
    form.get_by_role("button", name="Rename").click()
    expect(form.get_by_role("alert")).to_contain_text("taken")
    form.get_by_label("New name").fill("lookout")
    form.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("lookout")

    do(page, "Kill", "Kill lookout?")
    expect(state).to_have_text("Exited")
    do(page, "Remove", "Remove lookout?")
    expect(page).to_have_url(re.compile(r"/containers$"))
    expect(page.get_by_role("link", name="taken")).to_be_visible()
    expect(page.get_by_role("link", name="lookout")).to_have_count(0)


def test_stopped_containers_are_cleaned_up_as_shown(visit: Visit, simulated: Simulated) -> None:
    for node in ("node2", "node3"):
        simulated.swarm.engine(node).containers.add(f"old-{node}", running=False)
        simulated.swarm.engine(node).containers.add(f"new-{node}")
    page = visit(simulated.server, "/containers")
    expect(page.locator("[data-row]")).to_have_count(4)

    page.get_by_role("button", name="Clean up …").click()
    asked = page.get_by_role("dialog", name="Remove stopped containers")
    expect(asked.locator("[data-row]")).to_have_count(2)
    expect(asked).to_contain_text("Removes 2 things")
    assert complaints(page) == ""
    asked.get_by_role("button", name="Remove", exact=True).click()
    expect(asked).to_contain_text("Removed 2 things")
    asked.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[data-row]")).to_have_count(2)


def test_container_of_a_service_is_replaced(visit: Visit, simulated: Simulated) -> None:
    simulated.create("web")
    page = visit(simulated.server, "/containers?kind=task")
    page.get_by_role("link", name="web.1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^web\.1"))

    name = page.get_by_role("heading", level=1).inner_text()
    asked = ask(page, "Stop", f"Stop {name}?")
    expect(asked).to_contain_text("the Swarm starts another one in its place")
    asked.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto("/containers?kind=task&state=running")
    expect(page.locator("[data-row]")).to_have_count(1)
