"""The session, outside views too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask, current_app

from crane_database.models import db

if TYPE_CHECKING:
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session


@contextmanager
def session(app: Flask | None = None) -> Iterator[scoped_session[Session]]:
    """Have a session of one's own, and give its connection back at the end: for loops, hooks and sockets.

    ``db.session`` is this session meanwhile. What was not committed is rolled back. A view needs none of this: its
    session ends with the request.

    :param app: The application; the current one unless given.
    """
    found: Flask = app or current_app._get_current_object()  # type: ignore[attr-defined]
    # A session belongs to a context of the application; the end of the context is its end.
    with found.app_context():
        yield db.session
