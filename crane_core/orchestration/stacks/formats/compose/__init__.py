"""Compose files, as ``docker stack deploy`` takes them and as a Swarm can do more of them.

A file is read (:mod:`source`), its variables are filled in (:mod:`interpolate`, :mod:`casts`), its shape is checked
(:mod:`schema`) and written in one form (:mod:`canonical`); services get what they extend (:mod:`extends`), files are
merged (:mod:`merge`), services without an active profile are left out (:mod:`profiles`), and the rest is turned into
the Engine's JSON (:mod:`services`, :mod:`networks`, :mod:`volumes`, :mod:`objects`). Each step notes what is wrong and
goes on, so that all of it is told at once. What the keys mean is told to editors (:mod:`meanings`).

Nothing in here looks at a file or at a variable of the server.
"""

from __future__ import annotations

from crane_core.orchestration.stacks.formats.compose.inspection import inspect_compose
from crane_core.orchestration.stacks.formats.compose.loader import load_compose
from crane_core.orchestration.stacks.formats.compose.meanings import explain

__all__ = ["explain", "inspect_compose", "load_compose"]
