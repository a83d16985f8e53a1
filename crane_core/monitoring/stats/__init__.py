"""Stats: what containers, tasks, services, stacks and nodes use, sampled and kept for 24 hours."""
