"""Files that cannot be deployed: each problem with its path, its line and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refuse = Callable[..., list[tuple[str, int | None, str]]]

ONE_PROBLEM = {
    "broken YAML": ("services:\n\ta: {}\n", "", 2, "stack.yml cannot be read: it is not valid YAML"),
    "unknown alias": ("services:\n  a: *b\n", "", 2, "found undefined alias"),
    "not a mapping": ("- a\n", "", 1, "must be a mapping with a key `services`"),
    "nothing": ("# nothing\n", "", 1, "must be a mapping"),
    "control character": ("services: {a: {image: 'x\x00'}}", "", None, "is not valid YAML"),
    "half a character": ("services: {a: {image: '\ud800'}}", "", None, "not valid Unicode"),
    "key twice": ("services:\n  a:\n    image: x\n    image: y\n", "", 4, "`image` stands twice, first in line 3"),
    "services as a list": ("services: [a]", "/services", 1, "services must be a mapping, not a list."),
    "services without anything": ("services:\n", "/services", 1, "services must be a mapping, not nothing."),
    "binary that is none": ("services: {a: {image: !!binary ==x}}", "", 1, "`!!binary` must be base64"),
    "service as text": ("services:\n  a: x\n", "/services/a", 2, "services.a must be a mapping, not `x`."),
    "image as number": (
        "services:\n  a:\n    image: 5\n",
        "/services/a/image",
        3,
        "services.a.image must be text, not the number 5; put it in quotes.",
    ),
    "text as number": (
        "services:\n  a: {image: x, deploy: {replicas: many}}\n",
        "/services/a/deploy/replicas",
        2,
        "must be a whole number, not `many`",
    ),
    "unknown key": (
        "services:\n  a:\n    imagee: x\n    image: x\n",
        "/services/a/imagee",
        3,
        "services.a knows no key `imagee`. Did you mean `image`?",
    ),
    "unknown key inside": (
        "services:\n  a:\n    image: x\n    deploy: {replica: 2}\n",
        "/services/a/deploy/replica",
        4,
        "Did you mean `replicas`?",
    ),
    "unknown section": (
        "volums: {}\nservices: {}\n",
        "/volums",
        1,
        "The file knows no key `volums`. Did you mean `volumes`",
    ),
    "include": ("include: [a.yml]\nservices: {}\n", "/include", 1, "each with `-c`"),
    "version 1": ("web:\n  image: nginx\n", "/web", 1, "Services stand below `services`."),
    "version 2": ('version: "2.4"\nservices: {}\n', "/version", 1, "Version `2.4` of Compose files is not supported"),
    "version that is none": ('version: "3.99"\n', "/version", 1, "there are 3.0 to 3.13"),
    "version as number": ("version: 3.8\n", "/version", 1, "must be text, not the number 3.8; put it in quotes"),
    "name with a space": ("services:\n  a b: {image: x}\n", "/services/a b", 2, "`a b` is not a name"),
    "variable that is required": (
        "services:\n  a: {image: 'x:${TAG:?say which}'}\n",
        "/services/a/image",
        2,
        "the variable `TAG` is required: say which",
    ),
    "lonely dollar": ("services: {a: {image: x, user: '$5'}}", "/services/a/user", 1, "write `$$` for a dollar sign"),
    "no image": ("services:\n  a: {user: x}\n", "/services/a/image", 2, "The service `a` names no image."),
    "image that is none": ("services: {a: {image: 'http://x'}}", "/services/a/image", 1, "not a reference to an image"),
    "image in capitals": ("services: {a: {image: Foo}}", "/services/a/image", 1, "are in lower case"),
    "build": ("services:\n  a:\n    build: .\n", "/services/a/build", 3, "A Swarm builds no images"),
    "port that is none": ("services: {a: {image: x, ports: ['a:80']}}", "/services/a/ports/0", 1, "is not a port"),
    "port too high": ("services: {a: {image: x, ports: ['80:70000']}}", "/services/a/ports/0", 1, "above 65535"),
    "ranges that differ": (
        "services: {a: {image: x, ports: ['1-3:4-5']}}",
        "/services/a/ports/0",
        1,
        "different length",
    ),
    "range backwards": ("services: {a: {image: x, ports: ['5-3']}}", "/services/a/ports/0", 1, "ends before it begins"),
    "protocol": ("services: {a: {image: x, ports: ['80/icmp']}}", "/services/a/ports/0", 1, "tcp, udp and sctp"),
    "address": ("services: {a: {image: x, ports: ['a.b:80:80']}}", "/services/a/ports/0", 1, "where an address would"),
    "mount with too many colons": (
        "services: {a: {image: x, volumes: ['/a:/b:ro:rw']}}",
        "/services/a/volumes/0",
        1,
        "too many",
    ),
    "mount with a gap": (
        "services: {a: {image: x, volumes: ['/a::ro']}}",
        "/services/a/volumes/0",
        1,
        "between two colons",
    ),
    "mount of no type": (
        "services: {a: {image: x, volumes: [{type: foo, target: /x}]}}",
        "/services/a/volumes/0/type",
        1,
        "`foo` is no type of mount",
    ),
    "mount without type": (
        "services: {a: {image: x, volumes: [{target: /x}]}}",
        "/services/a/volumes/0",
        1,
        "a key `type`",
    ),
    "bind without source": (
        "services: {a: {image: x, volumes: [{type: bind}]}}",
        "/services/a/volumes/0",
        1,
        "needs a `source`",
    ),
    "options of another type": (
        "services: {a: {image: x, volumes: [{type: tmpfs, target: /x, bind: {propagation: slave}}]}}",
        "/services/a/volumes/0/bind",
        1,
        "do not go with a mount of type `tmpfs`",
    ),
    "undefined volume": (
        "services: {a: {image: x, volumes: ['data:/x']}}",
        "/services/a/volumes/0",
        1,
        "`data` is not defined",
    ),
    "undefined network": (
        "services: {a: {image: x, networks: [n]}}",
        "/services/a/networks/n",
        1,
        "`n` is not defined",
    ),
    "undefined config": ("services: {a: {image: x, configs: [c]}}", "/services/a/configs/0", 1, "`c` is not defined"),
    "undefined secret": ("services: {a: {image: x, secrets: [c]}}", "/services/a/secrets/0", 1, "`c` is not defined"),
    "config without content": ("configs:\n  c: {name: x}\n", "/configs/c", 2, "needs `file`, `environment`, `content`"),
    "config with two contents": ("configs:\n  c: {file: x, content: y}\n", "/configs/c", 2, "use one of them"),
    "secret from no variable": ("secrets: {s: {environment: X}}", "/secrets/s/environment", 1, "`X`, which holds"),
    "two names of an external": (
        "configs: {c: {external: {name: a}, name: b}}",
        "/configs/c/external",
        1,
        "use `name` only",
    ),
    "external volume with driver": (
        "volumes: {v: {external: true, driver: d}}",
        "/volumes/v/driver",
        1,
        "exists already",
    ),
    "one target twice": (
        "configs: {c: {content: x}, d: {content: y}}\nservices: {a: {image: x, configs: [c, {source: d, target: c}]}}",
        "/services/a/configs/1",
        2,
        "mounted as `c`",
    ),
    "config that is too large": (
        f"configs: {{c: {{content: '{'x' * 1_024_001}'}}}}",
        "/configs/c",
        1,
        "the Engine takes 1,024,000",
    ),
    "unknown mode": ("services: {a: {image: x, deploy: {mode: foo}}}", "/services/a/deploy/mode", 1, "no mode `foo`"),
    "replicas of a global service": (
        "services: {a: {image: x, deploy: {mode: global, replicas: 2}}}",
        "/services/a/deploy/replicas",
        1,
        "runs on every node",
    ),
    "negative replicas": (
        "services: {a: {image: x, deploy: {replicas: -1}}}",
        "/services/a/deploy/replicas",
        1,
        "less than 0",
    ),
    "number that is too large": (
        "services: {a: {image: x, deploy: {replicas: 99999999999999999999}}}",
        "/services/a/deploy/replicas",
        1,
        "must not be more than",
    ),
    "unknown order": (
        "services: {a: {image: x, deploy: {update_config: {order: foo}}}}",
        "/services/a/deploy/update_config/order",
        1,
        "one of `start-first`, `stop-first`, not `foo`",
    ),
    "duration that is none": (
        "services: {a: {image: x, stop_grace_period: 1d}}",
        "/services/a/stop_grace_period",
        1,
        "`1m30s`",
    ),
    "size that is none": (
        "services: {a: {image: x, deploy: {resources: {limits: {memory: x}}}}}",
        "/services/a/deploy/resources/limits/memory",
        1,
        "must be a size",
    ),
    "processors too exact": (
        "services: {a: {image: x, deploy: {resources: {limits: {cpus: 1/3}}}}}",
        "/services/a/deploy/resources/limits/cpus",
        1,
        "at most nine decimals",
    ),
    "quote that is open": ('services: {a: {image: x, command: "echo \'x"}}', "/services/a/command", 1, "is not closed"),
    "health check both ways": (
        "services: {a: {image: x, healthcheck: {disable: true, test: x}}}",
        "/services/a/healthcheck/disable",
        1,
        "either disabled or has a test",
    ),
    "restart policy": ("services: {a: {image: x, restart: maybe}}", "/services/a/restart", 1, "no restart policy"),
    "two credential specs": (
        "services: {a: {image: x, credential_spec: {file: a, registry: b}}}",
        "/services/a/credential_spec",
        1,
        "`file` and `registry`",
    ),
    "platform": ("services: {a: {image: x, platform: arm}}", "/services/a/platform", 1, "such as `linux/arm64`"),
    "extends in a circle": (
        "services:\n  a: {image: x, extends: b}\n  b: {extends: a}\n",
        "/services/b/extends",
        3,
        "goes round in a circle: a → b → a",
    ),
    "extends nothing": ("services: {a: {image: x, extends: z}}", "/services/a/extends", 1, "There is no service `z`"),
    "env file that was not sent": (
        "services: {a: {image: x, env_file: ./e}}",
        "/services/a/env_file/0",
        1,
        "`./e` was not sent",
    ),
    "config file that was not sent": (
        "configs: {c: {file: ../c}}",
        "/configs/c/file",
        1,
        "`../c` was not sent; send it along",
    ),
    "extended file that was not sent": (
        "services: {a: {extends: {file: /etc/x.yml, service: a}, image: x}}",
        "/services/a/extends/file",
        1,
        "`/etc/x.yml` was not sent",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_problem_is_told_with_its_place(name: str, refused: Refuse) -> None:
    content, pointer, line, words = ONE_PROBLEM[name]

    violations = refused(content)

    assert [(path, where) for path, where, _ in violations] == [(pointer, line)]
    assert words in violations[0][2]


def test_everything_wrong_is_told_at_once(refused: Refuse) -> None:
    violations = refused(
        "services:\n"
        "  a:\n"
        "    image: 5\n"
        "    ports: ['x']\n"
        "    networks: [nowhere]\n"
        "  b b: {image: x}\n"
        "  c:\n"
        "    image: 'x:${TAG:?}'\n"
        "    stop_grace_period: soon\n"
        "configs:\n"
        "  c: {file: ./c}\n"
    )

    assert {(path, line) for path, line, _ in violations} == {
        ("/services/a/image", 3),
        ("/services/a/ports/0", 4),
        ("/services/a/networks/nowhere", 5),
        ("/services/b b", 6),
        ("/services/c/image", 8),
        ("/services/c/stop_grace_period", 9),
        ("/configs/c/file", 11),
    }


def test_each_violation_names_its_file(requested: Callable[..., Any], refused: Refuse) -> None:
    from crane_core.orchestration.stacks.formats import InvalidStackFile, load

    with pytest.raises(InvalidStackFile) as caught:
        load(requested("services: {a: {image: x}}", "services:\n  a: {imag: y}\n"))

    assert [(each.file, each.line) for each in caught.value.violations] == [("override.yml", 2)]
    assert caught.value.code == "invalid-stack-file"
    assert caught.value.status == 422


@pytest.mark.parametrize("name", ["", "a b", "-a", "a-", "../a", "a/b", "ä", "a.b"])
def test_stack_name_that_is_none_is_refused(name: str, refused: Refuse) -> None:
    assert [path for path, _, _ in refused("services: {a: {image: x}}", name=name)] == ["/name"]


def test_file_of_five_megabytes_is_refused_with_a_sentence(refused: Refuse) -> None:
    violations = refused("# " + "x" * 5_000_000)

    assert violations == [
        ("", None, "stack.yml cannot be read: it has 5,000,002 bytes, and at most 1,048,576 are taken.")
    ]


def test_alias_bomb_is_refused(refused: Refuse) -> None:
    layers = [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]

    violations = refused("\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *layers]))

    assert "unfold to more than 150,000 values" in violations[0][2]


def test_alias_inside_what_it_stands_for_is_refused(refused: Refuse) -> None:
    assert "an alias stands inside what it stands for" in refused("services: {a: &x {image: y, labels: *x}}")[0][2]


@pytest.mark.parametrize("content", ["[" * 100_000, "{" * 5000, "- " * 100_000])
def test_deep_nesting_is_refused_and_does_not_crash(content: str, refused: Refuse) -> None:
    assert "nested more than 64 levels deep" in refused(content)[0][2]


def test_variable_bomb_is_refused(refused: Refuse) -> None:
    content = "services: {a: {image: x, labels: {a: '" + "$A " * 1000 + "'}}}"

    assert "more text than is taken" in refused(content, variables={"A": "x" * 100_000})[0][2]


def test_a_thousand_problems_are_told_in_part(refused: Refuse) -> None:
    services = "".join(f"  s{number}: {{imagee: x}}\n" for number in range(1000))

    assert len(refused(f"services:\n{services}")) == 200


def test_long_text_is_told_in_part(refused: Refuse) -> None:
    assert len(refused(f"services: {{a: {{image: x, stop_grace_period: {'x' * 100_000}}}}}")[0][2]) < 600


def test_key_that_is_a_number_is_told_by_its_name(refused: Refuse) -> None:
    assert refused("services:\n  1: {image: 5}\n")[0][:2] == ("/services/1/image", 2)


def test_env_file_with_a_bad_line_is_refused_without_its_text(refused: Refuse) -> None:
    content = "services: {a: {image: x, env_file: e}}"

    violations = refused(content, attachments={"e": b"A=1\nmy secret word\n"})

    assert [path for path, _, _ in violations] == ["/services/a/env_file/0"]
    assert "in line 2" in violations[0][2]
    assert "secret" not in violations[0][2]


def test_port_published_twice_is_refused(refused: Refuse) -> None:
    within = refused("services:\n  a:\n    image: x\n    ports:\n      - 80:80\n      - 80:81\n")
    across = refused("services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:8080']}\n")

    assert within[0][:2] == ("/services/a/ports/1", 6)
    assert "by the same service already" in within[0][2]
    assert across[0][:2] == ("/services/b/ports/0", 3)
    assert "by the service `a` already" in across[0][2]


def test_port_published_twice_by_variables_is_a_warning(loaded: Callable[..., Any]) -> None:
    stack = loaded("services: {a: {image: x, ports: ['${P}:80', '${P}:81']}}", variables={"P": "8080"})

    assert [warning.path for warning in stack.warnings] == ["/services/a/ports/1"]
    assert len(stack.services["shop_a"]["EndpointSpec"]["Ports"]) == 2


def test_port_in_host_mode_may_be_published_by_several_services(loaded: Callable[..., Any]) -> None:
    port = "ports: [{target: 80, published: 80, mode: host}]"

    assert len(loaded(f"services: {{a: {{image: x, {port}}}, b: {{image: x, {port}}}}}").services) == 2


def test_value_of_a_variable_that_looks_secret_is_not_quoted(refused: Refuse) -> None:
    content = "services: {web: {image: nginx, ports: ['${DB_PASSWORD}'], deploy: {replicas: '${COUNT}'}}}"

    told = refused(content, variables={"DB_PASSWORD": "marker", "COUNT": "many"})

    assert {pointer for pointer, _, _ in told} == {"/services/web/ports/0", "/services/web/deploy/replicas"}
    assert "marker" not in repr(told)
    assert "(hidden)" in repr(told)
    assert "many" in repr(told)
