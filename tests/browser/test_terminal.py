"""Terminals in the panel, with a pretended shell behind them."""

from __future__ import annotations

import fcntl
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, WebSocket, WebSocketRoute, expect

from tests.browser.conftest import WIDE, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_pages import TWO_FRAMES, complaints

SERVICE = "monitoring_prometheus"
_QUESTIONS = itertools.count()
HERE = f"/terminal?open=service/{SERVICE}"


@pytest.fixture(scope="module")
def shells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    """A server over a Swarm of one node, with a service to open terminals in."""
    # Terminals of earlier tests wait for a while for who may come back.
    with Simulated(tmp_path_factory.mktemp("shells"), nodes=1, CRANE_TERMINAL_MOST_EACH="50") as simulated:
        simulated.create(SERVICE)
        yield simulated


def pane(page: Page, number: int = 0) -> Locator:
    """Return a terminal that is open."""
    found = page.get_by_test_id("terminal").nth(number)
    expect(found).to_have_attribute("data-state", "open")
    expect(screen(found)).to_contain_text("/ #")
    return found


def screen(found: Locator) -> Locator:
    """Return what a terminal shows."""
    return found.locator(".xterm-rows")


def run(page: Page, found: Locator, command: str) -> None:
    """Type a command into a terminal."""
    found.locator(".xterm-screen").click()
    page.keyboard.type(command)
    page.keyboard.press("Enter")


def test_shell_of_a_service_answers(visit: Visit, shells: Simulated, tmp_path: Path) -> None:
    page = visit(shells.server, f"/services/{SERVICE}")
    page.get_by_test_id("to-terminal").click()
    found = pane(page)

    # It has the keyboard already.
    page.keyboard.type("echo grüße, 世界")
    page.keyboard.press("Enter")
    expect(screen(found)).to_contain_text("/ # echo grüße, 世界grüße, 世界")
    page.screenshot(path=tmp_path / "terminal.png")

    run(page, found, "exit 3")
    expect(found.get_by_test_id("ended")).to_contain_text("The program ended with exit code 3.")
    found.get_by_role("button", name="Open anew").click()
    pane(page)


