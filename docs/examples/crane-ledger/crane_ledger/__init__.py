"""Ledger: who changed which service, and when. An example of a plugin with tables; the reference quotes it."""

from datetime import UTC, datetime, timedelta

from crane_database import BackupFiles, Migrations, current_lease, db, delete, select, session

from crane_core.answers import AnswerSchema, moment, text
from crane_core.context import get_crane
from crane_core.contributions import Action, Loop, Setting
from crane_core.hookspecs import hookimpl
from crane_core.http import Blueprint, Listing, ListQuery, answer_list
from crane_core.security import Target, guard
from crane_ledger.models import Change, Service

requires = ("database",)
blueprint = Blueprint("ledger", __name__, url_prefix="/api/v1", description="Who changed what.")


class ChangeSchema(AnswerSchema):
    """A change of a service."""

    name = text("The service.")
    kind = text("What happened.")
    by = text("Who did it.")
    at = moment("When.")


@hookimpl
def crane_settings():
    yield Setting("ledger.keep_days", int, 90, "How long a change is remembered, in days.")


@hookimpl
def crane_database_migrations():
    yield Migrations("crane_ledger.models", "crane_ledger.migrations")


@hookimpl
def crane_database_backup_files():
    yield BackupFiles("ledger/seal.key")


@hookimpl
def crane_actions():
    yield Action("ledger:read", "See who changed what.")


@hookimpl
def crane_routes():
    yield blueprint


@blueprint.route("/ledger")
@guard("ledger:read")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(ChangeSchema, description="The changes.")
def list_changes(query):
    """List the changes."""
    found = db.session.scalars(select(Change).order_by(Change.id)).all()
    rows = [{"name": each.service.name, "kind": each.kind, "by": each.by, "at": each.at} for each in found]
    listing = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="ledger:read",
        target=lambda row: Target("service", row["name"]),
        fields={"name": lambda row: row["name"], "at": lambda row: row["at"]},
    )
    return answer_list(get_crane(), listing, query)


@hookimpl
def crane_event(event):
    if not event.kind.startswith("service.") or not event.by:
        return
    service = db.session.scalar(select(Service).where(Service.name == event.name))
    if service is None:
        service = Service(name=event.name)
    db.session.add(Change(service=service, kind=event.kind, by=event.by, at=datetime.now(UTC)))
    db.session.commit()


@hookimpl
def crane_loops():
    # Of several servers that share the database, one forgets for all.
    yield Loop("ledger.forget", forget_old, once=True)


def forget_old(stop):
    """Forget old changes, once an hour."""
    while not stop.is_set():
        with session():
            current_lease().confirm()
            oldest = datetime.now(UTC) - timedelta(days=get_crane().settings["ledger.keep_days"])
            db.session.execute(delete(Change).where(Change.at < oldest))
            db.session.commit()
        stop.wait(3600)
