"""Registry logins are read where docker keeps them, and only those that the images need are sent."""

from __future__ import annotations

import base64
import json

import pytest
from crane_cli.registries import registry_of


@pytest.fixture
def docker(home, shop, monkeypatch):
    """Write docker's settings, and have the server ask for these images."""
    folder = home / ".docker"
    folder.mkdir()

    def write(settings, *images):
        (folder / "config.json").write_text(settings if isinstance(settings, str) else json.dumps(settings))
        needs = {"format": "compose", "variables": [], "paths": [], "images": list(images)}
        shop.plays("POST", "stack-files/inspect", needs)

    return write


def auth(user, password):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def deploy(crane, shop, *options):
    result = crane("stack", "plan", "-c", "stack.yml", *options, "shop")
    plans = shop.sent("POST", "stacks/shop/plan")
    return result, plans[-1].body["registry_logins"] if plans else None


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "docker.io"),
        ("library/nginx:1", "docker.io"),
        ("index.docker.io/a/b", "docker.io"),
        ("ghcr.io/a/b@sha256:00", "ghcr.io"),
        ("localhost/a", "localhost"),
        ("host:5000/a", "host:5000"),
    ],
)
def test_registry_of_an_image(image, registry):
    assert registry_of(image) == registry


def test_logins_of_the_images_registries_are_sent_and_no_others(crane, shop, docker):
    auths = {
        "https://index.docker.io/v1/": auth("hub", "p:1"),
        "ghcr.io": {"username": "me", "password": "p2"},
        "quay.io": auth("not", "asked-for"),
    }
    docker({"auths": auths}, "nginx:1", "ghcr.io/a/b", "example.org/public")

    _, logins = deploy(crane, shop, "--with-registry-auth")

    assert logins == {
        "docker.io": {"username": "hub", "password": "p:1"},
        "ghcr.io": {"username": "me", "password": "p2"},
    }
    assert all("asked-for" not in str(request.body) for request in shop.requests)


def test_without_the_option_no_login_is_read(crane, shop, docker):
    docker("this is broken", "nginx")

    result, logins = deploy(crane, shop)

    assert (result.exit_code, logins) == (0, {})


def test_helper_is_asked_on_standard_input(crane, shop, docker, tmp_path, monkeypatch):
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        "#!/bin/sh\nread registry\n"
        '[ "$registry" = ghcr.io ] || { echo "credentials not found in native store"; exit 1; }\n'
        'echo "{\\"Username\\": \\"$1\\", \\"Secret\\": \\"$#\\"}"\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    docker({"credsStore": "test"}, "nginx", "ghcr.io/a/b")

    _, logins = deploy(crane, shop, "--with-registry-auth")

    assert logins == {"ghcr.io": {"username": "get", "password": "1"}}


def test_identity_token_is_left_out_and_told(crane, shop, docker):
    docker({"auths": {"ghcr.io": {**auth("me", ""), "identitytoken": "hunter2"}}}, "ghcr.io/a/b")

    result, logins = deploy(crane, shop, "--with-registry-auth")

    assert logins == {}
    assert "The login for ghcr.io is an identity token" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ({"credsStore": "is-not-installed"}, "docker-credential-is-not-installed, which is not installed"),
        ({"credsStore": "../../bin/sh"}, "that is no program's name"),
        ({"auths": {"ghcr.io": {"auth": "%%%"}}}, "Docker's login for ghcr.io is broken"),
    ],
)
def test_broken_settings_are_told_and_nothing_is_deployed(crane, shop, docker, settings, said):
    docker(settings, "ghcr.io/a/b")

    result, logins = deploy(crane, shop, "--with-registry-auth")

    assert (result.exit_code, logins, said in result.stderr) == (2, None, True)
