"""What the panel costs: the browser that shows it, and the server that many tabs follow.

The browser is Debian's Chromium without a window. What it is slowed down to is its own share only: the server and the
simulated Engine run beside it at full speed.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.bench.figures import Figure
from tests.bench.panel_tabs import open_tabs
from tests.bench.processes import CraneServer, SimulatedEngine, crane_server, simulated_engine
from tests.browser.chromium import ARGUMENTS, EXECUTABLE
from tests.lab.api import ask

# The first page is opened on a Swarm as most are; lists are followed on a large one.
FEW_SERVICES, FEW_TASKS = 30, 90
SERVICES, TASKS, NODES = 1_000, 2_000, 20
MINUTES = 10.0
CHANGES_A_SECOND = 10
TABS = 200
SLOWED = 4

# What tells that a page shows what it is about.
DASHBOARD = "main .board h2"
LIST = "main [data-table] tbody tr[data-row]"

# Notes when the page showed what it is about, said that it is live, and had time to answer somebody.
_NOTE_INTERACTIVE = """
window.longest = 0
let tell
window.interactive = new Promise((resolve) => (tell = resolve))
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration)
}).observe({ type: 'longtask', buffered: true })
const shown = () =>
  document.querySelector('[data-test=freshness][data-kind=ok]') && document.querySelector('SHOWN')
const observer = new MutationObserver(() => {
  if (!shown()) return
  observer.disconnect()
  requestIdleCallback(() => tell(performance.now()))
})
observer.observe(document, { childList: true, subtree: true, attributes: true })
"""


def measure(directory: Path, minutes: float = MINUTES) -> Iterator[Figure]:
    """Measure everything about the panel.

    :param minutes: How long a tab is left open to see whether it grows.
    """
    with (
        simulated_engine(directory, NODES, FEW_SERVICES, FEW_TASKS) as engine,
        crane_server(directory, engine.url) as server,
        chromium() as browser,
    ):
        server.wait_until_fresh()
        yield _first_load(browser, server)
        what = f"Panel interactive, processor {SLOWED} times slower"
        yield _interactive(browser, server, "/", DASHBOARD, what, 1.5)
    with (
        simulated_engine(directory, NODES, SERVICES, TASKS) as engine,
        crane_server(directory, engine.url) as server,
        chromium() as browser,
    ):
        server.wait_until_fresh()
        what = f"The same of the list of {SERVICES} services"
        yield _interactive(browser, server, "/services", LIST, what, None)
        yield _script_per_frame(browser, server, engine)
        yield _tab_that_stays(browser, server, engine, minutes)
    with simulated_engine(directory, NODES, SERVICES, TASKS) as engine, crane_server(directory, engine.url) as server:
        server.wait_until_fresh()
        yield _many_tabs(server, engine)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextlib.contextmanager
def new_tab(browser: Browser, server: CraneServer) -> Iterator[tuple[BrowserContext, Page]]:
    """Open a tab of somebody who was never there before."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{server.port}",
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        extra_http_headers=server.headers,
    )
    try:
        yield context, context.new_page()
    finally:
        context.close()


def _first_load(browser: Browser, server: CraneServer) -> Figure:
    """Count what comes over the network until the first page is there, heads and answers of the API included."""
    with new_tab(browser, server) as (context, page):
        network = context.new_cdp_session(page)
        sizes: dict[str, float] = {}
        network.on(
            "Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]})
        )
        network.send("Network.enable")
        page.goto("/", wait_until="networkidle")
        expect(page.locator("[data-test=freshness]")).to_have_attribute("data-kind", "ok")
        files = len(sizes)
        seen = sum(sizes.values()) / 1024
    return Figure("First load of the panel, compressed", seen, 300, "KB", note=f"{files} requests, the API's included")


def _interactive(
    browser: Browser, server: CraneServer, path: str, shown: str, what: str, goal: float | None, tries: int = 9
) -> Figure:
    """Open a page with an empty cache on a slow processor.

    :param shown: A selector of what the page is about.
    """
    taken = []
    for _ in range(tries):
        with new_tab(browser, server) as (context, page):
            context.add_init_script(_NOTE_INTERACTIVE.replace("SHOWN", shown))
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
            page.goto(path)
            taken.append((page.evaluate("window.interactive") / 1000, page.evaluate("window.longest")))
    seen = statistics.median(seconds for seconds, _ in taken)
    longest = statistics.median(milliseconds for _, milliseconds in taken)
    note = f"the page is shown, live, and idle; median of {tries}, fastest {min(taken)[0]:.1f} s"
    note += f"; longest task {longest:.0f} ms"
    return Figure(what, seen, goal, "s", note=note)


def _script_per_frame(browser: Browser, server: CraneServer, engine: SimulatedEngine, seconds: float = 20.0) -> Figure:
    """Trace the list of all services while some change all the time."""
    with new_tab(browser, server) as (_, page), changing(engine) as made:
        page.goto("/services")
        expect(page.locator("[data-table] tbody tr").first).to_be_visible()
        page.wait_for_timeout(2_000)
        before = made[0]
        timeline = "devtools.timeline"
        browser.start_tracing(page=page, categories=[timeline, f"disabled-by-default-{timeline}.frame"])
        page.wait_for_timeout(seconds * 1000)
        trace = json.loads(browser.stop_tracing())["traceEvents"]
        rate = (made[0] - before) / seconds
    frames = script_per_frame(trace)
    if len(frames) < seconds:
        raise RuntimeError(f"The list was drawn only {len(frames)} times in {seconds:.0f} s.")
    within = sorted(frames)[int(len(frames) * 0.95)]
    note = (
        f"the {len(frames)} frames with script in {seconds:.0f} s, 95 of 100 within {within:.1f} ms; "
        f"{rate:.1f} changes a second"
    )
    what = f"Script per frame, {SERVICES} services of which {CHANGES_A_SECOND} change a second, median"
    return Figure(what, statistics.median(frames), 16, "ms", note=note)


