"""Asking a directory who somebody is: looked up by one who may, and then bound as themselves."""

from __future__ import annotations

import contextlib
import logging
import math
import ssl
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from crane_auth import Outside

from crane_core.context import Crane
from crane_ldap.errors import DirectoryUnavailable
from crane_ldap.settings import Options, read_options

with warnings.catch_warnings():
    # The last release of ldap3 uses names that pyasn1 has given up since.
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3 import NONE, SIMPLE, SUBTREE, SYNC, Connection, Server, Tls
    from ldap3.core import results
    from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
    from ldap3.utils.conv import escape_filter_chars

log = logging.getLogger(__name__)

# Nobody has longer ones, and a directory need not be asked.
LONGEST_NAME = 256
LONGEST_PASSWORD = 1024
PAGE = 500
# What a directory answers when it does not let somebody in; everything else says that it cannot be asked now.
_NOT_LET_IN = frozenset(
    {
        results.RESULT_INVALID_CREDENTIALS,
        results.RESULT_INAPPROPRIATE_AUTHENTICATION,
        results.RESULT_CONSTRAINT_VIOLATION,
        results.RESULT_INSUFFICIENT_ACCESS_RIGHTS,
        results.RESULT_UNWILLING_TO_PERFORM,
        results.RESULT_NO_SUCH_OBJECT,
    }
)
Entry = Mapping[str, Any]


class VerifiedTls(Tls):  # type: ignore[misc]
    """TLS as Python itself does it: ldap3 looks at names of certificates in ways that newer Pythons lack."""

    def __init__(self, authorities: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=authorities or None)

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        """Begin TLS on a connection, with whoever has a certificate of its name."""
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


class Lookup:
    """The room of one server that asks its directory."""

    def __init__(self, crane: Crane) -> None:
        options = read_options(crane.settings)
        if options is None:
            raise DirectoryUnavailable("Nobody logs in by LDAP here: ldap.url is not set.")
        self.directory = Directory(options)


