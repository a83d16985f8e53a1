"""Containers: what runs on each node, made by the Swarm or by somebody's hand."""
