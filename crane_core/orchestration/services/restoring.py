"""Hidden values that are sent back: what comes back as it was shown means what it was.

Whoever changes one variable of a service sends the whole list, in which they saw other values hidden. A text that is
just what is shown in place of a live value at the same place stands for that value. In a list it stands for the value
of an item that looks the same, wherever that is by now: items are added, removed and put into another order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from crane_core.orchestration.stacks.normal import item_key
from crane_core.redaction import HIDDEN, redact

JSON = dict[str, Any]
# What tells a text of a list from the others: itself, and the one before it where it is hidden because of that.
_Look = tuple[str, str]
# A live object of a list, and how it is shown.
_Pair = tuple[JSON, Any]


def restore(sent: JSON, live: JSON) -> JSON:
    """Return a spec with each hidden value that was sent back as it was shown in its place again.

    What could stand for several values, or would be shown where it stands now, is left as it was sent.

    :param sent: The spec as it is wanted.
    :param live: The spec that it replaces; both refer to everything by name.
    """
    restored: JSON = _restore("", sent, live, redact(live)) if is_hiding(sent) else sent
    return restored


def is_hiding(value: Any) -> bool:
    """Tell whether a hidden value was replaced somewhere inside a value."""
    return next(find_hidden("", value), None) is not None


def find_hidden(pointer: str, node: Any) -> Iterator[tuple[str, str]]:
    """Yield each text in which a hidden value was replaced, with its JSON pointer."""
    if isinstance(node, str) and HIDDEN in node:
        yield pointer, node
    elif isinstance(node, dict):
        for member, inner in node.items():
            yield from find_hidden(f"{pointer}/{member}", inner)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from find_hidden(f"{pointer}/{index}", inner)


def _restore(member: str, sent: Any, live: Any, shown: Any) -> Any:
    # What nobody touched may hold what looks like a hidden value, and is none.
    if sent == live or not is_hiding(sent):
        return sent
    if sent == shown:
        return live
    if isinstance(sent, dict) and isinstance(live, dict) and isinstance(shown, dict):
        return {name: _restore(name, inner, live.get(name), shown.get(name)) for name, inner in sent.items()}
    if isinstance(sent, list) and isinstance(live, list) and isinstance(shown, list):
        return _restore_objects(member, _restore_texts(member, sent, live, shown), live, shown)
    return sent


def _restore_texts(member: str, sent: list[Any], live: list[Any], shown: list[Any]) -> list[Any]:
    """Restore the texts of a list: variables, arguments, parts of a command."""
    alike: dict[_Look, list[str]] = {}
    # An argument may follow another option by now.
    anywhere: dict[str, set[str]] = {}
    for look, value in zip(_looks(shown), live, strict=True):
        if HIDDEN in look[1]:
            alike.setdefault(look, []).append(value)
            anywhere.setdefault(look[1], set()).add(value)
    wanted, taken = Counter(_looks(sent)), Counter[_Look]()
    restored = list(sent)
    for index, look in enumerate(_looks(sent)):
        values = alike.get(look, [])
        if len(set(values)) > 1 and len(values) == wanted[look]:
            restored[index] = values[taken[look]]
            taken[look] += 1
        elif len(choice := set(values) or anywhere.get(look[1], set())) == 1:
            (restored[index],) = choice
    # An argument is hidden because of the option before it, and must not stand where it would be shown.
    if any(told != HIDDEN for told, item in zip(redact(restored, member), sent, strict=True) if item == HIDDEN):
        return [item if item == HIDDEN else value for item, value in zip(sent, restored, strict=True)]
    return restored


def _looks(items: Sequence[Any]) -> Iterator[_Look]:
    """Yield what tells each text of a list from the others; nothing for what is no text."""
    before = ""
    for item in items:
        text = item if isinstance(item, str) else ""
        yield (before if text == HIDDEN else "", text)
        before = text


def _restore_objects(member: str, sent: list[Any], live: list[Any], shown: list[Any]) -> list[Any]:
    """Restore the texts in the objects of a list: mounts, networks with the options of their drivers."""
    key_of = item_key(member) or (lambda item: "")
    named: dict[str, list[_Pair]] = {}
    for value, told in zip(live, shown, strict=True):
        if isinstance(value, dict):
            named.setdefault(key_of(value), []).append((value, told))
    every = [pair for pairs in named.values() for pair in pairs]
    hiding = [isinstance(item, dict) and is_hiding(item) for item in sent]
    return [
        _restore_object(item, named.get(key_of(item), []), every) if hides else item
        for item, hides in zip(sent, hiding, strict=True)
    ]


def _restore_object(sent: JSON, named: list[_Pair], others: list[_Pair]) -> Any:
    """Restore an object: by the one of the same name, else by the only one that it can be."""
    own = sent
    for pairs in (named, others):
        found: list[Any] = []
        for value, told in pairs:
            restored = _restore("", sent, value, told)
            if restored not in found and _hidden_in(restored) <= _hidden_in(value):
                found.append(restored)
        if len(found) == 1:
            return found[0]
        if len(pairs) == 1:
            # Not all of it; what is left is then all that is refused.
            own = _restore("", sent, *pairs[0])
    return own


def _hidden_in(value: Any) -> set[str]:
    return {text for _, text in find_hidden("", value)}
