"""What a busy log costs the browser that shows it: frames, memory, and whether a pause loses anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.bench.figures import Figure
from tests.bench.panel import chromium, heap, new_tab
from tests.bench.processes import ROOT, crane_server

LINES_A_MINUTE = 20_000
# What the page keeps at the most: nothing costs more than a full page that grows on.
KEPT = 50_000
SECONDS = 60.0
# What nearly half of the numbers have in them, and nothing else of a line.
NEEDLE = "9"

# Notes how long frames and tasks take from now on.
_WATCH = """() => {
  window.seen = { frames: 0, longest: 0, task: 0, tasks: 0, began: performance.now() }
  const seen = window.seen
  let last = performance.now()
  const frame = (now) => {
    if (window.seen !== seen) return
    seen.frames += 1
    seen.longest = Math.max(seen.longest, now - last)
    last = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame((now) => {
    last = now
    requestAnimationFrame(frame)
  })
  new PerformanceObserver((list, observer) => {
    if (window.seen !== seen) return observer.disconnect()
    for (const entry of list.getEntries()) {
      if (entry.startTime < seen.began) continue
      seen.tasks += 1
      seen.task = Math.max(seen.task, entry.duration)
    }
  }).observe({ type: 'longtask' })
}"""


def measure(directory: Path) -> Iterator[Figure]:
    """Measure a log page that is full, and goes on."""
    path = directory / "engine.sock"
    with _chatter(path), crane_server(directory, f"unix://{path}") as server, chromium() as browser:
        server.wait_until_fresh()
        with server.client() as client:
            name = client.get("/api/v1/services?limit=1").json()["items"][0]["name"]
        with new_tab(browser, server) as (context, page):
            page.goto(f"/logs?service={name}")
            expect(page.get_by_role("log").locator(".line").first).to_be_visible()
            _until_full(page)
            devtools = context.new_cdp_session(page)
            devtools.send("Performance.enable")
            before = heap(devtools)
            yield _flow(page, f"Longest frame, {LINES_A_MINUTE:,} lines a minute into a page of {KEPT:,}")
            after = heap(devtools)
            note = f"from {before:.1f} to {after:.1f} MB, after collecting garbage"
            yield Figure("Growth of that page in a minute", after - before, 5, "MB", note=note)
            page.locator("[data-test=log-wrap]").check()
            page.locator("[data-test=log-filter]").fill(NEEDLE)
            expect(page.locator("[data-test=log-count]")).to_contain_text(" of ")
            yield _flow(page, "The same, lines wrapped and filtered")
            page.locator("[data-test=log-filter]").fill("")
            yield _pause(page)


@contextmanager
def _chatter(socket: Path) -> Iterator[None]:
    rate = str(round(LINES_A_MINUTE / 60))
    command = [sys.executable, "-m", "tests.bench.chatter", "--socket", str(socket), "--rate", rate]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.terminate()


def _until_full(page: Page) -> None:
    most = 1000 * (60 * KEPT / LINES_A_MINUTE + 60)
    expect(page.locator("[data-test=log-count]")).to_contain_text(f"{KEPT:,} lines", timeout=most)


def _flow(page: Page, what: str) -> Figure:
    """Watch the frames while lines come."""
    before = _newest(page)
    page.evaluate(_WATCH)
    page.wait_for_timeout(SECONDS * 1000)
    seen = page.evaluate("window.seen")
    came = _newest(page) - before
    note = (
        f"{came / SECONDS * 60:,.0f} lines a minute were shown, {seen['frames'] / SECONDS:.0f} frames a second; "
        f"{seen['tasks']} tasks over 50 ms, the longest {seen['task']:.0f} ms"
    )
    return Figure(what, seen["longest"], 100, "ms", note=note)


def _newest(page: Page) -> int:
    """Return the number of the newest line that is shown: what prints them counts."""
    return _number(page.get_by_role("log").locator(".line").last.inner_text())


def _number(line: str) -> int:
    found = re.search(r" ([0-9]+)$", line.rstrip())
    if found is None:
        raise RuntimeError(f"A line has no number: {line!r}")
    return int(found[1])


def _pause(page: Page, seconds: float = 10.0) -> Figure:
    """Stop it for a while, go on, and count what there is then."""
    before = _newest(page)
    page.locator("[data-test=log-pause]").click()
    page.wait_for_timeout(seconds * 1000)
    held = page.locator("[data-test=log-unseen]").inner_text()
    page.evaluate(_WATCH)
    page.locator("[data-test=log-pause]").click()
    page.wait_for_timeout(2_000)
    longest = page.evaluate("window.seen.longest")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    numbers = [_number(line) for line in saved.value.path().read_text("utf-8").splitlines()]
    missing = _missing([number for number in numbers if number >= before])
    note = f"of {seconds:.0f} s with {held}, of {len(numbers):,} that were there then; going on took {longest:.0f} ms"
    return Figure("Lines that a pause loses", missing, 0, "lines", note=note)


def _missing(numbers: list[int]) -> int:
    return numbers[-1] - numbers[0] + 1 - len(set(numbers))
