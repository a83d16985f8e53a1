from __future__ import annotations

import base64
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crane_core.contributions import RegistryLogin
from crane_core.engine.client import Engine
from crane_core.engine.connection import encode_login
from crane_core.engine.errors import (
    AnswerUnreadable,
    InUse,
    InvalidSpec,
    NameTaken,
    NotAManager,
    Outdated,
    PortTaken,
    shorten,
)
from crane_core.errors import Conflict, EngineError, EngineUnavailable, NotFound, SetupError

# Status and message as Engines of several ages answer; the first of each kind was taken from a 20.10.
REFUSALS = [
    (404, "service web not found", NotFound),
    (500, "rpc error: code = NotFound desc = service abc not found", NotFound),
    (409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service web", NameTaken),
    (409, "network with name shop_default already exists", NameTaken),
    (409, "something else", Conflict),
    (500, "rpc error: code = Unknown desc = update out of sequence", Outdated),
    (500, "rpc error: code = Unknown desc = can't find manager in raft memberlist", Conflict),
    (400, "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component", InvalidSpec),
    (500, "rpc error: code = InvalidArgument desc = bad", InvalidSpec),
    (400, "rpc error: code = InvalidArgument desc = secret 'k' is in use by the following service: web", InUse),
    (400, "rpc error: code = FailedPrecondition desc = network n is in use by service s", InUse),
    (400, "rpc error: code = InvalidArgument desc = port '80' is already in use by service 'x' (y)", PortTaken),
    (503, 'This node is not a swarm manager. Use "docker swarm init"', NotAManager),
    (500, "something broke", EngineError),
]


@pytest.mark.parametrize(("status", "message", "kind"), REFUSALS)
def test_each_refusal_of_the_engine_becomes_an_error_of_ours(wire, engine, status, message, kind):
    wire.answers["GET", "/services/web"] = (status, {"message": message})

    with pytest.raises(kind) as caught:
        engine.inspect("service", "web")

    assert type(caught.value) is kind
    assert "rpc error" not in str(caught.value)


def test_wrapping_is_left_out_of_a_message_however_deep_it_is():
    assert shorten("rpc error: code = Unknown desc = rpc error: code = Aborted desc = no leader") == "no leader"


def test_an_engine_error_keeps_the_status_that_the_engine_answered(wire, engine):
    wire.answers["GET", "/info"] = (500, {"message": "disk full"})

    with pytest.raises(EngineError, match="disk full") as caught:
        engine.info()

    assert caught.value.engine_status == 500


def test_a_refusal_that_is_no_json_is_told_as_it_is(wire, engine):
    wire.answers["GET", "/info"] = (502, b"<html>Bad gateway</html>")

    with pytest.raises(EngineError, match="Bad gateway"):
        engine.info()


def test_an_answer_that_cannot_be_read_is_an_error_of_the_engine(wire, engine):
    wire.answers["GET", "/services"] = (200, b'[{"ID": 5}]')
    wire.answers["GET", "/info"] = (200, b"[]")
    wire.answers["GET", "/tasks"] = (200, b'[{"ID": "x", "Ver')

    for ask in (engine.services, engine.info, engine.tasks):
        with pytest.raises(AnswerUnreadable):
            ask()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (requests.ConnectionError(ConnectionRefusedError(111, "Connection refused")), "Connection refused"),
        (requests.ReadTimeout(), "did not answer within 30 s"),
        (requests.ConnectTimeout(), "does not answer"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_unavailable_with_the_reason(wire, engine, failure, words):
    wire.broken = failure

    with pytest.raises(EngineUnavailable, match=words):
        engine.services()


def test_the_version_of_the_api_is_the_engines_own_up_to_what_crane_knows(wire, engine):
    wire.api_version = "1.99"
    wire.answers["GET", "/v1.51/info"] = (200, {"Name": "new"})

    assert engine.info() == {"Name": "new"}


def test_an_engine_that_is_too_old_is_named_with_what_is_needed(wire, engine):
    wire.api_version = "1.40"

    with pytest.raises(EngineError, match=r"API 1\.40; Crane needs 1\.41"):
        engine.services()


def test_the_version_is_asked_again_after_the_engine_was_gone(wire, engine):
    engine.ping()
    wire.broken = requests.ConnectionError()
    with pytest.raises(EngineUnavailable):
        engine.info()
    wire.broken, wire.api_version = None, "1.43"
    wire.answers["GET", "/v1.43/info"] = (200, {"Name": "upgraded"})

    assert engine.info() == {"Name": "upgraded"}


def test_making_an_engine_sends_nothing(wire, engine):
    assert wire.requests == []


def test_services_are_asked_for_with_their_counts(wire, engine):
    wire.fill()

    names = {service.name for service in engine.services()}

    assert "shop_web" in names
    assert parse_qs(urlsplit(wire.requests[-1].url).query) == {"status": ["true"]}


def test_asking_for_no_services_in_particular_sends_nothing(wire, engine):
    assert engine.services(ids=[]) == []
    assert engine.tasks(service_ids=[]) == []
    assert wire.requests == []


def test_a_credential_travels_in_one_header_only(wire, engine, caplog):
    caplog.set_level(logging.DEBUG)
    wire.answers["POST", "/services/create"] = (500, {"message": "no"})
    login = RegistryLogin("ghcr.io", "ann", "s3cr3t?>")

    with pytest.raises(EngineError) as caught:
        engine.create("service", {"Name": "web"}, registry_auth=login)

    header = wire.requests[-1].headers["X-Registry-Auth"]
    content = {"username": "ann", "password": "s3cr3t?>", "serveraddress": "ghcr.io"}
    assert json.loads(base64.urlsafe_b64decode(header)) == content
    assert "s3cr3t" not in caplog.text + repr(engine) + str(caught.value) + repr(login)
    assert header not in caplog.text
    assert b"s3cr3t" not in wire.requests[-1].body


def test_a_credential_for_the_hub_is_filed_under_its_old_address():
    header = encode_login(RegistryLogin("docker.io", "ann", "x"))

    assert json.loads(base64.urlsafe_b64decode(header))["serveraddress"] == "https://index.docker.io/v1/"


def test_creating_gives_the_id_whatever_the_engine_calls_it(wire, engine):
    wire.answers["POST", "/services/create"] = (201, {"ID": "s1"})
    wire.answers["POST", "/networks/create"] = (201, {"Id": "n1", "Warning": ""})

    assert engine.create("service", {"Name": "web"}) == "s1"
    assert engine.create("network", {"Name": "front"}) == "n1"


def test_an_old_engine_is_told_not_to_make_two_networks_of_one_name(wire, engine):
    wire.answers["POST", "/networks/create"] = (201, {"Id": "n1"})
    engine.create("network", {"Name": "front"})

    assert json.loads(wire.requests[-1].body) == {"Name": "front", "CheckDuplicate": True}


def test_an_update_names_its_version_and_gives_the_warnings(wire, engine):
    wire.answers["POST", "/services/s1/update"] = (200, {"Warnings": ["unable to pin image"]})

    warnings = engine.update("service", "s1", 7, {"Name": "web"}, registry_auth_from="previous-spec")

    assert warnings == ["unable to pin image"]
    query = parse_qs(urlsplit(wire.requests[-1].url).query)
    assert query == {"version": ["7"], "registryAuthFrom": ["previous-spec"]}


def test_a_rollback_asks_the_engine_for_the_previous_spec(wire, engine):
    wire.answers["POST", "/services/s1/update"] = (200, {"Warnings": None})

    assert engine.update("service", "s1", 7, {}, rollback=True) == []
    assert "rollback=previous" in wire.requests[-1].url


def test_an_update_of_a_config_answers_with_nothing(wire, engine):
    wire.answers["POST", "/configs/c1/update"] = (200, b"")

    assert engine.update("config", "c1", 7, {}) == []


@pytest.mark.parametrize("name", ["../info", "a/b", "a b", "a?x=1", "a#b", "%2e%2e"])
def test_a_name_cannot_lead_to_another_path(wire, engine, name):
    wire.answers["GET", "/info"] = (200, {"Name": "leaked"})
    wire.lists = {}

    with pytest.raises(EngineError):
        engine.inspect("service", name)

    path = urlsplit(wire.requests[-1].url).path
    assert path.startswith("/v1.41/services/")
    assert path.count("/") == 3


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_is_part_of_the_path_is_nobodys(wire, engine, name):
    with pytest.raises(NotFound):
        engine.inspect("service", name)
    assert wire.requests == []


def test_the_digest_of_an_image_is_looked_up_through_the_engine(wire, engine):
    path = "/distribution/ghcr.io/team/shop:1/json"
    wire.answers["GET", path] = (200, {"Descriptor": {"digest": "sha256:ab"}})

    assert engine.distribution("ghcr.io/team/shop:1") == "sha256:ab"


SETTINGS = {
    "engine.url": "",
    "engine.tls_ca": "",
    "engine.tls_certificate": "",
    "engine.tls_key": "",
    "engine.timeout_seconds": 5.0,
}


def test_the_engine_is_found_as_the_docker_command_line_finds_it():
    assert Engine.from_settings(SETTINGS, {}).url == "unix:///var/run/docker.sock"
    assert Engine.from_settings(SETTINGS, {"DOCKER_HOST": "tcp://10.0.0.1:2375"}).url == "tcp://10.0.0.1:2375"


def test_a_setting_wins_over_the_variable():
    settings = {**SETTINGS, "engine.url": "unix:///run/other.sock"}

    assert Engine.from_settings(settings, {"DOCKER_HOST": "tcp://10.0.0.1:2375"}).url == "unix:///run/other.sock"


def test_half_a_set_of_certificates_stops_the_start():
    settings = {**SETTINGS, "engine.url": "tcp://10.0.0.1:2376", "engine.tls_ca": "/ca.pem"}

    with pytest.raises(SetupError, match=r"engine\.tls_key"):
        Engine.from_settings(settings, {})


@pytest.mark.parametrize("url", ["10.0.0.1:2375", "tcp://", "ftp://x", "ssh://"])
def test_an_address_that_is_none_stops_the_start(url):
    with pytest.raises(SetupError, match="no address of a Docker Engine"):
        Engine(url)
