"""Which passwords are good enough: long ones that nobody tries first. No rule asks for digits or signs."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from crane_auth.errors import WeakPassword
from crane_core.context import Crane
from crane_core.errors import SetupError, Violation

LONGEST = 1024
_PIECE = 1 << 20
_SHA1 = re.compile(rb"[0-9A-Fa-f]{40}(?=[:\r\n])")
# What people choose who must choose a long one; digits and signs around it make it no better.
_COMMON = frozenset(
    """
    abcdefghijkl abcdefghijklm administrator adminadmin asdfghjkl asdfghjklzxcvbnm changeit changeme changemenow
    changethis correcthorsebatterystaple crane craneadmin default docker dockerswarm football iloveyou iloveyoubaby
    iloveyouforever letmein letmeinnow letmeinplease manager master maintenance monkey mypassword mypasswordis
    newpassword nopassword owner pass passphrase password passwordpassword passwort princess qazwsxedc qazwsxedcrfv
    qwertyuiop qwertyuiopasdf qwerty qwertyqwerty root rootroot secret secretsecret secretpassword server sunshine
    supersecret superuser swarm system temporary temp test testtest testing testpassword thisismypassword
    thisisapassword trustno unknown user welcome welcomehome welcomewelcome whatever zaqwsxcde zxcvbnm
    """.split()  # noqa: SIM905 (a list of so many takes a page)
)
_SWAPPED = str.maketrans("@4031!$57", "aaoeiisst")


class Strength:
    """The room of one server that judges new passwords."""

    def __init__(self, crane: Crane) -> None:
        self.shortest = int(crane.settings["auth.shortest_password"])
        named = str(crane.settings["auth.breached_passwords"])
        self._breached = Path(named) if named else None

    def check_settings(self) -> None:
        """Refuse to start with a list that cannot be read.

        :raises SetupError: when it cannot.
        """
        if self._breached is None:
            return
        try:
            with self._breached.open("rb"):
                pass
        except OSError as error:
            raise SetupError(f"auth.breached_passwords: {self._breached} cannot be read: {error.strerror}.") from error

    def demand(self, password: str, *others: str, pointer: str = "/password") -> None:
        """Go on only with a password that is good enough.

        :param others: Names of its owner, which are no passwords.
        :raises WeakPassword: with what is wrong with it.
        """
        if found := self._find_weakness(password, others, pointer):
            raise WeakPassword(found.detail, violations=[found])

    def _find_weakness(self, password: str, others: tuple[str, ...], pointer: str) -> Violation | None:
        if len(password) < self.shortest:
            least = f"A password has at least {self.shortest} characters."
            return Violation(pointer, least, code="password-too-short")
        if len(password) > LONGEST:
            return Violation(pointer, f"A password has at most {LONGEST} characters.", code="password-too-long")
        if _is_simple(password) or any(_is_made_of(password, name) for name in others if name):
            first = "This password is among the first that are guessed. Take a few words at random."
            return Violation(pointer, first, code="password-common")
        if self._breached is not None and _is_listed(password, self._breached):
            stolen = "This password was stolen elsewhere before, and is tried by those who guess."
            return Violation(pointer, stolen, code="password-breached")
        return None


def _is_simple(password: str) -> bool:
    folded = password.casefold()
    core = folded.strip("0123456789!?.,;:#*+-_@$%&= ")
    # Whoever guesses knows P@ssw0rd too.
    known = core in _COMMON or core.translate(_SWAPPED) in _COMMON
    return known or not core or len(set(folded)) < 5 or _is_sequence(folded)


def _is_sequence(text: str) -> bool:
    """Tell whether most characters follow from the one before, as in abcdefgh and 12345678."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(step in (0, 1, -1) for step in steps) > 0.8 * len(steps)


def _is_made_of(password: str, name: str) -> bool:
    """Tell whether little is left of a password without the name of its owner."""
    return len(name) > 2 and len(password.casefold().replace(name.casefold(), "")) < 6


def _is_listed(password: str, path: Path) -> bool:
    """Tell whether a file lists a password: one a line, or the SHA-1 of each, in order."""
    with path.open("rb") as file:
        if _SHA1.match(file.read(42)):
            return _is_hash_listed(hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest(), file)
        file.seek(0)
        needle = b"\n" + password.encode() + b"\n"
        return any(needle in piece for piece in _pieces(file, len(needle)))


def _pieces(file: BinaryIO, overlap: int) -> Iterator[bytes]:
    """Yield a file in pieces that overlap, with a line's end before its first and after its last line."""
    before = b"\n"
    while piece := file.read(_PIECE):
        piece = before + piece.replace(b"\r\n", b"\n")
        yield piece
        before = piece[-overlap:]
    yield before + b"\n"


def _is_hash_listed(wanted: str, file: BinaryIO) -> bool:
    """Look a hash up by halving: the whole list of the world has more than 30 GB."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        low, high = 0, len(lines)
        while low < high:
            middle = (low + high) // 2
            begin = lines.rfind(b"\n", low, middle) + 1 or low
            end = lines.find(b"\n", middle, high)
            end = high if end < 0 else end
            found = lines[begin : begin + 40].decode("ascii", "replace").lower()
            if found == wanted:
                return True
            low, high = (end + 1, high) if found < wanted else (low, begin)
    return False
