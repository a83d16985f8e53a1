"""Routes that cost little until they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Write = Callable[..., tuple[str, str]]


class LateRule(Rule):
    """A route for which what writes its addresses is made when the first one is written.

    Werkzeug compiles a function for each, which takes half of a server's start; hardly any is ever called. Where it
    no longer does so by this method, nothing is lost but the time.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Write:
        made: list[Write] = []

        def write(rule: LateRule, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(super()._compile_builder(append_unknown))
            return made[0](rule, **values)

        return write
