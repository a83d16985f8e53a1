"""The doctor: what is wrong with the Swarm, or will be, and what to do about it."""
