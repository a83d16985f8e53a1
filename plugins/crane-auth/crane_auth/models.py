"""The tables of logins. Accounts are named by their ids, which are never given twice; no key leads to their table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crane_database import JSON, BigInteger, Float, LargeBinary, Mapped, Model, String, Text, mapped_column


class PasswordRow(Model):
    """The password of an account, as argon2id keeps it."""

    __tablename__ = "auth_password"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    # Somebody else chose it, so that its owner must choose another one.
    must_change: Mapped[bool]


class SessionRow(Model):
    """A login of a browser or a program, until it ends."""

    __tablename__ = "auth_session"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(index=True)
    method: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(100))
    device: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    # However much it is used.
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TokenRow(Model):
    """An API token."""

    __tablename__ = "auth_token"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(100))
    # What it may at the most; null for all that its account may.
    actions: Mapped[list[str] | None] = mapped_column(JSON)
    stacks: Mapped[list[str] | None] = mapped_column(JSON)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class SetupRow(Model):
    """A setup token: each server that starts without an administrator gives out one, which all of them accept."""

    __tablename__ = "auth_setup"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime]


class AttemptRow(Model):
    """How often logins failed, of an account or from an address; in seconds since 1970."""

    __tablename__ = "auth_attempt"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    failures: Mapped[int]
    last: Mapped[float] = mapped_column(Float(53))
    # No attempt is looked at before.
    until: Mapped[float] = mapped_column(Float(53))


class ChallengeRow(Model):
    """A login, or a change of how somebody logs in, that has begun and waits for its next step."""

    __tablename__ = "auth_challenge"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    account_id: Mapped[int | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TotpRow(Model):
    """The secret of somebody's authenticator, sealed."""

    __tablename__ = "auth_totp"

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key_id: Mapped[str] = mapped_column(String(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_at: Mapped[datetime | None]
    # The number of the last half minute whose code was accepted: none is accepted twice.
    last_step: Mapped[int]


class RecoveryRow(Model):
    """A recovery code that was not used yet."""

    __tablename__ = "auth_recovery"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)


class PasskeyRow(Model):
    """A security key or another authenticator of WebAuthn."""

    __tablename__ = "auth_passkey"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(100))
    # The digest of the credential's id, which may have 1,023 bytes.
    credential: Mapped[str] = mapped_column(String(64), unique=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
