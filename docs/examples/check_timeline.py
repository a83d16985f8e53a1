"""Check an exported timeline, far from any server: check_timeline.py FILE [HASH-OF-THE-LAST-LINE]."""

import hashlib
import json
import sys


def check(lines, expected=None):
    """Return what is wrong with the lines of an export, nothing when all is well."""
    before = None
    for text in lines:
        line = json.loads(text)
        stated = line.pop("hash")
        canonical = json.dumps(line, sort_keys=True, separators=(",", ":"))
        if hashlib.sha256(canonical.encode()).hexdigest() != stated:
            return f"The line {line['number']} was changed."
        if before and (line["number"], line["previous"]) != (before[0] + 1, before[1]):
            return f"The line {before[0] + 1} is missing, or is another."
        before = line["number"], stated
    if expected and (before is None or before[1] != expected):
        return "The last line does not have the hash that was noted."
    return ""


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.exit(check(file, *sys.argv[2:]) or 0)
