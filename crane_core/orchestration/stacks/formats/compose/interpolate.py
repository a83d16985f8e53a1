"""Variables in a stack file: ``$NAME``, ``${NAME}`` and the forms with a default, a demand or an alternative.

=================  =========================================================
``${A:-word}``     ``word`` when ``A`` is not set or empty
``${A-word}``      ``word`` when ``A`` is not set
``${A:?word}``     an error that says ``word`` when ``A`` is not set or empty
``${A?word}``      an error that says ``word`` when ``A`` is not set
``${A:+word}``     ``word`` when ``A`` is set and not empty, else nothing
``${A+word}``      ``word`` when ``A`` is set, else nothing
``$$``             a dollar sign
=================  =========================================================

All of it is done as the docker CLI does it, so that a file means the same to both; where that surprises, it comes with
a warning. A word ends at the first ``}`` and is taken as it stands, even when it holds a variable. A default needs no
braces: in ``$TAG-alpine`` everything after the hyphen is one. A single ``$`` that begins no variable is an error, but
left out when a variable follows in the same text.

Two things differ: the docker CLI knows no alternatives (one that holds a variable is none here either), and here a
required variable that is missing is an error wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.orchestration.stacks.formats.compose.tree import Map, Node, Problems, Seq, pointer

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])([^}]*))?")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?]|:?\+(?=[^}$]*\}))([^}]*))?\}")
_HOLDS_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{|[A-Za-z_])")
_SHOWN = 100
# Variables that stand in many places must not make a large tree of a small file.
_LARGEST = 16 * 1024 * 1024


@dataclass
class Variable:
    """A variable that a file names.

    :param default: What stands in for it, None when nothing does.
    :param required: Whether there is an error without it.
    :param message: What the file says in that error.
    """

    name: str
    default: str | None = None
    required: bool = False
    message: str | None = None


class InvalidTemplate(ValueError):
    """Text with a dollar sign that begins no variable, or a required variable that is not there."""


@dataclass
class Template:
    """Fills in variables and keeps a note of those that it met.

    :param variables: What is known.
    :param lenient: Whether a required variable that is missing is taken to be empty.
    :param met: Each variable that was named, in order.
    :param filled: How many characters came out of variables.
    :param remarks: What may surprise, in sentences: a variable without a value, a dollar sign that is left out.
    """

    variables: Mapping[str, str]
    lenient: bool = False
    met: dict[str, Variable] = field(default_factory=dict)
    filled: int = 0
    remarks: list[str] = field(default_factory=list)

    def fill(self, text: str) -> str:
        """Return the text with its variables filled in."""
        parts: list[str] = []
        stray = 0
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            parts.append(text[position:dollar])
            position = dollar + 1
            if text.startswith("$", position):
                parts.append("$")
                position += 1
            elif variable := _BRACED.match(text, position) or _BARE.match(text, position):
                if stray:
                    self.remarks.append("A `$` that begins no variable is left out, as docker does; write `$$` for it.")
                stray = 0
                value = self._value(variable)
                self.filled += len(value)
                if self.filled > _LARGEST:
                    raise InvalidTemplate("variables fill in more text than is taken")
                parts.append(value)
                position = variable.end()
            else:
                stray = position
        parts.append(text[position:])
        if stray:
            raise InvalidTemplate(_unclear(text, stray))
        return "".join(parts)

    def _value(self, variable: re.Match[str]) -> str:
        name, operator, word = variable[1], variable[2] or "", variable[3] or ""
        value = self.variables.get(name)
        self._note(name, operator, word)
        self._remark(variable[0], name, operator, word)
        here = value is not None and (value != "" or not operator.startswith(":"))
        kind = operator[-1:]
        if kind == "+":
            return word if here else ""
        if value is not None and (here or not kind):
            return value
        if kind == "-":
            return word
        if kind == "?":
            if self.lenient:
                return ""
            raise InvalidTemplate(f"the variable `{name}` is required" + (f": {word}" if word else ""))
        self.remarks.append(f"The variable `{name}` is not set; it is taken to be empty.")
        return ""

    def _remark(self, whole: str, name: str, operator: str, word: str) -> None:
        if operator and not whole.startswith("{"):
            self.remarks.append(
                f"`{operator}{word}` after `${name}` is taken for its default, as docker does; "
                f"write `${{{name}}}` with braces if it is not."
            )
        elif _HOLDS_VARIABLE.search(word):
            self.remarks.append(
                f"`{word}`, which stands in for `{name}`, ends at the first `}}` and is taken as it stands, as docker "
                f"does; variables in it are not filled in."
            )

    def _note(self, name: str, operator: str, word: str) -> None:
        known = self.met.setdefault(name, Variable(name))
        if operator.endswith("-") and known.default is None:
            known.default = word
        elif operator.endswith("?") and not known.required:
            known.required, known.message = True, word or None


def _unclear(text: str, start: int) -> str:
    if not text.startswith("{", start):
        return "a single `$` begins a variable; write `$$` for a dollar sign"
    if not (name := _NAME.match(text, start + 1)):
        return "`${` must be followed by the name of a variable; write `$$` for a dollar sign"
    return f"`${{{name[0]}` is not closed by `}}`, or not one of the forms that exist"


def interpolate(tree: Map, template: Template, problems: Problems) -> None:
    """Fill in the variables of every value of a tree, in place, and mark it as filled. Keys are left as they are."""

    def fill(text: str, node: Node, key: str | int, path: str) -> str:
        known = len(template.remarks)
        try:
            filled = template.fill(text)
        except InvalidTemplate as error:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
            problems.error_at(node, key, path, f"`{shown}` cannot be filled in: {error}.", code="not-filled-in")
            return ""
        for remark in template.remarks[known:]:
            problems.warn_at(node, key, path, remark, code="substituted")
        return filled

    _replace(tree, "", fill)


def _replace(node: Node, path: str, fill: Callable[[str, Node, str | int, str], str]) -> None:
    pairs: Any = node.items() if isinstance(node, Map) else enumerate(node)
    for key, value in list(pairs):
        if isinstance(value, str):
            if "$" in value:
                node[key] = fill(value, node, key, path)
                node.filled.add(key)
        elif isinstance(value, Map | Seq) and value:
            _replace(value, path + pointer(key), fill)
