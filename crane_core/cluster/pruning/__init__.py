"""Pruning: what may go on each node is shown first, and then exactly that is removed, and nothing else."""
