"""Rotations: a config or a secret gets another content, and each service that uses it one update."""
