"""Pictures of every page of the panel, in both themes and languages, wide and narrow; see scripts/screenshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.browser.addresses import find_addresses
from tests.browser.chromium import ARGUMENTS, EXECUTABLE
from tests.browser.simulated import NODES, Simulated
from tests.together.test_page_plugin import FILE, PAGE

WIDTHS = (1440, 390)
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
# No picture is higher than this.
HIGHEST = 2_600
# How much of the page is below what is in sight.
_BEYOND = "(() => { const main = document.querySelector('main'); return main.scrollHeight - main.clientHeight })()"
NOTES = {"shop_web": "Ask the storefront team before scaling it.", "payments_ledger": "Must never run twice at once."}


@dataclass(frozen=True)
class Scene:
    """Something to take a picture of.

    :param name: What its pictures are called.
    :param address: The page.
    :param act: What is done there first.
    :param whole: Whether the picture shows all of the page, and not only what a screen does.
    :param loading: Whether the server tells nothing.
    """

    name: str
    address: str
    act: Callable[[Page], None] | None = None
    whole: bool = True
    loading: bool = False


def busy_scenes(simulated: Simulated) -> Iterator[Scene]:
    """Yield every page, and what opens on them, of a Swarm in which much goes on."""
    for name, address in find_addresses(simulated.server).items():
        yield Scene(name, address)
    yield Scene("plugin-page-by-data", "/notes")
    yield Scene("plugin-page-by-module", "/image-use")
    yield Scene("stacks-selected", "/stacks", lambda page: page.locator("th.tick input").check())
    yield Scene("search", "/", _search, whole=False)
    yield Scene("settings-menu", "/", lambda page: page.locator("[data-test=look-menu] summary").click(), whole=False)
    yield Scene("columns", "/services", lambda page: page.locator("main .menu summary").first.click(), whole=False)
    yield Scene("service-scale", "/services/shop_web", _press(".actions button", 0), whole=False)
    yield Scene("service-image", "/services/shop_web", _press(".actions button", 1), whole=False)
    yield Scene("service-force", "/services/shop_web", _plan(".actions button", 2), whole=False)
    yield Scene("service-attempts", "/services/payments_gateway", _press("[data-place] button", 0))
    for tab in ("overview", "ports", "environment", "raw"):
        yield Scene(f"service-{tab}", f"/services/shop_web?tab={tab}")
    for tab in ("tasks", "raw"):
        yield Scene(f"node-{tab}", f"/nodes/manager-fra1-a?tab={tab}")
    yield Scene("nodes-map", "/nodes?tab=map")
    yield Scene("node-drain", f"/nodes/{NODES[0]}", _press(".actions .el-button", 1), whole=False)
    yield Scene("node-edit", f"/nodes/{NODES[0]}", _press(".actions .el-button", 0), whole=False)
    yield Scene("node-join", "/nodes", _press(".actions .el-button", 0), whole=False)
    yield Scene("network-new", "/networks", _press(".actions .el-button", 0), whole=False)
    yield Scene("secret-rotate", "/secrets/shop_session_key", _press(".actions .el-button--primary", 0), whole=False)
    yield Scene("logs", "/logs?service=shop_web,shop_api", whole=False)
    yield Scene("image-pull", "/images", _press(".actions .el-button", 0), whole=False)
    yield Scene("images-prune", "/images", _press(".actions .el-button", 1), whole=False)
    yield Scene("stack-remove", "/stacks/shop", _plan(".actions .el-button--danger", 0), whole=False)


def empty_scenes(_: Simulated) -> Iterator[Scene]:
    """Yield the pages of a Swarm in which nothing runs."""
    for name in ("stacks", "services", "tasks", "nodes", "operations"):
        yield Scene(f"{name}-none", f"/{name}")
    yield Scene("dashboard-none", "/")


def large_scenes(_: Simulated) -> Iterator[Scene]:
    """Yield the pages of a Swarm of 1,000 services."""
    for name in ("stacks", "services", "tasks", "nodes"):
        yield Scene(f"{name}-1000", f"/{name}", whole=False)
    yield Scene("nodes-map-1000", "/nodes?tab=map", whole=False)
    yield Scene("dashboard-1000", "/", whole=False)


def loading_scenes(_: Simulated) -> Iterator[Scene]:
    """Yield pages whose server has told nothing yet."""
    for name in ("stacks", "services", "tasks", "nodes", "operations", "plugins", "settings"):
        yield Scene(f"{name}-loading", f"/{name}", loading=True)
    for name, address in (("dashboard", "/"), ("service", "/services/shop_web"), ("stack", "/stacks/shop")):
        yield Scene(f"{name}-loading", address, loading=True)


def take(to: Path, wanted: Sequence[str] = (), tell: Callable[[str], None] = print) -> int:
    """Take all pictures whose names begin with one of those wanted; return how many."""
    to.mkdir(parents=True, exist_ok=True)
    sets = {"busy": (busy_scenes, loading_scenes), "none": (empty_scenes,), "large": (large_scenes,)}
    taken = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(ARGUMENTS))
        for kind, lists in sets.items():
            with _server(kind) as simulated:
                scenes = [scene for scenes_of in lists for scene in scenes_of(simulated) if _is_wanted(scene, wanted)]
                for width, language in product(WIDTHS, LANGUAGES) if scenes else ():
                    for scene in scenes:
                        for theme, picture in _pictures(browser, simulated, scene, width, language):
                            (to / f"{scene.name}-{theme}-{language}-{width}.png").write_bytes(picture)
                            taken += 1
                    tell(f"{kind}: {len(scenes)} pages, {width} px, {language}")
        browser.close()
    return taken


def _is_wanted(scene: Scene, wanted: Sequence[str]) -> bool:
    return not wanted or scene.name.startswith(tuple(wanted))


@contextmanager
def _server(kind: str) -> Iterator[Simulated]:
    with TemporaryDirectory(prefix="crane-pictures-") as name:
        directory = Path(name)
        add_notes(directory / "site")
        nodes = {"busy": 6, "none": 1, "large": 60}[kind]
        with Simulated(directory, nodes, PYTHONPATH=str(directory / "site")) as simulated:
            if kind == "busy":
                simulated.furnish()
                for service, text in NOTES.items():
                    simulated.server.ask("PUT", f"/notes/{service}", {"text": text})
            elif kind == "large":
                simulated.fill(1_000, 3_000)
            yield simulated


def add_notes(site: Path) -> None:
    """Put the plugin of docs/how-to/add-a-page.md where Python finds it, without installing anything."""
    for name, content in FILE.findall(PAGE):
        if name.startswith("crane-notes/crane_notes/"):
            path = site / name.removeprefix("crane-notes/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    described = site / "crane_notes-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: crane-notes\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[crane]\nnotes = crane_notes\n")


def _pictures(
    browser: Browser, simulated: Simulated, scene: Scene, width: int, language: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures of a scene, with their themes."""
    height = 900 if width > 600 else 844
    context = browser.new_context(
        base_url=simulated.server.url,
        extra_http_headers=simulated.server.headers,
        viewport={"width": width, "height": height},
        color_scheme="light",
        reduced_motion="reduce",
        locale=LANGUAGES[language],
        timezone_id="Europe/Berlin",
    )
    page = context.new_page()
    unanswered = _leave_unanswered(context) if scene.loading else []
    page.goto(scene.address, wait_until="load" if scene.loading else "networkidle")
    page.locator("h1").wait_for()
    if scene.act:
        scene.act(page)
    if scene.whole:
        page.set_viewport_size({"width": width, "height": min(HIGHEST, height + page.evaluate(_BEYOND))})
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.locator("html.dark" if theme == "dark" else "html:not(.dark)").wait_for()
        yield theme, page.screenshot(animations="disabled")
    for route in unanswered:
        route.abort()
    context.close()


def _leave_unanswered(context: BrowserContext) -> list[Route]:
    """Let the server say nothing but who looks and which pages there are; returns what was asked in vain."""
    routes: list[Route] = []
    context.route(re.compile("/api/v1/(?!whoami|pages)"), lambda route: routes.append(route))
    context.route_web_socket("**/api/v1/live", lambda _: None)
    return routes


def _press(selector: str, number: int) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).nth(number).click()


def _plan(selector: str, number: int) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator(selector).nth(number).click()
        page.locator("[data-test=plan]").wait_for()

    return act


def _search(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.locator(".search-box input").wait_for()
    page.keyboard.type("pay")
    page.locator(".search-box .hit").nth(3).wait_for()
