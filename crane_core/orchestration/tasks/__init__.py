"""Tasks: single runs of services."""
