"""The tables of the ledger."""

from datetime import datetime

from crane_database import ForeignKey, Mapped, Model, String, mapped_column, relationship


class Service(Model):
    """A service that was changed."""

    __tablename__ = "ledger_service"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)


class Change(Model):
    """A change of it."""

    __tablename__ = "ledger_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("ledger_service.id"), index=True)
    kind: Mapped[str] = mapped_column(String(50))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]

    service: Mapped[Service] = relationship()
