"""What an operator says of a directory."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from crane_core.contributions import Setting
from crane_core.errors import SetupError
from crane_core.settings import Settings

SETTINGS = (
    Setting("ldap.url", str, "", "The directory, as in ldaps://ldap.example.com; nobody logs in by LDAP when empty."),
    Setting("ldap.title", str, "LDAP", "What people choose to log in by it."),
    Setting("ldap.start_tls", bool, True, "With ldap://, begin TLS before anything else is said."),
    Setting(
        "ldap.plain_text",
        bool,
        False,
        "Speak without TLS with another machine; whoever listens on the way then reads passwords.",
    ),
    Setting("ldap.tls_ca", str, "", "File of the authorities that sign its certificate; those of the system if empty."),
    Setting("ldap.bind_dn", str, "", "Who looks people up, as in cn=crane,dc=example,dc=com; anybody when empty."),
    Setting("ldap.bind_password", str, "", "The password of who looks people up.", secret=True),
    Setting("ldap.base", str, "", "Below what people are looked up, as in ou=people,dc=example,dc=com."),
    Setting(
        "ldap.user_filter",
        str,
        "(&(objectClass=person)(uid={name}))",
        "Finds somebody by the name that they log in with, which stands for {name}.",
    ),
    Setting("ldap.subject_attribute", str, "entryUUID", "What somebody is known by for good; objectGUID in AD."),
    Setting("ldap.name_attribute", str, "uid", "What their account is called; sAMAccountName in AD."),
    Setting("ldap.display_name_attribute", str, "cn", "Their name among people."),
    Setting("ldap.email_attribute", str, "mail", "Their address."),
    Setting("ldap.group_base", str, "", "Below what groups are looked up; groups are left alone when empty."),
    Setting(
        "ldap.group_filter",
        str,
        "(&(objectClass=groupOfNames)(member={dn}))",
        "Finds the groups of somebody, whose DN stands for {dn} and whose name for {name}.",
    ),
    Setting("ldap.group_name_attribute", str, "cn", "What a group is called."),
    Setting(
        "ldap.groups",
        list,
        [],
        "Which group there is which here, as in Swarm Operators=operators; those of the same name when empty.",
    ),
    Setting("ldap.connect_seconds", float, 5.0, "How long it may take to reach the directory, in seconds."),
    Setting("ldap.answer_seconds", float, 10.0, "How long each answer of the directory may take, in seconds."),
)
_PORTS = {"ldap": 389, "ldaps": 636}
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;.-]*|[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True)
class Options:
    """Everything that is said of a directory.

    :param tls: ``ldaps`` from the first byte, ``start`` after the first message, or none.
    :param groups: Groups here by the lower-case names of those there; those of the same name when empty.
    """

    host: str
    port: int
    tls: str
    tls_ca: str
    bind_dn: str
    bind_password: str = field(repr=False)
    base: str
    user_filter: str
    subject_attribute: str
    name_attribute: str
    display_name_attribute: str
    email_attribute: str
    group_base: str
    group_filter: str
    group_name_attribute: str
    groups: Mapping[str, frozenset[str]]
    connect_seconds: float
    answer_seconds: float

    @property
    def where(self) -> str:
        """The directory as people are told of it."""
        return f"{self.host}:{self.port}"


def read_options(settings: Settings) -> Options | None:
    """Return what is said of the directory, None where there is none.

    :raises SetupError: when it cannot work like this.
    """
    url = str(settings["ldap.url"])
    if not url:
        return None
    scheme, host, port = _read_url(url)
    tls = "ldaps" if scheme == "ldaps" else "start" if settings["ldap.start_tls"] else ""
    if not tls and not settings["ldap.plain_text"] and not _is_here(host):
        raise SetupError(
            "With ldap:// and without ldap.start_tls, passwords would cross the network in plain text. Use ldaps://, "
            "or set ldap.plain_text = true if you want that."
        )
    if bool(settings["ldap.bind_dn"]) != bool(settings["ldap.bind_password"]):
        raise SetupError("Set both ldap.bind_dn and ldap.bind_password, or none of them.")
    if not settings["ldap.base"]:
        raise SetupError("Set ldap.base: below what people are looked up.")
    _check_filter("ldap.user_filter", str(settings["ldap.user_filter"]), ("{name}",))
    _check_filter("ldap.group_filter", str(settings["ldap.group_filter"]), ("{dn}", "{name}"))
    authorities = str(settings["ldap.tls_ca"])
    if authorities and not Path(authorities).is_file():
        raise SetupError(f"ldap.tls_ca names {authorities}, which is no file.")
    names = ("subject", "name", "display_name", "email", "group_name")
    attributes = {f"{name}_attribute": str(settings[f"ldap.{name}_attribute"]) for name in names}
    for name, attribute in attributes.items():
        if not _ATTRIBUTE.fullmatch(attribute):
            raise SetupError(f"ldap.{name} is no attribute of a directory: {attribute!r}.")
    return Options(
        host,
        port,
        tls,
        authorities,
        bind_dn=str(settings["ldap.bind_dn"]),
        bind_password=str(settings["ldap.bind_password"]),
        base=str(settings["ldap.base"]),
        user_filter=str(settings["ldap.user_filter"]),
        group_base=str(settings["ldap.group_base"]),
        group_filter=str(settings["ldap.group_filter"]),
        groups=_read_groups(settings["ldap.groups"]),
        connect_seconds=_read_seconds(settings, "ldap.connect_seconds"),
        answer_seconds=_read_seconds(settings, "ldap.answer_seconds"),
        **attributes,
    )


def _read_url(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
        parts = urlsplit("")
    if scheme not in _PORTS or not host or parts.path not in ("", "/") or parts.query or parts.username is not None:
        # What it says is not repeated: it may hold a password.
        raise SetupError("ldap.url is no address of a directory; it looks like ldaps://ldap.example.com:636.")
    return scheme, host, port or _PORTS[scheme]


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_filter(name: str, text: str, placeholders: tuple[str, ...]) -> None:
    if not any(placeholder in text for placeholder in placeholders):
        raise SetupError(f"{name} must hold {' or '.join(placeholders)}, otherwise it finds the same for everybody.")
    if not text.startswith("(") or text.count("(") != text.count(")"):
        raise SetupError(f"{name} is no filter; it looks like (&(objectClass=person)(uid={{name}})).")


def _read_groups(pairs: list[str]) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for there, here in _split(pairs):
        found[there.lower()] = found.get(there.lower(), frozenset()) | {here}
    return found


def _split(pairs: list[str]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        # Names of groups here have no equals sign, those of a directory may.
        there, sign, here = (part.strip() for part in pair.rpartition("="))
        if not sign or not there or not here:
            raise SetupError(f"ldap.groups says {pair!r}; write a group of the directory, =, and the group here.")
        yield there, here


def _read_seconds(settings: Settings, name: str) -> float:
    seconds = float(settings[name])
    if not 0 < seconds <= 60:
        raise SetupError(f"{name} must be more than 0 and at the most 60.")
    return seconds
