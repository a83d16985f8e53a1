"""Every page as each of its users gets it: with assistive technology, on a phone, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.addresses import ADDRESSES, find_addresses
from tests.browser.conftest import NARROW, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_frame import choose
from tests.swarm.server import Server

AXE = Path(__file__).parents[2] / "plugins/crane-panel/frontend/node_modules/axe-core/axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
# What these say of something that is not there, the browser says on the console too.
MISSING = "the server responded with a status of 404"
# What is wider than its place, of what must not scroll sideways.
TOO_WIDE = """() => [...document.querySelectorAll('html, body, main')]
    .filter((each) => each.scrollWidth > each.clientWidth)
    .map((each) => `${each.tagName} is ${each.scrollWidth} wide`)"""
# What the panel itself says, and not the objects that it shows; lines of charts are called as what they are of.
LABELS = """() => [...document.querySelectorAll('main :is(h1, h2, h3, th, label, legend, button, summary, dt)')]
    .filter((each) => each.checkVisibility() && !each.closest('.legend'))
    .map((each) => each.innerText.trim())"""
# Under which a name stands in answers: of an object, or of a kind of plugins of an Engine.
NAMING = {"name", "type", "stack", "target", "image"}
WORD = re.compile(r"[A-Za-z]{2}")
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="package")
def names(busy: Simulated) -> set[str]:
    """Everything that is called the same in every language: what there is, and what Docker and plugins call theirs."""
    lists = (
        "stacks",
        "services",
        "tasks",
        "nodes",
        "operations",
        "plugins",
        "settings",
        "networks",
        "secrets",
        "configs",
        "containers",
        "images",
        "volumes",
    )
    lists += ("users", "groups", "roles", "actions", "quotas")
    found = {name for each in lists for name in find_names(busy.server.ask("GET", f"/{each}?limit=1000")[1]["items"])}
    for container in busy.server.ask("GET", "/containers?limit=1000")[1]["items"]:
        found.update(find_names(busy.server.ask("GET", f"/containers/{container['id']}")[1]))
        # The Engine's own names of columns, of what runs on a node that is heard.
        found.update(busy.server.ask("GET", f"/containers/{container['id']}/top")[1].get("titles", ()))
    return found | {"CPU", "JSON", "ID", "stack.yml", "nowhere", "0123456789ab"}


def find_names(value: object) -> Iterator[str]:
    """Find what is the name of something, in any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str) and key.casefold() in NAMING:
                yield each
            if isinstance(each, dict) and key in ("Labels", "Options"):
                yield from each
            if isinstance(each, list) and key == "Env":
                yield from (str(line).partition("=")[0] for line in each)
            yield from find_names(each)
    elif isinstance(value, list):
        for each in value:
            yield from find_names(each)


@pytest.fixture(scope="package")
def addresses(busy: Simulated) -> dict[str, str]:
    """Where each page is."""
    return find_addresses(busy.server)


def open_page(visit: Visit, busy: Simulated, addresses: dict[str, str], name: str, **options: object) -> Page:
    """Open a page, and wait until everything is there."""
    page = visit(busy.server, addresses[name], **options)  # type: ignore[arg-type]
    if name.endswith("-gone"):
        visit.expect(MISSING)
    wait_until_complete(page)
    return page


def wait_until_complete(page: Page) -> None:
    """Wait until a page has its heading and nothing in it is still being read."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main .skeleton, main .el-skeleton, main [aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def complaints(page: Page) -> str:
    """Return what axe finds."""
    # The policy of the page forbids what is not part of it; what devtools run is above that.
    page.evaluate(AXE.read_text("utf-8"))
    results = page.evaluate("rules => axe.run(document, rules)", RULES)
    return "\n".join(
        f"{violation['id']}: {node['target']} {node['html'][:200]}\n{node['failureSummary']}"
        for violation in results["violations"]
        for node in violation["nodes"]
    )


@pytest.mark.parametrize("name", ADDRESSES)
def test_everybody_can_use_it(visit: Visit, busy: Simulated, addresses: dict[str, str], name: str) -> None:
    page = open_page(visit, busy, addresses, name)
    levels = [int(each.evaluate("each => each.tagName[1]")) for each in page.locator("main :is(h1, h2, h3, h4)").all()]

    assert complaints(page) == ""
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels

    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    assert complaints(page) == ""


@pytest.mark.parametrize("name", ADDRESSES)
def test_it_fits_a_phone_in_both_languages(
    visit: Visit, busy: Simulated, addresses: dict[str, str], names: set[str], name: str
) -> None:
    page = open_page(visit, busy, addresses, name, viewport=NARROW)

    assert page.evaluate(TOO_WIDE) == []
    assert complaints(page) == ""
    english = set(page.evaluate(LABELS))

    choose(page, "Language", "zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert page.evaluate(TOO_WIDE) == []
    # Charts are drawn one frame after what stands around them.
    page.evaluate(TWO_FRAMES)
    same = english & set(page.evaluate(LABELS))
    # What begins with a slash says where something stands in a spec.
    assert {text for text in same if WORD.search(text) and text[0] != "/"} - names == set()


def test_long_list_is_drawn_in_part_and_reached_whole(visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Simulated(tmp_path_factory.mktemp("large"), nodes=10) as large:
        large.fill(1_000, 2_000)
        page = visit(large.server, "/services")
        rows = page.locator("[data-table] tbody tr[data-row]")
        expect(page.get_by_text("1,000 rows")).to_be_visible()
        assert rows.count() < 100
        assert complaints(page) == ""

        page.get_by_role("group", name="Services").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        expect(page.locator('[data-row="stack099_service9"]')).to_be_in_viewport()
        assert rows.count() < 100
        page.get_by_label("Filter services").fill("stack042 service7")
        expect(rows).to_have_count(1)
        assert visit.close() == []


def test_first_visit_says_what_to_do_next(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/")
    expect(page.get_by_test_id("first-visit")).to_be_visible()
    assert complaints(page) == ""
    for address in ("/stacks", "/services", "/tasks", "/operations"):
        page.goto(address)
        wait_until_complete(page)
        expect(page.locator("main [data-kind=none]")).to_be_visible()
        assert complaints(page) == ""


@pytest.fixture(scope="module")
def unread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has never reached its Engine."""
    directory = tmp_path_factory.mktemp("unread")
    server = Server(f"unix://{directory}/nowhere.sock", directory)
    yield server.start(reads=False)
    server.stop()


@pytest.mark.parametrize(
    "address",
    [
        *("/services", "/tasks", "/stacks", "/nodes", "/networks", "/secrets"),
        *("/containers", "/images", "/volumes", "/monitoring", "/monitoring?tab=containers"),
    ],
)
def test_list_that_nobody_has_read_is_not_called_empty(visit: Visit, unread: Server, address: str) -> None:
    # Until a list is read, nothing is known to be wrong.
    page = visit(unread, "/settings")
    page.goto(address)

    expect(page.locator("main [data-kind=failed]")).to_contain_text("The server has not read its Docker Engine yet")
    expect(page.locator("main [data-kind=none]")).to_have_count(0)
