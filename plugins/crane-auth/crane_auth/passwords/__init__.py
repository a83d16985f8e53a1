"""Passwords: how they are kept, which ones are good enough, and whose they are."""
