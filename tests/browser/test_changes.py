"""What operators do in the panel, each change through its plan to its verdict, on real Engines."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import VERDICT, Visit, wait_until_live
from tests.browser.test_access import TOKEN, log_in, set_up
from tests.browser.test_frame import assert_never_loaded_anew, mark
from tests.lab.lab import Lab
from tests.swarm.server import Server

# The bridge of each node, because laying an overlay network takes longer than all the rest.
WEB = """\
networks: {{default: {{external: true, name: bridge}}}}
services:
  web:
    image: {image}
    environment: {{GREETING: hello}}
    deploy:
      replicas: {replicas}
      endpoint_mode: dnsrr
      restart_policy: {{condition: any, delay: 500ms}}
      update_config: {{parallelism: 1, monitor: 1s, failure_action: rollback}}
"""


def web(image: str = "lab/web:v1", replicas: int = 2) -> str:
    """Return a stack of one service."""
    return WEB.format(image=image, replicas=replicas)


def apply(page: Page) -> Locator:
    """Apply the plan in the dialog; return the dialog."""
    dialog = page.locator(".change-dialog")
    expect(dialog.get_by_test_id("plan")).to_be_visible(timeout=VERDICT)
    dialog.get_by_role("button", name="Apply").click()
    return dialog


def expect_verdict(dialog: Locator, outcome: str) -> Locator:
    """Wait for the verdict; return it."""
    verdict = dialog.get_by_test_id("verdict")
    expect(verdict).to_have_attribute("data-outcome", outcome, timeout=VERDICT)
    return verdict


def change_image(page: Page, image: str) -> Locator:
    """Give the service of the page another image; return the dialog in which that is followed."""
    page.get_by_role("button", name="Change image").click()
    asked = page.get_by_role("dialog", name="Change the image of")
    asked.get_by_role("textbox", name="Image").fill(image)
    asked.get_by_label("Digest").select_option("never")
    asked.get_by_role("button", name="Show the plan").click()
    return apply(page)


def container_spec(lab: Lab, service: str) -> dict[str, Any]:
    """Return what the Engine knows of the containers of a service."""
    spec: dict[str, Any] = lab.ask("GET", f"/services/{service}")["Spec"]["TaskTemplate"]["ContainerSpec"]
    return spec


@pytest.mark.usefixtures("sample_image")
def test_first_visit_ends_with_a_converged_stack(visit: Visit, server: Server, swarm3: Lab) -> None:
    page = visit(server, "/")
    page.get_by_test_id("first-visit").get_by_test_id("sample").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deploy a stack")
    expect(page.get_by_role("textbox", name="Stack file stack.yml")).to_contain_text("image: nginx:1.27")
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("hello")
    page.get_by_label("Look up the digests of images").select_option(label="Never")
    page.get_by_role("button", name="Plan", exact=True).click()

    plan = page.locator(".change-dialog").get_by_test_id("plan")
    expect(plan.locator("[data-change=create]")).to_have_count(2)
    expect(plan).to_contain_text("hello_web")
    assert swarm3.ask("GET", "/services") == []
    dialog = apply(page)
    expect_verdict(dialog, "converged")
    dialog.get_by_role("button", name="Close", exact=True).last.click()

    expect(page).to_have_url(re.compile("/stacks/hello$"))
    expect(page.locator("main [data-state=converged]").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("3 of 3")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("first-visit")).to_have_count(0)


def test_rolling_update_is_watched_to_its_verdict(visit: Visit, server: Server, swarm3: Lab) -> None:
    server.deploy("roll", web(replicas=6))
    page = visit(server, "/services/roll_web")
    dialog = change_image(page, "lab/web:v2")

    expect(dialog).to_contain_text(re.compile("[1-5] of 6 updated"), timeout=VERDICT)
    expect_verdict(dialog, "converged")
    expect(dialog).to_contain_text("6 of 6 updated")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.locator("[data-attempt=current]")).to_have_count(6)
    expect(page.locator("[data-attempt=earlier]")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Show 1 earlier attempt of roll_web.4")).click()
    expect(page.locator("[data-attempt=earlier]")).to_have_count(1)
    assert container_spec(swarm3, "roll_web")["Image"] == "lab/web:v2"


def test_failing_update_says_its_cause_and_is_rolled_back(visit: Visit, server: Server, swarm3: Lab) -> None:
    server.deploy("fall", web(replicas=3))
    page = visit(server, "/services/fall_web")
    dialog = change_image(page, "lab/web:broken")

    failing = dialog.get_by_role("list", name="Failing tasks")
    expect(failing).to_contain_text("non-zero exit (1)", timeout=VERDICT)
    verdict = expect_verdict(dialog, "rolled-back")
    expect(verdict).to_contain_text("exit")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_test_id("update-status")).to_contain_text("Rolled back")
    expect(page.get_by_test_id("tasks")).to_have_text("3 of 3 running", timeout=VERDICT)
    assert container_spec(swarm3, "fall_web")["Image"] == "lab/web:v1"

    page.goto("/operations")
    page.locator("[data-table] tbody tr[data-row]").first.get_by_role("link").first.click()
    expect(page.get_by_test_id("verdict")).to_have_attribute("data-outcome", "rolled-back")


def test_service_is_scaled(visit: Visit, server: Server) -> None:
    server.deploy("grow", web(replicas=1))
    page = visit(server, "/services/grow_web")
    expect(page.get_by_test_id("tasks")).to_have_text("1 of 1 running")
    page.get_by_role("button", name="Scale").click()
    asked = page.get_by_role("dialog", name="Scale grow_web")
    asked.get_by_label("Replicas").fill("4")
    asked.get_by_role("button", name="Show the plan").click()

    dialog = apply(page)
    expect_verdict(dialog, "converged")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_test_id("tasks")).to_have_text("4 of 4 running")
    expect(page.locator("[data-attempt=current]")).to_have_count(4)


def test_edit_keeps_what_the_form_does_not_show(visit: Visit, server: Server, swarm3: Lab) -> None:
    server.deploy("keep", web(replicas=1))
    service = swarm3.ask("GET", "/services/keep_web")
    spec = service["Spec"]
    container = spec["TaskTemplate"]["ContainerSpec"]
    container["Ulimits"] = [{"Name": "nofile", "Soft": 1000, "Hard": 2000}]
    container["CapabilityDrop"] = ["CAP_NET_RAW"]
    container["Sysctls"] = {"net.ipv4.ip_unprivileged_port_start": "0"}
    container["Env"].append("API_TOKEN=nobody knows it")
    spec["TaskTemplate"]["ForceUpdate"] = 7
    swarm3.ask("POST", f"/services/{service['ID']}/update?version={service['Version']['Index']}", spec)
    before = swarm3.ask("GET", "/services/keep_web")["Spec"]

    def is_updated() -> bool:
        shown = server.ask("GET", "/services/keep_web")[1]
        updated = shown["Spec"]["TaskTemplate"]["ForceUpdate"] == 7
        return updated and (shown.get("UpdateStatus") or {}).get("State") == "completed"

    # What goes on makes another version of it, from which the edit would have to begin anew.
    server.until(is_updated, "it is updated")

    page = visit(server, "/services/keep_web")
    page.get_by_role("link", name="Edit").click()
    environment = page.locator("[data-list=env]")
    rows = environment.locator("[data-row]")
    expect(rows).to_have_count(2)
    for row in rows.all():
        if row.get_by_role("textbox").first.input_value() == "GREETING":
            row.get_by_role("textbox").last.fill("good evening")
    page.get_by_test_id("review").click()
    plan = page.locator(".change-dialog").get_by_test_id("plan")
    expect(plan).to_contain_text("good evening")
    expect_verdict(apply(page), "converged")

    after = swarm3.ask("GET", "/services/keep_web")["Spec"]
    wanted = copy.deepcopy(before)
    changed = wanted["TaskTemplate"]["ContainerSpec"]
    changed["Env"] = ["GREETING=good evening" if each == "GREETING=hello" else each for each in changed["Env"]]
    assert "API_TOKEN=nobody knows it" in changed["Env"]
    assert after == wanted
    assert "nobody knows it" not in page.content()


def test_removal_asks_for_the_name_and_says_what_goes(visit: Visit, server: Server, swarm3: Lab) -> None:
    file = web().replace("networks: {default: {external: true, name: bridge}}\n", "configs: {app: {content: x}}\n")
    server.deploy("brief", file.replace("    environment", "    configs: [app]\n    environment"))
    page = visit(server, "/stacks/brief")
    page.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name="Remove brief")
    plan = dialog.get_by_test_id("plan")
    expect(plan.locator("[data-change=remove]")).to_have_count(3)
    for name in ("brief_web", "brief_app", "brief_default"):
        expect(plan).to_contain_text(name)
    apply_button = dialog.get_by_role("button", name="Apply")
    expect(apply_button).to_be_disabled()
    dialog.get_by_label("Type brief to confirm").fill("brie")
    expect(apply_button).to_be_disabled()
    assert len(swarm3.ask("GET", "/services")) == 1
    dialog.get_by_label("Type brief to confirm").fill("brief")
    apply_button.click()

    verdict = dialog.get_by_test_id("verdict")
    expect(verdict).to_have_attribute("data-outcome", re.compile("removed|converged"), timeout=VERDICT)
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    assert swarm3.ask("GET", "/services") == []
    page.goto("/stacks/brief")
    expect(page.locator("main")).to_contain_text("There is no stack brief")


def test_node_killed_while_its_page_is_open(visit: Visit, server: Server, swarm3: Lab) -> None:
    server.deploy("spread", web(replicas=3))
    page = visit(server, "/nodes/node3?tab=tasks")
    mark(page)
    state = page.get_by_role("main").locator("[data-state]").first
    expect(state).to_have_attribute("data-state", "ready")
    rows = page.locator("[data-table] tbody tr[data-row]")
    expect(rows).to_have_count(1)

    swarm3.kill_node(3)
    expect(state).to_have_attribute("data-state", "down", timeout=60_000)
    expect(page.get_by_test_id("fault")).to_be_visible()
    page.get_by_role("navigation", name="Navigation").get_by_role("link", name="Services").click()
    expect(page.locator('[data-row="spread_web"]')).to_contain_text("3", timeout=60_000)
    page.get_by_role("navigation", name="Navigation").get_by_role("link", name="Nodes").click()
    expect(page.locator("main [data-state=down]").first).to_be_visible()

    swarm3.start_node(3)
    expect(page.locator("main [data-state=down]")).to_have_count(0, timeout=60_000)
    wait_until_live(page)
    assert_never_loaded_anew(page)


@pytest.fixture
def set_up_server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server over a real Swarm of three nodes that has an administrator."""
    running = Server(swarm3.url, tmp_path, CRANE_AUTH_SETUP_TOKEN=TOKEN).start()
    set_up(running)
    yield running
    running.stop()


def test_server_restarted_under_an_open_page(visit: Visit, set_up_server: Server) -> None:
    server = set_up_server
    server.deploy("stay", web(replicas=6))
    # The token of whoever runs the server goes with it; a session stays.
    page = log_in(visit, server, "ann", "/services/stay_web")
    visit.expect("WebSocket connection to .* failed")
    # It asks whether the login has ended.
    visit.expect("ERR_CONNECTION_(REFUSED|RESET)")
    mark(page)
    freshness = page.get_by_test_id("freshness")
    dialog = change_image(page, "lab/web:v2")
    expect(dialog).to_contain_text(re.compile("[1-4] of 6 updated"), timeout=VERDICT)

    server.kill()
    expect(freshness).to_have_attribute("data-kind", "bad")
    expect(freshness).to_contain_text("Not live since")
    expect(dialog).to_contain_text("of 6 updated")

    server.start()
    expect_verdict(dialog, "converged")
    expect(dialog).to_contain_text("6 of 6 updated")
    expect(freshness).to_have_attribute("data-kind", "ok")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.locator("[data-attempt=current]")).to_have_count(6)
    assert_never_loaded_anew(page)
