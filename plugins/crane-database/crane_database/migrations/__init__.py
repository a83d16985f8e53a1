"""How the tables of the database plugin itself came about."""
