"""Sessions: logins of browsers and programs, listed and revocable."""
