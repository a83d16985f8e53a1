"""What changes between two specs, and whether tasks restart: laws, and outcomes recorded on a real Engine 20.10."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crane_core.orchestration.stacks.diff import (
    FieldChange,
    diff,
    moves_tasks,
    normalise,
    redact,
    restarts_tasks,
    settle,
)

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> list[Any]:
    cases = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
    return [pytest.param(case, id=case["case"]) for case in cases]


def spec(*, task: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    return {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx", **container}, **(task or {})}}


def paths(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [change.path for change in diff(old, new)]


@pytest.mark.parametrize("case", recorded("engine_20_10_created.jsonl"))
def test_what_was_sent_equals_what_the_engine_gives_back(case: dict[str, Any]) -> None:
    assert diff(case["sent"], case["read"]) == []
    assert not restarts_tasks(case["read"], case["sent"])


@pytest.mark.parametrize("case", recorded("engine_20_10_updates.jsonl"))
def test_tasks_restart_exactly_when_they_did_on_the_engine(case: dict[str, Any]) -> None:
    told = restarts_tasks(case["old"], case["new"])

    if case["case"].endswith("constraint unfit"):
        assert not told
        assert moves_tasks(case["old"], case["new"])
    else:
        assert told == case["restarts"]
    assert diff(case["new"], case["read"]) == []
    assert not restarts_tasks(case["new"], case["read"])


@pytest.mark.parametrize("case", recorded("engine_20_10_updates.jsonl"))
def test_a_settled_spec_means_the_same_and_restarts_nothing_in_vain(case: dict[str, Any]) -> None:
    settled = settle(case["new"], case["old"])

    assert diff(case["new"], settled) == []
    if diff(case["old"], case["new"]) == []:
        assert not restarts_tasks(case["old"], settled)


def test_only_a_label_changes_although_the_rest_is_worded_differently() -> None:
    live = {**spec(), "Labels": {"a": "1"}}
    desired = spec(task={"Resources": {}, "RestartPolicy": {"Condition": "any"}}, Privileges={})
    desired["Labels"] = {"a": "2"}

    assert paths(live, desired) == ["/Labels/a"]
    assert restarts_tasks(live, desired)
    assert not restarts_tasks(live, settle(desired, live))


def test_a_placement_is_emptied_and_never_taken_away() -> None:
    live = spec(task={"Placement": {"Constraints": ["node.role == manager"]}})

    assert settle(spec(), live)["TaskTemplate"]["Placement"] == {}


def test_a_forced_update_is_kept_when_something_else_changes() -> None:
    live = spec(task={"ForceUpdate": 4})

    assert diff(live, spec()) == []
    assert settle(spec(Image="nginx:2"), live)["TaskTemplate"]["ForceUpdate"] == 4
    assert paths(live, spec(task={"ForceUpdate": 5})) == ["/TaskTemplate/ForceUpdate"]


def test_items_are_named_by_their_keys() -> None:
    old = spec(Env=["TAG=1", "KEPT=x"], Mounts=[{"Type": "volume", "Source": "a", "Target": "/data"}])
    new = spec(Env=["KEPT=x", "TAG=2", "NEW="], Mounts=[{"Type": "volume", "Source": "b", "Target": "/data"}])
    new["EndpointSpec"] = {"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]}

    assert diff(old, new) == [
        FieldChange(
            "/EndpointSpec/Ports/8080:80~1tcp",
            None,
            {"TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp", "PublishMode": "ingress"},
        ),
        FieldChange("/TaskTemplate/ContainerSpec/Env/NEW", None, ""),
        FieldChange("/TaskTemplate/ContainerSpec/Env/TAG", "1", "2"),
        FieldChange("/TaskTemplate/ContainerSpec/Mounts/~1data/Source", "a", "b"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (spec(Env=["A=1", "B=2"]), spec(Env=["B=2", "A=0", "A=1"])),
        (spec(CapabilityAdd=["NET_ADMIN"]), spec(CapabilityAdd=["CAP_NET_ADMIN"])),
        (spec(StopGracePeriod=10_000_000_000), spec()),
        (spec(task={"Placement": {"Constraints": ["node.role==manager"]}}),
         spec(task={"Placement": {"Constraints": ["node.role == manager"]}})),
        ({**spec(), "Networks": [{"Target": "n"}]}, spec(task={"Networks": [{"Target": "n"}]})),
        ({**spec(), "UpdateConfig": None}, {**spec(), "UpdateConfig": {"Parallelism": 1}}),
    ],
)  # fmt: skip
def test_other_words_for_the_same_are_no_change(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert diff(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (spec(), spec(Init=False), "/TaskTemplate/ContainerSpec/Init"),
        (spec(), spec(StopGracePeriod=0), "/TaskTemplate/ContainerSpec/StopGracePeriod"),
        (spec(), spec(task={"RestartPolicy": {"Delay": 0}}), "/TaskTemplate/RestartPolicy/Delay"),
        (spec(), {**spec(), "UpdateConfig": {}}, "/UpdateConfig/Parallelism"),
        (spec(), {**spec(), "Labels": {"empty": ""}}, "/Labels/empty"),
        (spec(), {**spec(), "Mode": {"Replicated": {"Replicas": 0}}}, "/Mode/Replicated/Replicas"),
        (spec(), spec(Command=[""]), "/TaskTemplate/ContainerSpec/Command"),
        (spec(Env=["A"]), spec(Env=["A="]), "/TaskTemplate/ContainerSpec/Env/A"),
        (spec(Env=["A"]), spec(), "/TaskTemplate/ContainerSpec/Env"),
    ],
)
def test_little_that_means_something_is_a_change(old: dict[str, Any], new: dict[str, Any], path: str) -> None:
    assert paths(old, new) == [path]


def test_secret_looking_values_are_hidden_and_their_change_stays_visible() -> None:
    old = spec(Env=["DB_PASSWORD=marker-old", "URL=postgres://u:marker-old@db/x", "PASSWORD_FILE=/run/a", "TAG=1"])
    new = spec(Env=["DB_PASSWORD=marker-new", "URL=postgres://u:marker-new@db/x", "PASSWORD_FILE=/run/b", "TAG=2"])

    shown = redact(diff(old, new))

    assert "marker" not in repr(shown)
    assert [change.path.rpartition("/")[2] for change in shown] == ["DB_PASSWORD", "PASSWORD_FILE", "TAG", "URL"]
    assert shown[0].new == "(hidden) changed"
    assert (shown[3].old, shown[3].new) == ("postgres://u:(hidden)@db/x", "postgres://u:(hidden) changed@db/x")
    assert (shown[2].old, shown[2].new) == ("1", "2")


def test_hidden_argument_that_changes_is_told_from_the_others() -> None:
    old = spec(Args=["--password", "marker-old", "--token=marker", "-v"])
    new = spec(Args=["--password", "marker-new", "--token=marker", "-v"])

    [shown] = redact(diff(old, new))

    assert shown.old == ["--password", "(hidden)", "--token=(hidden)", "-v"]
    assert shown.new == ["--password", "(hidden) changed", "--token=(hidden)", "-v"]


def test_names_of_secrets_are_shown() -> None:
    new = spec(Secrets=[{"SecretName": "shop_db_password", "SecretID": "1", "File": {"Name": "db_password"}}])
    old = spec(Secrets=[{"SecretName": "shop_db_password.1", "SecretID": "0", "File": {"Name": "db_password"}}])

    assert [change.new for change in redact(diff(old, new))] == ["1", "shop_db_password"]


def test_secrets_inside_commands_and_options_are_hidden() -> None:
    old = spec()
    new = spec(
        Args=["--password", "marker", "--token=marker", "--verbose"],
        Mounts=[
            {"Target": "/m", "VolumeOptions": {"DriverConfig": {"Options": {"o": "username=u,password=marker"}}}},
        ],
    )
    new["TaskTemplate"]["LogDriver"] = {"Name": "splunk", "Options": {"splunk-token": "marker"}}

    shown = json.dumps([change.to_json() for change in redact(diff(old, new))])

    assert "marker" not in shown
    assert "--verbose" in shown


# Deeply nested examples take long to draw on a busy machine, which says nothing about what is tested.
unhurried = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.sampled_from(["A", "B", "PATH", "x/y", "~z"])
texts = st.text(max_size=3)
numbers = st.sampled_from([0, 1, 2, 5_000_000_000, 10_000_000_000])


def maybe(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in members.items()})


specs = maybe(
    Name=texts,
    Labels=st.dictionaries(names, texts, max_size=2),
    Mode=maybe(Replicated=maybe(Replicas=numbers), Global=st.just({}), ReplicatedJob=maybe(MaxConcurrent=numbers)),
    UpdateConfig=maybe(Parallelism=numbers, Delay=numbers, Monitor=numbers, Order=st.sampled_from(["", "stop-first"])),
    EndpointSpec=maybe(
        Mode=st.sampled_from(["vip", "dnsrr"]),
        Ports=st.lists(maybe(TargetPort=numbers, PublishedPort=numbers, Protocol=st.sampled_from(["tcp", "udp"]))),
    ),
    TaskTemplate=maybe(
        ContainerSpec=maybe(
            Image=texts,
            Env=st.lists(st.tuples(names, texts).map("=".join) | names, max_size=4),
            Init=st.booleans(),
            StopGracePeriod=numbers,
            Mounts=st.lists(maybe(Target=names, Source=texts, Type=st.sampled_from(["bind", "volume"])), max_size=3),
            CapabilityAdd=st.lists(st.sampled_from(["NET_ADMIN", "CAP_NET_ADMIN", "ALL"])),
        ),
        RestartPolicy=maybe(Condition=st.sampled_from(["any", "none"]), Delay=numbers, MaxAttempts=numbers),
        Placement=maybe(Constraints=st.lists(st.sampled_from(["a==b", "a == b", "a!=b"]))),
        Networks=st.lists(maybe(Target=names, Aliases=st.lists(names)), max_size=2),
        ForceUpdate=numbers,
    ),
)


@unhurried
@given(specs)
def test_normalising_twice_changes_nothing_more(any_spec: dict[str, Any]) -> None:
    assert normalise(normalise(any_spec)) == normalise(any_spec)


@unhurried
@given(specs)
def test_normalising_leaves_the_spec_alone(any_spec: dict[str, Any]) -> None:
    before = copy.deepcopy(any_spec)
    normalise(any_spec)
    assert any_spec == before


@unhurried
@given(specs)
def test_nothing_differs_from_itself(any_spec: dict[str, Any]) -> None:
    assert diff(any_spec, any_spec) == []
    assert not restarts_tasks(any_spec, any_spec)


@unhurried
@given(specs, specs)
def test_changes_are_found_exactly_when_the_normal_forms_differ(old: dict[str, Any], new: dict[str, Any]) -> None:
    # One that says nothing of it keeps what there is.
    new = {**new, "TaskTemplate": {**(new.get("TaskTemplate") or {}), "ForceUpdate": 7}}
    assert (diff(old, new) == []) == (normalise(old) == normalise(new))


@unhurried
@given(specs, specs)
def test_settling_keeps_the_meaning(desired: dict[str, Any], live: dict[str, Any]) -> None:
    assert diff(desired, settle(desired, live)) in ([], diff({}, {"TaskTemplate": {"ForceUpdate": forced(live)}}))


def forced(any_spec: dict[str, Any]) -> int:
    return int((any_spec.get("TaskTemplate") or {}).get("ForceUpdate") or 0)
