"""Users, and the accounts of programs."""
