"""What operators do to nodes and to the Swarm in the panel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from crane_core.testing.cluster import Outsider
from crane_core.testing.transport import serve
from tests.browser.conftest import NARROW, Visit
from tests.browser.simulated import Simulated
from tests.browser.test_access import PASSWORDS, TOKEN, log_in, set_up
from tests.browser.test_frame import choose
from tests.browser.test_pages import TOO_WIDE, complaints
from tests.lab.certificates import Authority

# What the browser says on the console of what is refused.
CONFLICT = "the server responded with a status of 409"
UNAUTHORIZED = "the server responded with a status of 401"
UNPROCESSABLE = "the server responded with a status of 422"
UNAVAILABLE = "the server responded with a status of 503"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Simulated]:
    """A Swarm of three nodes with a service that must not move, and one that may."""
    with Simulated(tmp_path) as running:
        pinned = {"Placement": {"Constraints": ["node.hostname==node2"]}}
        running.create("pinned", TaskTemplate={"ContainerSpec": {"Image": "lab/web:v1"}, **pinned})
        volume = {"Type": "volume", "Source": "data", "Target": "/data"}
        there = {"Placement": {"Constraints": ["node.role==worker"]}}
        running.create("web", 2, TaskTemplate={"ContainerSpec": {"Image": "lab/web:v1", "Mounts": [volume]}, **there})
        yield running


def test_drain_shows_what_it_does_before_it_does_it(visit: Visit, small: Simulated) -> None:
    page = visit(small.server, "/nodes/node2")

    page.get_by_role("button", name="Drain …").click()
    plan = page.get_by_test_id("drain-plan")
    expect(plan.locator('[data-task="pinned.1"]')).to_contain_text("Waits: no node takes it")
    expect(plan.locator('[data-task="pinned.1"]')).to_contain_text("2 of 3 are not called node2, 1 is drained")
    moved = plan.locator("li").filter(has_text=re.compile(r"^web\."))
    expect(moved).to_contain_text("Moves to node3")
    expect(moved).to_contain_text("Its volume data stays on node2")
    assert complaints(page) == ""
    assert small.swarm.store.nodes.get("node2").availability == "active"

    page.get_by_role("dialog", name="Drain node2").get_by_role("button", name="Drain", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("fault")).to_contain_text("It is drained")
    page.get_by_role("button", name="Make active").click()
    page.get_by_role("dialog").get_by_role("button", name="Make active").click()
    expect(page.get_by_test_id("fault")).to_have_count(0)


def test_node_whose_engine_is_not_reached_is_told_as_such(visit: Visit, tmp_path: Path) -> None:
    way = f"node2=unix://{tmp_path}/engine2.sock,node3=unix://{tmp_path}/nowhere.sock"
    with Simulated(tmp_path, CRANE_ENGINE_NODE_ENDPOINTS=way) as running:
        running.server.deploy("shop", "services: {web: {image: 'lab/web:v1', deploy: {mode: global}}}")
        page = visit(running.server, "/")
        # For its managers the node is well: nothing else would tell.
        expect(page.get_by_text("Everything is as it should be")).to_have_count(0)
        trouble = page.locator("[data-trouble=engines]")
        expect(trouble).to_contain_text("node3 does not answer")
        expect(page.get_by_test_id("usage")).to_contain_text("Measured on 2 of 3 nodes")
        expect(page.get_by_test_id("usage")).to_contain_text("of 8 CPU")

        expect(page.locator("[data-node=node3] [data-state]")).to_have_text("Not reached")
        expect(page.locator("[data-node=node2] [data-state]")).to_have_text("Ready")
        page.goto("/nodes")
        state = page.locator("[data-row]").filter(has_text="node3").locator("[data-state=unreachable]")
        expect(state).to_have_attribute("title", re.compile("nowhere.sock|No such file"))
        page.get_by_label("Filter by state").select_option("Engine not reached")
        expect(page.locator("[data-row]")).to_have_count(1)
        expect(page.locator("[data-row]")).to_contain_text("node3")
        page.get_by_role("link", name="Map of tasks").click()
        expect(page.locator("[data-node=node3] .card-head [data-state]")).to_have_text("Not reached")
        page.goto("/nodes/node3")
        expect(page.get_by_test_id("unreached")).to_contain_text("Its own Engine is not reached")
        expect(page.get_by_role("heading", level=1).locator("xpath=..")).to_contain_text("Engine not reached")
        assert complaints(page) == ""
        page.goto("/nodes/node2")
        expect(page.locator("main dl [data-state=ok]")).to_have_text("reached")
        expect(page.get_by_test_id("unreached")).to_have_count(0)
        page.get_by_test_id("elsewhere").get_by_role("link", name="Containers").click()
        expect(page).to_have_url(f"{running.server.url}/containers?node=node2")
        expect(page.locator("[data-row]")).to_have_count(1)
        assert visit.close() == []


def test_labels_and_role_are_edited(visit: Visit, small: Simulated) -> None:
    small.swarm.label_node("node2", old="1", rack="7")
    page = visit(small.server, "/nodes/node2")
    expect(page.get_by_text("rack", exact=True)).to_be_visible()

    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit node2")
    expect(form.get_by_label("Labels")).to_have_value("old=1\nrack=7")
    expect(form.get_by_role("button", name="Save")).to_be_disabled()
    form.get_by_label("Labels").fill("rack=8\nssd=true")
    form.get_by_label("Role").select_option("manager")
    form.get_by_label("Availability").select_option("pause")
    expect(form).to_contain_text("gets no new ones")
    assert complaints(page) == ""
    form.get_by_role("button", name="Save").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("ssd", exact=True)).to_be_visible()
    node = small.swarm.store.nodes.get("node2")
    assert (node.labels, node.spec["Role"], node.availability) == ({"rack": "8", "ssd": "true"}, "manager", "pause")
    assert page.evaluate(TOO_WIDE) == []


def test_what_is_refused_is_said_in_the_dialog(visit: Visit, small: Simulated) -> None:
    page = visit(small.server, "/nodes/node1")
    visit.expect(CONFLICT)

    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit node1")
    form.get_by_label("Role").select_option("worker")
    form.get_by_role("button", name="Save").click()

    expect(form.get_by_role("alert")).to_contain_text("node1 is the only manager")


def test_node_that_is_up_is_removed_by_its_name(visit: Visit, small: Simulated) -> None:
    page = visit(small.server, "/nodes/node3")

    page.get_by_role("button", name="Remove").click()
    asked = page.get_by_role("dialog", name="Remove node3")
    expect(asked).to_contain_text("It is up")
    expect(asked.get_by_role("button", name="Remove by force")).to_be_disabled()
    asked.get_by_role("textbox").fill("node3")
    asked.get_by_role("button", name="Remove by force").click()

    expect(page).to_have_url(re.compile(r"/nodes$"))
    expect(page.locator("[data-row]")).to_have_count(2)


def test_machines_are_added_by_command_and_by_endpoint(visit: Visit, small: Simulated, tmp_path: Path) -> None:
    server = serve(Outsider(small.swarm), str(tmp_path / "outsider.sock"))
    page = visit(small.server, "/nodes")

    page.get_by_role("button", name="Add a node").click()
    form = page.get_by_role("dialog", name="Add a node")
    expect(form.get_by_test_id("secret")).to_have_count(0)
    form.get_by_role("button", name="Show the command").click()
    expect(form.get_by_test_id("secret")).to_have_text(
        "docker swarm join --token SWMTKN-1-memory-worker 10.99.0.1:2377"
    )
    assert complaints(page) == ""
    form.get_by_label("Role").select_option("manager")
    expect(form.get_by_test_id("secret")).to_have_count(0)

    form.get_by_label("How it joins").select_option("endpoint")
    form.get_by_label("Role").select_option("worker")
    form.get_by_label("Endpoint").fill(f"unix://{tmp_path}/outsider.sock")
    form.get_by_label("Labels").fill("ssd=true")
    assert complaints(page) == ""
    form.get_by_role("button", name="Join", exact=True).click()

    expect(page.locator("[data-row]").filter(has_text="newcomer")).to_be_visible()
    server.shutdown()
    server.server_close()


def test_secrets_of_the_swarm_are_shown_when_asked_for(visit: Visit, small: Simulated) -> None:
    page = visit(small.server, "/swarm")
    joining, lock = page.get_by_test_id("joining"), page.get_by_test_id("autolock")
    expect(joining.get_by_role("heading", name="Join")).to_be_visible()
    assert "SWMTKN" not in page.content()

    joining.get_by_role("button", name="Show: Command for workers").click()
    expect(joining.get_by_test_id("secret")).to_contain_text("SWMTKN-1-memory-worker")
    joining.get_by_role("button", name="Replace: Command for workers").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(joining.get_by_test_id("secret")).to_have_count(0)
    assert small.swarm.cluster.tokens["Worker"] != "SWMTKN-1-memory-worker"
    assert small.swarm.cluster.tokens["Manager"] == "SWMTKN-1-memory-manager"
    joining.get_by_role("button", name="Replace: Command for managers").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert small.swarm.cluster.tokens["Manager"] != "SWMTKN-1-memory-manager"

    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit the Swarm")
    form.get_by_label("Autolock").select_option("on")
    form.get_by_label("Tasks kept for each slot").fill("2")
    form.get_by_role("button", name="Save").click()
    lock.get_by_role("button", name="Show: Unlock key").click()
    expect(lock.get_by_test_id("secret")).to_have_text(small.swarm.cluster.unlock_key)
    assert complaints(page) == ""
    before = small.swarm.cluster.unlock_key
    lock.get_by_role("button", name="Replace: Unlock key").click()
    page.get_by_role("dialog", name="Replace the unlock key").get_by_role("button", name="Replace").click()
    expect(lock.get_by_test_id("secret")).to_have_count(0)
    assert small.swarm.cluster.unlock_key != before

    page.get_by_test_id("certificates").get_by_role("button", name="Replace …").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert small.swarm.cluster.body["Spec"]["CAConfig"]["ForceRotate"] == 1
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    choose(page, "Language", "zh-CN")
    assert page.evaluate(TOO_WIDE) == []


def test_authority_is_replaced_by_one_of_ones_own(visit: Visit, small: Simulated) -> None:
    own = Authority("own").pair
    page = visit(small.server, "/swarm")
    page.get_by_test_id("certificates").get_by_role("button", name="Replace …").click()
    form = page.get_by_role("dialog")
    form.get_by_label("New authority").select_option("own")
    send = form.get_by_role("button", name="Replace")
    expect(send).to_be_disabled()
    visit.expect(UNPROCESSABLE)
    certificate = form.get_by_label("Its certificate")
    certificate.fill("no certificate")
    form.get_by_label("Its key").fill(own.key)
    send.click()
    expect(certificate).to_have_attribute("aria-invalid", "true")
    assert complaints(page) == ""

    certificate.fill(own.certificate)
    send.click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert small.swarm.cluster.body["TLSInfo"]["TrustRoot"].strip() == own.certificate.strip()
    assert own.key not in page.content()


def test_locked_manager_is_unlocked(visit: Visit, small: Simulated) -> None:
    small.server.ask("PATCH", "/swarm", {"autolock": True})
    page = visit(small.server, "/swarm")
    key = small.swarm.cluster.unlock_key
    small.swarm.cluster.lock()
    visit.expect(UNAVAILABLE)
    visit.expect(UNPROCESSABLE)
    page.reload()
    expect(page.get_by_role("heading", name="The manager is locked")).to_be_visible()
    assert complaints(page) == ""
    unlock = page.get_by_role("button", name="Unlock", exact=True)
    expect(unlock).to_be_disabled()

    field = page.get_by_label("Unlock key", exact=True)
    field.fill("SWMKEY-1-wrong")
    unlock.click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("not unlocked by this key")).to_be_visible()
    assert small.swarm.cluster.locked

    field.fill(key)
    unlock.click()

    expect(page.get_by_test_id("joining")).to_be_visible()
    assert not small.swarm.cluster.locked
    assert key not in page.content()


def test_swarm_is_made_where_there_is_none(visit: Visit, tmp_path: Path) -> None:
    with Simulated(tmp_path, nodes=1) as alone:
        page = visit(alone.server, "/plugins")
        visit.expect("the server responded with a status of 502")
        alone.swarm.in_swarm = False
        page.goto("/swarm")
        expect(page.get_by_role("heading", name="There is no Swarm yet")).to_be_visible()
        assert complaints(page) == ""
        page.get_by_label("Address").fill("10.0.0.1")
        page.get_by_role("button", name="Make a Swarm").click()

        expect(page.get_by_test_id("joining")).to_be_visible()
        assert visit.close() == []


def test_who_may_only_look_is_offered_nothing(visit: Visit, tmp_path: Path) -> None:
    with Simulated(tmp_path, CRANE_AUTH_SETUP_TOKEN=TOKEN) as shared:
        set_up(shared.server)
        for path, body in (
            ("/users", {"name": "eve"}),
            ("/grants", {"role": "viewer", "account": "eve"}),
        ):
            shared.server.ask("POST", path, body)
        shared.server.ask("PUT", "/passwords/eve", {"password": PASSWORDS["eve"], "must_change": False})
        page = log_in(visit, shared.server, "eve", "/swarm")
        visit.expect(UNAUTHORIZED)

        expect(page.get_by_role("heading", name="Swarm", level=1)).to_be_visible()
        expect(page.get_by_test_id("joining")).to_have_count(0)
        expect(page.get_by_role("button", name="Edit")).to_have_count(0)
        page.goto("/nodes/node2")
        expect(page.get_by_role("heading", name="node2")).to_be_visible()
        expect(page.get_by_role("button", name="Drain …")).to_have_count(0)
        assert visit.close() == []
