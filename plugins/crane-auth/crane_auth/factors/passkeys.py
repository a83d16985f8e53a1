"""Passkeys: security keys and other authenticators of WebAuthn, as a second factor or in place of a password.

A passkey belongs to the address that the panel was opened at: the name of the host is what it is bound to, so that a
page elsewhere cannot ask for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from crane_accounts import Account, account_by_id
from crane_database import answering, delete, select, session, update

from crane_auth import challenges
from crane_auth.clock import Clock
from crane_auth.digests import is_id, make_id
from crane_auth.errors import PasskeyNotFound, WrongPasskey
from crane_auth.factors import operations as factors
from crane_auth.models import PasskeyRow
from crane_core.context import Crane
from crane_core.events import Event

REGISTER = "passkey-new"
ALONE = "passkey-alone"


@dataclass(frozen=True)
class Site:
    """What passkeys are bound to.

    :param origin: Scheme, host and port, as a browser says them.
    """

    origin: str

    @property
    def id(self) -> str:
        """The host, by which authenticators know it."""
        return urlsplit(self.origin).hostname or ""

    @property
    def is_usable(self) -> bool:
        """Whether browsers make passkeys for it: it has a name, and is reached encrypted, or is this machine."""
        if self.id == "localhost":
            return True
        try:
            ip_address(self.id)
        except ValueError:
            return self.origin.startswith("https://")
        return False


def begin_registration(crane: Crane, account: Account, site: Site) -> tuple[challenges.Challenge, dict[str, Any]]:
    """Begin to add a passkey; returns what the browser must be told."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    with answering(), session() as database:
        known = database.scalars(select(PasskeyRow.credential_id).where(PasskeyRow.account_id == account.id)).all()
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name="Crane",
        user_name=account.name,
        user_display_name=account.display_name or account.name,
        user_id=_handle(account.id),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    kept = {"expected": bytes_to_base64url(options.challenge)}
    return challenges.issue(crane, REGISTER, account.id, kept), _to_json(options)


def register(
    crane: Crane, account: Account, site: Site, secret: str, name: str, credential: Mapping[str, Any]
) -> dict[str, Any]:
    """Add a passkey; returns it, with recovery codes when it is the first second factor.

    :raises WrongPasskey: when the browser's answer proves nothing.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = challenges.take(crane, secret, REGISTER)
    if challenge.account_id != account.id:
        raise WrongPasskey
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(challenge.data["expected"]),
            expected_rp_id=site.id,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WrongPasskey(
            "This passkey was not made for this server. Try again, at the server's own address."
        ) from error
    first = not factors.factors_of(account.id)
    row = PasskeyRow(
        id=make_id(),
        account_id=account.id,
        name=name,
        credential=_digest(verified.credential_id),
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=_transports(credential),
        created_at=crane.room(Clock).now(),
        used_at=None,
    )
    with answering(), session() as database:
        if database.scalar(select(PasskeyRow.id).where(PasskeyRow.credential == row.credential)) is not None:
            raise WrongPasskey("This passkey was added already.")
        database.add(row)
        database.commit()
        shown = present(row)
    crane.emit(Event("factor.added", account.name, shown["id"], by=account.name, detail={"factor": "passkey"}))
    return {**shown, "recovery_codes": factors.renew_recovery_codes(account.id) if first else []}


def begin_assertion(
    crane: Crane, site: Site, challenge: challenges.Challenge | None
) -> tuple[challenges.Challenge, dict[str, Any]]:
    """Ask for a passkey: one of somebody whose login waits for it, or anybody's whose device knows who they are."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    alone = challenge is None
    allowed = []
    if challenge is not None:
        with answering(), session() as database:
            wanted = select(PasskeyRow.credential_id).where(PasskeyRow.account_id == challenge.account_id)
            allowed = [PublicKeyCredentialDescriptor(id=each) for each in database.scalars(wanted)]
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        allow_credentials=allowed,
        # Alone, the passkey stands for the password too, so its device must have asked for a PIN or a finger.
        user_verification=UserVerificationRequirement.REQUIRED if alone else UserVerificationRequirement.PREFERRED,
    )
    data = dict(challenge.data) if challenge else {}
    data["expected"] = bytes_to_base64url(options.challenge)
    kind = challenge.kind if challenge else ALONE
    return challenges.issue(crane, kind, challenge.account_id if challenge else None, data), _to_json(options)


def check(crane: Crane, site: Site, challenge: challenges.Challenge, credential: Mapping[str, Any]) -> Account:
    """Return whose passkey answered a challenge.

    :raises WrongPasskey: when it is nobody's, or of another account than the challenge.
    """
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    alone = challenge.account_id is None
    try:
        credential_id = base64url_to_bytes(str(credential.get("rawId", "")))
        with answering(), session() as database:
            row = database.scalar(select(PasskeyRow).where(PasskeyRow.credential == _digest(credential_id)))
            if row is None or (not alone and row.account_id != challenge.account_id):
                raise WrongPasskey
            verified = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=base64url_to_bytes(challenge.data["expected"]),
                expected_rp_id=site.id,
                expected_origin=site.origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=alone,
            )
            used = {"sign_count": verified.new_sign_count, "used_at": crane.room(Clock).now()}
            database.execute(update(PasskeyRow).where(PasskeyRow.id == row.id).values(used))
            database.commit()
            account = account_by_id(row.account_id)
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WrongPasskey from error
    if account is None or account.disabled:
        raise WrongPasskey
    return account


def list_passkeys(account_id: int) -> list[dict[str, Any]]:
    """List somebody's passkeys by name."""
    wanted = select(PasskeyRow).where(PasskeyRow.account_id == account_id).order_by(PasskeyRow.name, PasskeyRow.id)
    with answering(), session() as database:
        return [present(row) for row in database.scalars(wanted)]


def present(row: PasskeyRow) -> dict[str, Any]:
    """Return what is shown of a passkey."""
    return {"id": row.id, "name": row.name, "created_at": row.created_at, "used_at": row.used_at}


def remove(crane: Crane, account: Account, passkey_id: str) -> None:
    """Have a passkey count no more.

    :raises PasskeyNotFound: when there is none, or it is another's.
    """
    wanted = delete(PasskeyRow).where(PasskeyRow.id == passkey_id, PasskeyRow.account_id == account.id)
    with answering(), session() as database:
        found = database.execute(wanted).rowcount if is_id(passkey_id) else 0  # type: ignore[attr-defined]
        database.commit()
    if not found:
        raise PasskeyNotFound
    factors.forget_needless_codes(account.id)
    crane.emit(Event("factor.removed", account.name, passkey_id, by=account.name, detail={"factor": "passkey"}))


def _to_json(options: Any) -> dict[str, Any]:
    from webauthn import options_to_json

    told: dict[str, Any] = msgspec.json.decode(options_to_json(options))
    return told


def _handle(account_id: int) -> bytes:
    return account_id.to_bytes(8, "big")


def _digest(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()


def _transports(credential: Mapping[str, Any]) -> list[str]:
    response = credential.get("response")
    told = response.get("transports") if isinstance(response, Mapping) else None
    return [str(each)[:20] for each in told[:10]] if isinstance(told, list) else []
