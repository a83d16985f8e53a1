"""Stacks: services that belong together, and the files that describe them."""
