"""Changes of services: only what the options name changes, whatever else the live spec says."""

from __future__ import annotations

import json

import click
import pytest
from crane_cli.service_patch import Changes, make_patch
from crane_cli.values import parse_cpus, parse_duration, parse_port, parse_size
from hypothesis import given
from hypothesis import strategies as st

PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
SPEC = {
    "Name": "shop_web",
    "Labels": {"a": "1", "b": "2"},
    "TaskTemplate": {
        "ContainerSpec": {"Image": "nginx:1", "Env": ["A=1", "B=2", "C"], "Unknown": {"kept": True}},
        "Placement": {"Constraints": ["node.role == worker"]},
        "ForceUpdate": 3,
    },
    "Mode": {"Replicated": {"Replicas": 2}},
    "EndpointSpec": {"Ports": [PORT]},
}


@pytest.fixture
def web(server, operation):
    """A server with one service, on which every change converges."""
    server.plays("GET", "services/shop_web", {"ID": "s", "Version": {"Index": 12}, "Spec": SPEC})
    for method, path in (
        ("PATCH", "services/shop_web"),
        ("DELETE", "services/shop_web"),
        ("POST", "services/shop_web/rollback"),
        ("POST", "services/shop_web/image"),
        ("POST", "services/shop_web/force"),
        ("POST", "services/shop_web/scale"),
        ("POST", "services/shop_db/scale"),
    ):
        server.plays(method, path, (202, operation("converged", target="shop_web")))
    return server


def merge(spec, patch):
    """Apply a JSON merge patch (RFC 7396)."""
    merged = dict(spec)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name) or {}, value) if isinstance(value, dict) else value
    return merged


@pytest.mark.parametrize(
    ("options", "patch"),
    [
        (
            ["--image", "nginx:2", "--replicas", "5"],
            {"TaskTemplate": {"ContainerSpec": {"Image": "nginx:2"}}, "Mode": {"Replicated": {"Replicas": 5}}},
        ),
        (["--replicas", "5"], {"Mode": {"Replicated": {"Replicas": 5}}}),
        (
            ["--env-add", "B=3", "--env-add", "D=4"],
            {"TaskTemplate": {"ContainerSpec": {"Env": ["A=1", "B=3", "C", "D=4"]}}},
        ),
        (["--env-rm", "A", "--env-rm", "C"], {"TaskTemplate": {"ContainerSpec": {"Env": ["B=2"]}}}),
        (
            ["--env-add", "FROM_SHELL"],
            {"TaskTemplate": {"ContainerSpec": {"Env": ["A=1", "B=2", "C", "FROM_SHELL=x"]}}},
        ),
        (["--label-add", "c=3", "--label-rm", "a", "--label-rm", "z"], {"Labels": {"a": None, "c": "3"}}),
        (["--container-label-add", "c=3"], {"TaskTemplate": {"ContainerSpec": {"Labels": {"c": "3"}}}}),
        (
            ["--constraint-add", "node.labels.ssd==true"],
            {"TaskTemplate": {"Placement": {"Constraints": ["node.role == worker", "node.labels.ssd==true"]}}},
        ),
        (["--constraint-rm", "node.role==worker"], {"TaskTemplate": {"Placement": {"Constraints": []}}}),
        (
            ["--publish-add", "8443:443"],
            {"EndpointSpec": {"Ports": [PORT, {**PORT, "TargetPort": 443, "PublishedPort": 8443}]}},
        ),
        (["--publish-rm", "80"], {"EndpointSpec": {"Ports": []}}),
        (
            ["--limit-cpu", "0.5", "--reserve-memory", "64m"],
            {
                "TaskTemplate": {
                    "Resources": {"Limits": {"NanoCPUs": 500000000}, "Reservations": {"MemoryBytes": 67108864}}
                }
            },
        ),
        (
            ["--update-parallelism", "0", "--update-delay", "1m", "--update-order", "start-first"],
            {"UpdateConfig": {"Parallelism": 0, "Delay": 60000000000, "Order": "start-first"}},
        ),
        (["--update-failure-action", "rollback"], {"UpdateConfig": {"FailureAction": "rollback"}}),
        (["--args", "serve --name 'a b'"], {"TaskTemplate": {"ContainerSpec": {"Args": ["serve", "--name", "a b"]}}}),
        (["--force", "--replicas", "5"], {"TaskTemplate": {"ForceUpdate": 4}, "Mode": {"Replicated": {"Replicas": 5}}}),
    ],
)
def test_each_option_changes_its_own_field(crane, web, monkeypatch, options, patch):
    monkeypatch.setenv("FROM_SHELL", "x")

    result = crane("service", "update", *options, "shop_web")

    [request] = web.sent("PATCH", "services/shop_web")
    assert (result.exit_code, request.body) == (0, patch)
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert request.headers["if-match"] == '"12"'


