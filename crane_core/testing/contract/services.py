"""The contract: services as objects."""

from __future__ import annotations

import threading

import pytest

from crane_core.engine.errors import InvalidSpec, NameTaken, Outdated, PortTaken
from crane_core.errors import CraneError, EngineError
from crane_core.testing.contract.asking import PORT, UPDATE, Contract, service

_REFUSED = {
    "name": (service("two words"), InvalidSpec, "name must be valid as a DNS name component"),
    "no image": (service("web", image=""), InvalidSpec, "image reference must be provided"),
    "image": (service("web", image="UPPER CASE"), InvalidSpec, "not a valid repository/tag"),
    "two modes": (service("web", Mode={"Replicated": {}, "Global": {}}), InvalidSpec, "only one service mode"),
    "type": (service("web", Mode={"Replicated": {"Replicas": "3"}}), InvalidSpec, "cannot unmarshal string"),
    "restart": (service("web", task={"RestartPolicy": {"Condition": "x"}}), InvalidSpec, "invalid RestartCondition"),
    "failure action": (service("web", UpdateConfig={"FailureAction": "x"}), InvalidSpec, "failure action x"),
    "constraint": (service("web", task={"Placement": {"Constraints": ["a=b"]}}), EngineError, "expected one operator"),
    "network": (service("web", task={"Networks": [{"Target": "nowhere"}]}), CraneError, "network nowhere not found"),
    "memory": (
        service("web", task={"Resources": {"Limits": {"MemoryBytes": 100}}}),
        InvalidSpec,
        "Must be at least 4MiB",
    ),
    "port": (service("web", EndpointSpec={"Ports": [PORT, PORT]}), InvalidSpec, "duplicate published ports"),
    "dnsrr": (service("web", EndpointSpec={"Mode": "dnsrr", "Ports": [PORT]}), InvalidSpec, "dnsrr"),
    "mount": (
        service("web", container={"Mounts": [{"Type": "volume", "Source": "vol", "Target": "/a"}] * 2}),
        InvalidSpec,
        "duplicate mount point: /a",
    ),
    "job": (
        service("web", Mode={"ReplicatedJob": {}}, UpdateConfig=UPDATE),
        InvalidSpec,
        "Jobs may not have an update",
    ),
}


class ServicesContract(Contract):
    """Services as objects."""

    def test_spec_is_given_back_with_defaults_and_without_what_is_empty(self) -> None:
        sent = service("web", replicas=0, UpdateConfig={"Parallelism": 2}, EndpointSpec={"Ports": [PORT]})
        sent["TaskTemplate"]["ContainerSpec"].update(Env=["A=1"], Args=None, Hosts=[], DNSConfig={}, Healthcheck=None)
        sent["TaskTemplate"].update(RestartPolicy={"Condition": "on-failure"}, Resources={"Limits": {"NanoCPUs": 0}})
        self.engine.create("service", sent)

        spec = self.engine.inspect("service", "web")["Spec"]

        assert spec == {
            "Name": "web",
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "lab/web:v1", "Env": ["A=1"], "DNSConfig": {}, "Isolation": "default"},
                "Resources": {"Limits": {}},
                "RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 0},
                "ForceUpdate": 0,
                "Runtime": "container",
            },
            "Mode": {"Replicated": {"Replicas": 0}},
            "UpdateConfig": {
                "Parallelism": 2,
                "FailureAction": "pause",
                "MaxFailureRatio": 0,
                "Order": "stop-first",
            },
            "EndpointSpec": {"Mode": "vip", "Ports": [{**PORT, "PublishMode": "ingress"}]},
        }

    def test_writing_back_what_was_read_changes_no_spec(self) -> None:
        self.engine.create("service", service("web", replicas=0, task={"Placement": {"MaxReplicas": 2}}))
        before = self.engine.inspect("service", "web")["Spec"]

        self.change("web", lambda spec: None)

        after = self.engine.inspect("service", "web")
        assert after["Spec"] == before
        assert after["PreviousSpec"] == before

    def test_networks_are_given_back_by_id(self) -> None:
        network = self.engine.create("network", {"Name": "front", "Driver": "overlay"})
        self.engine.create("service", service("web", replicas=0, task={"Networks": [{"Target": "front"}]}))

        assert self.engine.inspect("service", "web")["Spec"]["TaskTemplate"]["Networks"] == [{"Target": network}]

    def test_name_of_a_service_is_taken_once(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(NameTaken, match="service web already exists"):
            self.engine.create("service", service("web", replicas=0))

    def test_change_of_an_old_version_is_refused(self) -> None:
        id_ = self.engine.create("service", service("web", replicas=0))
        present = self.engine.inspect("service", id_)
        self.change("web", lambda spec: spec["Labels"].update(a="1"))

        with pytest.raises(Outdated):
            self.engine.update("service", id_, present["Version"]["Index"], present["Spec"])

    def test_port_is_published_by_one_service(self) -> None:
        ports = {"Ports": [PORT]}
        self.engine.create("service", service("one", replicas=0, EndpointSpec=ports))

        with pytest.raises(PortTaken, match="port '8080' is already in use by service 'one'"):
            self.engine.create("service", service("two", replicas=0, EndpointSpec=ports))

    @pytest.mark.parametrize("what", _REFUSED)
    def test_spec_is_refused_with_a_reason(self, what: str) -> None:
        spec, error, words = _REFUSED[what]

        with pytest.raises(error, match=words):
            self.engine.create("service", spec)

        assert self.engine.services() == []

    def test_service_keeps_its_name_and_mode(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(EngineError, match="renaming services is not supported"):
            self.change("web", lambda spec: spec.update(Name="other"))
        with pytest.raises(EngineError, match="service mode change is not allowed"):
            self.change("web", lambda spec: spec.update(Mode={"Global": {}}))

    def test_rollback_needs_a_previous_spec(self) -> None:
        self.engine.create("service", service("web", replicas=0))

        with pytest.raises(CraneError, match="does not have a previous spec"):
            self.change("web", lambda spec: None, rollback=True)

    def test_label_alone_restarts_nothing(self) -> None:
        self.start(service("web"))
        before = {task.ID for task in self.tasks("web")}

        self.change("web", lambda spec: spec["Labels"].update(a="1"))

        assert {task.ID for task in self.tasks("web")} == before
        assert self.update_state("web") == ""

    def test_events_tell_of_services_with_their_names(self) -> None:
        stream = self.engine.events()
        watchdog = threading.Timer(30, stream.close)
        watchdog.start()
        try:
            self.engine.create("service", service("web", replicas=0))
            self.use_image("web", "lab/web:v2")
            self.engine.remove("service", "web")
            told = []
            for event in stream:
                attributes = event["Actor"]["Attributes"]
                if event["Type"] == "service" and attributes["name"] == "web":
                    told.append((event["Action"], attributes.get("image.new")))
                if event["Action"] == "remove":
                    break
        finally:
            watchdog.cancel()
            stream.close()

        assert told[0] == ("create", None)
        assert ("update", "lab/web:v2") in told
        assert told[-1] == ("remove", None)
