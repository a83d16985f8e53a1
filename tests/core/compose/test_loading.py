"""What Crane takes beyond the docker CLI, what it warns of, and what it does not look at."""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crane_core.orchestration.stacks.desired import DesiredStack, Place
from crane_core.orchestration.stacks.formats import InvalidStackFile, SourceFile, StackRequest, compose, load
from crane_core.orchestration.stacks.formats.compose.schema import SERVICE

Load = Callable[..., DesiredStack]

IGNORED = {
    "build: .": "build",
    "container_name: x": "container_name",
    "depends_on: {b: {condition: service_healthy}}": "depends_on",
    "depends_on: [b]": "depends_on",
    "links: [b]": "links",
    "expose: [80]": "expose",
    "devices: ['/dev/x:/dev/x']": "devices",
    "privileged: true": "privileged",
    "network_mode: host": "network_mode",
    "pid: host": "pid",
    "ipc: host": "ipc",
    "mem_limit: 5m": "mem_limit",
    "cpus: 0.5": "cpus",
    "security_opt: ['no-new-privileges:true']": "security_opt",
    "tmpfs: /run": "tmpfs",
    "shm_size: 64m": "shm_size",
    "gpus: all": "gpus",
    "pull_policy: always": "pull_policy",
    "volumes: [{type: tmpfs, target: /t, tmpfs: {mode: 0755}}]": "volumes/0/tmpfs/mode",
    "volumes: [{type: bind, source: /x, target: /, bind: {create_host_path: true}}]": "volumes/0/bind/create_host_path",
    "volumes: ['v:/data']": "volumes/0",
    "networks: {default: {ipv4_address: 10.0.0.5}}": "networks/default/ipv4_address",
    "ports: ['127.0.0.1:80:80']": "ports/0",
    "ports: [{target: 80, app_protocol: http}]": "ports/0/app_protocol",
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}": "deploy/resources/reservations/devices",
    "extra_hosts: [nothing]": "extra_hosts/0",
}


def container(stack: DesiredStack) -> Any:
    """Return what service ``a`` says about its containers."""
    return stack.services["shop_a"]["TaskTemplate"]["ContainerSpec"]


@pytest.mark.parametrize("setting", IGNORED)
def test_what_a_swarm_cannot_do_is_a_warning_with_path_line_and_reason(setting: str, loaded: Load) -> None:
    stack = loaded(f"services:\n  b: {{image: x}}\n  a:\n    image: x\n    {setting}\n")

    assert [(each.path, each.line, each.file) for each in stack.warnings] == [
        (f"/services/a/{IGNORED[setting]}", 5, "stack.yml")
    ]
    assert len(stack.warnings[0].detail) > 20


def test_configs_and_secrets_come_from_content_variables_and_files(loaded: Load) -> None:
    stack = loaded(
        "configs: {c: {content: 'a ${B}'}, e: {content: ''}}\nsecrets: {s: {environment: TOKEN}, f: {file: ./f}}",
        variables={"B": "b", "TOKEN": "t0k"},
        attachments={"./f": b"\x00\xff"},
    )

    contents = {name: base64.b64decode(body["Data"]) for name, body in {**stack.configs, **stack.secrets}.items()}
    assert contents == {"shop_c": b"a b", "shop_e": b"", "shop_s": b"t0k", "shop_f": b"\x00\xff"}


