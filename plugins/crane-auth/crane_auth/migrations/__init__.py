"""How the tables of logins came about."""
