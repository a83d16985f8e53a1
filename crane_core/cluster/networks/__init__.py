"""Networks: those of the Swarm, and those of each node."""
