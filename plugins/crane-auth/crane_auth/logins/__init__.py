"""Logging in: step by step, whatever the method."""