names = st.sampled_from(["A", "B", "C", "D"])


@given(env=st.lists(st.tuples(names, st.text()), unique_by=lambda pair: pair[0]), removed=st.sets(names))
def test_variables_that_are_not_named_stay_as_they_are(env, removed):
    added = [f"{name}={value}" for name, value in env]
    patched = merge(SPEC, make_patch(SPEC, Changes({}, {"env_add": added, "env_rm": sorted(removed)})))
    live = patched["TaskTemplate"]["ContainerSpec"]["Env"]

    touched = {name for name, _ in env} | removed
    assert [told for told in live if told.partition("=")[0] not in touched] == [
        told for told in SPEC["TaskTemplate"]["ContainerSpec"]["Env"] if told.partition("=")[0] not in touched
    ]
    assert set(added) <= set(live)
    assert patched["TaskTemplate"]["ContainerSpec"]["Unknown"] == {"kept": True}


def test_dry_run_shows_the_plan_and_follows_nothing(crane, web, plan):
    web.plays("PATCH", "services/shop_web", (201, plan()))

    result = crane("service", "update", "--dry-run", "--args", "x", "shop_web")

    assert web.sent("PATCH", "services/shop_web")[0].query == {"plan": "true", "wait": "0"}
    assert "      + nginx:2" in result.stdout


def test_what_is_so_already_is_not_sent(crane, web):
    result = crane("service", "update", "--label-rm", "no-such-label", "shop_web")

    assert (result.exit_code, web.sent("PATCH", "services/shop_web")) == (0, [])
    assert "nothing was changed" in result.stderr


@pytest.mark.parametrize(
    "options", [[], ["--rollback", "--force"], ["--rollback", "--image", "x"], ["--with-registry-auth", "--force"]]
)
def test_wrong_use_is_told_before_anything_is_asked(crane, web, options):
    assert crane("service", "update", *options, "shop_web").exit_code == 2
    assert web.requests == []


def test_rollback_is_rolled_back_by_the_server(crane, web):
    assert crane("service", "update", "--rollback", "shop_web").exit_code == 0
    assert crane("service", "rollback", "shop_web").exit_code == 0
    assert len(web.sent("POST", "services/shop_web/rollback")) == 2


def test_change_of_somebody_else_is_not_overwritten(crane, web):
    web.plays("PATCH", "services/shop_web", (409, {"code": "outdated", "detail": "Moved.", "version": 13}))

    result = crane("service", "update", "--args", "x", "shop_web")

    assert (result.exit_code, "nothing was changed. Try again." in result.stderr) == (1, True)


def test_hidden_variable_is_sent_back_as_it_was_shown_and_never_asked_for(crane, web):
    container = {"Image": "nginx:1", "Env": ["A=1", "DB_PASSWORD=(hidden)"]}
    shown = {"Version": {"Index": 1}, "Spec": {"TaskTemplate": {"ContainerSpec": container}}}
    web.plays("GET", "services/shop_web", shown)

    assert crane("service", "update", "--env-add", "A=2", "shop_web").exit_code == 0
    assert crane("service", "update", "--env-add", "DB_PASSWORD=x", "shop_web").exit_code == 0

    sent = [request.body["TaskTemplate"]["ContainerSpec"]["Env"] for request in web.sent("PATCH", "services/shop_web")]
    assert sent == [["A=2", "DB_PASSWORD=(hidden)"], ["A=1", "DB_PASSWORD=x"]]
    assert [request.query for request in web.sent("GET", "services/shop_web")] == [{}, {}]


