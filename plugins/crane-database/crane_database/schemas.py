"""What the OpenAPI document says of the database."""

from __future__ import annotations

import marshmallow as ma

from crane_core.answers import AnswerSchema, many, moment, number, one_of, part, text, whole


class LeaseSchema(AnswerSchema):
    """What only one server does at a time, and which one does it."""

    name = text("What it is for: the name of a loop.")
    holder = text("The server that holds it: its host, its process and a word that is new with each start.")
    fence = whole("Rises whenever a server takes it.")
    seconds = number("The seconds until it is over, unless it is renewed.")


class TablesSchema(AnswerSchema):
    """The tables of one plugin."""

    name = text("The plugin.")
    state = one_of(("current", "pending", "newer"), "newer: of a later version of the plugin than is installed.")
    revision = text("The revision of its tables; null while there are none.", null=True)
    head = text("The newest revision that the installed plugin knows.", null=True)
    pending = whole("How many revisions are to come.")
    tables = many(ma.fields.String(), "The tables.")


class BackupSchema(AnswerSchema):
    """A backup that was made."""

    made_at = moment("When.")
    bytes = whole("How large it is.")


class DatabaseSchema(AnswerSchema):
    """The database of the server."""

    kind = one_of(("sqlite", "postgresql"), "What it is.")
    where = text("The file, or the host and the name; without password.")
    size = whole("Its size in bytes.")
    plugins = many(TablesSchema, "The tables of each plugin.")
    backup = part(BackupSchema, "The last backup; null when there was none.", null=True)
    leases = many(LeaseSchema, "The leases that some server holds.")
