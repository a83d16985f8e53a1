"""Services: what runs in the Swarm."""
