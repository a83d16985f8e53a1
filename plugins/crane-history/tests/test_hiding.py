"""What is shown of stack files: no secret, and everything else as it was written."""

from __future__ import annotations

import json

import pytest
from crane_history.revisions.hiding import hide_in_file
from hypothesis import given
from hypothesis import strategies as st

FILE = """\
# password: of the house, in words
services:
  auth:  # a name, and no secret
    image: web:1
    command: ["serve", "--password", "hunter2", "--port=80"]
    environment:
      DB_PASSWORD: my hunter2 words
      API_TOKEN: >-
        hunter2
        in two lines
      KEY_FILE: /run/secrets/key
      URL: postgres://ann:hunter2@db/shop
      DEFAULT: ${SECRET_KEY:-hunter2}
      PLAIN: "value"
    labels:
      - "token=hunter2 and more"
      - color=blue
    secrets: [db_password]
    x-auth: {user: hunter2, list: [hunter2]}
configs:
  app:
    content: |
      hunter2
secrets:
  db_password:
    file: ./db_password.txt
"""
SHOWN = """\
# password: (hidden)
services:
  auth:  # a name, and no secret
    image: web:1
    command: ["serve", "--password", (hidden), "--port=80"]
    environment:
      DB_PASSWORD: (hidden)
      API_TOKEN: (hidden)
      KEY_FILE: /run/secrets/key
      URL: postgres://ann:(hidden)@db/shop
      DEFAULT: ${SECRET_KEY:(hidden)
      PLAIN: "value"
    labels:
      - token=(hidden)
      - color=blue
    secrets: [db_password]
    x-auth: {user: (hidden), list: [(hidden)]}
configs:
  app:
    content: (hidden)
secrets:
  db_password:
    file: ./db_password.txt
"""


def test_values_that_look_secret_are_hidden_and_the_rest_stays_as_it_was_written():
    assert hide_in_file(FILE) == SHOWN


def test_line_feeds_of_windows_stay():
    assert hide_in_file("a: 1\r\nTOKEN: x y\r\nb: 2\r\n") == "a: 1\r\nTOKEN: (hidden)\r\nb: 2\r\n"


def test_json_is_read_as_well():
    hidden = hide_in_file(json.dumps({"Services": {"web": {"RegistryAuth": "hunter2", "Image": "web:1"}}}))

    assert "hunter2" not in hidden
    assert '"Image": "web:1"' in hidden


def test_escapes_hide_nothing_from_the_reader():
    assert "hunter2" not in hide_in_file('a: "pass\\u0077ord=hunter2"')


def test_alias_of_a_secret_is_a_name_only():
    assert "hunter2" not in hide_in_file("TOKEN: &t hunter2\nagain: *t\n")
    assert "hunter2" not in hide_in_file("plain: &t hunter2\nTOKEN: *t\n")
    assert "hunter2" not in hide_in_file("plain: &t {a: hunter2}\nTOKEN: *t\n")


@pytest.mark.parametrize("content", ["a: [", "\x00", "a: b: c", "\t- x", "!!python/object:os.system [x]: y: z"])
def test_nothing_is_shown_of_a_file_that_cannot_be_read(content):
    assert hide_in_file(content) == "(hidden)"


def test_nothing_stays_nothing():
    assert hide_in_file("") == ""


NAMES = st.sampled_from(["password", "API_KEY", "token", "db-secret"])
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=4, max_size=40)


@given(NAMES, VALUES)
def test_no_value_under_a_secret_name_is_shown(name, value):
    shown = hide_in_file(json.dumps({"environment": {name: f"Zq9{value}"}}))

    assert "Zq9" not in shown
