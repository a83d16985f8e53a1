"""Crane bundles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.diff import diff
from crane_core.orchestration.stacks.formats.bundle import load_bundle
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest

JSON = dict[str, Any]


def load(content: Any, name: str = "shop") -> DesiredStack:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return load_bundle(StackRequest(name, (SourceFile("shop.json", text),)))


def service(**more: Any) -> JSON:
    spec: JSON = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1"}}}
    for path, value in more.items():
        *parents, last = path.split("__")
        inside = spec
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[last] = value
    return spec


def bundle(**services: JSON) -> JSON:
    return {"Namespace": "shop", "Stack": {"Version": "0.1", "Services": services}}


def problems(content: Any, name: str = "shop") -> dict[str, str]:
    with pytest.raises(InvalidStackFile) as refused:
        load(content, name)
    return {found.path: found.detail for found in refused.value.violations}


def test_bundle_becomes_specs_of_the_engine() -> None:
    stack = load(
        bundle(
            web=service(
                Labels={"crane.reserved.permissions.1.r": "true"},
                Mode={"Replicated": {"Replicas": 2}},
                Networks=["front"],
                EndpointSpec={"Mode": "vip", "Ports": [{"TargetPort": 80, "PublishedPort": 8080}]},
                RegistryAuth="hub",
            )
        )
    )

    assert stack.services == {
        "shop_web": {
            "Name": "shop_web",
            "Labels": {
                "crane.reserved.permissions.1.r": "true",
                "crane.reserved.registry.auth": "hub",
                "com.docker.stack.image": "nginx:1",
                "com.docker.stack.namespace": "shop",
            },
            "TaskTemplate": {
                "ContainerSpec": {"Image": "nginx:1", "Labels": {"com.docker.stack.namespace": "shop"}},
                "Networks": [{"Target": "shop_front", "Aliases": ["web"]}],
            },
            "Mode": {"Replicated": {"Replicas": 2}},
            "EndpointSpec": {"Mode": "vip", "Ports": [{"TargetPort": 80, "PublishedPort": 8080}]},
        }
    }
    assert stack.networks["shop_front"]["Driver"] == "overlay"
    assert stack.adoptable_networks == {"shop_front": "front"}


def test_case_of_names_is_ignored_but_not_that_of_labels() -> None:
    stack = load(
        {
            "nAMESPACE": "shop",
            "stack": {
                "services": {
                    "web": {
                        "name": "web",
                        "labels": {"Tier": "Front"},
                        "tasktemplate": {"containerspec": {"IMAGE": "nginx:1", "env": ["Abc=Def"]}},
                        "mode": {"global": {}},
                        "endpointspec": {"ports": [{"targetport": 80, "publishedport": 80}]},
                    }
                }
            },
        }
    )

    spec = stack.services["shop_web"]
    assert spec["Labels"]["Tier"] == "Front"
    assert spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["Abc=Def"]
    assert spec["Mode"] == {"Global": {}}
    assert spec["EndpointSpec"]["Ports"] == [{"TargetPort": 80, "PublishedPort": 80}]


def test_content_of_stack_alone_is_taken() -> None:
    assert list(load(bundle(web=service())["Stack"]).services) == ["shop_web"]
    assert list(load({"Stack": bundle(web=service())["Stack"]}).services) == ["shop_web"]


def test_exported_bundle_is_not_prefixed_twice() -> None:
    first = load(bundle(web=service(Networks=["front"])))
    exported = first.services["shop_web"]
    names = [network["Target"] for network in exported["TaskTemplate"].pop("Networks")]
    exported["Networks"] = names

    again = load(bundle(shop_web=exported))

    assert list(again.services) == ["shop_web"]
    assert again.services["shop_web"]["TaskTemplate"]["Networks"] == [{"Target": "shop_front", "Aliases": ["web"]}]
    assert list(again.networks) == ["shop_front"]
    assert again.adoptable_networks == {}


def test_posting_again_changes_nothing() -> None:
    content = bundle(web=service(EndpointSpec={"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]}))

    assert diff(load(content).services["shop_web"], load(content).services["shop_web"]) == []


def test_registry_label_goes_when_no_credential_is_named() -> None:
    stack = load(bundle(web=service(Labels={"crane.reserved.registry.auth": "old"})))

    assert "crane.reserved.registry.auth" not in stack.services["shop_web"]["Labels"]


def test_what_later_engines_know_passes_through() -> None:
    stack = load(
        bundle(
            web=service(
                RollbackConfig={"Parallelism": 1, "Order": "start-first"},
                TaskTemplate__ContainerSpec__Healthcheck={"Test": ["CMD", "true"], "Interval": 1000000000},
                TaskTemplate__ContainerSpec__Secrets=[{"SecretName": "db", "File": {"Name": "db"}}],
                TaskTemplate__ContainerSpec__Configs=[{"ConfigName": "app", "File": {"Name": "/app"}}],
            )
        )
    )

    spec = stack.services["shop_web"]
    assert spec["RollbackConfig"] == {"Parallelism": 1, "Order": "start-first"}
    assert spec["TaskTemplate"]["ContainerSpec"]["Healthcheck"]["Test"] == ["CMD", "true"]
    assert (stack.external_secrets, stack.external_configs) == (("db",), ("app",))


def test_empty_bundle_is_an_empty_stack() -> None:
    assert load(bundle()).services == {}


def test_other_namespace_is_told_of_and_not_used() -> None:
    stack = load({**bundle(web=service()), "Namespace": "other"})

    assert list(stack.services) == ["shop_web"]
    assert [warning.path for warning in stack.warnings] == ["/Namespace"]


WEB = "/Stack/Services/web"


@pytest.mark.parametrize(
    ("more", "path", "says"),
    [
        ({"Name": ""}, "Name", "missing"),
        ({"Name": "-web"}, "Name", "cannot be called"),
        ({"TaskTemplate__Resources__Limits": {"NanoCPUs": 999999}},
         "TaskTemplate/Resources/Limits/NanoCPUs", "1000000"),
        ({"TaskTemplate__Resources__Reservations": {"NanoCPUs": -1}},
         "TaskTemplate/Resources/Reservations/NanoCPUs", "1000000"),
        ({"TaskTemplate__Resources__Limits": {"MemoryBytes": 4194303}},
         "TaskTemplate/Resources/Limits/MemoryBytes", "4 MiB"),
        ({"TaskTemplate__RestartPolicy": {"Delay": -1}}, "TaskTemplate/RestartPolicy/Delay", "negative"),
        ({"TaskTemplate__RestartPolicy": {"Window": -1}}, "TaskTemplate/RestartPolicy/Window", "negative"),
        ({"TaskTemplate__RestartPolicy": {"Condition": "always"}},
         "TaskTemplate/RestartPolicy/Condition", "on-failure"),
        ({"TaskTemplate__Placement__Constraints": ["node.role=manager"]},
         "TaskTemplate/Placement/Constraints/0", "no constraint"),
        ({"TaskTemplate__Placement__Constraints": ["1x==a"]}, "TaskTemplate/Placement/Constraints/0", "no constraint"),
        ({"TaskTemplate__Placement__Constraints": ["node.role==a;b"]},
         "TaskTemplate/Placement/Constraints/0", "no constraint"),
        ({"UpdateConfig": {"Delay": -1}}, "UpdateConfig/Delay", "negative"),
        ({"UpdateConfig": {"FailureAction": "explode"}}, "UpdateConfig/FailureAction", "rollback"),
        ({"EndpointSpec": {"Mode": "dnsrr", "Ports": [{"TargetPort": 80}]}}, "EndpointSpec/Mode", "dnsrr"),
        ({"EndpointSpec": {"Ports": [{"TargetPort": 80}, {"TargetPort": 80}]}}, "EndpointSpec/Ports/1", "twice"),
        ({"EndpointSpec": {"Ports": [{"TargetPort": 0}]}}, "EndpointSpec/Ports/0/TargetPort", "from 1 to 65535"),
        ({"TaskTemplate__ContainerSpec__Image": "UPPER"}, "TaskTemplate/ContainerSpec/Image", "not the name"),
        ({"TaskTemplate__ContainerSpec__Image": ""}, "TaskTemplate/ContainerSpec/Image", "missing"),
        ({"TaskTemplate__ContainerSpec": None}, "TaskTemplate/ContainerSpec/Image", "missing"),
        ({"Mode": {"Replicated": {"Replicas": 1}, "Global": {}}}, "Mode", "one mode"),
        ({"Networks": ["a b"]}, "Networks/0", "cannot be called"),
        ({"TaskTemplate__ContainerSpec__Secrets": [{"SecretID": "x"}]},
         "TaskTemplate/ContainerSpec/Secrets/0", "SecretName"),
        ({"UpdateConfg": {}}, "UpdateConfg", 'do you mean "UpdateConfig"?'),
        ({"Labels": {"a": 1}}, "Labels/a", "must be a text"),
    ],
)  # fmt: skip
def test_bad_service_is_refused_with_a_sentence(more: JSON, path: str, says: str) -> None:
    found = problems(bundle(web=service(**more)))

    assert says in found[f"{WEB}/{path}"]


def test_port_of_two_services_is_refused() -> None:
    ports = {"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]}
    udp = {"Ports": [{"TargetPort": 80, "PublishedPort": 8080, "Protocol": "udp"}]}

    found = problems(
        bundle(
            web=service(EndpointSpec=ports),
            api=service(Name="api", EndpointSpec=ports),
            dns=service(Name="dns", EndpointSpec=udp),
        )
    )

    assert found == {
        "/Stack/Services/api/EndpointSpec/Ports/0/PublishedPort": (
            'Port 8080/tcp is published by "web" too; choose another.'
        )
    }


def test_one_service_under_two_keys_is_refused() -> None:
    assert "same service" in problems(bundle(web=service(), shop_web=service()))["/Stack/Services/shop_web"]


@pytest.mark.parametrize(
    ("content", "path"), [({"Namespace": "shop"}, ""), ({"Namespace": "a b", "Stack": {}}, "/Namespace"), ([], "")]
)
def test_what_is_no_bundle_is_refused(content: Any, path: str) -> None:
    assert path in problems(content)


def test_lines_are_found_whatever_the_case_of_names() -> None:
    with pytest.raises(InvalidStackFile) as refused:
        load(
            '{"stack": {"services": {"web": {\n"name": "web",\n"tasktemplate": {"containerspec":\n{"image": "A B"}}}}}}'
        )

    assert [found.line for found in refused.value.violations] == [4]
