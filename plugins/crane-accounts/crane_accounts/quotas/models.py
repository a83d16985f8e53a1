"""The table of the quotas."""

from __future__ import annotations

from datetime import datetime

from crane_database import BigInteger, Mapped, Model, String, Text, mapped_column


class QuotaRow(Model):
    """How much the services of some stacks may ask for together."""

    __tablename__ = "accounts_quota"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    # The name of a stack, in which * stands for anything; None for every service, those of no stack too.
    stack: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text)
    replicas: Mapped[int | None] = mapped_column(BigInteger)
    nano_cpus: Mapped[int | None] = mapped_column(BigInteger)
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    replicas_per_service: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
