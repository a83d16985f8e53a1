"""The agent: a global service that lets this server, and nobody else, reach the Engine of each node."""
