from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import msgspec
import pytest

from crane_core.engine import decode
from crane_core.engine.records import Service, parse_time, time_key


@pytest.fixture
def services(data):
    return {service.name: service for service in decode.decode_services((data / "services.json").read_bytes())}


@pytest.fixture
def tasks(data):
    return decode.decode_tasks((data / "tasks.json").read_bytes())


def test_a_service_tells_what_people_ask_of_it(services):
    web = services["shop_web"]

    assert (web.stack, web.image, web.mode, web.replicas) == ("shop", "lab/web:v1", "replicated", 2)
    assert (web.tasks_running, web.tasks_desired, web.settled) == (1, 2, False)
    assert [(port.PublishedPort, port.PublishMode) for port in web.ports] == [(8080, "host")]
    assert web.spec.TaskTemplate.Placement.Constraints == ("node.role == manager",)


def test_the_mode_of_each_service_is_told_in_the_words_of_the_command_line(services):
    assert services["shop_all"].mode == "global"
    assert services["batch"].mode == "replicated-job"
    assert services["shop_lost"].mode == "replicated"


def test_a_job_is_settled_when_all_of_it_has_completed(services):
    assert services["batch"].is_job
    assert services["batch"].settled


def test_a_spec_is_given_back_byte_for_byte(data):
    raw = (data / "services.json").read_bytes()
    originals = {one["ID"]: one for one in json.loads(raw)}

    for service in decode.decode_services(raw):
        assert json.loads(bytes(service.Spec)) == originals[service.id]["Spec"]
        assert json.loads(msgspec.json.encode(service))["Spec"] == originals[service.id]["Spec"]


@pytest.mark.parametrize("name", ["services", "nodes", "networks", "secrets"])
def test_an_encoded_record_says_nothing_that_the_engine_did_not(data, name):
    raw = (data / f"{name}.json").read_bytes()

    records = getattr(decode, f"decode_{name}")(raw)

    for original, record in zip(json.loads(raw), json.loads(msgspec.json.encode(records)), strict=True):
        _assert_part(record, original)


def test_an_encoded_task_says_nothing_that_the_engine_did_not(data, tasks):
    originals = json.loads((data / "tasks.json").read_bytes())

    for original, task in zip(originals, json.loads(msgspec.json.encode(tasks)), strict=True):
        _assert_part(task, original)


def _assert_part(part, whole):
    if isinstance(part, dict):
        assert isinstance(whole, dict)
        for name, value in part.items():
            _assert_part(value, whole.get(name))
    elif isinstance(part, list):
        for one, other in zip(part, whole, strict=True):
            _assert_part(one, other)
    else:
        assert part == whole


def test_a_failed_task_tells_its_error_and_exit_code(tasks):
    failed = next(task for task in tasks if task.state == "failed")
    rejected = next(task for task in tasks if task.state == "rejected")
    running = next(task for task in tasks if task.state == "running")
    pending = next(task for task in tasks if task.state == "pending")

    assert (failed.error, failed.exit_code, failed.ended) == ("task: non-zero exit (3)", 3, True)
    # A task that was rejected never had a container, so that its exit code of 0 means nothing.
    assert (rejected.error, rejected.exit_code) == ("No such image: lab/nothere:1", None)
    assert (running.error, running.exit_code, running.ended) == (None, None, False)
    assert pending.error.startswith("no suitable node")


def test_tasks_of_one_service_share_their_spec(data):
    one = json.loads((data / "tasks.json").read_bytes())[0]
    raw = json.dumps([one, {**one, "ID": "another"}]).encode()

    first, second = decode.decode_tasks(raw)

    assert first.Spec is second.Spec
    assert first.ServiceID is second.ServiceID


def test_what_is_null_is_taken_as_nothing():
    raw = b'[{"ID":"a","Version":{"Index":1},"CreatedAt":"","UpdatedAt":"","Spec":{"Name":"x","Labels":null,"TaskTemplate":{"Placement":{"Constraints":null},"Networks":null},"Mode":{},"EndpointSpec":{"Ports":null}},"Endpoint":{"Ports":null}}]'  # noqa: E501

    (service,) = decode.decode_services(raw)

    assert (dict(service.labels), service.stack, service.ports) == ({}, None, ())
    assert decode.decode_tasks(b"null") == []


def test_a_service_does_not_keep_the_list_that_it_came_in(data):
    raw = (data / "services.json").read_bytes()
    before = sys.getrefcount(raw)

    services = decode.decode_services(raw)

    assert services
    assert sys.getrefcount(raw) == before


def test_a_config_is_known_by_the_hash_of_its_content(data):
    (config,) = decode.decode_configs((data / "configs.json").read_bytes())

    assert config.name == "shop_motd"
    assert config.digest == decode.digest_of(b"hello\n")
    assert b"aGVsbG8K" not in msgspec.json.encode(config)


def test_a_time_is_read_to_the_microsecond_and_the_zero_time_is_none():
    assert parse_time("2026-11-23T07:53:27.570512528Z") == datetime(2026, 11, 23, 7, 53, 27, 570513, tzinfo=UTC)
    assert parse_time("0001-01-01T00:00:00Z") is None
    assert parse_time("") is None


def test_times_sort_although_the_engine_leaves_out_zeros_at_their_end():
    earlier, later = "2026-11-23T07:53:27.5Z", "2026-11-23T07:53:27.57Z"

    assert time_key("2026-11-23T07:53:27Z") < time_key(earlier) < time_key(later)
    assert later < earlier


def test_a_service_without_counts_says_none_run():
    raw = b'{"ID":"a","Version":{"Index":1},"CreatedAt":"","UpdatedAt":"","Spec":{"Name":"x"}}'

    service: Service = decode.decode_service(raw)

    assert (service.tasks_running, service.tasks_desired, service.update_state) == (0, 0, None)
