"""The frame around every page: navigation, search, language and look, and whether what is shown is how it is now."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, Visit, wait_until_live
from tests.browser.simulated import Simulated

MARK = "window.markOfThisVisit"


def mark(page: Page) -> None:
    """Leave something in the page that loading it anew would remove."""
    page.evaluate(f"{MARK} = true")


def assert_never_loaded_anew(page: Page) -> None:
    """Make sure that what :func:`mark` left is still there."""
    assert page.evaluate(MARK) is True


def choose(page: Page, label: str, option: str) -> None:
    """Choose something in the menu of language and theme."""
    settings = page.get_by_test_id("look-menu")
    if settings.get_attribute("open") is None:
        settings.locator("summary").click()
    settings.get_by_role("combobox", name=label).select_option(option)


def test_languages_are_switched_without_loading_anew_and_remembered(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/stacks")
    mark(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Stacks")

    choose(page, "Language", "zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("堆栈")
    expect(page.get_by_role("navigation", name="导航").get_by_role("link", name="节点")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title("堆栈 · Crane")
    assert_never_loaded_anew(page)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("堆栈")

    choose(page, "语言", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Stacks")
    expect(page).to_have_title("Stacks · Crane")


def test_panel_speaks_the_language_of_the_browser(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/nodes", language="zh-CN")

    expect(page.get_by_role("heading", level=1)).to_have_text("节点")


def test_theme_follows_the_system_until_one_is_chosen(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/stacks", dark=True)
    dark = re.compile(r"^rgb\((\d\d?), (\d\d?), (\d\d?)\)$")
    body = page.locator("body")
    expect(body).to_have_css("background-color", dark)
    page.emulate_media(color_scheme="light")
    expect(body).not_to_have_css("background-color", dark)

    choose(page, "Theme", "dark")
    expect(body).to_have_css("background-color", dark)
    page.reload()
    wait_until_live(page)
    expect(body).to_have_css("background-color", dark)


def test_search_finds_pages_and_objects_from_the_keyboard(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/")
    search = page.get_by_role("dialog", name="Search")

    def look_for(text: str) -> None:
        page.keyboard.press("Control+k")
        expect(search.get_by_role("combobox")).to_be_focused()
        page.keyboard.type(text)

    look_for("shop_web")
    expect(search.get_by_role("group", name="Services").get_by_role("option")).to_have_text(["shop_web"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/services/shop_web$"))

    look_for("nodes")
    expect(search.get_by_role("option").first).to_have_text("Nodes")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/nodes$"))

    look_for("nothing is called like this")
    expect(search).to_contain_text("Nothing is called like that.")
    page.keyboard.press("Escape")
    expect(search).to_be_hidden()


def test_silent_engine_is_told_of(visit: Visit, simulated: Simulated) -> None:
    simulated.create("web")
    page = visit(simulated.server, "/services")
    freshness = page.get_by_test_id("freshness")

    simulated.swarm.go_away()
    expect(freshness).to_have_attribute("data-kind", "warn", timeout=60_000)
    expect(freshness).to_contain_text("Engine silent")
    expect(page.locator('[data-row="web"]')).to_be_visible()

    simulated.swarm.come_back()
    expect(freshness).to_have_attribute("data-kind", "ok", timeout=60_000)


def test_back_button_returns_to_where_one_was(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/services?q=shop&sort=-name")
    rows = page.locator("[data-table] tbody tr[data-row]")
    expect(rows).to_have_count(4)
    expect(rows.first).to_have_attribute("data-row", "shop_web")

    rows.first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/services/shop_web"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/services\?(q=shop&sort=-name|sort=-name&q=shop)$"))
    expect(rows).to_have_count(4)
    expect(page.get_by_label("Filter services")).to_have_value("shop")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("shop_web")


def test_address_that_leads_nowhere_says_so(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/no/such/page")

    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    page.get_by_role("link", name="To the dashboard").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")


def test_navigation_is_a_drawer_where_there_is_little_room(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/", viewport=NARROW)
    navigation = page.get_by_role("navigation", name="Navigation")
    expect(navigation).to_be_hidden()

    page.get_by_role("button", name="Menu").click()
    expect(navigation).to_be_visible()
    page.keyboard.press("Escape")
    expect(navigation).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    navigation.get_by_role("link", name="Nodes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    expect(navigation).to_be_hidden()


def test_first_stop_of_the_keyboard_skips_the_navigation(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/nodes")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("#content")).to_be_focused()
