"""Nodes: the machines of the Swarm."""