def script_per_frame(trace: Sequence[dict[str, Any]]) -> list[float]:
    """Return how long scripts ran for each frame for which any did, in milliseconds.

    A frame begins where the browser says so; scripts that ran since the frame before belong to it.
    """
    names = {"FunctionCall", "EvaluateScript", "RunMicrotasks", "FireAnimationFrame", "TimerFire", "EventDispatch"}
    starts: dict[tuple[int, int], list[float]] = {}
    spans: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in trace:
        thread = (event["pid"], event["tid"])
        if event["name"] == "BeginMainThreadFrame":
            starts.setdefault(thread, []).append(event["ts"])
        elif event["name"] in names and event["ph"] == "X":
            spans.setdefault(thread, []).append((event["ts"], event["ts"] + event.get("dur", 0)))
    if not starts:
        raise RuntimeError("The trace knows no frames.")
    # The thread of the page is the one that had most to do; the browser's own have hardly any frames.
    thread = max(starts, key=lambda each: len(spans.get(each, ())))
    frames = sorted(starts[thread])
    taken: dict[int, float] = {}
    end = 0.0
    for begin, until in sorted(spans.get(thread, ())):
        # What runs within another is not counted twice.
        if until <= end:
            continue
        frame = bisect.bisect_right(frames, begin)
        taken[frame] = taken.get(frame, 0.0) + (until - max(begin, end)) / 1000
        end = until
    return list(taken.values())


def _tab_that_stays(browser: Browser, server: CraneServer, engine: SimulatedEngine, minutes: float) -> Figure:
    """Leave a tab open that goes from one live list to the next, and look at its heap after collecting garbage."""
    heaps: list[float] = []
    names = itertools.cycle(("Tasks", "Stacks", "Nodes", "Services"))
    with new_tab(browser, server) as (context, page), changing(engine) as made:
        # With its first change a service gets an earlier spec: until all have one, it is the list that grows.
        while made[0] < SERVICES:
            time.sleep(0.5)
        page.goto("/services")
        devtools = context.new_cdp_session(page)
        devtools.send("Performance.enable")
        ends = time.monotonic() + minutes * 60
        step = minutes * 60 / 40
        while time.monotonic() < ends:
            for name in itertools.islice(names, 4):
                page.get_by_role("navigation", name="Navigation").get_by_role("link", name=name, exact=True).click()
                expect(page.get_by_role("heading", level=1)).to_have_text(name)
                expect(page.locator("[data-table] tbody tr").first).to_be_visible()
                page.wait_for_timeout(step * 1000)
            heaps.append(heap(devtools))
    # The first rounds compile and cache.
    settled = heaps[2:]
    half = len(settled) // 2
    before, after = statistics.median(settled[:half]), statistics.median(settled[half:])
    note = (
        f"from {before:.1f} to {after:.1f} MB, medians of the halves of {minutes:g} minutes with {len(heaps) * 4} pages"
    )
    return Figure("Growth of a tab that stays open on live lists", 100 * (after / before - 1), 5, "%", note=note)


def heap(devtools: Any) -> float:
    """Return how much memory a page's objects take, in MB, once garbage was collected."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")) / 2**20


def _many_tabs(server: CraneServer, engine: SimulatedEngine, seconds: float = 30.0) -> Figure:
    """Have many tabs follow one list of which some items change all the time."""
    with open_tabs(server.port, TABS, "services", server.headers) as tabs, changing(engine) as made:
        deadline = time.monotonic() + 60
        while not tabs.all_know():
            if tabs.failed or time.monotonic() > deadline:
                raise RuntimeError(f"Not every tab was told: {tabs.failed}")
            time.sleep(0.1)
        time.sleep(3)
        cpu, told, size, changed, started = (
            server.cpu_seconds(),
            sum(tabs.messages),
            tabs.size,
            made[0],
            time.monotonic(),
        )
        time.sleep(seconds)
        passed = time.monotonic() - started
        used = 100 * (server.cpu_seconds() - cpu) / passed
        messages = (sum(tabs.messages) - told) / passed / TABS
        note = (
            f"{(made[0] - changed) / passed:.1f} changes and {messages:.1f} messages a second to each, "
            f"{(tabs.size - size) / passed / 2**20:.1f} MB/s"
        )
    return Figure(f"Processor use with {TABS} tabs on one list, of one core", used, 20, "%", note=note)


@contextlib.contextmanager
def changing(engine: SimulatedEngine) -> Iterator[list[int]]:
    """Change that many services each second, as somebody else would with the docker CLI; yields how many so far."""
    path = engine.url.removeprefix("unix://")
    ids = [service["ID"] for service in ask(path, "GET", "/services")]
    made = [0]
    stop = threading.Event()

    def run() -> None:
        began = time.monotonic()
        for number, id_ in enumerate(itertools.cycle(ids), start=1):
            if stop.wait(max(0.0, began + number / CHANGES_A_SECOND - time.monotonic())):
                return
            service = ask(path, "GET", f"/services/{id_}")
            spec, version = service["Spec"], service["Version"]["Index"]
            replicated = spec["Mode"]["Replicated"]
            # One more, and in the next round one less again.
            replicated["Replicas"] += 1 if replicated["Replicas"] % 2 == 0 else -1
            ask(path, "POST", f"/services/{id_}/update?version={version}", spec)
            made[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()
