"""Engines: how the server reaches the Engine of each node, and whether it answers."""
