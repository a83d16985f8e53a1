"""The contract: networks, configs and secrets."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.engine.errors import InUse, InvalidSpec, NameTaken, Outdated
from crane_core.errors import EngineError, NotFound
from crane_core.testing.contract.asking import STACK_LABEL, Contract, encode, service


class ObjectsContract(Contract):
    """Networks, configs and secrets."""

    def test_config_is_given_back_as_it_was_sent(self) -> None:
        self.engine.create("config", {"Name": "app", "Data": encode("a = 1"), "Labels": {STACK_LABEL: "shop"}})

        spec = self.engine.inspect("config", "app")["Spec"]

        assert spec == {"Name": "app", "Labels": {STACK_LABEL: "shop"}, "Data": encode("a = 1")}

    def test_secret_content_is_never_given_back(self) -> None:
        self.engine.create("secret", {"Name": "key", "Data": encode("hidden"), "Labels": {}})

        assert self.engine.inspect("secret", "key")["Spec"] == {"Name": "key", "Labels": {}}

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_update_with_version_zero_tells_whether_content_is_the_same(self, kind: str) -> None:
        id_ = self.engine.create(kind, {"Name": "data", "Data": encode("one"), "Labels": {}})

        with pytest.raises(Outdated):
            self.engine.update(kind, id_, 0, {"Name": "data", "Data": encode("one"), "Labels": {}})
        with pytest.raises(InvalidSpec, match="only updates to Labels are allowed"):
            self.engine.update(kind, id_, 0, {"Name": "data", "Data": encode("two"), "Labels": {}})

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_labels_of_data_can_be_changed(self, kind: str) -> None:
        id_ = self.engine.create(kind, {"Name": "data", "Data": encode("one"), "Labels": {"a": "1"}})
        version = self.engine.inspect(kind, id_)["Version"]["Index"]

        self.engine.update(kind, id_, version, {"Name": "data", "Labels": {"b": "2"}})

        assert self.engine.inspect(kind, id_)["Spec"]["Labels"] == {"b": "2"}

    @pytest.mark.parametrize("kind", ["config", "secret"])
    def test_name_of_data_is_taken_once(self, kind: str) -> None:
        self.engine.create(kind, {"Name": "data", "Data": encode("one")})

        with pytest.raises(NameTaken, match="data already exists"):
            self.engine.create(kind, {"Name": "data", "Data": encode("one")})

    def test_what_a_service_uses_cannot_be_removed(self) -> None:
        network = self.engine.create("network", {"Name": "front", "Driver": "overlay"})
        config = self.engine.create("config", {"Name": "app", "Data": encode("a")})
        secret = self.engine.create("secret", {"Name": "key", "Data": encode("b")})
        target = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}
        container = {
            "Configs": [{"ConfigID": config, "ConfigName": "app", "File": target}],
            "Secrets": [{"SecretID": secret, "SecretName": "key", "File": target}],
        }
        self.engine.create(
            "service", service("web", replicas=0, container=container, task={"Networks": [{"Target": "front"}]})
        )

        with pytest.raises(InUse, match="config 'app' is in use by the following service: web"):
            self.engine.remove("config", config)
        with pytest.raises(InUse, match="secret 'key' is in use by the following service: web"):
            self.engine.remove("secret", secret)
        with pytest.raises(InUse, match="is in use by service"):
            self.engine.remove("network", network)

    def test_network_gets_a_subnet_and_keeps_its_labels(self) -> None:
        self.engine.create("network", {"Name": "front", "Driver": "overlay", "Labels": {"a": "1"}, "Attachable": True})

        # Its addresses are given out by the leader, after it was made.
        self.swarm.until(lambda: bool(self.engine.inspect("network", "front")["IPAM"]["Config"]), "front has addresses")
        network = self.engine.inspect("network", "front")

        assert network["Scope"] == "swarm"
        assert network["Attachable"] is True
        assert network["Labels"] == {"a": "1"}
        assert network["IPAM"]["Config"][0]["Subnet"]

    def test_container_is_connected_to_networks_and_taken_off(self) -> None:
        self.engine.create("network", {"Name": "front", "Driver": "overlay", "Attachable": True})
        side = self.engine.create("network", {"Name": "side", "Driver": "bridge"})
        here = {"Placement": {"Constraints": ["node.role==manager"]}, "Networks": [{"Target": "front"}]}
        self.start(service("web", replicas=1, task=here))
        [container] = [task.container_id for task in self.tasks("web") if task.state == "running"]
        assert container is not None

        def ends() -> dict[str, Any]:
            listed = self.engine.read_json("/containers/json", filters={"id": [container]})
            found: dict[str, Any] = listed[0]["NetworkSettings"]["Networks"]
            return found

        sent = {"Container": container, "EndpointConfig": {"Aliases": ["shop"]}}
        self.engine.send("POST", "/networks/side/connect", sent)
        assert ends()["side"]["NetworkID"] == side
        assert ends()["side"]["IPAddress"]
        assert ends()["front"]["IPAddress"]
        assert container in self.engine.inspect("network", "side")["Containers"]
        with pytest.raises(EngineError, match="already exists in network side"):
            self.engine.send("POST", "/networks/side/connect", {"Container": container})
        with pytest.raises(InUse, match="has active endpoints"):
            self.engine.remove("network", "side")
        self.engine.send("POST", "/networks/side/disconnect", {"Container": container})
        assert "side" not in ends()
        with pytest.raises(EngineError, match=r"not connected to (the )?network side"):
            self.engine.send("POST", "/networks/side/disconnect", {"Container": container})
        self.engine.remove("network", "side")

    def test_container_is_not_connected_to_a_network_for_services(self) -> None:
        self.engine.create("network", {"Name": "front", "Driver": "overlay"})
        here = {"Placement": {"Constraints": ["node.role==manager"]}}
        self.start(service("web", replicas=1, task=here))
        [container] = [task.container_id for task in self.tasks("web") if task.state == "running"]

        with pytest.raises(NotFound, match="network front not found"):
            self.engine.send("POST", "/networks/front/connect", {"Container": container})

    @pytest.mark.parametrize("kind", ["service", "task", "node", "network", "config", "secret"])
    def test_what_does_not_exist_is_not_found(self, kind: str) -> None:
        with pytest.raises(NotFound, match="nothing"):
            self.engine.inspect(kind, "nothing")
