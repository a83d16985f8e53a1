"""Hidden values that are sent back as they were shown are what they were, and are never shown by that."""

from __future__ import annotations

import copy
import json
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.orchestration.services.restoring import restore
from crane_core.redaction import HIDDEN, redact

JSON = dict[str, Any]

# --- Specs with secrets everywhere -----------------------------------------------------------------------------------

SECRETS = st.integers(0, 4).map(lambda number: f"canary-{number}")
PLAIN = st.sampled_from(["", "1", "info", HIDDEN, f"see {HIDDEN}"])
ADDRESSES = st.builds("https://ann:{}@{}.example/".format, SECRETS, st.sampled_from(["a", "b"]))
VARIABLE = st.tuples(st.sampled_from(["LEVEL", "URL", "MODE"]), ADDRESSES | PLAIN) | st.tuples(
    st.sampled_from(["DB_PASSWORD", "API_TOKEN"]), SECRETS | ADDRESSES | PLAIN
)
OPTIONS = st.dictionaries(st.sampled_from(["splunk-token", "password", "url", "level"]), ADDRESSES | PLAIN, max_size=3)
SECRET_OPTIONS = OPTIONS | st.fixed_dictionaries({"password": SECRETS, "level": PLAIN})
ARGUMENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["--password", "--token"]), SECRETS),
        st.tuples(st.sampled_from(["-v", "--level", "run"])),
        st.tuples(ADDRESSES),
        st.tuples(st.builds("--token={}".format, SECRETS)),
    ),
    max_size=4,
).map(lambda parts: [text for part in parts for text in part])
MOUNTS = st.lists(
    st.fixed_dictionaries(
        {
            "Target": st.sampled_from(["/a", "/b", "/c"]),
            "VolumeOptions": st.fixed_dictionaries(
                {"DriverConfig": st.fixed_dictionaries({"Options": SECRET_OPTIONS})}
            ),
        }
    ),
    max_size=3,
)
VARIABLES = st.lists(VARIABLE.map("=".join), max_size=4)
SPECS = st.fixed_dictionaries(
    {"Name": st.just("web")},
    optional={
        "Labels": SECRET_OPTIONS,
        "TaskTemplate": st.fixed_dictionaries(
            {},
            optional={
                "LogDriver": st.fixed_dictionaries({"Name": st.just("splunk"), "Options": SECRET_OPTIONS}),
                "Networks": st.lists(
                    st.fixed_dictionaries({"Target": st.just("n"), "DriverOpts": OPTIONS}), max_size=2
                ),
                "ContainerSpec": st.fixed_dictionaries(
                    {},
                    optional={
                        "Env": VARIABLES,
                        "Args": ARGUMENTS,
                        "Command": ARGUMENTS,
                        "Healthcheck": st.fixed_dictionaries({"Test": ARGUMENTS}),
                        "Mounts": MOUNTS,
                    },
                ),
            },
        ),
    },
)


@given(SPECS)
def test_spec_that_is_sent_back_as_it_was_shown_is_what_it_was(live: JSON) -> None:
    assert restore(redact(live), live) == live


@given(SPECS, st.data())
def test_part_of_a_spec_that_is_sent_back_as_it_was_shown_is_what_it_was(live: JSON, data: st.DataObject) -> None:
    sent = redact(live)
    wanted = copy.deepcopy(live)
    for place, other in ((sent, wanted), (sent.get("TaskTemplate", {}), wanted.get("TaskTemplate", {}))):
        for member in data.draw(st.sets(st.sampled_from(sorted(place) or ["Name"]))) & place.keys():
            del place[member], other[member]
        place["New"] = other["New"] = {"LEVEL": "1"}

    assert restore(sent, live) == wanted


@given(
    st.lists(VARIABLE, max_size=5).map(dict),
    st.dictionaries(st.sampled_from(["NEW", "NEW_TOKEN"]), SECRETS),
    st.data(),
)
def test_other_variables_come_go_and_move_and_secrets_stay(
    held: dict[str, str], added: dict[str, str], data: st.DataObject
) -> None:
    live = [f"{name}={value}" for name, value in held.items()]
    shown = redact(live, "Env")
    kept = data.draw(st.permutations(range(len(live))).map(lambda order: order[: data.draw(st.integers(0, len(live)))]))
    mixed = data.draw(
        st.permutations([*((shown[i], live[i]) for i in kept), *((f"{k}={v}",) * 2 for k, v in added.items())])
    )

    restored = restore({"Env": [sent for sent, _ in mixed]}, {"Env": live})

    assert restored == {"Env": [meant for _, meant in mixed]}


@st.composite
def disturbed(draw: st.DrawFn, live: JSON) -> JSON:
    """Return a spec as somebody may send it who puts what they were shown wherever they like."""
    sent = redact(live)
    texts = [HIDDEN, *sorted({text for text in _texts(sent) if HIDDEN in text})]
    for place in _places(sent):
        if isinstance(place, dict):
            for name in list(place):
                if isinstance(place[name], str) and draw(st.booleans()):
                    place[draw(st.sampled_from([name, "note", "password", "level"]))] = draw(st.sampled_from(texts))
        elif draw(st.booleans()):
            place.extend(draw(st.lists(st.sampled_from([*texts, "--note", "--password", "NOTE=1"]), max_size=3)))
            place[:] = draw(st.permutations(place))
    return sent


def _places(node: Any) -> list[Any]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = (
        [node]
        if isinstance(node, dict) or (isinstance(node, list) and all(isinstance(item, str) for item in node))
        else []
    )
    return own + [place for each in list(inner) for place in _places(each)]


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for each in inner for text in _texts(each)]


