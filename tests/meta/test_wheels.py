"""What a distribution needs is in its wheel, not only in the clone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/setup.cfg"))]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@pytest.mark.parametrize("directory", DISTRIBUTIONS, ids=lambda directory: directory.name)
def test_wheel_holds_every_file_of_its_package(directory, tmp_path):
    package = next(path.parent.name for path in directory.glob("crane_*/__init__.py"))
    source = tmp_path / "source"
    shutil.copytree(directory / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (directory / name).exists():
            shutil.copy(directory / name, source)

    done = subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=source, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if name.startswith(f"{package}/")}
    assert held == {str(path.relative_to(source)) for path in (source / package).rglob("*") if path.is_file()}
