"""What cannot be deployed: a clear answer, and nothing changed."""

from __future__ import annotations

import threading
import time

import pytest

from crane_core.orchestration.operations.operations import Operations


@pytest.fixture
def refuse(client, body, swarm):
    """Send a stack file to be deployed; returns what is wrong with it, having seen that nothing changed."""

    def act(content, *, status=422, name="shop", **members):
        answer = client.put(f"/api/v1/stacks/{name}", json=body(content, **members))
        assert answer.status_code == status, answer.json
        assert answer.mimetype == "application/problem+json"
        assert swarm.writes == []
        return answer.json.get("errors", [])

    return act


def test_broken_yaml_is_told_with_its_line(refuse):
    [error] = refuse("services:\n  web:\n    image: [nginx\n")

    assert error["file"] == "stack.yml"
    assert error["line"] in (3, 4)


def test_everything_wrong_is_told_at_once_with_lines(refuse):
    errors = refuse("services:\n  web:\n    image: 5\n    imaeg: nginx\n    deploy:\n      replicas: many\n")

    assert {error["pointer"]: error["line"] for error in errors} == {
        "/services/web/image": 3,
        "/services/web/imaeg": 4,
        "/services/web/deploy/replicas": 6,
    }


def test_unknown_key_is_refused_with_the_nearest_one(refuse):
    [error] = refuse("services: {web: {image: nginx, enviroment: {}}}")

    assert "environment" in error["detail"]


def test_missing_variable_is_told_in_the_files_own_words(refuse):
    [error] = refuse("services: {web: {image: 'nginx:${TAG:?say which}'}}")

    assert "TAG" in error["detail"]
    assert "say which" in error["detail"]


def test_huge_file_is_refused_at_once(refuse):
    begun = time.thread_time()

    refuse("services: {web: {image: nginx}}\nx-much: '" + "a" * 5_000_000 + "'")

    assert time.thread_time() - begun < 5


def test_file_of_five_megabytes_of_services_is_refused_at_once(refuse):
    begun = time.thread_time()

    refuse("services:\n" + "".join(f"  web{number}: {{image: nginx}}\n" for number in range(200_000)))

    assert time.thread_time() - begun < 5


