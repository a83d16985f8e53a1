"""What Crane makes of a Compose file is what the docker CLI makes of it; see ``make_golden.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crane_core.orchestration.stacks.formats import SourceFile, StackRequest, load

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(case.name for case in GOLDEN.iterdir())


def said(value: Any) -> Any:
    """Return a value without what says nothing, and with lists of objects in one order."""
    if isinstance(value, dict):
        inside = {key: said(item) for key, item in value.items()}
        return {key: item for key, item in inside.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        items = [said(item) for item in value]
        if all(isinstance(item, dict) for item in items):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return value


def without_ids(expected: dict[str, Any]) -> dict[str, Any]:
    """Take out the ids that are filled in when a plan is made."""
    for service in expected.get("services", {}).values():
        for kind in ("Config", "Secret"):
            for reference in service["TaskTemplate"]["ContainerSpec"].get(f"{kind}s", ()):
                reference.pop(f"{kind}ID")
    return expected


@pytest.mark.parametrize("name", CASES)
def test_stack_is_the_one_that_the_docker_cli_deploys(name: str) -> None:
    case = GOLDEN / name
    names = [path.name for path in case.iterdir()]
    files = tuple(
        SourceFile(file, (case / file).read_text()) for file in ("stack.yml", "override.yml") if file in names
    )
    lines = (case / "variables.env").read_text().splitlines() if "variables.env" in names else []
    request = StackRequest(
        name="s",
        files=files,
        variables=dict(line.split("=", 1) for line in lines),
        attachments={path.name: path.read_bytes() for path in case.iterdir()},
        working_dir="/above/here",
        home="/home/somebody",
    )
    text = (case / "expected.json").read_text()
    for placeholder, value in (("{cwd}", "/above/here"), ("{above}", "/above"), ("{home}", request.home)):
        text = text.replace(placeholder, value)

    stack = load(request)

    made = {"networks": stack.networks, "configs": stack.configs, "secrets": stack.secrets, "services": stack.services}
    assert said(made) == said(without_ids(json.loads(text)))
