"""crane usage: what is asked for, and what is shown."""

from __future__ import annotations

import json

import pytest
from crane_cli.commands.usage import draw

FOUND = {
    "since": "2026-01-01T00:00:00+00:00",
    "until": "2026-01-02T00:00:00+00:00",
    "step": 360,
    "figures": [
        {
            "name": "cpu",
            "unit": "cores",
            "series": [{"task": None, "points": [[0, 0.0], [1, 0.7]], "least": 0, "mean": 0.35, "most": 0.7}],
        },
        {
            "name": "network_sent",
            "unit": "bytes per second",
            "series": [{"task": None, "points": [], "least": 2048.2, "mean": None, "most": None}],
        },
    ],
}


def test_figures_are_shown_in_units_that_fit(crane, server):
    server.plays("GET", "stats-history/services/shop_web", FOUND)

    result = crane("usage", "service", "shop_web")

    assert result.exit_code == 0
    [_, cpu, sent] = result.stdout.splitlines()
    assert cpu.split() == ["shop_web", "CPU", "0.00", "cores", "0.35", "cores", "0.70", "cores", "▁█"]
    assert sent.split() == ["shop_web", "SENT", "2.0", "KiB/s"]


def test_span_and_tasks_are_asked_for(crane, server):
    server.plays("GET", "stats-history/nodes/node1", FOUND)

    crane("usage", "node", "node1", "--since", "2026-01-01T00:00:00+00:00", "--by-task")

    [asked] = server.sent("GET", "stats-history/nodes/node1")
    assert asked.query == {"since": "2026-01-01T00:00:00Z", "by": "task"}


def test_program_gets_the_answer(crane, server):
    server.plays("GET", "stats-history/stacks/shop", FOUND)

    assert json.loads(crane("-o", "json", "usage", "stack", "shop").stdout) == FOUND


def test_nothing_known_is_said(crane, server):
    server.plays("GET", "stats-history/stacks/shop", {**FOUND, "figures": []})

    assert "Prometheus knows nothing of it" in crane("usage", "stack", "shop").stderr


@pytest.mark.parametrize("arguments", [("volume", "v"), ("service",), ("service", "web", "--since", "never")])
def test_wrong_use_is_refused(crane, arguments):
    assert crane("usage", *arguments).exit_code == 2


@pytest.mark.parametrize("values", [[], [0.0], [0.0] * 100, [5.0], list(range(100))])
def test_drawing_is_as_wide_as_there_is_room(values):
    assert len(draw(values)) == min(40, len(values))
