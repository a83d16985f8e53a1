"""What a sender must send along with Compose files: the variables and the files that they name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crane_core.orchestration.stacks.formats.compose import environment
from crane_core.orchestration.stacks.formats.compose.attachments import Attachments
from crane_core.orchestration.stacks.formats.compose.interpolate import InvalidTemplate, Template, Variable
from crane_core.orchestration.stacks.formats.compose.source import read
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, Seq
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.needs import FileNeeds, NeededPath, NeededVariable
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest

_MOST_FILES = 100


def inspect_compose(request: StackRequest) -> FileNeeds:
    """Return what the request's files name and does not come with them yet.

    Variables are all told; paths only as long as they are not among the attachments. A file that services extend from
    is looked at as soon as it is an attachment. Raises InvalidStackFile when a file cannot be read.
    """
    problems = Problems()
    inspection = _Inspection(request, problems)
    for file in request.files:
        inspection.look_at(file, Attachments(request.attachments, problems))
    if problems.violations:
        raise InvalidStackFile(problems.violations)
    return inspection.needs()


@dataclass
class _Inspection:
    request: StackRequest
    problems: Problems
    variables: dict[str, Variable] = field(default_factory=dict)
    paths: dict[tuple[str, str], NeededPath] = field(default_factory=dict)
    images: dict[str, None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def needs(self) -> FileNeeds:
        """Return what was found, in the order of the files."""
        wanted = (
            NeededVariable(each.name, each.default, each.required, each.message) for each in self.variables.values()
        )
        return FileNeeds("compose", tuple(wanted), tuple(self.paths.values()), tuple(self.images))

    def look_at(self, file: SourceFile, attachments: Attachments) -> None:
        """Note what one file names."""
        tree = read(file, self.problems)
        self._scan(tree)
        for service in _maps(tree.get("services")):
            self._service(service, attachments)
        for section, kind in (("configs", "config"), ("secrets", "secret")):
            for entry in _maps(tree.get(section)):
                if not entry.get("external"):
                    self._path(entry.get("file"), kind, attachments)
                if isinstance(entry.get("environment"), str):
                    self._variable(Variable(entry["environment"], required=True))

    def _service(self, service: Map, attachments: Attachments) -> None:
        if isinstance(image := service.get("image"), str):
            self.images[self._filled(image)] = None
        self._from_sender(service.get("environment"))
        env_files = service.get("env_file")
        for entry in env_files if isinstance(env_files, Seq) else [env_files]:
            optional = isinstance(entry, Map) and entry.get("required") is False
            content = self._path(
                entry.get("path") if isinstance(entry, Map) else entry, "env_file", attachments, optional
            )
            if content is not None:
                self._env_file(content)
        extends = service.get("extends")
        if isinstance(extends, Map) and isinstance(extends.get("file"), str):
            self._extended(extends["file"], attachments)

    def _extended(self, written: str, attachments: Attachments) -> None:
        content = self._path(written, "extends", attachments)
        path = self._filled(written)
        name = posixpath.normpath(attachments.name(path))
        if content is not None and name not in self.seen and len(self.seen) < _MOST_FILES:
            self.seen.add(name)
            self.look_at(SourceFile(name, content.decode("utf-8", "replace")), attachments.below(path))

    def _path(self, written: Any, kind: str, attachments: Attachments, optional: bool = False) -> bytes | None:
        if not isinstance(written, str) or not written:
            return None
        path = attachments.name(self._filled(written))
        if (content := attachments.get(self._filled(written))) is not None:
            return content
        self.paths.setdefault((path, kind), NeededPath(path, written, kind, optional))
        return None

    def _env_file(self, content: bytes) -> None:
        for line in content.decode("utf-8", "replace").splitlines():
            name, _, value = line.strip().partition("=")
            if name and not name.startswith("#") and not value:
                self._variable(Variable(name))

    def _from_sender(self, pairs: Any) -> None:
        if isinstance(pairs, Map | Seq) and all(isinstance(item, str) for item in pairs):
            for name, default in environment.asked_for(pairs).items():
                self._variable(Variable(self._filled(name), default))

    def _scan(self, tree: Map) -> None:
        template = Template(self.request.variables, lenient=True)
        for text in _texts(tree):
            try:
                template.fill(text)
            except InvalidTemplate:
                continue  # Loading the file tells of it, with its line.
        for variable in template.met.values():
            self._variable(variable)

    def _variable(self, variable: Variable) -> None:
        known = self.variables.setdefault(variable.name, variable)
        if variable.required and not known.required:
            known.required, known.message = True, variable.message

    def _filled(self, text: str) -> str:
        try:
            return Template(self.request.variables, lenient=True).fill(text)
        except InvalidTemplate:
            return text


def _maps(section: Any) -> Iterator[Map]:
    if isinstance(section, Mapping):
        yield from (entry for entry in section.values() if isinstance(entry, Map))


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        if "$" in node:
            yield node
    elif isinstance(node, Map):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, Seq):
        for value in node:
            yield from _texts(value)
