"""Reading a stack file: YAML into :class:`Map` and :class:`Seq`, with the line of everything in it.

YAML is read as ``yaml.v3`` of Go does, which the docker CLI uses: a key that stands twice is an error, ``<<`` takes
over what is not said, and of several documents the first is read. Limits keep a small file from becoming a large tree.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from crane_core.orchestration.stacks.desired import Place
from crane_core.orchestration.stacks.formats.compose import scalars
from crane_core.orchestration.stacks.formats.compose.tree import OVERRIDE, RESET, Map, Problems, Seq
from crane_core.orchestration.stacks.formats.request import SourceFile

LARGEST_FILE = 1024 * 1024
MOST_NODES = 150_000
DEEPEST = 64
_PLAIN, _QUOTED = "plain", "quoted"
_STANDARD = "tag:yaml.org,2002:"
_BINARY = f"{_STANDARD}binary"
_GUESSED = {_PLAIN, *(f"{_STANDARD}{name}" for name in ("int", "float", "bool", "null", "timestamp"))}


class _Unreadable(Exception):
    def __init__(self, detail: str, line: int | None = None) -> None:
        super().__init__(detail)
        self.line = line


class _Composer(CParser):
    """The C parser as a source of nodes; what a scalar means is left to :mod:`scalars`.

    The parser calls itself for what is nested, and very deep nesting would crash the process; so the depth is watched.
    """

    _depth = 0

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        return _PLAIN if implicit == (True, False) else _QUOTED

    def descend_resolver(self, parent: Any, index: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _Unreadable(f"it is nested more than {DEEPEST} levels deep.", parent.start_mark.line + 1)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def read(file: SourceFile, problems: Problems) -> Map:
    """Read a stack file; what cannot be read is noted and left out."""
    try:
        root, further = _compose(file.content)
        reader = _Reader(file.name, problems)
        tree = reader.read(root) if root is not None else None
    except _Unreadable as error:
        problems.error("", f"{file.name} cannot be read: {error}", Place(file.name, error.line), code="unreadable-file")
        return Map()
    if not isinstance(tree, Map):
        problems.error(
            "", f"{file.name} must be a mapping with a key `services`.", Place(file.name, 1), code="unreadable-file"
        )
        return Map()
    if further:
        problems.warn(
            "",
            f"{file.name} holds several YAML documents; only the first is read.",
            Place(file.name, None),
            code="several-documents",
        )
    return tree


def _compose(content: str) -> tuple[yaml.Node | None, bool]:
    try:
        size = len(content.encode())
    except UnicodeEncodeError as error:
        raise _Unreadable("it holds characters that are not valid Unicode.") from error
    if size > LARGEST_FILE:
        raise _Unreadable(f"it has {size:,} bytes, and at most {LARGEST_FILE:,} are taken.")
    try:
        composer = _Composer(content)
        root = composer.get_node() if composer.check_node() else None
        return root, composer.check_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.context, error.problem) if part)
        if "maximum nesting depth" in words:
            # Newer parsers give up by themselves, before there are nodes to count.
            raise _Unreadable(
                f"it is nested more than {DEEPEST} levels deep.", mark.line + 1 if mark else None
            ) from error
        raise _Unreadable(f"it is not valid YAML: {words}.", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise _Unreadable(f"it is not valid YAML: {' '.join(str(error).split())}.") from error


class _Reader:
    """Turns the nodes of one file into a tree."""

    def __init__(self, name: str, problems: Problems) -> None:
        self._name = name
        self._problems = problems
        self._places: dict[int, Place] = {}
        self._count = 0

    def read(self, node: yaml.Node, depth: int = 0) -> Any:
        """Return the value of a node: a new one each time, as aliases are changed independently later."""
        self._count += 1
        if self._count > MOST_NODES:
            raise _Unreadable(f"its anchors and aliases unfold to more than {MOST_NODES:,} values.")
        if depth > DEEPEST:
            raise _Unreadable("an alias stands inside what it stands for, or nests too deep.", node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            items = Seq(self._place(node))
            for item in node.value:
                if item.tag != RESET:
                    items.put(self.read(item, depth + 1), self._place(item))
            return items
        return self._mapping(node, depth)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _BINARY:
            try:
                return b64decode(node.value).decode()
            except ValueError as error:
                raise _Unreadable("`!!binary` must be base64 of UTF-8 text.", node.start_mark.line + 1) from error
        return scalars.resolve(node.value) if node.tag in _GUESSED else node.value

    def _mapping(self, node: yaml.Node, depth: int) -> Map:
        mapping = Map(place=self._place(node))
        merged: list[yaml.Node] = []
        for key, value in node.value:
            place = self._place(key)
            if not isinstance(key, yaml.ScalarNode) or (key.tag == _PLAIN and not key.value):
                raise _Unreadable("a key must be a single word.", place.line)
            name = str(key.value)
            if name == "<<" and key.tag == _PLAIN:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif name in mapping or name in mapping.tags:
                first = mapping.places[name].line
                self._problems.error("", f"The key `{name}` stands twice, first in line {first}.", place, code="twice")
            elif value.tag == RESET:
                mapping.tags[name] = RESET
                mapping.places[name] = place
            else:
                if value.tag == OVERRIDE:
                    mapping.tags[name] = OVERRIDE
                mapping.put(name, self.read(value, depth + 1), place)
        for source in merged:
            self._take_over(mapping, source, depth)
        return mapping

    def _take_over(self, mapping: Map, source: yaml.Node, depth: int) -> None:
        if not isinstance(source, yaml.MappingNode):
            raise _Unreadable("`<<` takes over mappings only.", source.start_mark.line + 1)
        other = self.read(source, depth + 1)
        for key, value in other.items():
            if key not in mapping and key not in mapping.tags:
                mapping.put(key, value, other.places.get(key))

    def _place(self, node: yaml.Node) -> Place:
        line = node.start_mark.line + 1
        return self._places.get(line) or self._places.setdefault(line, Place(self._name, line))
