"""A proxy in front of the server: whose address a request has, and who the caller is if it has authenticated them.

From any other address the header is not looked at: who can reach the server past the proxy could be anybody by it.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from crane_accounts import identity_of, provide_account

from crane_core.context import Crane
from crane_core.errors import SetupError, Unauthenticated

if TYPE_CHECKING:
    from flask import Request

    from crane_core.security import Identity

SOURCE = "proxy"


class Proxy:
    """The room of one server that believes a proxy."""

    KEPT = 1000

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._header = str(crane.settings["auth.proxy_header"])
        self._groups_header = str(crane.settings["auth.proxy_groups_header"])
        self._networks = [_read_network(text) for text in crane.settings["auth.proxy_addresses"]]
        if self._header and not self._networks:
            raise SetupError(
                "auth.proxy_header is set, but auth.proxy_addresses names no proxy that is believed. Name its address."
            )
        self._known: OrderedDict[tuple[str, str | None], tuple[int, Identity]] = OrderedDict()
        self._lock = threading.Lock()

    def identify(self, request: Request) -> Identity | None:
        """Return whom a proxy vouches for; None where no proxy that is believed says anything.

        :raises Unauthenticated: when their account is disabled.
        """
        if not self._header or not self._is_believed(request.remote_addr or ""):
            return None
        # Two of one header are joined by a comma; one of them may be the caller's own.
        if not (name := request.headers.get(self._header, "").strip()) or "," in name:
            return None
        groups = request.headers.get(self._groups_header) if self._groups_header else None
        version = self._crane.rights.version
        with self._lock:
            known = self._known.get((name, groups))
        if known is not None and known[0] == version:
            return known[1]
        identity = _provide(name, groups)
        with self._lock:
            self._known[name, groups] = version, identity
            while len(self._known) > self.KEPT:
                self._known.popitem(last=False)
        return identity

    def address_of(self, request: Request) -> str:
        """Return the address that a request comes from: what a proxy that is believed says, else the connection's.

        Each proxy adds whom it was asked by; what stands before the first that is not believed could be made up.
        """
        address = request.remote_addr or ""
        for told in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
            if not self._is_believed(address) or not _is_address(told.strip()):
                break
            address = told.strip()
        return address

    def _is_believed(self, address: str) -> bool:
        try:
            told = ipaddress.ip_address(address)
        except ValueError:
            return False
        told = getattr(told, "ipv4_mapped", None) or told
        return any(told in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _provide(name: str, groups: str | None) -> Identity:
    named = None if groups is None else [group.strip() for group in groups.split(",") if group.strip()]
    account = provide_account(SOURCE, name, name, groups=named)
    identity = identity_of(account.id)
    if identity is None:
        raise Unauthenticated(f"The account {account.name} is disabled.")
    return replace(identity, details={**identity.details, "method": SOURCE})


def _read_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise SetupError(f"auth.proxy_addresses: {text} is no address and no network, as in 10.0.0.0/8.") from error
