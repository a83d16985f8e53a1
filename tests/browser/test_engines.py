"""The page of Engines: how each node is reached, and the agent from its installation to its removal."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import VERDICT, Visit, wait_until_live
from tests.browser.simulated import Simulated


def test_agent_is_installed_rotated_and_removed(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/engines")
    wait_until_live(page)
    state = page.get_by_test_id("agent-state")
    expect(state).to_have_text("not installed")
    expect(page.get_by_role("row", name="node1")).to_contain_text("own socket")

    page.get_by_role("button", name="Install the agent").click()
    dialog = page.get_by_role("dialog", name="Install the agent")
    expect(dialog).to_contain_text("5014")
    dialog.get_by_role("button", name="Install the agent").click()
    expect(dialog).not_to_be_visible()
    expect(state).to_have_text("in order", timeout=VERDICT)

    page.get_by_role("button", name="Rotate certificates").click()
    dialog = page.get_by_role("dialog", name="Rotate certificates")
    dialog.get_by_role("button", name="Rotate certificates").click()
    expect(dialog).not_to_be_visible()
    expect(state).to_have_text("in order", timeout=VERDICT)

    page.get_by_role("button", name="Remove the agent").click()
    dialog = page.get_by_role("dialog", name="Remove the agent")
    dialog.get_by_role("textbox").fill("crane-agent")
    dialog.get_by_role("button", name="Remove the agent").click()
    expect(dialog).not_to_be_visible()
    expect(state).to_have_text("not installed", timeout=VERDICT)
