"""The tables of the tasks."""
