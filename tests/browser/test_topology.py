"""The topology of networks: readable with fifty services, searched, and led through by the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import TOO_WIDE, complaints
from tests.swarm.server import request

STACKS, SERVICES_EACH = 10, 5
SHARED = ("edge", "observability-of-the-whole-company")
PAGE = "/networks?tab=topology"

# The pairs of labels that lie upon each other, and what sticks out of the drawing, out of its own box or of its column.
_UPON_EACH_OTHER = """
drawing => {
  const found = []
  const boxOf = (each) => each.getBoundingClientRect()
  const isApart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top
  const isWithin = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom
  const labels = [...drawing.querySelectorAll('.node, .group h2')].map((each) => [each.textContent, boxOf(each)])
  labels.forEach(([name, box], index) => {
    for (const [other, its] of labels.slice(index + 1)) if (!isApart(box, its)) found.push(`${name} is upon ${other}`)
    if (!isWithin(box, boxOf(drawing))) found.push(`${name} is outside`)
  })
  for (const node of drawing.querySelectorAll('.node')) {
    const seen = [...node.children].filter((each) => !each.classList.contains('unseen')).map(boxOf)
    if (seen.slice(1).some((box, index) => box.left < seen[index].right)) found.push(`${node.textContent}: overlaps`)
    if (seen[0].width < 40) found.push(`${node.textContent}: nothing is left of its name`)
  }
  return found
}
"""


def compose(number: int) -> str:
    """Return a stack of five services on networks of its own, some of them on shared ones too."""
    services = ""
    for index in range(SERVICES_EACH):
        name = "notification-dispatcher-with-templates" if index == 4 else f"s{index}"
        on = [
            "front" if index % 2 else "back",
            *(SHARED[:1] if index % 3 == 0 else ()),
            *(SHARED[1:] if index == 2 else ()),
        ]
        published = f'    ports: ["{8000 + number}:80", "{9000 + number}:90"]\n' if index == 0 else ""
        services += f"  {name}:\n    image: lab/web:v1\n    networks: [{', '.join(on)}]\n{published}"
    external = "".join(f"  {name}: {{external: true}}\n" for name in SHARED)
    return f"services:\n{services}networks:\n  front: {{}}\n  back: {{internal: true}}\n{external}"


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A server over a Swarm of fifty services in ten stacks, on 22 networks."""
    with Simulated(tmp_path_factory.mktemp("fifty")) as running:
        for name in SHARED:
            status, answer = running.server.ask("POST", "/networks", {"name": name, "driver": "overlay"})
            assert status == 201, answer
        started = []
        for number in range(STACKS):
            status, answer = running.server.ask("PUT", f"/stacks/stack{number}", request(compose(number)))
            assert status == 202, answer
            started.append(answer["id"])
        for operation in started:
            assert running.server.operation(operation, wait=100)["state"] == "ended"
        yield running


def drawing(page: Page) -> Locator:
    """Return the topology, once everything is drawn."""
    found = page.get_by_test_id("topology")
    expect(found.locator(".service")).to_have_count(STACKS * SERVICES_EACH)
    return found


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_fifty_services_lie_beside_each_other(visit: Visit, fifty: Simulated, language: str) -> None:
    page = visit(fifty.server, PAGE, language=language)
    found = drawing(page)

    expect(found.locator(".network")).to_have_count(2 * STACKS + len(SHARED))
    assert found.evaluate(_UPON_EACH_OTHER) == []
    assert complaints(page) == ""
    page.goto(f"{PAGE}&ingress=shown")
    expect(drawing(page).locator(".network")).to_have_count(2 * STACKS + len(SHARED) + 1)
    assert drawing(page).evaluate(_UPON_EACH_OTHER) == []


def test_topology_is_scrolled_inside_of_a_narrow_page(visit: Visit, fifty: Simulated) -> None:
    page = visit(fifty.server, PAGE, viewport=NARROW)

    assert drawing(page).evaluate(_UPON_EACH_OTHER) == []
    assert page.evaluate(TOO_WIDE) == []


def test_what_is_searched_for_is_lit_with_what_it_is_tied_to(visit: Visit, fifty: Simulated) -> None:
    page = visit(fifty.server, PAGE)
    found = drawing(page)
    page.get_by_label("Find services and networks").fill("stack3_s")

    expect(page.get_by_test_id("found")).to_have_text("4 found")
    expect(found.locator(".node.meant")).to_have_count(4)
    # Those four, both networks of the stack, and both that are shared.
    expect(found.locator(".node:not(.off)")).to_have_count(8)
    # Each is on one network of the stack; three are on a shared one too.
    expect(found.locator("path.lit")).to_have_count(7)
    expect(page).to_have_url(re.compile("find=stack3_s"))
    page.keyboard.press("Enter")
    expect(found.locator(".service.meant").first).to_be_focused()

    page.get_by_label("Find services and networks").fill("observability")
    page.get_by_label("Find services and networks").blur()
    expect(found.locator(".service:not(.off)")).to_have_count(STACKS)
    page.get_by_label("Find services and networks").fill("no such thing")
    expect(page.get_by_test_id("found")).to_have_text("0 found")
    expect(found.locator(".node:not(.off)")).to_have_count(0)


def test_topology_is_led_through_by_the_keyboard(visit: Visit, fifty: Simulated) -> None:
    page = visit(fifty.server, PAGE)
    found = drawing(page)
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Tab")
    expect(found.locator(".service").first).to_be_focused()

    for _ in range(STACKS * SERVICES_EACH - 1):
        page.keyboard.press("ArrowDown")
    last = found.locator(".service").last
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    expect(last).to_have_accessible_name(re.compile("stack9_"))
    page.keyboard.press("ArrowRight")
    network = found.locator(".network:focus")
    expect(network).to_have_accessible_name(re.compile("stack9_"))
    expect(found.locator("path.lit").first).to_be_attached()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/networks/[a-z0-9]+$"))
