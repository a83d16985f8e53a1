"""Everything that touches a Docker Engine, and nothing else does."""
