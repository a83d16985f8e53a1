"""What is meant by a name that a service, a task or a container could have."""

from __future__ import annotations

from collections.abc import Sequence

from crane_cli.api import Api
from crane_cli.errors import Refused

NOT_FOUND = 404


def narrow(api: Api, kinds: Sequence[str], target: str) -> list[str]:
    """Return those kinds of which something may be meant, in their order; one alone where it is called exactly so.

    What is called exactly so comes before what has an id that only begins so, whatever kinds they are of.
    """
    if len(kinds) == 1:
        return list(kinds)
    left = []
    for kind in kinds:
        try:
            found = api.get(f"{kind}s", target)
        except Refused as refusal:
            # Who may not look at something may be allowed other things: only what is not there is out of the question.
            if refusal.status != NOT_FOUND:
                left.append(kind)
            continue
        # Docker writes the id of a task or a service as ID.
        if target in (found.get("name"), found.get("id"), found.get("ID")):
            return [kind]
        left.append(kind)
    return left
