"""Find this machine's registry logins, where docker keeps them.

They are in docker's ``config.json``: as they are, or behind a helper program that is named there and answers on
standard output. Nothing is looked up but what the images of the stack need, and nothing appears in a command line.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from crane_cli.errors import WrongUse

HUB = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"
HELPER_SECONDS = 30
# A helper that keeps a token in place of a password says so by this name.
TOKEN_USER = "<token>"  # noqa: S105 - a user's name, not a token


def find_logins(images: Iterable[str], warn: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """Return the logins for the registries of these images, as ``{"ghcr.io": {"username", "password"}}``.

    A registry without a login is left out: its images may be public.

    :param warn: Told of a login that cannot be handed on.
    :raises WrongUse: Docker's file is broken, or a helper is missing or fails.
    """
    settings = read_docker_settings()
    found: dict[str, dict[str, str]] = {}
    for registry in sorted({registry_of(image) for image in images}):
        login = _find_login(settings, registry)
        if login is None:
            continue
        if not login.get("password") or login.get("username") == TOKEN_USER:
            warn(
                f"The login for {registry} is an identity token, which cannot be handed on. "
                f"Log in with an access token as password: docker login {registry}"
            )
            continue
        found[registry] = login
    return found


def registry_of(image: str) -> str:
    """Return the address of an image's registry, as docker reads a reference."""
    first, slash, _ = image.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        return HUB
    return HUB if first == "index.docker.io" else first


def read_docker_settings() -> Mapping[str, Any]:
    """Read docker's ``config.json`` from ``DOCKER_CONFIG`` or ``~/.docker``; empty where there is none."""
    path = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise WrongUse(f"{path} is no JSON, so that no registry login can be read.") from error
    if not isinstance(settings, dict):
        raise WrongUse(f"{path} is no JSON object, so that no registry login can be read.")
    return settings


def _find_login(settings: Mapping[str, Any], registry: str) -> dict[str, str] | None:
    keys = [registry, f"https://{registry}", f"http://{registry}"]
    if registry == HUB:
        keys = [HUB_KEY, HUB, "index.docker.io"]
    helpers = settings.get("credHelpers") or {}
    for key in keys:
        if helper := helpers.get(key) or settings.get("credsStore"):
            login = _ask_helper(str(helper), key)
            if login is not None:
                return login
    return next((login for key in keys if (login := _read_login(settings, key)) is not None), None)


def _read_login(settings: Mapping[str, Any], key: str) -> dict[str, str] | None:
    auths = settings.get("auths") or {}
    entry = auths.get(key) or auths.get(f"{key}/") or {}
    if entry.get("identitytoken"):
        return {"username": TOKEN_USER, "password": ""}
    if entry.get("username") and entry.get("password"):
        return {"username": str(entry["username"]), "password": str(entry["password"])}
    if not entry.get("auth"):
        return None
    try:
        username, colon, password = base64.b64decode(entry["auth"], validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, TypeError) as error:
        raise WrongUse(f"Docker's login for {key} is broken; log in again with: docker login {key}") from error
    return {"username": username, "password": password.rstrip("\0")} if colon else None


def _ask_helper(helper: str, key: str) -> dict[str, str] | None:
    program = f"docker-credential-{helper}"
    if not re.fullmatch(r"[A-Za-z0-9._-]+", helper):
        raise WrongUse(f"Docker's settings name a credential helper that is no program's name: {helper}")
    try:
        answer = subprocess.run(  # noqa: S603 - a list of arguments; the name was checked above
            [program, "get"], input=key, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise WrongUse(f"Docker's settings name {program}, which is not installed.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrongUse(f"{program} does not answer.") from error
    if answer.returncode != 0:
        told = f"{answer.stdout} {answer.stderr}".strip()
        if "not found" in told:
            return None
        raise WrongUse(f"{program} failed for {key}: {told.splitlines()[0] if told else 'it said nothing'}")
    try:
        told_login = json.loads(answer.stdout)
        return {"username": str(told_login["Username"]), "password": str(told_login["Secret"])}
    except (ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{program} did not answer with a login for {key}.") from error
