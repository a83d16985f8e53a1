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

A word that holds variables is a template of its own; any other word is taken as it stands, ``$$`` included, as the
docker CLI takes it. The docker CLI knows defaults without braces too: in ``$TAG-alpine`` everything after the hyphen is
one. That surprises, so it comes with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.orchestration.stacks.formats.compose.tree import Map, Node, Problems, Seq, pointer

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_BARE_REST = re.compile(r"(:?[-?])([^}]*)")
_HOLDS_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{|[A-Za-z_])")
_DEEPEST = 16
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
    :param missing: Names without a value and without anything that stands in.
    :param swallowed: What was taken for the default of an unbraced variable.
    """

    variables: Mapping[str, str]
    lenient: bool = False
    met: dict[str, Variable] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    filled: int = 0
    swallowed: list[tuple[str, str]] = field(default_factory=list)

    def fill(self, text: str, depth: int = 0) -> str:
        """Return the text with its variables filled in."""
        if depth > _DEEPEST:
            raise InvalidTemplate("variables are nested too deep")
        parts: list[str] = []
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            parts.append(text[position:dollar])
            value, position = self._variable(text, dollar + 1, depth)
            self.filled += len(value)
            if self.filled > _LARGEST:
                raise InvalidTemplate("variables fill in more text than is taken")
            parts.append(value)
        parts.append(text[position:])
        return "".join(parts)

    def _variable(self, text: str, start: int, depth: int) -> tuple[str, int]:
        following = text[start : start + 1]
        if following == "$":
            return "$", start + 1
        if following == "{":
            return self._braced(text, start + 1, depth)
        if not (name := _NAME.match(text, start)):
            raise InvalidTemplate("a single `$` begins a variable; write `$$` for a dollar sign")
        rest = _BARE_REST.match(text, name.end())
        if not rest:
            return self._value(name[0], "", "", depth), name.end()
        self.swallowed.append((name[0], rest[0]))
        return self._value(name[0], rest[1], rest[2], depth), rest.end()

    def _braced(self, text: str, start: int, depth: int) -> tuple[str, int]:
        if not (name := _NAME.match(text, start)):
            raise InvalidTemplate("`${` must be followed by the name of a variable; write `$$` for a dollar sign")
        if text[name.end() : name.end() + 1] == "}":
            return self._value(name[0], "", "", depth), name.end() + 1
        operator = _OPERATOR.match(text, name.end())
        end = _closing_brace(text, operator.end()) if operator else -1
        if not operator or end < 0:
            raise InvalidTemplate(f"`${{{name[0]}` is not closed by `}}`, or not one of the forms that exist")
        return self._value(name[0], operator[0], text[operator.end() : end], depth), end + 1

    def _value(self, name: str, operator: str, word: str, depth: int) -> str:
        value = self.variables.get(name)
        self._note(name, operator, word)
        here = value is not None and (value != "" or not operator.startswith(":"))
        kind = operator[-1:]
        if kind == "+":
            return self._word(word, depth) if here else ""
        if value is not None and (here or not kind):
            return value
        if kind == "-":
            return self._word(word, depth)
        if kind == "?":
            if self.lenient:
                return ""
            raise InvalidTemplate(f"the variable `{name}` is required" + (f": {word}" if word else ""))
        self.missing.append(name)
        return ""

    def _word(self, word: str, depth: int) -> str:
        return self.fill(word, depth + 1) if _HOLDS_VARIABLE.search(word) else word

    def _note(self, name: str, operator: str, word: str) -> None:
        known = self.met.setdefault(name, Variable(name))
        if operator.endswith("-") and known.default is None:
            known.default = word
        elif operator.endswith("?") and not known.required:
            known.required, known.message = True, word or None


def _closing_brace(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        if text[index] == "}":
            if not depth:
                return index
            depth -= 1
        elif text[index] == "{" and text[index - 1] == "$":
            depth += 1
    return -1


def interpolate(tree: Map, template: Template, problems: Problems) -> None:
    """Fill in the variables of every value of a tree, in place, and mark it as filled. Keys are left as they are."""

    def fill(text: str, node: Node, key: str | int, path: str) -> str:
        missing, swallowed = len(template.missing), len(template.swallowed)
        try:
            filled = template.fill(text)
        except InvalidTemplate as error:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
            problems.error_at(node, key, path, f"`{shown}` cannot be filled in: {error}.")
            return ""
        for name in template.missing[missing:]:
            problems.warn_at(node, key, path, f"The variable `{name}` is not set; it is taken to be empty.")
        for name, rest in template.swallowed[swallowed:]:
            problems.warn_at(
                node, key, path, f"`{rest}` after `${name}` is taken for its default, as docker does; "
                f"write `${{{name}}}` with braces if it is not.",
            )  # fmt: skip
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
