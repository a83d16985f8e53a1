"""The sieve: which lines somebody wants to see.

Patterns are regular expressions of RE2, whose time grows with the length of a line and with nothing else: whoever may
read a log may send one, and one that takes for ever must not stop the server.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from crane_core.errors import Invalid, Violation
from crane_core.logs.entries import Entry, Printed
from crane_core.logs.origins import Origin

LONGEST_PATTERN = 1000
# How much memory one pattern may take, in bytes.
_MOST_MEMORY = 1 << 20


class BadPattern(Invalid):
    """A pattern that lines are chosen by cannot be used."""

    code, title = "bad-pattern", "The pattern cannot be used."


@dataclass(frozen=True)
class Sieve:
    """What keeps some lines of a log and drops others; two that are equal keep the same.

    :param grep: A regular expression, empty for none.
    :param task: The name of a task as in ``web.1``, its slot, or its id or the beginning of it; empty for all.
    :param stream: ``stdout`` or ``stderr``; empty for both.
    :param hidden: The ids of services whose lines are not shown.
    """

    grep: str = ""
    ignore_case: bool = False
    invert: bool = False
    task: str = ""
    stream: str = ""
    hidden: frozenset[str] = frozenset()

    @property
    def idle(self) -> bool:
        """Whether it keeps everything."""
        return not (self.grep or self.task or self.stream or self.hidden)

    @cached_property
    def _pattern(self) -> Any:
        return compile_pattern(self.grep, self.ignore_case) if self.grep else None

    def admits(self, origin: Origin) -> bool:
        """Tell whether anything of an origin may be kept."""
        return origin.service_id not in self.hidden and (not self.task or origin.answers_to(self.task))

    def keep(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return what is kept; what is told of an origin is kept whatever its lines say."""
        if self.idle:
            return list(entries)
        return [entry for entry in entries if self._keeps(entry)]

    def _keeps(self, entry: Entry) -> bool:
        if not self.admits(entry.origin):
            return False
        if not isinstance(entry, Printed):
            return True
        if self.stream and entry.line.stream != self.stream:
            return False
        pattern = self._pattern
        return pattern is None or (pattern.search(entry.line.text) is None) == self.invert


def compile_pattern(pattern: str, ignore_case: bool = False) -> Any:
    """Make a pattern ready for use. Raises :class:`BadPattern`."""
    if len(pattern) > LONGEST_PATTERN:
        raise _refuse(f"A pattern has at most {LONGEST_PATTERN} characters.")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else error
        told = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise _refuse(f"This is no regular expression that can be used here: {told}.") from error


def _refuse(detail: str) -> BadPattern:
    return BadPattern(detail, violations=[Violation("/grep", detail)])