def test_image_alone_is_looked_up_by_the_server_with_this_machines_login(crane, web, home):
    (home / ".docker").mkdir()
    auths = {"ghcr.io": {"username": "me", "password": "p"}, "quay.io": {"username": "x", "password": "y"}}
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))

    result = crane("service", "update", "--image", "ghcr.io/a/b:2", "--with-registry-auth", "shop_web")

    assert (result.exit_code, web.sent("PATCH", "services/shop_web")) == (0, [])
    assert web.sent("POST", "services/shop_web/image")[0].body == {
        "image": "ghcr.io/a/b:2",
        "registry_logins": {"ghcr.io": {"username": "me", "password": "p"}},
    }


def test_force_alone_replaces_the_tasks(crane, web):
    assert crane("service", "update", "--force", "--timeout", "5m", "shop_web").exit_code == 0
    assert web.sent("POST", "services/shop_web/force")[0].query == {"wait": "0", "timeout": "300.0"}


def test_global_service_has_no_replicas(crane, web):
    web.plays("GET", "services/shop_web", {"Version": {"Index": 1}, "Spec": {**SPEC, "Mode": {"Global": {}}}})

    result = crane("service", "update", "--replicas", "3", "shop_web")

    assert (result.exit_code, "The service is global" in result.stderr) == (2, True)


def test_several_services_are_scaled(crane, web):
    assert crane("service", "scale", "shop_web=3", "shop_db=0").exit_code == 0
    assert [web.sent("POST", f"services/{name}/scale")[0].body for name in ("shop_web", "shop_db")] == [
        {"replicas": 3},
        {"replicas": 0},
    ]


@pytest.mark.parametrize("told", ["shop_web", "shop_web=", "=3", "shop_web=-1", "shop_web=many"])
def test_wrong_number_of_replicas_scales_nothing(crane, web, told):
    assert crane("service", "scale", "shop_db=1", told).exit_code == 2
    assert web.requests == []


def test_refused_name_does_not_keep_the_others_from_being_removed(crane, web):
    result = crane("service", "rm", "no-such", "shop_web")

    assert result.exit_code == 1
    assert "The script has no DELETE /api/v1/services/no-such" in result.stderr
    assert len(web.sent("DELETE", "services/shop_web")) == 1


def test_several_stacks_are_removed_and_followed(crane, server, operation):
    for name in ("shop", "blog"):
        server.plays("DELETE", f"stacks/{name}", (202, operation("converged", target=name, kind="stack.remove")))

    result = crane("stack", "rm", "-o", "json", "shop", "blog")

    assert [operation["target"] for operation in json.loads(result.stdout)] == ["shop", "blog"]


def test_stack_is_rolled_back(crane, server, operation):
    server.plays("POST", "stacks/shop/rollback", (200, operation("rolled-back")))

    assert crane("stack", "rollback", "shop").exit_code == 1


@pytest.mark.parametrize(
    ("text", "nanoseconds"), [("90", 90 * 10**9), ("1m30s", 90 * 10**9), ("1.5h", 5400 * 10**9), ("250ms", 250 * 10**6)]
)
def test_durations(text, nanoseconds):
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 2**29), ("1.5GiB", 3 * 2**29), ("1kb", 1024), ("10", 10), ("2b", 2)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", [{"Protocol": "tcp", "TargetPort": 80, "PublishMode": "ingress"}]),
        ("53:53/udp", [{"Protocol": "udp", "TargetPort": 53, "PublishMode": "ingress", "PublishedPort": 53}]),
        (
            "target=80,published=8080,mode=host",
            [{"Protocol": "tcp", "TargetPort": 80, "PublishMode": "host", "PublishedPort": 8080}],
        ),
    ],
)
def test_ports(text, ports):
    assert parse_port(text) == ports


def test_range_of_ports():
    assert [(port["PublishedPort"], port["TargetPort"]) for port in parse_port("8000-8002:80-82")] == [
        (8000, 80),
        (8001, 81),
        (8002, 82),
    ]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *(
            (parse_port, text)
            for text in ("", "x", "80:", "0", "70000", "8000-8001:80", "82-80", "mode=host", "target=x", "a=b")
        ),
        *((parse_port, text) for text in ("target=80,protocol=icmp", "target=80,published=70000")),
        *((parse_size, text) for text in ("", "m", "1x", "-1", "1..5")),
        *((parse_cpus, text) for text in ("", "x", "-1", "1.0000000001")),
        *((parse_duration, text) for text in ("", "s", "5x", "1m x", "m1")),
    ],
)
def test_what_is_none_is_refused(parse, text):
    with pytest.raises(click.BadParameter):
        parse(text)
