"""What the next version of a config or a secret is called."""

from __future__ import annotations

import re
from collections.abc import Collection

from crane_core.engine.data import LONGEST_NAME
from crane_core.orchestration.stacks.versions import version_number

_NUMBERED = re.compile(r"(?P<plain>.*[a-zA-Z0-9])\.(?P<number>[1-9][0-9]{0,8})")


def next_name(name: str, taken: Collection[str]) -> str:
    """Return what the version after this one is called: as the next one of a stack's file would be.

    A name that would get too long loses letters at its end, because the Swarm takes no longer one.

    >>> next_name("shop_key", ["shop_key"]), next_name("shop_key.2", ["shop_key.2", "shop_key.7"])
    ('shop_key.2', 'shop_key.8')
    """
    plain = _plain(name)
    number = max([version_number(plain, name), *(version_number(plain, each) for each in taken)]) + 1
    while (made := _join(plain, number)) in taken:
        number += 1
    return made


def _plain(name: str) -> str:
    numbered = _NUMBERED.fullmatch(name)
    return numbered["plain"] if numbered and int(numbered["number"]) > 1 else name


def _join(plain: str, number: int) -> str:
    end = f".{number}"
    # The letter before the number must be none of those that no name may end with.
    return plain[: LONGEST_NAME - len(end)].rstrip("._-") + end
