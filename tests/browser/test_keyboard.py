"""The main job by keyboard alone: from the first visit to a stack that runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import VERDICT, Visit
from tests.browser.simulated import Simulated
from tests.lab.lab import Lab
from tests.swarm.server import Server


def walk_to(page: Page, target: Locator, most: int = 60) -> None:
    """Press Tab until something has the focus, and shows that it has."""
    expect(target).to_be_visible()
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("each => each.matches(':focus')"):
            assert target.evaluate("each => each.matches(':focus-visible')")
            expect(target).to_be_in_viewport()
            return
    raise AssertionError(f"The keyboard does not reach {target}.")


@pytest.mark.usefixtures("sample_image")
def test_sample_is_deployed_and_removed_by_keyboard_alone(visit: Visit, server: Server, swarm3: Lab) -> None:
    page = visit(server, "/")
    dialog = page.get_by_role("dialog")

    walk_to(page, page.get_by_test_id("sample"))
    page.keyboard.press("Enter")
    editor = page.get_by_role("textbox", name="Stack file stack.yml")
    expect(editor).to_contain_text("image: nginx:1.27")
    digests = page.get_by_label("Look up the digests of images")
    walk_to(page, digests)
    page.keyboard.type("Never")
    expect(digests).to_have_value("never")
    walk_to(page, editor)
    page.keyboard.press("Control+End")
    page.keyboard.type("# by keyboard")
    walk_to(page, page.get_by_role("button", name="Plan", exact=True))
    page.keyboard.press("Enter")
    expect(dialog.get_by_test_id("plan")).to_be_visible()
    walk_to(page, dialog.get_by_role("button", name="Apply"))
    page.keyboard.press("Space")
    expect(dialog.get_by_test_id("verdict")).to_have_attribute("data-outcome", "converged", timeout=VERDICT)
    walk_to(page, dialog.locator("footer").get_by_role("button", name="Close"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/stacks/hello$"))
    assert [service["Spec"]["Name"] for service in swarm3.ask("GET", "/services")] == ["hello_web"]

    walk_to(page, page.get_by_role("button", name="Remove"))
    page.keyboard.press("Enter")
    walk_to(page, dialog.get_by_label("Type hello to confirm"))
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(dialog.get_by_test_id("verdict")).to_be_visible(timeout=VERDICT)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert swarm3.ask("GET", "/services") == []


def test_dialog_keeps_the_focus_and_gives_it_back(visit: Visit, simulated: Simulated) -> None:
    simulated.create("web")
    page = visit(simulated.server, "/services/web")
    button = page.get_by_role("button", name="Force update")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Force an update of web")
    expect(dialog.get_by_test_id("plan")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert dialog.evaluate("each => each.contains(document.activeElement)")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
