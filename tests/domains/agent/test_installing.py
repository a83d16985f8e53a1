"""The agent is installed, kept young, rotated and removed."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from cryptography import x509

from crane_core import app as application
from crane_core.cluster.agent.errors import AgentAbsent, AgentOfOthers, KeysUnwritable, NameTaken
from crane_core.cluster.agent.operations import Agents
from crane_core.cluster.agent.routes import agent_listing
from crane_core.engine.agent import LABEL, SERVICE, AgentKeys, describe_agent
from crane_core.engine.link import NodeUnreachable
from crane_core.engine.pool import Pool
from crane_core.testing.behaviours import Exits, Missing
from crane_core.testing.lives import Pace


def container(swarm):
    return swarm.service(SERVICE)["Spec"]["TaskTemplate"]["ContainerSpec"]


def trusted(swarm):
    """Return the serial numbers of the authorities that agents let in."""
    name = next(each["SecretName"] for each in container(swarm)["Secrets"] if "authorities" in each["SecretName"])
    found = x509.load_pem_x509_certificates(base64.b64decode(swarm.secret_data(name)))
    return [each.serial_number for each in found]


def shown(swarm):
    """Return the certificate that agents show."""
    name = next(each["SecretName"] for each in container(swarm)["Secrets"] if "certificate" in each["SecretName"])
    return x509.load_pem_x509_certificate(base64.b64decode(swarm.secret_data(name)))


def test_agent_runs_on_each_node_with_no_right_that_it_does_not_need(agents, finish, swarm):
    agents.install("ann")
    finish()

    assert len(swarm.tasks(SERVICE)) == 3
    spec = container(swarm)
    assert (spec["User"], spec["ReadOnly"], spec["CapabilityDrop"]) == ("0:0", True, ["ALL"])
    assert [mount["Source"] for mount in spec["Mounts"]] == ["/var/run/docker.sock"]
    assert swarm.service(SERVICE)["Spec"]["Labels"][LABEL]


def test_nodes_are_reached_through_it(agents, finish, crane):
    agents.install("ann")
    finish()

    for name in ("node2", "node3"):
        assert crane.room(Pool).get(name).info()["Name"] == name
        assert crane.room(Pool).link(name).endpoint.via == "agent"
    status = describe_agent(crane)
    assert (status.installed, status.state, status.error) == (True, "settled", "")
    assert [(each.node, each.state, each.reachable) for each in status.nodes] == [
        ("node1", "running", None),
        ("node2", "running", True),
        ("node3", "running", True),
    ]


def test_keys_are_read_by_the_servers_account_only_and_shown_nowhere(agents, finish, keys, crane, client, caplog):
    caplog.set_level(logging.DEBUG)
    agents.install("ann")
    finish()

    files = [path for path in keys.directory.iterdir() if path.suffix in (".key", ".pem", ".json")]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert keys.directory.stat().st_mode & 0o777 == 0o700
    secret = next(path for path in files if path.suffix == ".key").read_text().splitlines()[1]
    told = [client.get(f"/api/v1/{path}").text for path in ("agent", "engines", "services/crane-agent", "operations")]
    assert not [each for each in (*told, caplog.text) if secret in each or str(keys.directory) in each]


def test_installing_again_changes_nothing(agents, finish, swarm):
    agents.install("ann")
    finish()
    writes = len(swarm.writes)

    agents.install("ann")
    finish()

    assert len(swarm.writes) == writes


def test_what_the_settings_say_by_now_is_installed(agents, finish, crane, swarm):
    agents.install("ann")
    finish()
    before = container(swarm)["Configs"][0]["ConfigName"]
    crane.settings._values["agent.port"] = 6014

    agents.install("ann")
    finish()

    assert container(swarm)["Configs"][0]["ConfigName"] != before
    assert swarm.configs == [container(swarm)["Configs"][0]["ConfigName"]]
    assert crane.room(Pool).link("node2").endpoint.url.endswith(":6014")


def test_image_goes_by_its_content_where_a_registry_tells_it(agents, swarm):
    swarm.digests["haproxy:3.2-alpine"] = "sha256:" + "a" * 64

    agents.install("ann")

    assert container(swarm)["Image"] == "haproxy:3.2-alpine@sha256:" + "a" * 64


def test_rotation_trusts_both_authorities_until_every_agent_was_replaced(agents, finish, swarm, crane, keys):
    agents.install("ann")
    finish()
    [old] = trusted(swarm)
    first = keys.read().client

    status = agents.rotate("ann")

    both = trusted(swarm)
    assert both[0] == old
    assert len(both) == 2
    assert status.state == "rotating"
    assert keys.read().client == first
    assert crane.room(Pool).get("node2").info()["Name"] == "node2"
    finish()
    assert trusted(swarm) == [both[1]]
    assert keys.read().client != first
    assert describe_agent(crane).state == "settled"


def test_it_has_not_come_to_rest_while_an_agent_that_was_removed_may_still_answer(agents, finish, swarm, crane):
    agents.install("ann")
    finish()
    swarm.lives._pace = Pace(stop=10)
    agents.remove("ann")
    agents.install("ann")

    swarm.advance(5)
    crane.watcher.look(full=True)
    status = agents.wait(0)

    assert {each.state for each in status.nodes} == {"running"}
    assert (status.state, status.error) == ("rolling", "node1: an earlier agent is still being stopped.")
    assert [each.state for each in agent_listing(crane).rows()] == ["rolling"], "who follows it is told the same"
    swarm.advance(10)
    assert agents.wait(0).state == "settled"


def test_agent_at_rest_is_told_of_without_asking_the_engine(agents, finish, swarm, crane, crane_app):
    agents.install("ann")
    finish()
    crane.watcher.look(full=True)
    assert agent_listing(crane).rows()[0].state == "settled"
    # Nobody else asks it meanwhile.
    application.stop(crane_app)
    sent = len(swarm.calls)

    assert agent_listing(crane).rows()[0].state == "settled"
    assert swarm.calls[sent:] == []


def test_rotation_waits_until_agents_that_were_replaced_have_ended(agents, finish, swarm, keys):
    agents.install("ann")
    finish()
    first = keys.read().client
    agents.rotate("ann")
    # The last of those that know only the old authority is being stopped.
    swarm.lives._pace = Pace(stop=1000)
    swarm.advance(120)

    agents.step()

    assert keys.read().client == first


def test_a_node_that_met_the_agent_before_is_looked_at_again(agents, finish, swarm, crane):
    agents.install("ann")
    finish()
    link = crane.room(Pool).link("node2")
    link.get()
    for _ in range(5):
        link.fail("Its certificate does not fit.")

    status = agents.wait(0)

    assert [each.reachable for each in status.nodes] == [None, True, True]


def test_rotation_goes_on_where_another_server_left_it(agents, finish, swarm, crane, calendar):
    agents.install("ann")
    finish()
    agents.rotate("ann")
    swarm.settle()

    heir = Agents(crane, calendar)
    while heir.step():
        swarm.settle()

    assert len(trusted(swarm)) == 1


def test_rotation_leaves_nothing_of_what_was(agents, finish, swarm, keys):
    agents.install("ann")
    finish()
    old = {path.name for path in keys.directory.glob("authority*.key")}
    secrets = set(swarm.secrets)

    agents.rotate("ann")
    finish()

    assert not old & {path.name for path in keys.directory.iterdir()}
    assert not secrets & set(swarm.secrets)
    assert len(swarm.secrets) == 2


def test_own_certificate_is_renewed_without_touching_any_agent(agents, finish, swarm, keys, calendar):
    agents.install("ann")
    finish()
    before, writes = keys.read(), len(swarm.writes)
    calendar.advance(days=3, hours=1)

    finish()

    assert keys.read().client.name != before.client.name
    assert keys.read().agent == before.agent
    assert len(swarm.writes) == writes


def test_certificate_of_the_agents_is_renewed_in_time(agents, finish, swarm, calendar):
    agents.install("ann")
    finish()
    before, authority = shown(swarm), trusted(swarm)
    calendar.advance(days=61)

    finish()

    assert shown(swarm).not_valid_after_utc > before.not_valid_after_utc
    assert trusted(swarm) == authority


def test_authority_is_replaced_a_year_before_its_end(agents, finish, swarm, calendar):
    agents.install("ann")
    finish()
    before = trusted(swarm)
    calendar.advance(days=4 * 365 + 2)

    finish()

    assert len(trusted(swarm)) == 1
    assert trusted(swarm) != before


def test_nobody_takes_the_name_of_the_service(agents, client, swarm, settle):
    swarm.handle(
        "POST",
        "/services/create",
        body=json.dumps({"Name": SERVICE, "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}).encode(),
    )

    with pytest.raises(NameTaken, match="remove it first"):
        agents.install("ann")
    with pytest.raises(AgentAbsent):
        agents.rotate("ann")


def test_agent_of_another_server_is_left_alone(agents, finish, keys, crane):
    agents.install("ann")
    finish()
    for path in keys.directory.iterdir():
        path.unlink()
    keys.read(anew=True)

    status = describe_agent(crane)
    assert (status.installed, status.state) == (False, "foreign")
    assert "agent.directory" in status.error
    with pytest.raises(AgentOfOthers, match=r"agent\.directory"):
        agents.install("bob")
    # Whoever asks for a node is not told to install what they may not.
    with pytest.raises(NodeUnreachable, match="has other keys than this one"):
        keys.find(crane.cache.snapshot().get_node("node2"))
    with pytest.raises(AgentOfOthers):
        agents.rotate("bob")


def test_agent_is_removed_with_all_that_belongs_to_it(agents, finish, swarm, keys, crane):
    agents.install("ann")
    finish()

    agents.remove("ann")

    assert (swarm.services, swarm.secrets, swarm.configs) == ([], [], [])
    assert [path.name for path in keys.directory.iterdir()] == ["lock"]
    assert describe_agent(crane).state == "absent"
    with pytest.raises(AgentAbsent):
        agents.remove("ann")


def test_what_somebody_removed_is_not_made_again_unasked(agents, finish, swarm, crane):
    agents.install("ann")
    finish()
    swarm.handle("DELETE", f"/services/{SERVICE}")
    crane.watcher.look(full=True)

    assert not agents.step()
    assert swarm.services == []
    assert "install it again" in describe_agent(crane).error
    agents.install("ann")
    finish()
    assert describe_agent(crane).state == "settled"


def test_rotating_nothing_is_refused(agents):
    with pytest.raises(AgentAbsent, match="crane agent install"):
        agents.rotate("ann")


def test_drained_node_says_why_it_has_no_agent(agents, finish, swarm, crane):
    agents.install("ann")
    finish()
    swarm.drain("node3")
    finish()

    link = crane.room(Pool).link("node3")

    assert "runs no agent on node3, because that is drained" in link.error
    assert describe_agent(crane).state == "settled"


def test_paused_node_holds_a_rotation_up_and_is_named(agents, finish, swarm, crane):
    agents.install("ann")
    finish()
    swarm.set_availability("node3", "pause")
    agents.rotate("ann")
    for _ in range(3):
        swarm.settle()
        agents.step()
    crane.watcher.look(full=True)

    held = describe_agent(crane)
    swarm.set_availability("node3", "active")
    finish()

    assert held.state == "stalled"
    assert "make node3 active" in held.error
    assert describe_agent(crane).state == "settled"


def test_rotation_that_the_swarm_gave_up_goes_on_by_itself(agents, finish, swarm, crane, calendar):
    agents.install("ann")
    finish()
    swarm.images["haproxy:3.2-alpine"] = Exits(1)
    agents.rotate("ann")
    swarm.settle()
    agents.step()
    crane.watcher.look(full=True)
    stalled = describe_agent(crane)
    del swarm.images["haproxy:3.2-alpine"]

    calendar.advance(minutes=2)
    finish()

    assert stalled.state == "stalled"
    assert "is asked once more within a minute" in stalled.error
    assert describe_agent(crane).state == "settled"
    assert len(trusted(swarm)) == 1


def test_agent_that_cannot_start_says_why(agents, swarm, crane):
    swarm.images["haproxy:3.2-alpine"] = Missing()

    agents.install("ann")
    swarm.advance(5)
    crane.watcher.look(full=True)

    status = describe_agent(crane)
    assert status.state == "rolling"
    assert "No such image" in status.error


def test_keys_that_cannot_be_kept_are_an_error_that_says_where(agents, keys):
    keys.directory.parent.mkdir(parents=True, exist_ok=True)
    keys.directory.write_text("I am a file")

    with pytest.raises(KeysUnwritable, match=r"cannot be kept in .*: (File exists|Not a directory)"):
        agents.install("ann")


def test_file_that_cannot_be_read_is_logged_and_leads_nowhere(agents, finish, keys, crane, caplog):
    agents.install("ann")
    finish()
    (keys.directory / "agent.json").write_text("{")

    assert AgentKeys(crane).read() is None
    assert "cannot be read" in caplog.text