def test_size_is_that_of_the_window(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    found = pane(page)
    run(page, found, "stty size")
    expect(screen(found)).to_contain_text("stty size")
    before = screen(found).inner_text()

    found.get_by_role("button", name="Fill the window").click()
    box = found.bounding_box()
    assert box == {"x": 0, "y": 0, **WIDE}
    run(page, found, "stty size; echo done")
    expect(screen(found)).to_contain_text("done/ #")
    assert screen(found).inner_text() != before
    found.get_by_role("button", name="Show beside the others").click()
    box = found.bounding_box()
    assert box is not None
    assert box["height"] < WIDE["height"]


def test_terminals_stand_side_by_side(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    first = pane(page)
    first.get_by_role("button", name="Another one beside it").click()
    second = pane(page, 1)
    left, right = first.bounding_box(), second.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]

    run(page, first, "echo left")
    run(page, second, "echo right")
    expect(screen(first)).to_contain_text("echo leftleft")
    expect(screen(second)).to_contain_text("echo rightright")
    expect(screen(first)).not_to_contain_text("right")

    first.get_by_role("button", name="Close").click()
    expect(page.get_by_test_id("terminal")).to_have_count(1)
    expect(page).to_have_url(f"{shells.server.url}/terminal?open=service/{SERVICE}")


def test_user_and_command_are_chosen(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    found = pane(page)
    found.get_by_role("button", name="User and command").click()
    found.get_by_label("User", exact=True).fill("nobody")
    found.get_by_label("Command", exact=True).fill("'whoami")
    expect(found.get_by_role("button", name="Run")).to_be_disabled()
    found.get_by_label("Command", exact=True).fill("'whoami'")
    found.get_by_role("button", name="Run").click()

    expect(screen(found)).to_contain_text("nobody")
    expect(found.get_by_test_id("ended")).to_contain_text("The program ended with exit code 0.")


def test_terminal_is_there_still_after_the_page_was_loaded_anew(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    run(page, pane(page), "echo remember")
    expect(screen(pane(page))).to_contain_text("echo rememberremember")

    page.reload()

    found = pane(page)
    expect(screen(found)).to_contain_text("echo rememberremember")
    run(page, found, "echo further")
    expect(screen(found)).to_contain_text("echo furtherfurther")


def test_terminal_is_found_again_when_the_connection_is_lost(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, "/services")
    routes: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        route.connect_to_server()
        routes.append(route)

    page.route_web_socket("**/terminal*", pass_on)
    page.goto(HERE)
    run(page, pane(page), "echo before")
    expect(screen(pane(page))).to_contain_text("echo beforebefore")

    routes[-1].close(code=3001)

    expect(page.get_by_test_id("terminal")).to_have_attribute("data-state", "lost")
    found = pane(page)
    run(page, found, "echo after")
    expect(screen(found)).to_contain_text("echo afterafter")
    assert len(routes) == 2
    assert screen(found).inner_text().count("echo before") == 1


def test_keyboard_leads_out_of_a_terminal(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    found = pane(page)
    found.locator(".xterm-screen").click()

    page.keyboard.press("Control+Shift+E")

    expect(found.get_by_role("button", name="User and command")).to_be_focused()


def test_image_without_a_shell_is_told(visit: Visit, shells: Simulated) -> None:
    shells.swarm.shells["lab/web:v1"] = ()
    try:
        page = visit(shells.server, HERE)
        expect(page.get_by_test_id("ended")).to_contain_text("The container has none of bash, ash, sh.")
    finally:
        del shells.swarm.shells["lab/web:v1"]


def typed(page: Page) -> list[bytes]:
    """Return what the terminals of a page send to their programs from now on."""
    sent: list[bytes] = []

    def take(data: str | bytes) -> None:
        if isinstance(data, bytes):
            sent.append(data)

    def listen(socket: WebSocket) -> None:
        if "/terminal" in socket.url:
            socket.on("framesent", take)

    page.on("websocket", listen)
    return sent


def test_text_is_copied_and_pasted_by_the_keyboard(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, "/services")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sent = typed(page)
    page.goto(HERE)
    found = pane(page)
    run(page, found, "echo precious")
    expect(screen(found)).to_contain_text("echo preciousprecious")

    # The second of its lines, without the prompt: a double click selects a word.
    line = found.locator(".xterm-rows > div").nth(1).bounding_box()
    assert line is not None
    page.mouse.dblclick(line["x"] + 20, line["y"] + 5)
    page.keyboard.press("Control+Shift+C")
    assert page.evaluate("navigator.clipboard.readText()") == "precious"
    # Nothing was typed by that: in a shell, Ctrl-C would have ended what runs.
    assert b"".join(sent) == b"echo precious\r"

    page.keyboard.type("echo ")
    page.keyboard.press("Control+Shift+V")
    page.keyboard.press("Enter")
    expect(screen(found)).to_contain_text("/ # echo preciousprecious/ # echo preciousprecious/ #")


def test_text_is_copied_and_pasted_without_tls(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE, host="elsewhere.test")
    assert page.evaluate("[isSecureContext, navigator.clipboard]") == [False, None]
    found = pane(page)
    run(page, found, "echo precious")
    expect(screen(found)).to_contain_text("echo preciousprecious")

    line = found.locator(".xterm-rows > div").nth(1).bounding_box()
    assert line is not None
    page.mouse.dblclick(line["x"] + 20, line["y"] + 5)
    page.keyboard.press("Control+Shift+C")
    page.keyboard.type("echo ")
    page.keyboard.press("Control+Shift+V")
    page.keyboard.press("Enter")

    expect(screen(found)).to_contain_text("/ # echo preciousprecious/ # echo preciousprecious/ #")


def test_pasted_lines_are_told_from_typed_ones_where_a_program_asks_for_it(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, "/services")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sent = typed(page)
    page.goto(HERE)
    found = pane(page)
    run(page, found, "cat")
    page.evaluate("navigator.clipboard.writeText('one\\ntwo')")
    found.locator(".xterm-screen").click()
    page.keyboard.press("Control+Shift+V")
    # The program shows each line once more.
    expect(screen(found)).to_contain_text("oneonetwo")
    assert sent[-1] == b"one\rtwo"

    # What programs print to ask for it is printed by having it shown as it is typed.
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.type("[?2004hset")
    page.keyboard.press("Enter")
    expect(screen(found)).to_contain_text("twotwosetset")
    page.keyboard.press("Control+Shift+V")

    expect(screen(found)).to_contain_text(re.compile(r"setset\W*oneonetwo"))
    assert sent[-1] == b"\x1b[200~one\rtwo\x1b[201~"


def size(page: Page, found: Locator) -> tuple[int, int]:
    """Return the rows and columns that a program finds."""
    page.evaluate(TWO_FRAMES)
    # A mark of its own tells the answer from earlier ones that stand there still.
    mark = f"question-{next(_QUESTIONS)}-"
    run(page, found, f"echo {mark}; stty size")
    answered = re.compile(rf"{mark}([0-9]+) ([0-9]+)/ #")
    expect(screen(found)).to_contain_text(answered)
    rows, columns = answered.findall(screen(found).inner_text().replace("\n", "").replace("\xa0", " "))[-1]
    return int(rows), int(columns)


def test_each_of_several_has_the_size_of_its_place(visit: Visit, shells: Simulated) -> None:
    page = visit(shells.server, HERE)
    first = pane(page)
    alone = size(page, first)
    first.get_by_role("button", name="Another one beside it").click()
    second = pane(page, 1)

    beside = size(page, first)
    assert beside[1] < alone[1] - 20
    assert size(page, second)[0] == beside[0]
    page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"] - 200})
    lower = size(page, first)
    assert lower[0] < beside[0] - 5
    assert lower[1] == beside[1]
    first.get_by_role("button", name="Close").click()
    assert size(page, pane(page))[1] > beside[1] + 20


def start_anew(simulated: Simulated, page: Page) -> None:
    """Start a server that had stopped, and wait until a page has found it again, by itself."""
    simulated.server.start()
    # Whoever runs the server has another token each time.
    page.context.set_extra_http_headers(simulated.server.headers)
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-kind", "ok", timeout=40_000)


def test_server_that_was_started_anew_is_come_back_to(visit: Visit, tmp_path: Path) -> None:
    with Simulated(tmp_path, nodes=1) as own:
        own.create(SERVICE)
        page = visit(own.server, HERE)
        # It may ask the new server before it is given the new token.
        visit.expect("ERR_CONNECTION_(REFUSED|RESET)|WebSocket connection to .* failed|status of 40[14]")
        run(page, pane(page), "echo before")
        expect(screen(pane(page))).to_contain_text("echo beforebefore")

        own.server.stop()
        expect(page.get_by_test_id("ended")).to_contain_text("The server stops.")
        start_anew(own, page)
        page.get_by_role("button", name="Open anew").click()
        run(page, pane(page), "echo after")
        expect(screen(pane(page))).to_contain_text("echo afterafter")

        # One that was killed says nothing; what ran in its terminals is lost all the same.
        own.server.kill()
        expect(page.get_by_test_id("terminal")).to_have_attribute("data-state", "lost")
        start_anew(own, page)
        expect(page.get_by_test_id("ended")).to_contain_text("The server was started anew", timeout=30_000)
        page.get_by_role("button", name="Open anew").click()
        run(page, pane(page), "echo again")
        expect(screen(pane(page))).to_contain_text("echo againagain")


def test_recording_is_listed_played_and_downloaded(visit: Visit, simulated: Simulated, tmp_path: Path) -> None:
    simulated.record()
    page = visit(simulated.server, "/terminal")
    page.locator("main").get_by_role("link", name="Recordings").click()
    row = page.locator("[data-row]")
    expect(row).to_contain_text("ann")
    row.get_by_role("link", name="backup-by-hand", exact=True).click()
    player = page.get_by_test_id("player")
    expect(player).to_contain_text("0:00:00 / 0:00:03")
    expect(screen(player)).to_contain_text("first")
    expect(screen(player)).not_to_contain_text("second")

    # Nobody waits for as long as nothing was printed.
    player.get_by_role("button", name="Play").click()
    expect(screen(player)).to_contain_text("second")
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    player.get_by_label("Position").fill("1")
    expect(screen(player)).to_contain_text("first")
    expect(screen(player)).not_to_contain_text("second")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "0123456789abcdef.cast"


def test_recordings_come_and_go_while_they_are_looked_at(visit: Visit, simulated: Simulated) -> None:
    page = visit(simulated.server, "/recordings")
    expect(page.get_by_text("Nothing is recorded")).to_be_visible()

    file = simulated.record()
    row = page.locator("[data-row]")
    expect(row).to_contain_text("ann")
    with file.open("ab") as open_:
        fcntl.flock(open_, fcntl.LOCK_EX)
        open_.write(b'[700.0, "o", "more"]\n')
        open_.flush()
        expect(row.locator("[data-state]")).to_have_text("Open")
        expect(row.get_by_role("button", name="Remove")).to_be_disabled()
        open_.write(b'[701.0, "m", "exited 0"]\n')
    expect(row.locator("[data-state]")).to_have_count(0)

    row.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog", name="Remove the recording of ann in backup-by-hand")).to_be_visible()
    assert complaints(page) == ""
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing is recorded")).to_be_visible()
    assert not file.exists()

    # One that is removed by somebody else while it is looked at stays to be seen.
    file = simulated.record()
    row.get_by_role("link", name="backup-by-hand", exact=True).click()
    expect(page.get_by_test_id("player")).to_be_visible()
    status, _ = simulated.server.ask("DELETE", "/terminal-recordings/0123456789abcdef")
    assert status == 204
    expect(page.get_by_text("This recording has been removed")).to_be_visible()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
