"""The layers hold, and the rules that say so would notice a violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Where something is written, what is written there, and the rule that must object. A wildcard that matches no module
# would pass in silence; that is what these are for.
VIOLATIONS = {
    "an error that imports HTTP": ("crane_core/errors.py", "import crane_core.http", "The core has layers"),
    "an engine that imports a domain": (
        "crane_core/engine/client.py",
        "import crane_core.orchestration",
        "The core has layers",
    ),
    "a domain that imports another": (
        "crane_core/cluster/__init__.py",
        "import crane_core.orchestration",
        "The core has layers",
    ),
    "a module that has no layer": ("crane_core/utils.py", "", "The core has layers"),
    "a second door to Docker": (
        "crane_core/engine/second_door.py",
        "import docker",
        "Only engine.client speaks with the Docker SDK",
    ),
    "an operation that knows HTTP": (
        "crane_core/orchestration/planted/operations.py",
        "import flask",
        "Operations know no HTTP",
    ),
    "a client that imports the server": (
        "plugins/crane-cli/crane_cli/planted.py",
        "import crane_core.errors",
        "The command line knows the server by HTTP only",
    ),
    "a second door to the database": (
        "plugins/crane-panel/crane_panel/planted.py",
        "import sqlalchemy",
        "Only crane_database speaks with the database",
    ),
    "a core that imports a plugin": (
        "crane_core/orchestration/planted.py",
        "import crane_database",
        "The core knows no plugin",
    ),
    "a history that reaches into the database": (
        "plugins/crane-history/crane_history/planted.py",
        "import crane_database.models",
        "The history stands on the core and on what crane_database offers",
    ),
    "accounts that reach into the database": (
        "plugins/crane-accounts/crane_accounts/planted.py",
        "import crane_database.models",
        "The accounts stand on the core and on what crane_database offers",
    ),
    "logins that reach into the accounts": (
        "plugins/crane-auth/crane_auth/planted.py",
        "import crane_accounts.models",
        "Logins stand on the core and on what crane_accounts and crane_database offer",
    ),
    "LDAP that reaches into the logins": (
        "plugins/crane-ldap/crane_ldap/planted.py",
        "import crane_auth.models",
        "LDAP stands on the core and on what crane_auth offers",
    ),
    "a panel that asks the server from within": (
        "plugins/crane-panel/crane_panel/planted.py",
        "import crane_core.context",
        "The panel only sends its files",
    ),
}
PLUGINS = (
    "plugins/crane-accounts",
    "plugins/crane-auth",
    "plugins/crane-cli",
    "plugins/crane-database",
    "plugins/crane-history",
    "plugins/crane-ldap",
    "plugins/crane-panel",
)


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the checks on the copy in a directory."""
    code = f"import sys; sys.path[:0] = ['.', *{PLUGINS}]; from importlinter.cli import lint_imports_command; "
    code += "lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=directory, capture_output=True, text=True, timeout=120
    )


def test_layers_hold():
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_violation_is_noticed(violation, tmp_path):
    file, line, rule = VIOLATIONS[violation]
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "tests", "static", "frontend")
    for part in ("crane_core", *PLUGINS):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "__init__.py").touch()
    with path.open("a") as planted:
        planted.write(f"\n{line}\n")

    done = lint(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{rule} BROKEN" in done.stdout
