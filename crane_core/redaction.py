"""Values that must not be shown: which ones look secret, and what is shown in their place.

Crane never knows for sure that a variable holds a password. It goes by the name of the variable, as whoever wrote the
stack file chose it, and by credentials that stand inside a value (``postgres://user:password@db``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HIDDEN = "(hidden)"
# Members of the Engine's JSON whose names look secret, but that hold names and ids of secrets and configs.
_HARMLESS = frozenset({"CredentialSpec", "SecretID", "SecretName", "SecretReference", "Secrets"})

_WORDS = frozenset({"auth", "cred", "creds", "dsn", "key", "keys", "pass", "psk", "pw", "pwd", "salt"})
_PARTS = ("accesskey", "apikey", "authorization", "credential", "passphrase", "passw", "privatekey", "secret", "token")
# A name that ends like this says where the secret is, not what it is.
_WHEREABOUTS = frozenset({"file", "path", "dir", "url_file"})
_PUBLIC = frozenset({"public"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IN_URL = re.compile(r"(://[^\s:/?#@]*:)([^\s/?#]+)(?=@)")
# With the first a machine joins a Swarm, the second unlocks a manager.
_OF_SWARM = re.compile(r"\bSW(?:MTKN|MKEY)-[0-9]+-[A-Za-z0-9+/=-]+")
# A name is looked at from its beginning only and never given back: a long word would take the square of its length.
# What the Engine says there is no such secret as is a name.
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9_.-])(?<!No such )([A-Za-z0-9_.-]++)([\"']?(?:=|: ?))"
    r"(\"[^\"]*\"|'[^']*'|(?:(?i:basic|bearer) )?[^\s,;&\"']+)"
)


def looks_secret(name: str) -> bool:
    """Tell whether a variable, label or option of this name may hold a secret.

    >>> looks_secret("DB_PASSWORD"), looks_secret("apiKey"), looks_secret("DB_PASSWORD_FILE"), looks_secret("KEYBOARD")
    (True, True, False, False)
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _WHEREABOUTS or _PUBLIC.intersection(words):
        return False
    joined = "".join(words)
    return not _WORDS.isdisjoint(words) or any(part in joined for part in _PARTS) or joined.endswith(("pass", "pwd"))


def holds_secret(text: str) -> bool:
    """Tell whether a credential stands inside a text."""
    return hide_inside(text) != text


def hide_inside(text: str) -> str:
    """Hide the credentials that stand inside a text: in addresses, keys of a Swarm, after ``password=`` and the like.

    >>> hide_inside('GET https://ann:s3cret@registry.example failed, {"token": "abc def"}, retries=3')
    'GET https://ann:(hidden)@registry.example failed, {"token": (hidden)}, retries=3'
    """
    hidden = _OF_SWARM.sub(HIDDEN, _IN_URL.sub(lambda found: f"{found[1]}{HIDDEN}", text))
    return _ASSIGNED.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}" if looks_secret(found[1]) else found[0], hidden)


def hide(name: str, value: Any) -> Any:
    """Return what may be shown of a value of this name, whatever its shape."""
    if isinstance(value, str):
        return HIDDEN if value and looks_secret(name) else hide_inside(value)
    if isinstance(value, Mapping):
        return {key: hide(str(key), inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return _hide_list(value)
    return value


def hide_variables(variables: Iterable[str]) -> list[str]:
    """Return variables as ``NAME=value`` with the secret-looking values hidden."""
    shown = []
    for variable in variables:
        name, sign, value = variable.partition("=")
        shown.append(f"{name}{sign}{hide(name, value)}")
    return shown


def hide_arguments(command: str) -> str:
    """Hide the passwords in a command that is written as one text, after their options too.

    >>> hide_arguments("serve --password hunter2 --url https://ann:hunter2@db")
    'serve --password (hidden) --url https://ann:(hidden)@db'
    """
    return " ".join(_hide_list(command.split(" ")))


def _hide_list(items: Sequence[Any]) -> list[Any]:
    """Hide inside the items of a list; the argument after ``--password`` is hidden too."""
    shown: list[Any] = []
    before = ""
    for item in items:
        follows_option = isinstance(item, str) and before.startswith("-") and "=" not in before and looks_secret(before)
        shown.append(HIDDEN if follows_option else hide("", item))
        before = item if isinstance(item, str) else ""
    return shown


def redact(value: Any, name: str = "") -> Any:
    """Hide every secret in a value of the Engine's JSON, whatever its shape.

    Hidden are values whose name looks secret, variables of a list called ``Env``, arguments after an option that looks
    secret, the ``Data`` of configs and secrets, and credentials inside texts.
    """
    if name == "Data" and value:
        return HIDDEN
    if name == "Env" and isinstance(value, Sequence) and not isinstance(value, str):
        return hide_variables(str(variable) for variable in value)
    if isinstance(value, Mapping):
        # What is called JoinTokens holds a token under the name of each role.
        secret = looks_secret(name) and name not in _HARMLESS
        return {
            key: redact(inner, name if secret and isinstance(inner, str) else str(key)) for key, inner in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if any(isinstance(item, str) for item in value):
            return _hide_list(value)
        return [redact(item) for item in value]
    return value if name in _HARMLESS else hide(name, value)
