"""What may be shown of a stack file: the file as it was written, with the values that look secret hidden.

Which values do is decided as everywhere in Crane, by their names and by credentials inside them. The file is read as
YAML for that (JSON is YAML), so that a value is hidden in whole, however it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from crane_core.redaction import HIDDEN, hide_inside, looks_secret

# Keys of the formats that name secrets, and hold none.
_STRUCTURE = frozenset({"secrets", "credential_spec"})
# Sections whose members are objects with names of the operator's own: db_password is a name there.
_SECTIONS = frozenset({"secrets", "configs", "networks", "volumes", "services"})
# The content of a config or secret that stands in the file itself.
_CONTENT = frozenset({"content", "data"})
_COMMENT = re.compile(r"#[^\n]*")
_SAID = re.compile(r"([A-Za-z0-9_.-]+)(\s*[:=]\s*)(\S.*)")
_VARIABLE = re.compile(r"([A-Za-z0-9_.-]+)(=)(.+)", re.DOTALL)


@dataclass(frozen=True)
class _Span:
    """A value in the text, and what is shown of it."""

    start: int
    end: int
    shown: str


def hide_in_file(content: str) -> str:
    """Return a stack file with its secrets hidden; nothing of a file that cannot be read.

    >>> print(hide_in_file("environment:\\n  DB_PASSWORD: my secret words\\n  DEBUG: 1"))
    environment:
      DB_PASSWORD: (hidden)
      DEBUG: 1
    """
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
        spans = list(_walk(root, content, (), False, "", set())) if root is not None else []
    except (yaml.YAMLError, RecursionError):
        return HIDDEN
    written: list[str] = []
    at = 0
    # Of what is seen in two ways, the way that hides it counts.
    for span in sorted(spans, key=lambda span: (span.start, not span.shown.startswith(HIDDEN))):
        if span.start < at:
            continue
        written += [_hide_comments(content[at : span.start]), span.shown]
        at = span.end
    return "".join([*written, _hide_comments(content[at:])])


def _walk(
    node: Any, content: str, path: tuple[str, ...], secret: bool, before: str, seen: set[tuple[int, bool]]
) -> Iterator[_Span]:
    """Yield every value below a node.

    :param secret: Whether all of it is secret, because of the name that it stands under.
    :param before: The item before it in a list, which may be an option like --password.
    """
    # An alias was seen where it is written, but there it may not have looked secret.
    if (id(node), secret) in seen:
        return
    seen.add((id(node), secret))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            yield from _walk(key, content, (), False, "", seen)
            yield from _walk(value, content, (*path, name), _is_secret(path, name, secret, value), "", seen)
    elif isinstance(node, yaml.SequenceNode):
        previous = ""
        for item in node.value:
            yield from _walk(item, content, (*path, ""), secret, previous, seen)
            previous = str(item.value) if isinstance(item, yaml.ScalarNode) else ""
    elif node.value:
        yield _show(node, content, secret, before)


def _is_secret(path: tuple[str, ...], name: str, secret: bool, value: Any) -> bool:
    if len(path) >= 2 and path[-2] in ("secrets", "configs") and name in _CONTENT:
        return True
    if secret:
        # A name inside something secret may only say where it is.
        return not name.lower().endswith(("file", "path", "dir"))
    structure = name in _STRUCTURE or (bool(path) and path[-1] in _SECTIONS)
    return looks_secret(name) and (not structure or isinstance(value, yaml.ScalarNode))


def _show(node: Any, content: str, secret: bool, before: str) -> _Span:
    start, end = node.start_mark.index, node.end_mark.index
    written = content[start:end]
    # A block of text ends with the line feed before the next key.
    text = written.rstrip()
    follows = before.startswith("-") and "=" not in before and looks_secret(before)
    if secret or follows:
        shown = HIDDEN
    elif (found := _VARIABLE.fullmatch(node.value)) and looks_secret(found[1]):
        shown = f"{found[1]}={HIDDEN}"
    else:
        shown = hide_inside(text)
        if shown == text and hide_inside(node.value) != node.value:
            # It is written in a way that only a reader of YAML sees through.
            shown = HIDDEN
    return _Span(start, end, shown + written[len(text) :])


def _hide_comments(between: str) -> str:
    return _COMMENT.sub(lambda found: _hide_comment(found[0]), between)


def _hide_comment(comment: str) -> str:
    said = _SAID.search(comment)
    if said and looks_secret(said[1]):
        return f"{comment[: said.start()]}{said[1]}{said[2]}{HIDDEN}"
    return hide_inside(comment)
