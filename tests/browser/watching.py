"""What a page must never do: complain, fail, break its own policy, or ask another host for anything."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

# Violations of the policy are told to the console as well, but not all of them as errors.
_TELL_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) => {
  console.error(`The policy forbids ${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`)
})
"""
_INLINE_SCHEMES = frozenset({"data", "blob", "about"})


class Watch:
    """Everything bad that happened in the pages of a context.

    :param url: The only server that they may ask.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._found: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self._host = urlsplit(url).netloc
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._hear)
        context.on("weberror", self._fail)
        context.on("request", self._ask)
        context.on("page", self._follow)

    def expect(self, pattern: str) -> None:
        """Say what a test brings about on purpose, as a regular expression."""
        self._expected.append(re.compile(pattern))

    def found(self) -> list[str]:
        """Return what nobody expected."""
        return [text for text in self._found if not any(each.search(text) for each in self._expected)]

    def _follow(self, page: Page) -> None:
        page.on("crash", lambda _: self._found.append("The page crashed."))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = message.location.get("url", "")
            self._found.append(f"console: {message.text} ({place})")

    def _fail(self, error: WebError) -> None:
        self._found.append(f"error: {error.error.stack or error.error.message}")

    def _ask(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _INLINE_SCHEMES and parts.netloc != self._host:
            self._found.append(f"request to another host: {request.method} {request.url}")
