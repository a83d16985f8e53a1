"""Several files, services that extend others, profiles, and the tags that say how to merge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.orchestration.stacks.desired import DesiredStack
from crane_core.orchestration.stacks.formats.compose.merge import merge_service
from crane_core.orchestration.stacks.formats.compose.tree import Map

Load = Callable[..., DesiredStack]

WORDS = st.text("abc", max_size=2)
SETTINGS = st.dictionaries(
    st.sampled_from(["image", "user", "hostname"]), WORDS, max_size=3
).map(Map)  # fmt: skip
SERVICES = st.builds(
    lambda plain, labels: Map({**plain, **({"labels": Map(labels)} if labels else {})}),
    SETTINGS,
    st.dictionaries(WORDS, WORDS, max_size=3),
)


def container(stack: DesiredStack, service: str = "a") -> Any:
    """Return what a service says about its containers."""
    return stack.services[f"shop_{service}"]["TaskTemplate"]["ContainerSpec"]


@given(SERVICES)
def test_merging_nothing_changes_nothing(service: Map) -> None:
    assert merge_service(service, Map()) == service
    assert merge_service(Map(), service) == service


@given(SERVICES)
def test_merging_a_service_with_itself_changes_nothing(service: Map) -> None:
    assert merge_service(service, service) == service


@given(SERVICES, SERVICES, SERVICES)
def test_it_does_not_matter_which_files_are_merged_first(one: Map, two: Map, three: Map) -> None:
    left = merge_service(merge_service(one, two), three)
    right = merge_service(one, merge_service(two, three))

    assert {key: value for key, value in left.items() if value} == {key: value for key, value in right.items() if value}


@given(SERVICES, SERVICES)
def test_merging_leaves_its_arguments_alone(one: Map, two: Map) -> None:
    before = ({**one}, {**two})

    merge_service(one, two)

    assert ({**one}, {**two}) == before


def test_override_takes_a_value_as_it_stands(loaded: Load) -> None:
    stack = loaded(
        "services: {a: {image: x, cap_add: [A], environment: {A: '1', B: '2'}}}",
        "services: {a: {cap_add: !override [B], environment: !override {C: '3'}}}",
    )

    assert container(stack)["CapabilityAdd"] == ["CAP_B"]
    assert container(stack)["Env"] == ["C=3"]


def test_reset_removes_a_value(loaded: Load) -> None:
    stack = loaded(
        "services: {a: {image: x, user: me, ports: ['80:80'], labels: {a: '1', b: '2'},"
        " environment: {A: '1', B: '2'}, ulimits: {nofile: 1, nproc: 2}}, b: {image: y}}",
        "services: {a: {user: !reset null, ports: !reset [], labels: {a: !reset null},"
        " environment: {A: !reset null}, ulimits: {nofile: !reset null}}, b: !reset null}",
    )

    assert list(stack.services) == ["shop_a"]
    assert "User" not in container(stack)
    assert stack.services["shop_a"]["EndpointSpec"] == {}
    assert container(stack)["Labels"] == {"b": "2", "com.docker.stack.namespace": "shop"}
    assert container(stack)["Env"] == ["B=2"]
    assert container(stack)["Ulimits"] == [{"Name": "nproc", "Soft": 2, "Hard": 2}]


def test_image_of_a_later_file_replaces_a_build(loaded: Load) -> None:
    stack = loaded("services: {a: {build: .}}", "services: {a: {image: x}}")

    assert container(stack)["Image"] == "x:latest"
    assert [warning.path for warning in stack.warnings] == ["/services/a/build"]


def test_later_health_check_replaces_the_earlier_one(loaded: Load) -> None:
    stack = loaded(
        "services: {a: {image: x, healthcheck: {test: one, interval: 5s}}}", "services: {a: {healthcheck: {test: two}}}"
    )

    assert container(stack)["Healthcheck"] == {"Test": ["CMD-SHELL", "two"], "Interval": 5_000_000_000}


def test_service_extends_one_of_the_same_file(loaded: Load) -> None:
    stack = loaded(
        "services:\n"
        "  base: {image: x, environment: {A: '1', B: '2'}, labels: [l=1], tty: true, profiles: [never]}\n"
        "  a: {extends: {service: base}, environment: {B: ''}, tty: false}\n"
        "  b: {extends: a, image: y}\n"
    )

    assert list(stack.services) == ["shop_a", "shop_b"]
    assert container(stack)["Env"] == ["A=1", "B="]
    assert "TTY" not in container(stack)
    assert container(stack, "b") == {**container(stack, "a"), "Image": "y:latest"}


def test_service_extends_one_of_a_file_that_was_sent(loaded: Load) -> None:
    stack = loaded(
        "services: {a: {extends: {file: ./common/base.yml, service: web}, hostname: h}}",
        attachments={
            "./common/base.yml": b"services: {web: {image: 'x:${TAG}', env_file: ./e, volumes: ['./data:/d']}}",
            "common/e": b"A=1\n",
        },
        variables={"TAG": "7"},
        working_dir="/srv/shop",
    )

    assert container(stack)["Image"] == "x:7"
    assert container(stack)["Env"] == ["A=1"]
    assert container(stack)["Hostname"] == "h"
    assert container(stack)["Mounts"] == [{"Type": "bind", "Source": "/srv/shop/common/data", "Target": "/d"}]


def test_extending_across_files_in_a_circle_is_refused(refused: Callable[..., Any]) -> None:
    violations = refused(
        "services: {a: {image: x, extends: {file: b.yml, service: b}}}",
        attachments={
            "b.yml": b"services: {b: {extends: {file: c.yml, service: c}}}",
            "c.yml": b"services: {c: {extends: {file: ./b.yml, service: b}}}",
        },
    )

    assert "goes round in a circle" in violations[0][2]


@pytest.mark.parametrize(
    ("active", "names"),
    [
        ((), ["shop_a"]),
        (("dev",), ["shop_a", "shop_b"]),
        (("prod", "dev"), ["shop_a", "shop_b", "shop_c"]),
        (("*",), ["shop_a", "shop_b", "shop_c"]),
    ],
)
def test_service_with_profiles_is_there_while_one_is_active(
    active: tuple[str, ...], names: list[str], loaded: Load
) -> None:
    content = "services: {a: {image: x}, b: {image: x, profiles: [dev]}, c: {image: x, profiles: [prod]}}"

    assert list(loaded(content, profiles=active).services) == names


def test_name_given_for_the_stack_wins_over_the_one_in_the_file(loaded: Load) -> None:
    assert list(loaded("name: other\nservices: {a: {image: x}}").services) == ["shop_a"]
