"""JSON files read with the line of everything in them, and the problems that are found on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from crane_core.errors import Violation
from crane_core.orchestration.stacks.desired import Place
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.request import SourceFile

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_LITERALS = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?")


@dataclass
class Document:
    """A file that is being read: its content, where each part stands, and what is wrong with it."""

    file: str
    value: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    warnings: list[Violation] = field(default_factory=list)
    _folded: dict[str, int] = field(default_factory=dict, repr=False)

    def reject(self, pointer: str, detail: str) -> None:
        """Note something that makes the file impossible to deploy."""
        self.violations.append(self.tell(pointer, detail))

    def rejected(self, pointer: str) -> bool:
        """Tell whether something is wrong with exactly this already; the case of names does not count."""
        return any(found.path.lower() == pointer.lower() for found in self.violations)

    def warn(self, pointer: str, detail: str) -> None:
        """Note something that the sender should know."""
        self.warnings.append(self.tell(pointer, detail))

    def tell(self, pointer: str, detail: str) -> Violation:
        """Return a violation with the line of what the pointer names, or of the nearest thing around it."""
        return Violation(pointer, detail, self.line_of(pointer), self.file)

    def line_of(self, pointer: str) -> int | None:
        """Return where something stands, or the nearest thing around it; the case of names does not count."""
        if not self._folded:
            self._folded.update({written.lower(): line for written, line in self.lines.items()})
        near = pointer
        while near and near not in self.lines and near.lower() not in self._folded:
            near = near.rpartition("/")[0]
        return self.lines.get(near, self._folded.get(near.lower()))

    def places(self) -> dict[str, Place]:
        """Return where everything stands."""
        return {pointer: Place(self.file, line) for pointer, line in self.lines.items()}

    def stop_if_invalid(self) -> None:
        """Raise ``InvalidStackFile`` with everything that was found, when something was."""
        if self.violations:
            raise InvalidStackFile(sorted(self.violations, key=lambda found: found.line or 0))


class _Malformed(Exception):
    def __init__(self, position: int, detail: str) -> None:
        super().__init__(detail)
        self.position = position
        self.detail = detail


def read_json(file: SourceFile) -> Document:
    """Read a JSON file.

    :raises InvalidStackFile: It is no JSON, says something twice, or is too large or too deep.
    """
    document = Document(file.name)
    if len(file.content.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.reject("", "The file is larger than 1 MiB; a stack file never needs to be.")
        document.stop_if_invalid()
    content = file.content.removeprefix("\ufeff")
    try:
        _Reader(content, document).read()
    except _Malformed as malformed:
        line = content.count("\n", 0, malformed.position) + 1
        raise InvalidStackFile(
            [Violation("", f"This is not JSON: {malformed.detail}.", line, file.name)]
        ) from malformed
    document.stop_if_invalid()
    return document


def pointer_to(parent: str, *names: str) -> str:
    """Return the JSON pointer of something inside of what another pointer names."""
    return parent + "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def sentence_of(names: Iterable[str]) -> str:
    """Join names as in a sentence.

    >>> sentence_of(["a", "b", "c"])
    'a, b and c'
    """
    *most, last = list(names)
    return f"{', '.join(most)} and {last}" if most else last


class _Reader:
    """Reads JSON by recursive descent, because the decoder of the standard library does not tell positions."""

    def __init__(self, text: str, document: Document) -> None:
        self.text = text
        self.document = document
        self.position = 0
        self.line = 1
        self.counted = 0
        self.twice: list[tuple[str, str]] = []

    def read(self) -> None:
        self.blank()
        if self.position == len(self.text):
            raise _Malformed(0, "the file is empty")
        self.document.value = self.one("", 0)
        self.blank()
        if self.position < len(self.text):
            raise _Malformed(self.position, "something follows after the end")
        for pointer, detail in self.twice:
            self.document.reject(pointer, detail)

    def one(self, pointer: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _Malformed(self.position, f"it is nested more than {MAX_DEPTH} levels deep")
        self.document.lines.setdefault(pointer, self.line_now())
        character = self.text[self.position : self.position + 1]
        if character == "{":
            return self.members(pointer, depth)
        if character == "[":
            return self.items(pointer, depth)
        return self.string() if character == '"' else self.scalar()

    def members(self, pointer: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def member() -> None:
            if self.text[self.position : self.position + 1] != '"':
                raise _Malformed(self.position, "a name in double quotes is expected here")
            line = self.line_now()
            name = self.string()
            inner = pointer_to(pointer, name)
            if name in found:
                self.document.lines[inner] = line
                self.twice.append((inner, f'"{name}" is given twice; say it once.'))
            self.document.lines[inner] = line
            self.blank()
            self.expect(":", f'":" is expected after "{name}"')
            self.blank()
            found[name] = self.one(inner, depth + 1)

        self.sequence("}", member)
        return found

    def items(self, pointer: str, depth: int) -> list[Any]:
        found: list[Any] = []
        self.sequence("]", lambda: found.append(self.one(f"{pointer}/{len(found)}", depth + 1)))
        return found

    def sequence(self, end: str, part: Callable[[], None]) -> None:
        self.position += 1
        self.blank()
        if self.text.startswith(end, self.position):
            self.position += 1
            return
        while True:
            part()
            self.blank()
            if self.text.startswith(end, self.position):
                self.position += 1
                return
            self.expect(",", f'"," or "{end}" is expected here')
            self.blank()

    def expect(self, character: str, otherwise: str) -> None:
        if not self.text.startswith(character, self.position):
            raise _Malformed(self.position, otherwise)
        self.position += 1

    def string(self) -> str:
        try:
            text, self.position = _DECODER.raw_decode(self.text, self.position)
        except json.JSONDecodeError as error:
            raise _Malformed(error.pos, f"{error.msg[:1].lower()}{error.msg[1:].rstrip('. at')}") from error
        return str(text)

    def scalar(self) -> Any:
        found = _WORD.match(self.text, self.position)
        word = found[0] if found else ""
        if word in _LITERALS:
            self.position += len(word)
            return _LITERALS[word]
        if _NUMBER.fullmatch(word):
            self.position += len(word)
            return json.loads(word)
        raise _Malformed(self.position, f'"{word[:40]}" is no value' if word else "a value is expected here")

    def blank(self) -> None:
        found = _BLANK.match(self.text, self.position)
        self.position = found.end() if found else self.position

    def line_now(self) -> int:
        self.line += self.text.count("\n", self.counted, self.position)
        self.counted = self.position
        return self.line
