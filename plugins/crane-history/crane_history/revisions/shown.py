"""What is shown of a revision, and how two of them differ; made when it is kept, with nothing secret in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.stacks.planner import Wish
from crane_core.redaction import hide
from crane_history.revisions.hiding import hide_in_file
from crane_history.revisions.sealing import Seal

JSON = dict[str, Any]
# To compare texts takes the square of their length.
MOST_LINES = 10_000


def show(seal: Seal, wish: Wish, plan: Plan) -> JSON:
    """Return what is shown of what was sent; each secret has a mark, by which it can be told whether it changed."""
    request = wish.request
    return {
        "files": [
            {"name": file.name, "content": hide_in_file(file.content), "mark": seal.mark(file.content)}
            for file in request.files
        ],
        "variables": {
            name: {"value": hide(name, value), "mark": seal.mark([name, value])}
            for name, value in sorted(request.variables.items())
        },
        "attachments": [
            {"path": path, "bytes": len(content), "mark": seal.mark([path, content])}
            for path, content in sorted(request.attachments.items())
        ],
        "options": {
            "format": request.format,
            "profiles": list(request.profiles),
            "prune": wish.prune,
            "resolve_image": wish.resolve_image,
            "working_dir": request.working_dir,
        },
        "images": find_images(plan),
    }


def find_images(plan: Plan) -> dict[str, str]:
    """Return the image of each service of a plan that stays, with its digest where that is known."""
    return {
        change.name: change.image
        for change in plan.changes
        if change.kind == "service" and change.action != "remove" and change.image
    }


def show_plan(plan: Plan) -> JSON:
    """Return what a plan said: what it changed, field by field, without what it left alone."""
    told = plan.to_json()
    changes = [change for change in told["changes"] if change["action"] != "keep"]
    return {"summary": told["summary"], "changes": changes, "warnings": told["warnings"]}


def without_marks(shown: JSON) -> JSON:
    """Return it as answered."""
    return {
        "files": [{"name": file["name"], "content": file["content"]} for file in shown["files"]],
        "variables": {name: variable["value"] for name, variable in shown["variables"].items()},
        "attachments": [{"path": each["path"], "bytes": each["bytes"]} for each in shown["attachments"]],
        "options": shown["options"],
        "images": shown["images"],
    }


def compare(old: JSON, new: JSON, old_name: str, new_name: str) -> JSON:
    """Return how two revisions differ."""
    old_files = {file["name"]: file for file in old["files"]}
    new_files = {file["name"]: file for file in new["files"]}
    old_attachments = {each["path"]: each for each in old["attachments"]}
    new_attachments = {each["path"]: each for each in new["attachments"]}
    return {
        "files": [
            _compare_files(name, old_files.get(name), new_files.get(name), old_name, new_name)
            for name in _changed(old_files, new_files)
        ],
        "variables": [
            {
                "name": name,
                "from": (old["variables"].get(name) or {}).get("value"),
                "to": (new["variables"].get(name) or {}).get("value"),
            }
            for name in _changed(old["variables"], new["variables"])
        ],
        "attachments": [
            {"path": path, "change": _verb(path, old_attachments, new_attachments)}
            for path in _changed(old_attachments, new_attachments)
        ],
        "options": _compare_members(old["options"], new["options"]),
        "images": _compare_members(old["images"], new["images"]),
    }


def _changed(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> list[str]:
    """Return the names of what is not the same, by its mark."""
    names = dict.fromkeys([*old, *new])
    return [name for name in names if (old.get(name) or {}).get("mark") != (new.get(name) or {}).get("mark")]


def _verb(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return "added" if name not in old else "removed" if name not in new else "changed"


def _compare_members(old: JSON, new: JSON) -> list[JSON]:
    names = sorted({*old, *new})
    return [
        {"name": name, "from": old.get(name), "to": new.get(name)} for name in names if old.get(name) != new.get(name)
    ]


def _compare_files(name: str, old: JSON | None, new: JSON | None, old_name: str, new_name: str) -> JSON:
    before = old["content"].splitlines() if old else []
    after = new["content"].splitlines() if new else []
    diff: list[str] | None = None
    if max(len(before), len(after)) <= MOST_LINES:
        labels = (f"{name} ({old_name})" if old else "/dev/null", f"{name} ({new_name})" if new else "/dev/null")
        diff = list(difflib.unified_diff(before, after, *labels, lineterm=""))
    return {
        "name": name,
        "change": "added" if old is None else "removed" if new is None else "changed",
        "diff": None if diff is None else "".join(f"{line}\n" for line in diff),
        # What was sent differs, and what may be shown of it does not.
        "hidden_differs": diff == [],
    }
