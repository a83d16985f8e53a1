"""Fixtures of tests that open the panel in Debian's Chromium.

``visit`` opens pages of a server. A test fails when one of them says an error or a warning on the console, throws,
breaks the content security policy, or asks another host for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chromium import ARGUMENTS, EXECUTABLE
from tests.browser.simulated import Simulated
from tests.browser.watching import Watch
from tests.lab import network
from tests.lab.lab import Lab
from tests.swarm.server import Server

# The machine that runs this runs Engines, the server and the browser at once.
expect.set_options(timeout=15_000)

# How long real Engines may take to reach a verdict, in milliseconds.
VERDICT = 100_000
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Run the system's Chromium."""
    return {**browser_type_launch_args, "executable_path": EXECUTABLE, "args": list(ARGUMENTS)}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Each server has an address of its own."""


class Visit:
    """Opens pages of servers, each visit as somebody who was never there before."""

    def __init__(self, new_context: Callable[..., BrowserContext]) -> None:
        self._new_context = new_context
        self._open = ExitStack()
        self._contexts: list[BrowserContext] = []
        self._watches: list[Watch] = []

    def __call__(
        self,
        server: Server,
        path: str = "/",
        *,
        viewport: dict[str, int] = WIDE,
        dark: bool = False,
        language: str = "en",
        anonymous: bool = False,
        host: str = "127.0.0.1",
    ) -> Page:
        """Open a page; it is live when this returns.

        :param anonymous: Open it as nobody, and not as whoever runs the server; what comes then is not waited for.
        :param host: What the browser calls the server.
        """
        if not self._contexts:
            self._open.enter_context(network.unchanged())
        url = server.url.replace("127.0.0.1", host)
        context = self._new_context(
            base_url=url,
            extra_http_headers={} if anonymous else server.headers,
            viewport=viewport,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale={"en": "en-GB"}.get(language, language),
            timezone_id="Europe/Berlin",
        )
        self._contexts.append(context)
        self._watches.append(Watch(context, url))
        page = context.new_page()
        page.goto(path)
        if not anonymous:
            wait_until_live(page)
        return page

    def expect(self, pattern: str) -> None:
        """Say which complaints the last visit brings about on purpose."""
        self._watches[-1].expect(pattern)

    def close(self) -> list[str]:
        """Close everything; return what the pages did that they must not."""
        while self._contexts:
            self._contexts.pop().close()
        self._open.close()
        return [text for watch in self._watches for text in watch.found()]


def wait_until_live(page: Page) -> None:
    """Wait until what a page shows is how it is now."""
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-kind", "ok")


@pytest.fixture(scope="session", autouse=True)
def _named_by_data_test(playwright: Any) -> None:
    playwright.selectors.set_test_id_attribute("data-test")


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Iterator[Visit]:
    """Open pages of servers."""
    visiting = Visit(new_context)
    yield visiting
    visiting.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose pages complained. Their server is still there then: pages do complain when it goes."""
    yield
    visiting = getattr(item, "funcargs", {}).get("visit")
    if isinstance(visiting, Visit):
        assert visiting.close() == []


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server over a real Swarm of three nodes."""
    running = Server(swarm3.url, tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def sample_image(swarm3: Lab) -> Iterator[None]:
    """Have the image of the sample on the nodes already, because there is no registry here."""
    for node in swarm3.nodes:
        node.ask("POST", "/images/lab/web:v1/tag?repo=nginx&tag=1.27")
    yield
    for node in swarm3.nodes:
        node.ask("DELETE", "/images/nginx:1.27?force=true")


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Simulated]:
    """A server over a Swarm in memory that runs nothing yet."""
    with Simulated(tmp_path) as running:
        yield running


@pytest.fixture(scope="package")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A server over a Swarm in memory in which much goes on; for all tests that only look at it."""
    with Simulated(tmp_path_factory.mktemp("busy"), nodes=6) as running:
        running.furnish()
        yield running