class Directory:
    """A directory that people are in."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._server = Server(
            options.host,
            options.port,
            use_ssl=options.tls == "ldaps",
            tls=VerifiedTls(options.tls_ca) if options.tls else None,
            get_info=NONE,
            connect_timeout=options.connect_seconds,
        )

    def check(self, name: str, password: str) -> Outside | None:
        """Tell who logs in with a name and a password, None when they are nobody's.

        :raises DirectoryUnavailable: when the directory cannot be asked.
        """
        # A directory takes a DN without a password for anybody at all, and lets them in.
        if not name or not password or len(name) > LONGEST_NAME or len(password) > LONGEST_PASSWORD:
            return None
        if "\0" in name or "\0" in password:
            return None
        options = self._options
        with self._asking() as searching:
            self._demand(searching, "look people up", self._bind_as_searcher(searching))
            person = self._find_person(searching, name)
            with self._asking() as trying:
                # Somebody unknown takes as long as somebody known.
                let_in = self._let_in(trying, person["dn"] if person else options.base, password)
            if person is None or not let_in:
                return None
            return self._describe(searching, person, name)

    # Speaking with it

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """Have a connection, safe from listeners where that is asked for."""
        options = self._options
        try:
            connection = Connection(
                self._server,
                authentication=None,
                client_strategy=SYNC,
                # A referral would send the password to whatever server an entry names.
                auto_referrals=False,
                read_only=True,
                check_names=False,
                raise_exceptions=False,
                # The kernel is told whole seconds.
                receive_timeout=math.ceil(options.answer_seconds),
            )
            try:
                connection.open()
                if options.tls == "start" and not connection.start_tls():
                    raise self._unavailable("it does not begin TLS", connection)
                yield connection
            finally:
                _close(connection)
        except LDAPInvalidFilterError as error:
            detail = "A filter in the settings of LDAP is none. Tell whoever runs the server."
            raise DirectoryUnavailable(detail) from error
        except (LDAPException, OSError) as error:
            # Its text may quote what was sent.
            log.warning("The directory at %s cannot be asked: %s", options.where, type(error).__name__)
            raise DirectoryUnavailable(
                f"The directory at {options.where} does not answer ({type(error).__name__}). Try again, or log in "
                "otherwise."
            ) from None

    def _bind_as_searcher(self, connection: Connection) -> bool:
        options = self._options
        if not options.bind_dn:
            return bool(connection.bind())
        return self._bind(connection, options.bind_dn, options.bind_password)

    @staticmethod
    def _bind(connection: Connection, dn: str, password: str) -> bool:
        return bool(connection.rebind(user=dn, password=password, authentication=SIMPLE))

    def _let_in(self, connection: Connection, dn: str, password: str) -> bool:
        if self._bind(connection, dn, password):
            return True
        if connection.result["result"] not in _NOT_LET_IN:
            raise self._unavailable("it does not say whether the password is right", connection)
        return False

    def _demand(self, connection: Connection, what: str, done: bool) -> None:
        if not done:
            raise self._unavailable(f"it does not let Crane {what}", connection)

    def _unavailable(self, why: str, connection: Connection) -> DirectoryUnavailable:
        said = str((connection.result or {}).get("description", "no answer"))
        log.warning("The directory at %s cannot be used: %s (%s)", self._options.where, why, said)
        return DirectoryUnavailable(
            f"The directory at {self._options.where} cannot be used: {why} ({said}). Tell whoever runs the server, or "
            "log in otherwise."
        )

    # Asking it

    def _find_person(self, connection: Connection, name: str) -> Entry | None:
        options = self._options
        wanted = {
            options.subject_attribute,
            options.name_attribute,
            options.display_name_attribute,
            options.email_attribute,
        }
        connection.search(
            options.base,
            options.user_filter.replace("{name}", escape_filter_chars(name)),
            SUBTREE,
            attributes=sorted(wanted),
            size_limit=2,
        )
        status = connection.result["result"]
        if status not in (results.RESULT_SUCCESS, results.RESULT_SIZE_LIMIT_EXCEEDED):
            raise self._unavailable("it does not look people up", connection)
        found = _entries(connection.response)
        if len(found) > 1:
            log.warning("Several entries are called as somebody who logs in by LDAP; ldap.user_filter must find one.")
            return None
        return found[0] if found else None

    def _describe(self, connection: Connection, person: Entry, typed: str) -> Outside:
        options = self._options
        subject = _identify(person, options.subject_attribute)
        name = _first(person, options.name_attribute)
        if not subject or not name:
            missing = options.name_attribute if subject else options.subject_attribute
            raise DirectoryUnavailable(
                f"The directory does not tell the {missing} of {typed}, by which Crane would know them. Tell whoever "
                "runs the server."
            )
        groups = self._find_groups(connection, str(person["dn"]), name)
        return Outside(
            subject,
            name,
            _first(person, options.display_name_attribute),
            _first(person, options.email_attribute),
            groups,
        )

    def _find_groups(self, connection: Connection, dn: str, name: str) -> frozenset[str] | None:
        options = self._options
        if not options.group_base:
            return None
        asked = options.group_filter.replace("{dn}", escape_filter_chars(dn))
        answered = connection.extend.standard.paged_search(
            options.group_base,
            asked.replace("{name}", escape_filter_chars(name)),
            SUBTREE,
            attributes=[options.group_name_attribute],
            paged_size=PAGE,
            generator=False,
        )
        if connection.result["result"] != results.RESULT_SUCCESS:
            # Nobody loses their groups because the directory has trouble.
            raise self._unavailable("it does not look groups up", connection)
        there = {_first(entry, options.group_name_attribute) for entry in _entries(answered)} - {""}
        if not options.groups:
            return frozenset(there)
        return frozenset(here for group in there for here in options.groups.get(group.lower(), ()))


def _close(connection: Connection) -> None:
    """Take leave of the directory; of one that has gone already too, whose connection ldap3 would leave open."""
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()
    if connection.socket is not None:
        with contextlib.suppress(OSError):
            connection.socket.close()


def _entries(answered: Sequence[Entry] | None) -> list[Entry]:
    """Return the entries of an answer, without what only points to other servers."""
    return [each for each in answered or () if each.get("type") == "searchResEntry"]


def _values(entry: Entry, attribute: str) -> list[bytes]:
    wanted = attribute.lower()
    raw: Mapping[str, Sequence[bytes]] = entry["raw_attributes"]
    return [value for name, values in raw.items() if name.lower() == wanted for value in values]


def _first(entry: Entry, attribute: str) -> str:
    values = _values(entry, attribute)
    return values[0].decode("utf-8", "replace").strip() if values else ""


def _identify(entry: Entry, attribute: str) -> str:
    """Return what somebody is known by for good, as text."""
    values = _values(entry, attribute)
    if not values:
        return ""
    value = values[0]
    if attribute.lower() == "objectguid" and len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
