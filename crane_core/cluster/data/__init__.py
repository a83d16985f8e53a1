"""What configs and secrets have in common: content that the Swarm hands to services as files, and never changes."""
