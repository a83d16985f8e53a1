"""Live stacks given back as Compose files."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crane_core.orchestration.stacks.formats.export import Export, to_compose
from crane_core.orchestration.stacks.formats.export.writing import duration, escape, processors, size, to_yaml

JSON = dict[str, Any]

OWN = {"com.docker.stack.namespace": "shop"}


def live(name: str = "shop_web", container: JSON | None = None, task: JSON | None = None, **spec: Any) -> JSON:
    template = {"ContainerSpec": {"Image": "nginx:1", "Labels": OWN, **(container or {})}, **(task or {})}
    template.setdefault("Networks", [{"Target": "net1", "Aliases": [name.removeprefix("shop_")]}])
    return {"ID": "s1", "Spec": {"Name": name, "Labels": {**OWN}, "TaskTemplate": template, **spec}}


def network(name: str = "shop_default", id_: str = "net1", labels: JSON | None = None, **more: Any) -> JSON:
    return {
        "Id": id_,
        "Name": name,
        "Created": "2026-01-01T00:00:00Z",
        "Scope": "swarm",
        "Driver": "overlay",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": None,
        "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"},
        "Labels": OWN if labels is None else labels,
        **more,
    }


def config(name: str, content: bytes, labels: JSON | None = None) -> JSON:
    data = base64.b64encode(content).decode()
    return {"ID": f"id-{name}", "Spec": {"Name": name, "Labels": OWN if labels is None else labels, "Data": data}}


def reference(kind: str, name: str, target: str, mode: int = 0o444, uid: str = "0") -> JSON:
    return {
        f"{kind}ID": f"id-{name}",
        f"{kind}Name": name,
        "File": {"Name": target, "UID": uid, "GID": "0", "Mode": mode},
    }


def file_of(*services: JSON, **objects: Any) -> JSON:
    objects.setdefault("networks", [network()])
    content: JSON = yaml.safe_load(to_compose("shop", services, **objects).content)
    return content


def service_of(*services: JSON, **objects: Any) -> JSON:
    found: JSON = file_of(*services, **objects)["services"]["web"]
    return found


def notes_of(export: Export) -> dict[str, str]:
    return {note.path: note.detail for note in export.notes}


def test_plain_service_is_a_plain_file() -> None:
    export = to_compose("shop", [live()], [network()])

    assert export.content == "services:\n  web:\n    image: nginx:1\n"
    assert export.notes == ()


def test_what_the_engine_does_anyway_is_not_written() -> None:
    spec = live(
        task={
            "ForceUpdate": 3,
            "Runtime": "container",
            "RestartPolicy": {"Condition": "any", "Delay": 5_000_000_000, "MaxAttempts": 0},
            "Resources": {},
        },
        Mode={"Replicated": {"Replicas": 1}},
        UpdateConfig={"Parallelism": 1, "FailureAction": "pause", "Order": "stop-first", "MaxFailureRatio": 0},
        EndpointSpec={"Mode": "vip"},
    )

    assert service_of(spec) == {"image": "nginx:1"}


def test_dollars_are_escaped_everywhere() -> None:
    spec = live(
        container={
            "Command": ["sh", "-c", "echo $HOME"],
            "Env": ["A=$B"],
            "Labels": {**OWN, "l": "$1"},
            "Healthcheck": {"Test": ["CMD-SHELL", "test $X"]},
            "Hostname": "$h",
        },
        Labels={**OWN, "d": "${x}"},
    )

    assert service_of(spec) == {
        "image": "nginx:1",
        "entrypoint": ["sh", "-c", "echo $$HOME"],
        "hostname": "$$h",
        "environment": {"A": "$$B"},
        "labels": {"l": "$$1"},
        "healthcheck": {"test": "test $$X"},
        "deploy": {"labels": {"d": "$${x}"}},
    }


def test_ports_are_short_unless_they_need_more() -> None:
    ports = [
        {"TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp", "PublishMode": "ingress"},
        {"TargetPort": 53, "PublishedPort": 53, "Protocol": "udp"},
        {"TargetPort": 9000},
        {"TargetPort": 443, "PublishedPort": 443, "PublishMode": "host"},
    ]

    written = service_of(live(EndpointSpec={"Ports": ports}))["ports"]

    assert sorted(written, key=str) == [
        "53:53/udp",
        "8080:80",
        "9000",
        {"target": 443, "published": 443, "protocol": "tcp", "mode": "host"},
    ]


def test_image_is_named_as_the_file_named_it() -> None:
    digest = "sha256:" + "a" * 64
    pinned = live(container={"Image": f"nginx:latest@{digest}"})
    pinned["Spec"]["Labels"]["com.docker.stack.image"] = "nginx"
    changed = live(container={"Image": f"nginx:2@{digest}"})
    changed["Spec"]["Labels"]["com.docker.stack.image"] = "nginx:1"

    assert service_of(pinned)["image"] == "nginx"
    assert service_of(changed)["image"] == f"nginx:2@{digest}"


def test_networks_of_others_are_external() -> None:
    networks = [network(), network("shop_back", "net2", Internal=True), network("proxy", "net3", {})]
    spec = live(
        task={
            "Networks": [
                {"Target": "net1", "Aliases": ["web"]},
                {"Target": "net2", "Aliases": ["web", "api"]},
                {"Target": "net3", "Aliases": ["web"]},
            ]
        }
    )

    written = file_of(spec, networks=networks)

    assert written["services"]["web"]["networks"] == {"default": None, "back": {"aliases": ["api"]}, "proxy": None}
    assert written["networks"] == {"back": {"internal": True}, "proxy": {"external": True}}


@pytest.mark.parametrize(
    ("chosen", "written"),
    [
        ({"Subnet": "10.0.9.0/24", "Gateway": "10.0.9.1"}, None),
        ({"Subnet": "172.28.0.0/16", "Gateway": "172.28.0.1"}, {"subnet": "172.28.0.0/16"}),
        ({"Subnet": "10.0.9.0/24", "Gateway": "10.0.9.9"}, {"subnet": "10.0.9.0/24", "gateway": "10.0.9.9"}),
    ],
)
def test_only_a_subnet_that_somebody_chose_is_written(chosen: JSON, written: JSON | None) -> None:
    front = network("shop_front", IPAM={"Driver": "default", "Options": None, "Config": [chosen]})

    networks = file_of(live(), networks=[front])["networks"]

    assert networks["front"].get("ipam", {}).get("config", [None]) == [written]


def test_versions_of_configs_go_back_to_their_names() -> None:
    spec = live(container={"Configs": [reference("Config", "shop_app.3", "app")]})

    written = file_of(spec, configs=[config("shop_app.3", b"a: $b\nc\n")])

    assert written["services"]["web"]["configs"] == ["app"]
    assert written["configs"] == {"app": {"content": "a: $$b\nc\n"}}


def test_two_versions_in_use_stay_two_configs() -> None:
    old = live("shop_old", container={"Configs": [reference("Config", "shop_app", "app")]})
    new = live("shop_web", container={"Configs": [reference("Config", "shop_app.2", "app", 0o400)]})

    written = file_of(old, new, configs=[config("shop_app", b"1"), config("shop_app.2", b"2")])

    assert sorted(one["content"] for one in written["configs"].values()) == ["1", "2"]
    assert len(written["configs"]) == 2


def test_config_that_is_no_text_is_used_as_it_is() -> None:
    spec = live(container={"Configs": [reference("Config", "shop_app", "app")]})

    export = to_compose("shop", [spec], [network()], [config("shop_app", b"\x00\xff")])

    assert yaml.safe_load(export.content)["configs"] == {"app": {"external": True, "name": "shop_app"}}
    assert "no text" in notes_of(export)["/configs/app"]


def test_secrets_are_used_as_they_are() -> None:
    spec = live(
        container={"Secrets": [reference("Secret", "shop_db.2", "db"), reference("Secret", "tls", "t", uid="5")]}
    )
    secrets = [{"ID": "1", "Spec": {"Name": "shop_db.2", "Labels": OWN}}, {"ID": "2", "Spec": {"Name": "tls"}}]

    export = to_compose("shop", [spec], [network()], (), secrets)

    written = yaml.safe_load(export.content)
    assert written["services"]["web"]["secrets"] == ["db", {"source": "tls", "target": "t", "uid": "5"}]
    assert written["secrets"] == {"db": {"external": True, "name": "shop_db.2"}, "tls": {"external": True}}
    assert list(notes_of(export)) == ["/secrets/db"]


def test_volumes_are_defined_once() -> None:
    own = {"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": {"Labels": OWN}}
    mounts = [
        own,
        {"Type": "volume", "Source": "data", "Target": "/other"},
        {"Type": "volume", "Source": "x", "Target": "/x"},
        {"Type": "bind", "Source": "/srv", "Target": "/srv", "ReadOnly": True},
    ]

    written = file_of(live(container={"Mounts": mounts}))

    assert written["services"]["web"]["volumes"] == [
        "data:/data",
        "data-2:/other",
        "/srv:/srv:ro",
        {"type": "volume", "source": "x", "target": "/x"},
    ]
    assert written["volumes"] == {
        "data": None or {},
        "data-2": {"external": True, "name": "data"},
        "x": {"external": True},
    }


def test_what_compose_cannot_say_is_noted() -> None:
    spec = live(
        container={
            "Privileges": {"Seccomp": {"Mode": "unconfined"}, "NoNewPrivileges": True},
            "DNSConfig": {"Options": ["ndots:1"]},
            "Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": 0o700}}],
        },
        task={"Networks": [], "Resources": {"Reservations": {"GenericResources": [
            {"NamedResourceSpec": {"Kind": "gpu", "Value": "UUID1"}}]}}},
        Mode={"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 9}},
    )  # fmt: skip

    export = to_compose("shop", [spec], [network()])

    told = "\n".join(note.detail for note in export.notes)
    for expected in (
        "Seccomp",
        "NoNewPrivileges",
        "DNSConfig/Options",
        "TmpfsOptions/Mode",
        "UUID1",
        "until 9",
        "no network",
    ):
        assert expected in told


@pytest.mark.parametrize("reveal", [False, True])
def test_secret_looking_values_are_written_only_when_asked_for(reveal: bool) -> None:
    spec = live(
        container={
            "Env": ["DB_PASSWORD=marker-1", "URL=redis://u:marker-2@db", "TAG=1"],
            "Args": ["--token", "marker-3"],
            "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://u:marker-6@localhost"]},
        },
        task={"LogDriver": {"Name": "splunk", "Options": {"splunk-token": "marker-4"}}},
    )
    other = live("shop_api", container={"Env": ["DB_PASSWORD=marker-5"]})

    export = to_compose("shop", [spec, other], [network()], reveal=reveal)

    if reveal:
        assert all(f"marker-{number}" in export.content for number in range(1, 7))
        assert export.notes == ()
    else:
        assert "marker" not in export.content + repr(export.notes)
        services = yaml.safe_load(export.content)["services"]
        assert services["web"]["environment"]["DB_PASSWORD"] == "${DB_PASSWORD:?}"
        assert services["web"]["environment"]["TAG"] == "1"
        assert services["api"]["environment"]["DB_PASSWORD"] == "${API_DB_PASSWORD:?}"
        assert "/services/web/environment/DB_PASSWORD" in notes_of(export)


def test_live_objects_are_left_alone() -> None:
    services, networks = [live(Mode={"Global": {}})], [network()]
    before = copy.deepcopy((services, networks))

    to_compose("shop", services, networks)

    assert (services, networks) == before


@given(st.dictionaries(st.text(min_size=1), st.text() | st.lists(st.text())))
def test_yaml_holds_every_text(tree: JSON) -> None:
    assert yaml.safe_load(to_yaml(tree)) == tree


@given(st.text())
def test_escaping_is_undone_by_interpolation(text: str) -> None:
    assert escape(text).replace("$$", "$") == text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (duration(0), "0s"),
        (duration(3_661_000_000_000), "1h1m1s"),
        (duration(1), "1ns"),
        (size(50 * 1024 * 1024), "50M"),
        (size(1000), "1000"),
        (processors(250_000_000), "0.25"),
        (processors(2_000_000_000), "2"),
    ],
)
def test_units_are_written_as_compose_writes_them(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize("text", ["0o7", "1e3", "22:22", "0777", "yes", "1_000", "null", "~", "-1", "2026-01-01"])
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"a": text}) in (f'a: "{text}"\n', f"a: '{text}'\n")
