"""The live topics of logs: what one subscriber is sent."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
from flask import Flask, current_app

from crane_core.contributions import Feed, Subscriber
from crane_core.errors import CraneError, Invalid, Violation
from crane_core.logs.batch import Batch
from crane_core.logs.entries import Lost
from crane_core.logs.logs import Logs
from crane_core.logs.origins import Kind, find_subject
from crane_core.logs.query import MOST_TAIL_LIVE, LogQuery, Query, read_query
from crane_core.logs.reading import Reading
from crane_core.logs.rights import hide_from
from crane_core.logs.writing import to_rows

_encoder = msgspec.json.Encoder()


def open_feed(kind: Kind) -> Callable[[Subscriber], Feed]:
    """Return what opens the live topic of logs of one kind."""
    return lambda subscriber: LogFeed(kind, subscriber, current_app._get_current_object())  # type: ignore[attr-defined]


class LogFeed:
    """One log for one subscriber: the lines of the past first, then those that come."""

    def __init__(self, kind: Kind, subscriber: Subscriber, app: Flask) -> None:
        crane, self._topic, self._ring = subscriber.crane, subscriber.topic, subscriber.ring
        query = _read(subscriber)
        subject = find_subject(crane, kind, next(iter(subscriber.parameters.values())))
        hide = hide_from(crane, subscriber.identity, app)
        self._rights = crane.rights.version
        self._turn = crane.room(Logs).beginning
        self._reading = Reading(crane, subject, query, hide, subscriber.ring)
        self._told: deque[Batch | Lost | dict[str, Any]] = deque()
        self._begun = threading.Event()
        self._closed = threading.Event()
        self._closing = threading.Lock()
        threading.Thread(target=self._begin, name=f"crane-log-begin-{subject.key}", daemon=True).start()

    def next(self, rights: int) -> bytes | None:
        """Return the next message; None while there is none."""
        if rights != self._rights:
            self._rights = rights
            self._reading.ask_anew()
        while True:
            if not self._told and self._begun.is_set():
                self._told.extend(self._reading.take())
                if not self._told and self._reading.over:
                    raise CraneError("The log is followed no more: the server stops.")
            if not self._told:
                return None
            if (message := self._write(self._told.popleft())) is not None:
                return message

    def close(self) -> None:
        """Read no more."""
        self._closed.set()
        if self._begun.is_set():
            self._let_go()

    def _let_go(self) -> None:
        with self._closing:
            self._reading.close()

    def _begin(self) -> None:
        """Read the past, on a thread of its own: nodes may keep it waiting."""
        # However it ends, whoever waits is told; what nobody expected is told by the server's log besides.
        said: dict[str, Any] = {"error": CraneError("The log cannot be read; the server's log says why.").to_problem()}
        try:
            with self._turn:
                self._tell_past()
            said = {"begun": True}
        except CraneError as error:
            said = {"error": error.to_problem()}
        finally:
            self._told.append(said)
            self._begun.set()
            if self._closed.is_set():
                self._let_go()
            self._ring()

    def _tell_past(self) -> None:
        for batch in self._reading.past():
            if self._closed.is_set():
                return
            self._told.append(batch)
            self._ring()

    def _write(self, part: Batch | Lost | dict[str, Any]) -> bytes | None:
        if isinstance(part, Lost):
            return _encoder.encode({"topic": self._topic, "lost": part.count})
        if isinstance(part, dict):
            return _encoder.encode({"topic": self._topic, **part})
        sieve = self._reading.sieve
        if (rows := to_rows(part, sieve)) is None:
            return None
        # Who asked for the same is sent the very same bytes.
        return part.made(
            (self._topic, sieve),
            lambda entries: _encoder.encode({"topic": self._topic, "lines": rows[0], "sources": rows[1]}),
        )


def _read(subscriber: Subscriber) -> Query:
    schema = LogQuery()
    if wrong := schema.validate(dict(subscriber.query)):
        violations = [Violation(f"/{name}", " ".join(map(str, said))) for name, said in wrong.items()]
        detail = "What stands after the question mark is not valid; each thing wrong is named."
        raise Invalid(detail, violations=violations)
    query = read_query({**schema.load(dict(subscriber.query)), "follow": True})
    if query.wish.until:
        detail = "A live topic has no end; ask for the log itself."
        raise Invalid(detail, violations=[Violation("/until", detail)])
    # What was printed before is kept until the subscriber takes it.
    tail = MOST_TAIL_LIVE if query.wish.tail is None else min(query.wish.tail, MOST_TAIL_LIVE)
    return replace(query, wish=replace(query.wish, tail=tail))
