"""The contents of files that a stack file refers to, as far as they were sent along."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from crane_core.orchestration.stacks.desired import Place
from crane_core.orchestration.stacks.formats.compose.tree import Problems


class Attachments:
    """Contents by the path that stands in the stack file.

    :param folder: The folder of the file that refers to them, empty for the stack file itself.
    """

    def __init__(self, contents: Mapping[str, bytes], problems: Problems, folder: str = "") -> None:
        self._contents = contents
        self._problems = problems
        self._folder = folder

    def below(self, path: str) -> Attachments:
        """Return the attachments as a file at ``path`` refers to them."""
        return Attachments(self._contents, self._problems, posixpath.dirname(self.name(path)))

    def name(self, path: str) -> str:
        """Return what a path is called among the attachments."""
        if not self._folder or path.startswith(("/", "~")):
            return path
        return posixpath.normpath(posixpath.join(self._folder, path))

    def get(self, path: str) -> bytes | None:
        """Return the content of a file, None when it was not sent. ``./a`` and ``a`` are the same file."""
        name = self.name(path)
        content = self._contents.get(name)
        if content is not None:
            return content
        plain = posixpath.normpath(name)
        return next((self._contents[key] for key in self._contents if posixpath.normpath(key) == plain), None)

    def find(self, path: str, pointer: str, place: Place | None, *, optional: bool = False) -> bytes | None:
        """Return the content of a file; note when it is needed and was not sent."""
        content = self.get(path)
        if content is None and not optional:
            self._problems.error(
                pointer, f"The file `{self.name(path)}` was not sent; send it along.", place, code="file-missing"
            )
        return content
