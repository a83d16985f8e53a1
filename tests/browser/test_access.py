"""Getting in, and who may do what: the first start, logins, second factors, people of different rights side by side."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW, Visit, wait_until_live
from tests.browser.simulated import Simulated
from tests.browser.test_frame import choose
from tests.browser.test_pages import TOO_WIDE, complaints, wait_until_complete
from tests.swarm.server import Server, request

TOKEN = "a setup token for the tests"
PASSWORDS = {"ann": "velvet otter seventeen", "bob": "copper lantern forty", "eve": "quiet meadow eleven"}
# A task of it counts as stable at once.
FILE = "services: {web: {image: 'lab/web:v1', deploy: {replicas: 1, update_config: {monitor: 10ms}}}}"
# What the browser says on the console of a login that fails, and of a socket that is closed with the login.
UNAUTHORIZED = "the server responded with a status of 401"
TOO_MANY = "the server responded with a status of 429"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has set up, with a setup token that is known here."""
    with Simulated(tmp_path, CRANE_AUTH_SETUP_TOKEN=TOKEN) as running:
        yield running.server


@pytest.fixture
def shared(fresh: Server) -> Server:
    """A server with two stacks, on which ann may do everything, bob change the shop, and eve see everything."""
    set_up(fresh)
    for name in ("bob", "eve"):
        change(fresh, "POST", "/users", {"name": name})
        change(fresh, "PUT", f"/passwords/{name}", {"password": PASSWORDS[name], "must_change": False})
        change(fresh, "POST", "/grants", {"role": "viewer", "account": name})
    change(fresh, "POST", "/grants", {"role": "operator", "account": "bob", "scope": "stack", "on": "shop"})
    for stack in ("shop", "bank"):
        status, answer = fresh.ask("PUT", f"/stacks/{stack}?wait=60", request(FILE))
        assert status == 200, answer
    return fresh


def set_up(server: Server) -> None:
    """Make ann, who may do everything."""
    change(server, "POST", "/auth/setup", {"token": TOKEN, "name": "ann", "password": PASSWORDS["ann"], "bearer": True})


def change(server: Server, method: str, path: str, body: Any) -> Any:
    """Change something as whoever runs the server."""
    status, answer = server.ask(method, path, body)
    assert status in (200, 201, 204), answer
    return answer


