"""Groups of accounts, and who is in them."""