def test_request_beyond_the_limit_is_refused(client, swarm, crane):
    limit = crane.settings["server.max_request_mib"] * 1024 * 1024

    answer = client.put("/api/v1/stacks/shop", data=b" " * (limit + 1), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert swarm.writes == []


def test_bomb_of_aliases_is_refused_at_once(refuse):
    lines = ["x-a0: &a0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    begun = time.thread_time()

    refuse("\n".join([*lines, "services: {web: {image: nginx, labels: *a29}}"]))

    assert time.thread_time() - begun < 5


def test_service_that_extends_itself_is_refused(refuse):
    errors = refuse("services:\n  a: {extends: {service: b}}\n  b: {image: nginx, extends: {service: a}}")

    assert errors


@pytest.mark.parametrize("name", ["two words", "-shop", "shop.", "a" * 64, "sh%C3%B6p"])
def test_name_of_a_stack_with_other_characters_is_refused(refuse, name):
    [error] = refuse("services: {web: {image: nginx}}", name=name)

    assert error["pointer"] == "/name"


def test_name_of_a_service_with_a_space_is_refused(refuse):
    [error] = refuse("services: {'two words': {image: nginx}}")

    assert error["line"] == 1


def test_port_that_two_services_of_a_file_publish_is_refused(refuse):
    errors = refuse("services: {a: {image: nginx, ports: ['80:80']}, b: {image: nginx, ports: ['80:80']}}")

    assert len(errors) == 1
    assert "80" in errors[0]["detail"]


def test_port_of_another_stack_is_refused_with_its_line(client, body, swarm):
    content = "services:\n  web:\n    image: nginx\n    ports:\n      - '80:80'\n"
    client.put("/api/v1/stacks/one", json=body(content))
    written = len(swarm.writes)

    answer = client.put("/api/v1/stacks/two", json=body(content))

    assert (answer.status_code, answer.json["code"]) == (422, "plan-refused")
    [error] = answer.json["errors"]
    assert "one_web" in error["detail"]
    assert (error["pointer"], error["line"]) == ("/services/web/ports", 4)
    assert len(swarm.writes) == written


def test_missing_external_network_is_refused_with_its_line(refuse):
    [error] = refuse("services: {web: {image: nginx, networks: [front]}}\nnetworks:\n  front: {external: true}\n")

    assert (error["pointer"], error["line"]) == ("/networks/front", 3)
    assert "docker network create" in error["detail"]


@pytest.mark.parametrize("kind", ["configs", "secrets"])
def test_missing_external_content_is_refused(refuse, kind):
    [error] = refuse(f"services: {{web: {{image: nginx, {kind}: [app]}}}}\n{kind}: {{app: {{external: true}}}}")

    assert error["pointer"] == f"/{kind}/app"


@pytest.mark.parametrize("path", ["../../etc/hostname", "/etc/hostname", "./not-sent"])
def test_file_that_was_not_sent_is_asked_for_and_never_read(refuse, path):
    [error] = refuse(f"services: {{web: {{image: nginx, configs: [app]}}}}\nconfigs: {{app: {{file: {path}}}}}")

    assert path in error["detail"]


def test_variables_of_the_server_are_none_of_the_files(refuse, monkeypatch):
    monkeypatch.setenv("TAG", "of-the-server")

    [error] = refuse("services: {web: {image: 'nginx:${TAG?}'}}")

    assert "of-the-server" not in error["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"files": []},
        {"files": "services: {}"},
        {"files": [{"name": "a.yml"}]},
        {"files": [{"name": "a.yml", "content": 5}]},
        {"files": [{"name": "a.yml", "content": "services: {}"}], "variables": {"A": 1}},
        {"files": [{"name": "a.yml", "content": "services: {}"}], "colour": "blue"},
        {"files": [{"name": "a.yml", "content": ""}], "attachments": {"./a": {"content": "!", "encoding": "base64"}}},
        {"files": [{"name": "a.yml", "content": "services: {}"}], "timeout": 0},
    ],
)  # fmt: skip
def test_request_of_the_wrong_shape_is_refused(client, swarm, sent):
    answer = client.put("/api/v1/stacks/shop", json=sent)

    assert answer.status_code == 422, answer.json
    assert answer.json["errors"]
    assert swarm.writes == []


def test_broken_json_is_refused(client, swarm):
    answer = client.put("/api/v1/stacks/shop", data=b"{", headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
    assert swarm.writes == []


def test_three_hundred_services_are_deployed(client, body, swarm):
    content = "services:\n" + "".join(f"  web{number}: {{image: 'nginx:1'}}\n" for number in range(300))

    answer = client.put("/api/v1/stacks/shop", json=body(content))

    assert answer.status_code == 202
    assert len(swarm.services) == 300


def test_second_deployment_waits_its_turn_while_the_first_is_sent(crane, client, body, swarm):
    entered, go_on = threading.Event(), threading.Event()
    handle = swarm.handle

    def hold(method, path, *rest):
        if path.endswith("/services/create") and not entered.is_set():
            entered.set()
            go_on.wait(60)
        return handle(method, path, *rest)

    swarm.handle = hold
    answers = []
    other = client.application.test_client()
    other.environ_base.update(client.environ_base)
    first = threading.Thread(target=lambda: answers.append(other.put("/api/v1/stacks/shop", json=body())))
    first.start()
    assert entered.wait(60)
    planned = client.post("/api/v1/stacks/shop/plan", json=body("services: {web: {image: 'nginx:2'}}")).json

    second = client.put("/api/v1/stacks/shop", json=body("services: {web: {image: 'nginx:2'}}"))
    applied = client.post(f"/api/v1/plans/{planned['id']}/apply")
    go_on.set()
    first.join(60)

    assert (second.status_code, second.json["code"]) == (409, "deployment-in-progress")
    assert applied.json["code"] in ("deployment-in-progress", "plan-outdated")
    assert [answer.status_code for answer in answers] == [202]
    assert swarm.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:1"
    assert len(crane.room(Operations).all()) == 1
