"""From the files of a request to the desired stack."""

from __future__ import annotations

import posixpath
import re

from crane_core.orchestration.stacks.desired import DesiredStack, Place
from crane_core.orchestration.stacks.formats.compose.attachments import Attachments
from crane_core.orchestration.stacks.formats.compose.canonical import Canon
from crane_core.orchestration.stacks.formats.compose.casts import cast
from crane_core.orchestration.stacks.formats.compose.extends import Document
from crane_core.orchestration.stacks.formats.compose.interpolate import Template, interpolate
from crane_core.orchestration.stacks.formats.compose.merge import merge_files
from crane_core.orchestration.stacks.formats.compose.networks import Networks
from crane_core.orchestration.stacks.formats.compose.objects import Objects
from crane_core.orchestration.stacks.formats.compose.profiles import select
from crane_core.orchestration.stacks.formats.compose.schema import check
from crane_core.orchestration.stacks.formats.compose.services import Services
from crane_core.orchestration.stacks.formats.compose.source import read
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, note_places
from crane_core.orchestration.stacks.formats.compose.volumes import Folders, Mounts
from crane_core.orchestration.stacks.formats.errors import InvalidStackFile
from crane_core.orchestration.stacks.formats.request import SourceFile, StackRequest

_STACK_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?")
_VERSION = re.compile(r"|3|3\.(?:[0-9]|1[0-3])")


def load_compose(request: StackRequest) -> DesiredStack:
    """Return what a request's Compose files ask for. Raises InvalidStackFile with everything that is wrong."""
    problems = Problems()
    if not _STACK_NAME.fullmatch(request.name):
        problems.error(
            "name",
            f"`{request.name}` is no name for a stack; use letters, digits, `_` and `-`, and no spaces.",
            code="wrong-name",
        )
    loader = _Loader(request, problems)
    merged = loader.merged()
    stack = _convert(merged, request, loader, problems)
    if problems.violations:
        raise InvalidStackFile(problems.violations)
    return stack


class _Loader:
    """Reads the files of a request, and those that they extend from, each once."""

    def __init__(self, request: StackRequest, problems: Problems) -> None:
        self.attachments = Attachments(request.attachments, problems)
        self.places: dict[str, Place] = {}
        self._request = request
        self._problems = problems
        self._opened: dict[str, Document] = {}

    def merged(self) -> Map:
        """Return all files of the request as one, in one form."""
        merged: Map | None = None
        for file in self._request.files:
            tree = self._tree(file)
            note_places(tree, self.places)
            document = self._document(file.name, tree, self.attachments, "")
            document.extend()
            merged = document.tree if merged is None else merge_files(merged, document.tree)
        if merged is None:
            self._problems.error("files", "No file was sent.", code="no-file")
            return Map({section: Map() for section in ("services", "networks", "volumes", "configs", "secrets")})
        select(merged["services"], self._request.profiles)
        return merged

    def _tree(self, file: SourceFile) -> Map:
        tree = read(file, self._problems)
        version = tree.get("version", "")
        if isinstance(version, str) and not _VERSION.fullmatch(version):
            detail = f"Version `{version}` of Compose files is not supported; there are 3.0 to 3.13, or none at all."
            self._problems.error_at(tree, "version", "", detail, code="unsupported-version")
        interpolate(tree, Template(self._request.variables), self._problems)
        cast(tree)
        check(tree, self._problems)
        return tree

    def _document(self, name: str, tree: Map, attachments: Attachments, folder: str) -> Document:
        working_dir = posixpath.normpath(posixpath.join(self._request.working_dir, folder))
        folders = Folders(working_dir, self._request.home)
        Canon(self._request.variables, attachments, folders, self._problems).write(tree)

        def open_file(path: str, pointer: str, node: Map) -> Document | None:
            return self._open(path, pointer, node, attachments)

        return Document(name, tree, open_file, self._problems)

    def _open(self, path: str, pointer: str, node: Map, attachments: Attachments) -> Document | None:
        name = posixpath.normpath(attachments.name(path))
        if name not in self._opened:
            content = attachments.find(path, f"{pointer}/file", node.place_of("file"))
            if content is None:
                return None
            text = content.decode("utf-8", "replace")
            tree = self._tree(SourceFile(name, text))
            self._opened[name] = self._document(name, tree, attachments.below(path), posixpath.dirname(name))
        return self._opened[name]


def _convert(merged: Map, request: StackRequest, loader: _Loader, problems: Problems) -> DesiredStack:
    stack = request.name
    networks = Networks(merged["networks"], stack, problems)
    configs = Objects("configs", merged["configs"], stack, problems)
    secrets = Objects("secrets", merged["secrets"], stack, problems)
    mounts = Mounts(stack, merged["volumes"], problems)
    services = Services(stack, networks, mounts, configs, secrets, problems)
    specs = [services.spec(key, service) for key, service in merged["services"].items()]
    return DesiredStack(
        name=stack,
        networks=networks.bodies(),
        configs=configs.bodies(loader.attachments, request.variables),
        secrets=secrets.bodies(loader.attachments, request.variables),
        services={spec["Name"]: spec for spec in specs},
        external_networks=networks.external(),
        external_configs=configs.external(services.used_configs),
        external_secrets=secrets.external(services.used_secrets),
        warnings=tuple(problems.warnings),
        places=loader.places,
    )
