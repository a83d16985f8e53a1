"""The tables of the revisions."""
