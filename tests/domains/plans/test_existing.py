"""What a stack uses and does not make: asked for by name before it is said to be missing."""

from __future__ import annotations

import pytest

from crane_core.orchestration.plans.existing import find_id, is_network

CONTENT = {"Data": "YQ=="}


@pytest.fixture
def earlier(crane):
    """The copy of the Swarm as it was before the test made anything."""
    return crane.cache.snapshot()


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_content_that_the_copy_does_not_know_yet_is_found_by_its_whole_name(crane, earlier, kind):
    crane.engine.create(kind, {"Name": "app-1", **CONTENT})
    made = crane.engine.create(kind, {"Name": "app", **CONTENT})

    assert find_id(crane, earlier, kind, "app") == made
    assert find_id(crane, earlier, kind, "ap") is None


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_content_that_the_copy_knows_is_not_asked_for(crane, swarm, kind):
    made = crane.engine.create(kind, {"Name": "app", **CONTENT})
    snapshot = crane.watcher.look(full=True)

    assert find_id(crane, snapshot, kind, "app") == made
    # The server itself lists all of them now and then.
    assert [call for call in swarm.calls if f"/{kind}s" in call.path and call.method == "GET" and call.params] == []


def test_network_that_the_copy_does_not_know_yet_is_found_by_its_whole_name(crane, earlier):
    made = crane.engine.create("network", {"Name": "front", "Driver": "overlay"})

    assert is_network(crane, earlier, "front")
    assert not is_network(crane, earlier, made[:6])
    assert not is_network(crane, earlier, "back")


def test_network_of_one_node_is_none_for_services(crane, earlier):
    crane.engine.create("network", {"Name": "here", "Driver": "bridge"})

    assert not is_network(crane, earlier, "here")


@pytest.mark.parametrize("kind", ["config", "secret"])
def test_service_gets_the_id_of_content_that_the_stack_does_not_make(crane, swarm, client, body, kind):
    made = crane.engine.create(kind, {"Name": "app", **CONTENT})
    content = f"services: {{web: {{image: 'nginx:1', {kind}s: [app]}}}}\n{kind}s: {{app: {{external: true}}}}"

    answer = client.put("/api/v1/stacks/shop", json=body(content))

    assert answer.status_code == 202, answer.json
    container = crane.engine.inspect("service", "shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert [each[f"{kind.capitalize()}ID"] for each in container[f"{kind.capitalize()}s"]] == [made]
