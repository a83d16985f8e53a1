"""Each distribution requires what it imports, no less and no more, and all of it is pinned."""

from __future__ import annotations

import ast
import re
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]


def read_metadata(directory: Path) -> ConfigParser:
    """Return what a setup.cfg says."""
    parser = ConfigParser()
    parser.read(directory / "setup.cfg")
    return parser


def required(text: str) -> dict[str, Requirement]:
    """Return the requirements in a value of setup.cfg, by their canonical names."""
    found = [Requirement(line) for line in text.splitlines() if line.strip()]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def imported(directory: Path, package: str, known: dict[str, list[str]]) -> set[str]:
    """Return the distributions that the modules of a package import, but for itself."""
    names = set()
    for path in (directory / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    foreign = names - set(sys.stdlib_module_names) - {package, "__future__"}
    return {canonicalize_name(known.get(name, [name])[0]) for name in foreign}


@pytest.mark.parametrize("directory", DISTRIBUTIONS, ids=lambda directory: directory.name)
def test_distribution_requires_exactly_what_it_imports(directory):
    metadata = read_metadata(directory)
    package = metadata["metadata"]["name"].replace("-", "_")
    wanted = imported(directory, package, packages_distributions())
    listed = set(required(metadata["options"]["install_requires"]))
    # Fixtures for plugins' tests are part of these; who uses them has pytest.
    optional = {"pytest"} if package in ("crane_core", "crane_database") else set()

    assert wanted - optional == listed


@pytest.mark.parametrize("directory", DISTRIBUTIONS, ids=lambda directory: directory.name)
def test_every_requirement_is_pinned_to_a_version_that_it_allows(directory):
    metadata = read_metadata(directory)
    extras = metadata["options.extras_require"] if metadata.has_section("options.extras_require") else {}
    wanted = [required(text) for text in (metadata["options"]["install_requires"], *dict(extras).values())]
    pins = pinned()

    for requirements in wanted:
        for name, requirement in requirements.items():
            if name.startswith("crane-"):
                continue
            assert name in pins
            assert requirement.specifier.contains(pins[name], prereleases=True), requirement


def test_pins_name_no_place():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][0-9a-z.]*", line), line


def pinned() -> dict[str, str]:
    """Return the version of each pinned distribution."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}
