"""Badges: people log in with the number of their badge and a PIN. An example of the hooks; the reference quotes it.

The file has one line for each: ``number:name:digest of the PIN:groups``, as in ``4711:carol:9f8a...:team,night``.
"""

import hashlib
import hmac
from pathlib import Path

from crane_auth import Method, Outside

from crane_core.context import get_crane
from crane_core.contributions import Setting
from crane_core.hookspecs import hookimpl

requires = ("auth",)


@hookimpl
def crane_settings():
    yield Setting("badges.file", str, "badges.txt", "The file that lists the badges.")


def check(number, pin):
    """Return whose badge and PIN these are; None when they are nobody's."""
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), number.encode(), 200_000).hex()
    for line in Path(get_crane().settings["badges.file"]).read_text().splitlines():
        known, name, expected, groups = line.split(":")
        if known == number and hmac.compare_digest(expected, digest):
            return Outside(number, name, groups=frozenset(groups.split(",")) - {""})
    return None


@hookimpl
def crane_auth_methods():
    yield Method("badges", "Badge and PIN", "password", check=check)
