"""The Swarm as a whole: how it is set up, and the secrets by which one joins it."""
