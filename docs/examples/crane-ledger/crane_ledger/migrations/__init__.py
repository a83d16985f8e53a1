"""How the tables of the ledger came about."""
