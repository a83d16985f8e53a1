"""Grants: roles given to somebody, or withheld from them, and what comes of it."""