@given(SPECS, st.data())
def test_what_is_restored_is_hidden_again_wherever_it_was_put(live: JSON, data: st.DataObject) -> None:
    sent = data.draw(disturbed(live))

    shown = redact(restore(sent, live))

    assert "canary" not in json.dumps(shown)


# --- One by one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "sent", "meant"),
    [
        (["--token", "a", "-v"], ["-v", "--token", HIDDEN], ["-v", "--token", "a"]),
        (
            ["--password", "a", "--token", "b"],
            ["--token", HIDDEN, "--password", HIDDEN],
            ["--token", "b", "--password", "a"],
        ),
        (
            ["--token", "a", "--token", "b"],
            ["--token", HIDDEN, "-v", "--token", HIDDEN],
            ["--token", "a", "-v", "--token", "b"],
        ),
        (["--token", "a", "--token", "a"], ["--token", HIDDEN], ["--token", "a"]),
        (["--password", "a"], ["--pw", HIDDEN], ["--pw", "a"]),
        (["x://u:a@b", "x://u:b@c"], ["x://u:(hidden)@c", "-v"], ["x://u:b@c", "-v"]),
        (["--password", "a"], ["--password", HIDDEN, "--password", HIDDEN], ["--password", "a", "--password", "a"]),
    ],
)
def test_argument_is_found_by_what_stands_before_it(live: list[str], sent: list[str], meant: list[str]) -> None:
    assert restore({"Args": sent}, {"Args": live}) == {"Args": meant}


@pytest.mark.parametrize(
    ("live", "sent"),
    [
        # Two values look the same, and one of them is gone.
        ({"Args": ["--token", "a", "--token", "b"]}, {"Args": ["--token", HIDDEN]}),
        ({"Env": ["A_KEY=1", "A_KEY=2"]}, {"Env": ["A_KEY=(hidden)"]}),
        # It would be shown where it stands.
        ({"Args": ["--token", "a"]}, {"Args": ["--note", HIDDEN]}),
        ({"Args": ["--token", "a"]}, {"Args": [HIDDEN, "--token"]}),
        # It is the value of another variable, member or place.
        ({"Env": ["A_KEY=1"]}, {"Env": ["B_KEY=(hidden)"]}),
        ({"Env": ["A_KEY=1"]}, {"Args": ["A_KEY=(hidden)"]}),
        ({"Env": ["U=x://u:a@b"]}, {"Env": ["U=x://u:(hidden)@c"]}),
        ({"Labels": {"password": "a"}}, {"Labels": {"token": HIDDEN}}),
        ({"Labels": {"password": "a"}}, {"Labels": {"password": f"{HIDDEN}!"}}),
        ({"Labels": {"password": "a"}}, {"Labels": [HIDDEN]}),
        ({"Labels": {"password": "a"}}, {"Labels": HIDDEN}),
        ({"Env": ["A_KEY=1"]}, {"Env": {"A_KEY": HIDDEN}}),
        ({}, {"Env": ["A_KEY=(hidden)"], "Labels": {"password": HIDDEN}}),
    ],
)
def test_what_cannot_be_matched_stays_as_it_was_sent(live: JSON, sent: JSON) -> None:
    assert restore(copy.deepcopy(sent), live) == sent


def test_live_text_that_looks_hidden_stays_where_nobody_touched_it() -> None:
    live = {"Args": ["--token", "x://u:(hidden)@b", "x://u:a@b"], "Labels": {"note": HIDDEN}}

    assert restore({**copy.deepcopy(live), "Labels": {"note": HIDDEN, "team": "blue"}}, live)["Args"] == live["Args"]


def mount(target: str, password: str, **more: str) -> JSON:
    """Return a mount of a volume whose driver needs a password."""
    return {"Target": target, "VolumeOptions": {"DriverConfig": {"Options": {"password": password, **more}}}}


@pytest.mark.parametrize(
    ("live", "sent", "meant"),
    [
        # By what tells mounts apart, whatever else of them changes.
        ([("/a", "1"), ("/b", "2")], [("/b", HIDDEN, "new"), ("/a", HIDDEN)], [("/b", "2", "new"), ("/a", "1")]),
        # The only one that it can be.
        ([("/a", "1")], [("/moved", HIDDEN)], [("/moved", "1")]),
        ([("/a", "1"), ("/b", "1")], [("/moved", HIDDEN)], [("/moved", "1")]),
        ([("/a", "1"), ("/b", "2")], [("/moved", HIDDEN)], [("/moved", HIDDEN)]),
    ],
)
def test_mount_is_found_by_its_target(live: Any, sent: Any, meant: Any) -> None:
    def mounts(told: Any) -> JSON:
        return {"Mounts": [mount(*each[:2], **({"level": each[2]} if each[2:] else {})) for each in told]}

    assert restore(mounts(sent), mounts(live)) == mounts(meant)


def test_neither_spec_is_changed() -> None:
    live = {"Env": ["A_KEY=1"], "Mounts": [mount("/a", "1")]}
    sent = {"Env": ["B=2", "A_KEY=(hidden)"], "Mounts": [mount("/a", HIDDEN, level="2")]}
    before = copy.deepcopy((live, sent))

    assert restore(sent, live)["Env"] == ["B=2", "A_KEY=1"]
    assert (live, sent) == before


def test_long_lists_are_restored_in_linear_time() -> None:
    numbers = count()
    live = {"Env": [f"KEY_{next(numbers)}=x" for _ in range(20_000)], "Args": ["--token", "x"] * 10_000}
    sent = redact(live)
    sent["Env"].reverse()
    sent["Args"].append("-v")

    assert restore(sent, live) == {"Env": live["Env"][::-1], "Args": [*live["Args"], "-v"]}
