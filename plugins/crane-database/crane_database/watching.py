"""What is known of the database without asking it: for health checks and metrics, which must answer at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crane_core.context import Crane, get_crane
from crane_core.contributions import HealthReport, Metric

if TYPE_CHECKING:
    import sqlalchemy as sa

LOOK_SECONDS = 10.0


class Watch:
    """The room of one server that looks at its database now and then."""

    def __init__(self, crane: Crane) -> None:
        self.problem = ""
        self.size: int | None = None
        self.leases: list[dict[str, Any]] = []
        # What was seen last is what counts, and not what was written down last.
        self._looking = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Look at the database until told to stop."""
        self.look()
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Look at the database once."""
        from sqlalchemy.exc import SQLAlchemyError

        from crane_database.connecting import explain
        from crane_database.leases import Holder, list_leases
        from crane_database.sessions import session

        with self._looking:
            try:
                with session() as database:
                    self.size = read_size(database.connection())
                    mine = get_crane().room(Holder).name
                    self.leases = [lease for lease in list_leases() if lease["holder"] == mine]
                self.problem = ""
            except SQLAlchemyError as error:
                self.problem = explain(error)


def read_size(connection: sa.Connection) -> int:
    """Return how many bytes a database has."""
    if connection.dialect.name != "sqlite":
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    path = str(connection.engine.url.database)
    return sum(file.stat().st_size for end in ("", "-wal") if (file := Path(path + end)).exists())


def check() -> HealthReport:
    """Say whether the database answered when it was last looked at."""
    if problem := get_crane().room(Watch).problem:
        return HealthReport("degraded", f"The database does not answer: {problem}")
    return HealthReport("ok")


def metrics() -> Iterator[Metric]:
    """Return the figures of the database."""
    yield Metric(
        "crane_database_reachable",
        "Whether the database answered when it was last looked at.",
        "gauge",
        lambda: [((), float(not get_crane().room(Watch).problem))],
    )
    yield Metric(
        "crane_database_size_bytes",
        "How large the database is.",
        "gauge",
        lambda: [((), float(size))] if (size := get_crane().room(Watch).size) is not None else [],
    )
    yield Metric("crane_database_connections", "How many connections are in use.", "gauge", _read_connections)
    yield Metric(
        "crane_database_lease_fence",
        "The leases that this server holds, each with its fence.",
        "gauge",
        lambda: [((lease["name"],), float(lease["fence"])) for lease in get_crane().room(Watch).leases],
        labels=("lease",),
    )


def _read_connections() -> list[tuple[tuple[str, ...], float]]:
    from crane_database.models import db

    return [((), float(db.engine.pool.checkedout()))]  # type: ignore[attr-defined]
