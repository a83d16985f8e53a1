"""Values that look secret become variables of the file, so that it can be shown and kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from crane_core.orchestration.stacks.formats.export.writing import escape
from crane_core.redaction import holds_secret, looks_secret, redact

_UNFIT = re.compile(r"[^A-Za-z0-9_]+")

Note = Callable[[str, str], None]


@dataclass
class Hiding:
    """Decides what is written of a value; every value goes through here exactly once, which also escapes its ``$``.

    :param reveal: Whether secrets are written as they are.
    """

    reveal: bool
    note: Note
    _variables: dict[str, str] = field(default_factory=dict)

    def value(self, name: str, value: str, pointer: str, service: str) -> str:
        """Return what to write of a value that has a name."""
        if self.reveal or not value or not (looks_secret(name) or holds_secret(value)):
            return str(escape(value))
        return self._variable(name, value, pointer, service)

    def pairs(self, values: dict[str, Any], pointer: str, service: str) -> dict[str, Any]:
        """Return what to write of several named values."""
        return {
            name: self.value(name, value, f"{pointer}/{name}", service) if isinstance(value, str) else value
            for name, value in values.items()
        }

    def words(self, words: Sequence[str], pointer: str, service: str) -> list[str]:
        """Return what to write of a command line."""
        if self.reveal:
            return [str(escape(word)) for word in words]
        shown = redact(list(words))
        return [
            str(escape(word)) if word == seen else self._variable(f"argument_{index}", word, pointer, service)
            for index, (word, seen) in enumerate(zip(words, shown, strict=True))
        ]

    def _variable(self, name: str, value: str, pointer: str, service: str) -> str:
        plain = _UNFIT.sub("_", name).strip("_").upper() or "VALUE"
        if plain[0].isdigit():
            plain = f"_{plain}"
        names = [plain, f"{_UNFIT.sub('_', service).upper()}_{plain}"]
        variable = next((known for known in names if self._variables.get(known, value) == value), names[-1])
        number = 2
        while self._variables.get(variable, value) != value:
            variable, number = f"{names[-1]}_{number}", number + 1
        self._variables[variable] = value
        self.note(pointer, f"Its value looks secret and was left out; set the variable {variable} when you deploy.")
        return f"${{{variable}:?}}"
