"""Logins that others vouch for: an identity provider, or a proxy in front of the server."""
