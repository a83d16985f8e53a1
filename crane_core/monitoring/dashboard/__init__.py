"""The dashboard: how the Swarm fares, in one answer."""