def fill_in(page: Page, name: str, password: str) -> None:
    """Send name and password."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def log_in(visit: Visit, server: Server, name: str, path: str = "/", **options: Any) -> Page:
    """Open a page as somebody."""
    page = visit(server, path, anonymous=True, **options)
    fill_in(page, name, PASSWORDS[name])
    wait_until_live(page)
    return page


def log_out(page: Page) -> None:
    """Leave by the menu, once nothing is being read any more that would be refused."""
    wait_until_live(page)
    page.wait_for_load_state("networkidle")
    menu = page.get_by_test_id("user-menu")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def dialog_of(page: Page, title: str) -> Locator:
    """Return the dialog of a title."""
    return page.get_by_role("dialog", name=title)


# --- The first start -----------------------------------------------------------------------------------------------


def test_first_start_makes_an_administrator_and_shows_what_runs(visit: Visit, fresh: Server) -> None:
    page = visit(fresh, "/stacks", anonymous=True)
    expect(page).to_have_url(re.compile("/setup$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Set up Crane")
    assert complaints(page) == ""

    visit.expect(UNAUTHORIZED)
    page.get_by_label("Setup token").fill("guessed")
    page.get_by_label("Name", exact=True).fill("ann")
    password = page.get_by_label("Password", exact=True)
    password.fill("aaaaaaaaaaaaaaaaa")
    expect(page.get_by_test_id("strength")).to_contain_text("Weak")
    password.fill(PASSWORDS["ann"])
    expect(page.get_by_test_id("strength")).to_have_text("Strong")
    create = page.get_by_role("button", name="Make the account and log in")
    create.click()
    expect(page.locator("[data-code=wrong-setup-token]")).to_be_visible()

    page.get_by_label("Setup token").fill(TOKEN)
    create.click()
    expect(page).to_have_url(re.compile("/welcome$"))
    expect(page.get_by_test_id("swarm")).to_contain_text("3 nodes")
    expect(page.get_by_test_id("swarm").get_by_role("link", name="0 stacks")).to_have_attribute("href", "/stacks")
    expect(page.get_by_role("link", name="Make accounts for others")).to_be_visible()
    assert complaints(page) == ""

    again = visit(fresh, "/setup", anonymous=True)
    expect(again.get_by_text("Crane is set up already")).to_be_visible()


def test_setup_token_of_the_address_is_taken_and_not_kept_there(visit: Visit, fresh: Server) -> None:
    page = visit(fresh, "/setup#token=" + TOKEN.replace(" ", "+"), anonymous=True)
    expect(page.get_by_text("The setup token came with the address.")).to_be_visible()
    assert page.url.endswith("/setup")

    page.get_by_label("Name", exact=True).fill("ann")
    page.get_by_label("Password", exact=True).fill(PASSWORDS["ann"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/welcome$"))


# --- Logging in ----------------------------------------------------------------------------------------------------


def test_login_says_what_is_wrong_and_leads_back(visit: Visit, shared: Server) -> None:
    page = visit(shared, "/services?q=shop", anonymous=True)
    expect(page).to_have_url(re.compile(r"/login\?return=/services\?q(%3D|=)shop$"))
    assert complaints(page) == ""
    visit.expect(UNAUTHORIZED)
    fill_in(page, "bob", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    fill_in(page, "bob", PASSWORDS["bob"])

    expect(page).to_have_url(re.compile(r"/services\?q=shop$"))
    expect(page.locator("[data-table] tbody tr[data-row]")).to_have_count(1)
    expect(page.get_by_test_id("user-menu")).to_contain_text("bob")
    log_out(page)
    page.goto("/nodes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_login_leads_to_this_panel_only(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "eve", "/login?return=//elsewhere.example/stacks")

    assert page.url == f"{shared.url}/"


def test_login_counts_down_the_seconds_to_wait(visit: Visit, shared: Server) -> None:
    page = visit(shared, "/login", anonymous=True)
    visit.expect(UNAUTHORIZED)
    visit.expect(TOO_MANY)
    send = page.get_by_role("button", name="Log in")
    for _ in range(20):
        with page.expect_response("**/auth/login") as answered:
            fill_in(page, "bob", "wrong")
        # Nothing is sent while this is still being read.
        expect(send).not_to_have_class(re.compile("is-loading"))
        if answered.value.status == 429:
            break
    expect(page.get_by_test_id("wait")).to_contain_text(re.compile(r"Try again in \d+ seconds?\."))
    expect(send).to_be_disabled()
    expect(send).to_be_enabled(timeout=90_000)


def test_login_fits_a_phone_in_both_languages_and_themes(visit: Visit, shared: Server) -> None:
    page = visit(shared, "/login", anonymous=True, viewport=NARROW)
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    for language, title in (("zh-CN", "登录"), ("en", "Log in")):
        choose(page, "Language" if language == "zh-CN" else "语言", language)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert page.evaluate(TOO_WIDE) == []
        assert complaints(page) == ""
    page.emulate_media(color_scheme="dark")
    assert complaints(page) == ""


def test_password_that_somebody_else_set_is_replaced_at_the_login(visit: Visit, shared: Server) -> None:
    change(shared, "PUT", "/passwords/eve", {"password": PASSWORDS["bob"], "must_change": True})
    page = visit(shared, "/stacks", anonymous=True)
    fill_in(page, "eve", PASSWORDS["bob"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a new password")
    assert complaints(page) == ""
    page.get_by_label("New password", exact=True).fill(PASSWORDS["eve"])
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Stacks")


# --- Second factors ------------------------------------------------------------------------------------------------


def turn_on_codes(page: Page, name: str) -> tuple[pyotp.TOTP, list[str]]:
    """Have somebody set up an app with one-time codes; returns that app, and the recovery codes."""
    page.get_by_role("button", name="Set up").click()
    dialog = dialog_of(page, "Set up an app with one-time codes")
    dialog.get_by_role("textbox", name="Your password").fill(PASSWORDS[name])
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    app = pyotp.TOTP(dialog.locator(".copied .mono").inner_text())
    assert complaints(page) == ""
    dialog.get_by_label("Code", exact=True).fill(app.now())
    dialog.get_by_role("button", name="Turn on").click()
    shown = dialog_of(page, "Recovery codes").get_by_test_id("secret")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_test_id("totp")).to_have_text("On")
    return app, codes


def test_codes_of_an_app_and_recovery_codes_are_a_second_factor(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "bob", "/profile?tab=second-factor")
    app, codes = turn_on_codes(page, "bob")
    expect(page.get_by_test_id("codes-left")).to_have_text("10 are left")

    log_out(page)
    fill_in(page, "bob", PASSWORDS["bob"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    assert complaints(page) == ""
    visit.expect(UNAUTHORIZED)
    code = page.get_by_label("Code", exact=True)
    code.fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator("[data-code=wrong-code]")).to_be_visible()
    # The code that turned it on is used up; the next one is good already.
    code.fill(app.at(time.time() + 30))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")

    log_out(page)
    fill_in(page, "bob", PASSWORDS["bob"])
    page.get_by_label("Code", exact=True).fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    page.goto("/profile?tab=second-factor")
    expect(page.get_by_test_id("codes-left")).to_have_text("9 are left")


def test_passkey_is_a_second_factor_and_a_login_of_its_own(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "eve", "/profile?tab=second-factor", host="localhost")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})

    page.get_by_role("button", name="Add a passkey").click()
    dialog = dialog_of(page, "Add a passkey")
    dialog.get_by_label("What you call it").fill("laptop")
    dialog.get_by_role("textbox", name="Your password").fill(PASSWORDS["eve"])
    dialog.get_by_role("button", name="Add a passkey").click()
    expect(dialog_of(page, "Recovery codes").get_by_test_id("secret")).to_have_count(10)
    page.get_by_role("button", name="I have kept them").click()
    expect(page.locator('[data-row="laptop"]')).to_be_visible()

    log_out(page)
    fill_in(page, "eve", PASSWORDS["eve"])
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")


# --- Who may do what -----------------------------------------------------------------------------------------------


def test_two_people_are_offered_what_each_may_do(visit: Visit, shared: Server) -> None:
    bob = log_in(visit, shared, "bob", "/stacks/shop")
    eve = log_in(visit, shared, "eve", "/stacks/shop")
    remove, deploy = {"name": "Remove"}, {"name": "Deploy"}

    expect(bob.get_by_role("button", **remove)).to_be_visible()
    expect(eve.get_by_role("heading", level=1)).to_have_text("shop")
    expect(eve.get_by_role("button", **remove)).to_have_count(0)
    for page, theirs in ((bob, True), (eve, False)):
        page.goto("/services/shop_web")
        expect(page.get_by_test_id("tasks").first).to_be_visible()
        expect(page.get_by_role("button", name="Scale")).to_have_count(1 if theirs else 0)
        page.goto("/stacks/bank")
        expect(page.get_by_role("heading", level=1)).to_have_text("bank")
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("button", **remove)).to_have_count(0)
        expect(page.get_by_role("link", **deploy)).to_have_count(0)
        expect(page.get_by_role("navigation", name="Navigation").get_by_role("link", name="Users")).to_have_count(0)
        page.goto("/access/users")
        expect(page.get_by_text("You may not open this page")).to_be_visible()

    bob.goto("/services")
    bob.get_by_label("Select all").check()
    expect(bob.get_by_role("button", name="Remove (1 of 2)")).to_be_visible()
    eve.goto("/services")
    expect(eve.locator("[data-table] tbody tr[data-row]")).to_have_count(2)
    expect(eve.get_by_label("Select all")).to_have_count(0)
    eve.keyboard.press("Control+k")
    dialog_of(eve, "Search").get_by_role("combobox").fill("deploy")
    expect(dialog_of(eve, "Search")).to_contain_text("Nothing is called like that.")


def test_administrator_grants_and_says_what_somebody_may_do(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "ann", "/access/groups")
    page.get_by_role("button", name="New group").first.click()
    dialog_of(page, "New group").get_by_label("Name", exact=True).fill("bankers")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("bankers")
    page.get_by_role("button", name="Add a member").click()
    dialog_of(page, "Add a member").get_by_label("Account").fill("eve")
    page.keyboard.press("Enter")
    expect(page.locator('[data-row="eve"]')).to_be_visible()

    page.get_by_role("button", name="New grant").click()
    dialog = dialog_of(page, "New grant")
    dialog.get_by_label("Role").select_option("operator")
    dialog.get_by_label("On", exact=True).select_option("stack")
    dialog.get_by_label("Name or pattern").fill("ban*")
    assert complaints(page) == ""
    dialog.get_by_role("button", name="Give").click()
    expect(page.get_by_role("link", name="operator")).to_be_visible()

    page.goto("/access/rights?account=eve&kind=stack&name=bank")
    row = page.locator('[data-row="stack:update"]')
    expect(row).to_contain_text("Yes")
    expect(row).to_contain_text("bankers")
    eve = log_in(visit, shared, "eve", "/stacks/bank")
    expect(eve.get_by_role("button", name="Remove")).to_be_visible()


def test_token_is_shown_once_with_its_command(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "bob", "/profile?tab=tokens")
    page.get_by_role("button", name="New token").click()
    dialog = dialog_of(page, "New token")
    dialog.get_by_label("Name", exact=True).fill("ci")
    dialog.get_by_label("Only some actions").check()
    dialog.get_by_label("stack:read", exact=True).check()
    dialog.get_by_label("Only on these stacks").fill("shop")
    assert complaints(page) == ""
    dialog.get_by_role("button", name="Make the token").click()
    token = page.get_by_test_id("secret").inner_text()
    expect(page.get_by_role("dialog")).to_contain_text(f"echo '{token}' | crane login --token-stdin {shared.url}")
    page.get_by_role("button", name="I have kept it").click()

    row = page.locator('[data-row="ci"]')
    expect(row).to_contain_text("stack:read")
    expect(row).to_contain_text("stacks shop")
    row.get_by_role("button", name="Remove the token ci").click()
    dialog_of(page, "Remove the token ci").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


# --- The end of a login --------------------------------------------------------------------------------------------


def test_session_that_is_ended_while_open_asks_for_a_login_and_goes_on(visit: Visit, shared: Server) -> None:
    bob = log_in(visit, shared, "bob", "/stacks/-/new")
    bob.get_by_label("Name", exact=True).fill("half-typed")
    ann = log_in(visit, shared, "ann", "/access/users/bob?tab=sessions")
    ann.get_by_role("button", name="End the session on").click()
    dialog_of(ann, "End the session").get_by_role("button", name="End", exact=True).click()

    expect(bob.get_by_role("heading", level=1, name="Your login has ended")).to_be_visible()
    expect(bob.get_by_role("navigation")).to_have_count(0)
    assert complaints(bob) == ""
    bob.get_by_test_id("login-again").get_by_label("Password", exact=True).fill(PASSWORDS["bob"])
    bob.keyboard.press("Enter")
    wait_until_live(bob)
    expect(bob.get_by_label("Name", exact=True)).to_have_value("half-typed")


def test_logging_out_ends_other_tabs_too(visit: Visit, shared: Server) -> None:
    page = log_in(visit, shared, "eve", "/stacks")
    other = page.context.new_page()
    other.goto("/nodes")
    wait_until_live(other)
    log_out(page)

    expect(other.get_by_role("heading", level=1, name="Your login has ended")).to_be_visible()


@pytest.mark.parametrize("tab", ["account", "password", "second-factor", "sessions", "tokens"])
def test_everybody_can_use_their_profile(visit: Visit, shared: Server, tab: str) -> None:
    page = log_in(visit, shared, "bob", f"/profile?tab={tab}", viewport=NARROW)
    wait_until_complete(page)
    assert page.evaluate(TOO_WIDE) == []
    assert complaints(page) == ""

    choose(page, "Language", "zh-CN")
    assert page.evaluate(TOO_WIDE) == []
    page.emulate_media(color_scheme="dark")
    assert complaints(page) == ""
