"""Plans: what a change would do, before it is done."""
