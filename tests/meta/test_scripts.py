"""The make targets and the scripts behind them do as they say, or say what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEED = ROOT / "scripts" / "need"
# The test's own Engine settings must not matter.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "CRANE_"))}


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person without a terminal would."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def bare(tmp_path) -> Path:
    """A directory with the few programs that a machine without apt-get has."""
    for name in ("bash", "id", "env", "true", "false"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    return tmp_path


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text()

    listed = re.findall(r"^  ([a-z]+) ", run("make").stdout, flags=re.MULTILINE)

    assert listed == re.findall(r"^\.PHONY: ([a-z]+)$", text, flags=re.MULTILINE)


def test_readme_names_targets_that_exist():
    targets = re.findall(r"^\.PHONY: ([a-z]+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", (ROOT / page).read_text(), flags=re.MULTILINE))

        assert named
        assert named <= set(targets)


def test_need_says_nothing_when_all_is_there(bare):
    done = run(NEED, "bash:bash", PATH=str(bare))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_need_names_everything_that_is_missing(bare):
    # Without root's way to install, whoever runs it is told the names.
    done = run(
        NEED, "nothing-like-it:first-package,second-package", "?false:third-package", "bash:bash", PATH=str(bare)
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "nothing-like-it is missing; please install it (Debian: apt-get install second-package).",
        "false is missing; please install it (Debian: apt-get install third-package).",
    ]


def test_run_says_which_named_engine_does_not_answer(tmp_path):
    done = run(ROOT / ".venv/bin/python", "scripts/run", DOCKER_HOST=f"unix://{tmp_path}/none.sock")

    assert done.returncode == 2
    assert done.stderr.startswith("run: ")
    assert "none.sock" in done.stdout
    assert "DOCKER_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_that_is_asked_for_help_starts_nothing(tmp_path):
    done = run(ROOT / ".venv/bin/python", "scripts/run", "--help", DOCKER_HOST=f"unix://{tmp_path}/none.sock")

    assert (done.returncode, done.stderr) == (0, "")
    assert "crane-server run [OPTIONS]" in done.stdout


def test_run_tells_somebody_who_is_not_root_what_to_install():
    # In namespaces of its own the script finds no Engine's socket and is nobody.
    hide_engine = 'mount -t tmpfs none /run && exec unshare --user "$@"'
    command = ["unshare", "--mount", "sh", "-c", hide_engine, "sh", str(ROOT / ".venv/bin/python"), "scripts/run"]

    done = run(*command)

    assert done.returncode == 2, done.stderr
    assert "apt-get install docker.io" in done.stderr
    assert "DOCKER_HOST" in done.stderr
