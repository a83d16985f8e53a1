"""Names of accounts, groups and roles, and patterns of names."""

from __future__ import annotations

import re

from crane_core.errors import Invalid, Violation

LONGEST = 100
LONGEST_PATTERN = 255
_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9._@+-]*[a-z0-9])?")
_OTHER = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
_PATTERN = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9._/*-]*[A-Za-z0-9*])?")
# How logs call those that are no account; one of these names would pass for them.
RESERVED = frozenset({"local", "nobody", "server", "swarm", "crane"})


def normal(name: str) -> str:
    """Return a name as it is kept: nobody tells two accounts apart by capital letters."""
    return name.lower()


def check_account_name(name: str) -> str:
    """Return the name of an account as it is kept.

    :raises Invalid: when it is none.
    """
    found = normal(name)
    if found in RESERVED:
        raise _wrong("name", f"The name {found} is reserved for what is no account.")
    if len(found) > LONGEST or not _ACCOUNT.fullmatch(found):
        raise _wrong(
            "name",
            f"A name has 1 to {LONGEST} letters without accents, digits, and . _ - @ + between them.",
        )
    return found


def check_name(name: str) -> str:
    """Return the name of a group or a role as it is kept.

    :raises Invalid: when it is none.
    """
    found = normal(name)
    if len(found) > LONGEST or not _OTHER.fullmatch(found):
        raise _wrong("name", f"A name has 1 to {LONGEST} letters without accents, digits, and . _ - between them.")
    return found


def check_pattern(pattern: str) -> str:
    """Return a pattern of names.

    :raises Invalid: when it is none.
    """
    if len(pattern) > LONGEST_PATTERN or not _PATTERN.fullmatch(pattern):
        raise _wrong("on", "Give a name, in which * stands for any letters, as in shop or shop-*.")
    return pattern


def _wrong(member: str, detail: str) -> Invalid:
    return Invalid(detail, violations=[Violation(f"/{member}", detail, code="wrong-name")])


def matches(pattern: str, name: str) -> bool:
    """Tell whether a name is one of a pattern's. A pattern is covered by another if it matches it as a name does.

    >>> matches("shop-*", "shop-web"), matches("shop", "shop-web"), matches("shop*", "shop-*"), matches("shop-*", "*")
    (True, False, True, False)
    """
    if "*" not in pattern:
        return pattern == name
    first, *between, last = pattern.split("*")
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    # Each part where it comes first leaves the most for those after it, so nothing is ever tried twice.
    position, end = len(first), len(name) - len(last)
    for part in between:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def overlap(one: str, other: str) -> bool:
    """Tell whether there may be a name that is one of both patterns'.

    >>> overlap("shop-*", "*-web"), overlap("shop-*", "bank-*"), overlap("a*b", "ab"), overlap("a*b", "ac*")
    (True, False, True, False)
    """
    # Which parts of the other are used up, for each part of the one: as when two texts are compared letter by letter.
    reachable = {0}
    for letter in one:
        reachable = _spread(other, reachable)
        if letter == "*":
            reachable = set(range(min(reachable), len(other) + 1)) if reachable else set()
        else:
            reachable = {
                position if other[position] == "*" else position + 1
                for position in reachable
                if position < len(other) and other[position] in (letter, "*")
            }
    return len(other) in _spread(other, reachable)


def _spread(pattern: str, reachable: set[int]) -> set[int]:
    """Add where one gets to by letting stars stand for nothing."""
    found = set(reachable)
    for position in sorted(reachable):
        while position < len(pattern) and pattern[position] == "*":
            position += 1
            found.add(position)
    return found
