"""Services that extend others, of the same file or of one that was sent along."""

from __future__ import annotations

from collections.abc import Callable

from crane_core.orchestration.stacks.formats.compose.merge import merge_service
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, pointer

Open = Callable[[str, str, Map], "Document | None"]


class Document:
    """One file in its one form.

    :param name: What the file is called, to know it again.
    :param open_file: Opens the file that a service extends from, given its path, the JSON pointer and the mapping that
        name it.
    """

    def __init__(self, name: str, tree: Map, open_file: Open, problems: Problems) -> None:
        self.name = name
        self.tree = tree
        self._open = open_file
        self._problems = problems

    def extend(self) -> None:
        """Give every service what it extends."""
        services = self.tree["services"]
        for key in list(services):
            services[key] = self._whole(key, ())

    def _whole(self, key: str, chain: tuple[tuple[str, str], ...]) -> Map:
        service: Map = self.tree["services"][key]
        extends = service.get("extends")
        if not isinstance(extends, Map):
            return service
        own = Map({name: value for name, value in service.items() if name != "extends"}, service.place)
        own.places, own.tags = service.places, service.tags
        base = self._base(key, service, extends, (*chain, (self.name, key)))
        if base is None:
            return own
        inherited = Map({name: value for name, value in base.items() if name != "profiles"}, base.place)
        inherited.places = base.places
        return merge_service(inherited, own, empty_counts=True)

    def _base(self, key: str, service: Map, extends: Map, chain: tuple[tuple[str, str], ...]) -> Map | None:
        path, place = pointer("services", key, "extends"), service.place_of("extends")
        document: Document | None = self
        if file := extends.get("file"):
            document = self._open(file, path, extends)
        if document is None:
            return None
        wanted = extends["service"]
        if (document.name, wanted) in chain:
            circle = " → ".join([name for _, name in chain] + [wanted])
            self._problems.error(path, f"`extends` goes round in a circle: {circle}.", place, code="circular")
            return None
        if wanted not in document.tree["services"]:
            where = f"in `{file}`" if file else "in this file"
            self._problems.error(path, f"There is no service `{wanted}` {where} to extend.", place, code="not-defined")
            return None
        return document._whole(wanted, chain)