def test_external_objects_in_use_are_told(loaded: Load) -> None:
    stack = loaded(
        "services: {a: {image: x, networks: [n], configs: [c], secrets: [s]}}\n"
        "networks: {n: {external: true}, m: {external: true}}\n"
        "configs: {c: {external: true, name: real}, d: {external: true}}\n"
        "secrets: {s: {external: {name: other}}}\n"
    )

    assert (stack.external_networks, stack.external_configs, stack.external_secrets) == (("n",), ("real",), ("other",))
    assert (stack.networks, stack.configs, stack.secrets) == ({}, {}, {})


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("group_add: [wheel, 5]", "Groups", ["wheel", "5"]),
        ("oom_score_adj: -500", "OomScoreAdj", -500),
        ("command: null", "Args", None),
        ("environment: {A: true, B: 1.0}", "Env", ["A=true", "B=1"]),
        ("environment:", "Env", None),
        (
            "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10m}}]",
            "Mounts",
            [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 10485760}}],
        ),
        (
            "volumes: [{type: image, source: x, target: /t, image: {subpath: s}}]",
            "Mounts",
            [{"Type": "image", "Source": "x", "Target": "/t", "ImageOptions": {"Subpath": "s"}}],
        ),
        ("env_file: [{path: e, required: false}]", "Env", None),
    ],
)
def test_more_than_the_docker_cli_takes_reaches_the_container(
    setting: str, field: str, value: Any, loaded: Load
) -> None:
    assert container(loaded(f"services:\n  a:\n    image: x\n    {setting}\n")).get(field) == value


def test_platform_becomes_a_placement(loaded: Load) -> None:
    stack = loaded("services: {a: {image: x, platform: linux/arm64/v8}}")

    assert stack.services["shop_a"]["TaskTemplate"]["Placement"]["Platforms"] == [
        {"OS": "linux", "Architecture": "arm64"}
    ]


def test_address_pools_of_a_network_are_taken_whole(loaded: Load) -> None:
    pool = "{subnet: 10.1.0.0/16, gateway: 10.1.0.1, ip_range: 10.1.2.0/24, aux_addresses: {a: 10.1.0.9}}"
    stack = loaded(
        f"services: {{a: {{image: x}}}}\nnetworks: {{default: {{enable_ipv6: true, ipam: {{config: [{pool}]}}}}}}"
    )

    network = stack.networks["shop_default"]
    assert network["EnableIPv6"] is True
    assert network["IPAM"]["Config"] == [
        {
            "Subnet": "10.1.0.0/16",
            "IPRange": "10.1.2.0/24",
            "Gateway": "10.1.0.1",
            "AuxiliaryAddresses": {"a": "10.1.0.9"},
        }
    ]


def test_credential_spec_from_a_config_names_it(loaded: Load) -> None:
    stack = loaded("services: {a: {image: x, credential_spec: {config: c}}}\nconfigs: {c: {content: x}}")

    assert container(stack)["Privileges"]["CredentialSpec"] == {"Config": "shop_c"}
    assert container(stack)["Configs"] == [{"ConfigName": "shop_c", "Runtime": {}}]


def test_places_say_where_everything_stands(loaded: Load) -> None:
    stack = loaded("services:\n  a:\n    image: x\n    ports:\n      - 80:80\n", "services:\n  a: {user: me}\n")

    assert stack.places["/services/a/ports/0"] == Place("stack.yml", 5)
    assert stack.places["/services/a/user"] == Place("override.yml", 2)


def test_secret_contents_are_not_in_the_request_as_printed() -> None:
    request = StackRequest("s", (SourceFile("f", "x"),), {"TOKEN": "hidden"}, {"a": b"hidden"})

    assert "hidden" not in repr(request)


def test_the_package_looks_at_no_file_and_no_variable_of_the_server() -> None:
    for path in Path(compose.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not {"os", "os.path", "pathlib", "io", "subprocess", "socket", "glob"} & imported, path.name
        assert not {"open", "eval", "exec", "__import__"} & called, path.name


KEYS = st.sampled_from([*SERVICE["properties"], "services", "a", "b", "source", "type", "target", "1", "x-a", ""])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 99999), st.floats(), st.sampled_from(["", "x", "80:80", "a:b", "${A}"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=2))
@settings(deadline=None)
def test_no_shape_of_file_does_more_than_be_refused(service: dict[str, Any], rest: dict[str, Any]) -> None:
    content = json.dumps({"services": {"a": service, "b": {"image": "x"}}, **rest})
    try:
        stack = load(StackRequest("shop", (SourceFile("stack.yml", content),)))
    except InvalidStackFile:
        return
    assert all(name.startswith("shop_") for name in stack.services)
