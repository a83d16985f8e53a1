"""How the tables of the history came about."""
