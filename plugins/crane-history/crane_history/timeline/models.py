"""The tables of the timeline."""
