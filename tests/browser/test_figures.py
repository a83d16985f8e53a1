"""What is used, as charts: read by pointer and by keyboard, zoomed, continued live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated

CPU = "[data-chart=CPU]"
# The colours of a canvas by how often they are on it, read off a copy: reading keeps a canvas from being drawn fast.
COLOURS = """canvas => {
    const copy = document.createElement('canvas')
    Object.assign(copy, { width: canvas.width, height: canvas.height })
    const context = copy.getContext('2d', { willReadFrequently: true })
    context.drawImage(canvas, 0, 0)
    const { data } = context.getImageData(0, 0, copy.width, copy.height)
    const counts = {}
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 255) continue
        const colour = [...data.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, '0')).join('')
        counts['#' + colour] = (counts['#' + colour] ?? 0) + 1
    }
    return counts
}"""


@pytest.fixture
def figures(visit: Visit, busy: Simulated) -> Page:
    """The figures of a service that has been measured for a while."""
    busy.server.until(
        lambda: len(_points(busy, "shop_web")) >= 4,
        "it has been measured",
    )
    return visit(busy.server, "/services/shop_web?tab=figures&span=600")


def _points(busy: Simulated, service: str) -> list[list[float]]:
    found = busy.server.ask("GET", f"/stats/services/{service}")[1]["figures"][0]["series"]
    return found[0]["points"] if found else []


def _slider(page: Page, name: str = "CPU") -> Locator:
    return page.get_by_role("slider", name=f"{name}: choose a moment")


def wait_for_colour(page: Page, colour: str) -> None:
    """Wait until the chart has drawn something in a colour; it is made anew for another theme."""
    page.wait_for_function(
        f"""(colour) => {{
            const canvas = document.querySelector('{CPU} canvas')
            return canvas !== null && ({COLOURS})(canvas)[colour] > 10
        }}""",
        arg=colour,
    )


def test_charts_show_what_is_used_and_go_on_live(figures: Page) -> None:
    charts = figures.locator("[data-chart]")
    expect(charts).to_have_count(5)
    assert charts.evaluate_all("all => all.map(each => each.dataset.chart)") == [
        "CPU", "Memory", "Network", "Disk", "Processes",
    ]  # fmt: skip
    expect(figures.locator(f"{CPU} .legend")).to_contain_text(re.compile(r"1\.5 CPU"))
    expect(figures.locator("[data-chart=Memory]")).to_contain_text("Limit 3 GiB")
    wait_for_colour(figures, "#1d5fd1")

    moments = _slider(figures).get_attribute("aria-valuemax")
    expect(_slider(figures)).not_to_have_attribute("aria-valuemax", moments or "")


@pytest.mark.parametrize(("path", "row"), [("/services", "shop_web"), ("/nodes", ""), ("/containers", "shop_web.1")])
def test_lists_show_how_each_went_lately_with_one_request(
    figures: Page, visit: Visit, busy: Simulated, path: str, row: str
) -> None:
    page = visit(busy.server, "/stacks")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/stats/" in request.url else None)

    page.goto(path)
    shown = page.locator("tbody tr[data-row]").filter(has_text=row)
    expect(shown.locator(".spark").first).to_be_visible()

    used = shown.filter(has=page.locator(".spark")).first.locator(".use .number")
    expect(used).to_have_text([re.compile(r"^[\d.,]+$"), re.compile(r"^[\d.,]+ .iB$")])
    assert len(asked) == 1


def test_moment_is_chosen_by_keyboard_and_read_aloud_in_all_charts(figures: Page) -> None:
    slider = _slider(figures)
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^latest, used: .* CPU$"))
    slider.focus()

    slider.press("End")
    slider.press("ArrowLeft")

    said = re.compile(r"^at \d\d:\d\d:\d\d, used: [\d.]+ CPU$")
    expect(slider).to_have_attribute("aria-valuetext", said)
    expect(_slider(figures, "Memory")).to_have_attribute("aria-valuetext", re.compile(r"^at .* MiB$"))
    expect(figures.locator("[data-chart=Network] .when")).to_have_text(re.compile(r"^at "))


def test_dragging_zooms_all_charts_and_a_double_click_shows_everything(figures: Page) -> None:
    place = _slider(figures)
    box = place.bounding_box()
    assert box is not None
    figures.mouse.move(box["x"] + 200, box["y"] + 60)
    figures.mouse.down()
    figures.mouse.move(box["x"] + 400, box["y"] + 60, steps=5)
    figures.mouse.up()
    whole = figures.get_by_role("button", name="Show everything")
    expect(whole).to_have_count(5)

    figures.mouse.dblclick(box["x"] + 300, box["y"] + 60)
    expect(whole).to_have_count(0)
    place.focus()
    place.press("+")
    expect(whole).to_have_count(5)
    place.press("Escape")
    expect(whole).to_have_count(0)


def test_the_same_stands_in_a_table(figures: Page) -> None:
    figures.locator(f"{CPU} summary").click()
    table = figures.get_by_role("table", name="CPU, as a table")
    expect(table.get_by_role("row")).not_to_have_count(4)
    expect(table.get_by_role("rowheader", name="Mean")).to_be_visible()
    expect(table).to_contain_text("1.5 CPU")
    with figures.expect_download() as download:
        figures.locator(CPU).get_by_role("button", name="As CSV").click()
    assert download.value.path().read_bytes().startswith(b"Time,used\r\n20")


def test_lines_are_hidden_by_their_names_but_never_all(figures: Page) -> None:
    received = figures.locator("[data-chart=Network]").get_by_role("button", name="received")
    sent = figures.locator("[data-chart=Network]").get_by_role("button", name="sent")
    received.click()
    expect(received).to_have_attribute("aria-pressed", "false")
    sent.click()
    expect(sent).to_have_attribute("aria-pressed", "true")


def test_theme_changes_the_colours_of_what_is_drawn(figures: Page) -> None:
    figures.emulate_media(color_scheme="dark")
    expect(figures.locator("html")).to_have_class(re.compile("dark"))

    wait_for_colour(figures, "#7daeff")
    assert "#1d5fd1" not in figures.locator(f"{CPU} canvas").evaluate(COLOURS)


def test_first_page_does_not_load_charts(visit: Visit, busy: Simulated) -> None:
    page = visit(busy.server, "/services")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name).join(' ')")

    assert "start" in loaded
    assert "FigureTab" not in loaded
    assert "plot" not in loaded
