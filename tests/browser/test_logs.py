"""Logs in the panel: followed, paused, filtered, and taken up again."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import Visit
from tests.browser.simulated import Simulated


@pytest.fixture
def tasks(simulated: Simulated) -> list[str]:
    """Two tasks of a service, by slot."""
    simulated.create("web", replicas=2)
    return [task["ID"] for task in sorted(simulated.swarm.tasks("web"), key=lambda task: task["Slot"])]


def lines(page: Page) -> Locator:
    """Return the lines that are in the page."""
    return page.get_by_role("log").locator(".line")


def count(page: Page) -> Locator:
    """Return where it says how many lines there are."""
    return page.get_by_test_id("log-count")


def test_log_of_a_service_is_followed_in_the_order_of_time(
    visit: Visit, simulated: Simulated, tasks: list[str]
) -> None:
    one, two = tasks
    simulated.swarm.print(one, "before one\n")
    simulated.swarm.print(two, "before two\n", "stderr")
    page = visit(simulated.server, "/services/web")
    page.get_by_role("link", name="Logs").filter(has_not=page.locator("svg")).last.click()
    expect(lines(page)).to_have_text([re.compile("web.1before one"), re.compile("web.2before two")])

    simulated.swarm.print(one, "\x1b[31mafter\x1b[0m\n")

    expect(lines(page).last).to_have_text(re.compile("web.1after$"))
    expect(lines(page).nth(1)).to_have_class(re.compile("stderr"))
    expect(page.get_by_text("2 containers followed")).to_be_visible()


def test_pause_loses_nothing(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    page = visit(simulated.server, "/logs?service=web")
    simulated.swarm.print(tasks[0], "first\n")
    expect(lines(page)).to_have_count(1)

    page.get_by_role("button", name="Pause").click()
    simulated.swarm.print(tasks[0], "second\nthird\n")
    expect(page.get_by_test_id("log-unseen")).to_have_text("2 new lines")
    expect(lines(page)).to_have_count(1)
    page.get_by_test_id("log-unseen").click()

    expect(lines(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_who_scrolls_up_reads_in_peace(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "".join(f"line {number}\n" for number in range(400)))
    page = visit(simulated.server, "/logs?service=web")
    expect(count(page)).to_have_text("400 lines")
    expect(lines(page).last).to_have_text(re.compile("line 399"))
    assert lines(page).count() < 150

    page.get_by_role("log").hover()
    page.mouse.wheel(0, -2000)
    expect(page.get_by_role("button", name="Follow")).to_be_visible()
    simulated.swarm.print(tasks[0], "news\n")
    expect(page.get_by_test_id("log-unseen")).to_have_text("1 new line")
    page.get_by_role("log").evaluate("box => box.scrollTo(0, box.scrollHeight)")

    expect(lines(page).last).to_have_text(re.compile("news"))


def test_lines_are_filtered_here_and_by_the_server(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "GET / 200\nGET /a 500\nPOST /b 503\n")
    page = visit(simulated.server, "/logs?service=web")
    expect(lines(page)).to_have_count(3)

    page.get_by_test_id("log-filter").fill("get")
    expect(count(page)).to_have_text("2 of 3 lines")
    page.get_by_test_id("log-filter").fill("5[0-9]{2}$")
    expect(page.get_by_text("No line of this range matches the filter.")).to_be_visible()
    page.get_by_label("Regular expression").check()
    expect(count(page)).to_have_text("2 lines")
    simulated.swarm.print(tasks[1], "POST /c 500\nGET /c 200\n")
    expect(count(page)).to_have_text("3 lines")

    page.get_by_test_id("log-filter").fill("(")
    expect(page.get_by_role("alert")).to_contain_text("missing )")


def test_several_services_are_one_log(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.create("api")
    [api] = [task["ID"] for task in simulated.swarm.tasks("api")]
    page = visit(simulated.server, "/logs")
    expect(page.get_by_text("Choose a service to see what it prints")).to_be_visible()
    for service in ("web", "api"):
        page.get_by_label("Add a service").select_option(service)
    expect(page.get_by_text("3 containers followed")).to_be_visible()
    for number in range(3):
        simulated.swarm.print(tasks[0], f"web {number}\n")
        simulated.swarm.print(api, f"api {number}\n")
        expect(lines(page)).to_have_count(2 * number + 2)

    texts = [text[-5:] for text in lines(page).all_inner_texts()]
    assert texts == [f"{service} {number}" for number in range(3) for service in ("web", "api")]
    page.get_by_label("Show api no more").click()
    expect(page).to_have_url(re.compile(r"/logs\?service=web$"))


def test_connection_that_is_lost_is_taken_up_without_doubling_a_line(
    visit: Visit, simulated: Simulated, tasks: list[str]
) -> None:
    page = visit(simulated.server, "/logs?service=web")
    sockets: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    page.route_web_socket(re.compile("/api/v1/live"), pass_on)
    page.reload()
    simulated.swarm.print(tasks[0], "one\ntwo\n")
    expect(lines(page)).to_have_count(2)

    sockets[-1].close(code=4000)
    simulated.swarm.print(tasks[0], "three\n")

    expect(lines(page)).to_have_count(3)
    simulated.swarm.print(tasks[1], "four\n")
    expect(lines(page).last).to_have_text(re.compile("web.2four"))
    expect(count(page)).to_have_text("4 lines")


def test_long_lines_are_wrapped_on_demand(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], f"{'x' * 2000}\nshort\n")
    page = visit(simulated.server, "/logs?service=web")
    expect(lines(page)).to_have_count(2)
    box = page.get_by_role("log")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")

    page.get_by_label("Wrap lines").check()

    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    high = lines(page).first.bounding_box()
    assert high is not None
    assert high["height"] > 100


def test_log_is_downloaded(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "one\ntwo\n")
    page = visit(simulated.server, "/logs?service=web")
    expect(lines(page)).to_have_count(2)

    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()

    assert saved.value.suggested_filename == "web.log"
    text = saved.value.path().read_text("utf-8")
    assert re.fullmatch(r"\S+Z web\.1 \| one\n\S+Z web\.1 \| two\n", text)


def on_the_clock(moment: float) -> str:
    """Return a moment as somebody in front of the browser reads it off their clock."""
    return f"{datetime.fromtimestamp(moment, ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M:%S}"


def test_range_is_written_and_read_off_the_address(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "too early\n")
    simulated.swarm.advance(120)
    begins = simulated.swarm.now
    simulated.swarm.advance(60)
    simulated.swarm.print(tasks[0], "within\n")
    simulated.swarm.print(tasks[1], "within too\n", "stderr")
    simulated.swarm.advance(60)
    ends = simulated.swarm.now
    simulated.swarm.advance(60)
    simulated.swarm.print(tasks[0], "too late\n")
    page = visit(simulated.server, "/logs?service=web")
    expect(lines(page)).to_have_count(4)

    page.get_by_label("Range").select_option("From … to …")
    page.get_by_label("From", exact=True).fill(on_the_clock(begins))
    page.keyboard.press("Enter")
    expect(count(page)).to_have_text("3 lines")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_label("To", exact=True).fill(on_the_clock(ends))
    page.keyboard.press("Enter")

    expect(lines(page)).to_have_text([re.compile("web.1within$"), re.compile("web.2within too$")])
    expect(lines(page).last).to_have_class(re.compile("stderr"))
    expect(page.get_by_test_id("log-over")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    simulated.swarm.print(tasks[0], "and later still\n")
    page.reload()
    expect(lines(page)).to_have_count(2)
    expect(page.get_by_label("To", exact=True)).to_have_value(on_the_clock(ends))
    page.get_by_label("Range").select_option("Last 500 lines")
    expect(count(page)).to_have_text("5 lines")
    expect(page).to_have_url(re.compile(r"/logs\?service=web$"))


def test_range_that_makes_no_sense_is_told(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "here\n")
    page = visit(simulated.server, "/logs?service=web&since=3d&until=2d")
    expect(page.get_by_text("Nothing was printed in this range.")).to_be_visible()

    page.get_by_label("From", exact=True).fill("yesterday")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Write how long ago")
    page.get_by_label("From", exact=True).fill("1d")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The range ends before it begins.")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")

    visit.expect("422")
    page.goto("/logs?service=web&until=tomorrow")
    expect(page.get_by_role("alert").last).to_contain_text("tomorrow is no moment")


def test_range_is_chosen_in_chinese(visit: Visit, simulated: Simulated, tasks: list[str]) -> None:
    simulated.swarm.print(tasks[0], "here\n")
    page = visit(simulated.server, "/logs?service=web&since=7d&until=1s", language="zh-CN")

    expect(lines(page)).to_have_count(1)
    expect(page.get_by_label("从", exact=True)).to_have_value("7d")
    expect(page.get_by_label("到", exact=True)).to_have_value("1s")
    expect(page.get_by_test_id("log-over")).to_have_text("此范围有结束时间，不再跟踪新日志。")
