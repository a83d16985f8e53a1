"""Second factors: authenticators with codes, recovery codes, and passkeys."""
