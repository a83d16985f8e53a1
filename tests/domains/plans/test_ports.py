"""Ports that more than one service of a plan would publish."""

from __future__ import annotations

FILE = "services:\n  web:\n    image: 'nginx:1'\n    ports: ['${A}:80', '${B}:81']\n"


def test_ports_that_variables_made_the_same_are_one_warning_and_no_violation(plan):
    made = plan(FILE, variables={"A": "8080", "B": "8080"})

    assert made["violations"] == []
    [warning] = [each for each in made["warnings"] if "8080" in each["detail"]]
    assert warning["pointer"].startswith("/services/web/ports")


def test_port_of_another_stack_is_a_violation(client, body, plan):
    client.put("/api/v1/stacks/other", json=body("services: {api: {image: 'nginx:1', ports: ['8080:80']}}"))

    [violation] = plan(FILE, variables={"A": "8080", "B": "8081"})["violations"]

    assert "other_api" in violation["detail"]
