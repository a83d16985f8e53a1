"""The tables of the accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crane_database import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Mapped,
    Model,
    String,
    Text,
    UniqueConstraint,
    mapped_column,
)

from crane_accounts.quotas.models import QuotaRow

__all__ = ["AccountRow", "GrantRow", "GroupRow", "MemberRow", "QuotaRow", "RoleRow", "StateRow", "SubjectRow"]


class StateRow(Model):
    """One row, which whoever changes anything of the accounts has to hold; its version moves with each change."""

    __tablename__ = "accounts_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


class AccountRow(Model):
    """A user, or the account of a program."""

    __tablename__ = "accounts_account"
    # An id is never given to another account: what was kept with it would become somebody else's.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as the base class declares it)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    display_name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    disabled: Mapped[bool]
    # Who vouches for it: "local", or where its logins come from.
    source: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]


class SubjectRow(Model):
    """Who an account is to somebody outside who vouches for it."""

    __tablename__ = "accounts_subject"

    source: Mapped[str] = mapped_column(String(100), primary_key=True)
    subject: Mapped[str] = mapped_column(String(400), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"), index=True)


class GroupRow(Model):
    """A group of accounts."""

    __tablename__ = "accounts_group"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 (as the base class declares it)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    description: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class MemberRow(Model):
    """An account in a group, by whoever put it there: two may, and then both have to take it out again."""

    __tablename__ = "accounts_member"

    group_id: Mapped[int] = mapped_column(ForeignKey("accounts_group.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    source: Mapped[str] = mapped_column(String(100), primary_key=True)


class RoleRow(Model):
    """A role of one's own: a set of actions."""

    __tablename__ = "accounts_role"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    actions: Mapped[list[Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class GrantRow(Model):
    """A role given to, or withheld from, an account or a group on a scope."""

    __tablename__ = "accounts_grant"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (group_id IS NULL)", name="one_holder"),
        UniqueConstraint("account_id", "effect", "role", "scope", "pattern"),
        UniqueConstraint("group_id", "effect", "role", "scope", "pattern"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    effect: Mapped[str] = mapped_column(String(10))
    # A built-in one, or one of accounts_role.
    role: Mapped[str] = mapped_column(String(100), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("accounts_group.id", ondelete="CASCADE"))
    scope: Mapped[str] = mapped_column(String(20))
    # A name, in which * stands for anything; empty for everything.
    pattern: Mapped[str] = mapped_column(String(255))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
