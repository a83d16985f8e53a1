"""The settings of logging in."""

from __future__ import annotations

from collections.abc import Iterator

from crane_core.contributions import Setting


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield Setting(
        "auth.url",
        str,
        "",
        "The address that browsers have of this server, as in https://crane.example.org; where they reach it unless "
        "set. Set it behind a proxy that encrypts.",
    )
    yield from _of_the_first_start()
    yield from _of_passwords()
    yield from _of_sessions()
    yield from _of_identity_providers()
    yield from _of_proxies()


def _of_the_first_start() -> Iterator[Setting]:
    yield Setting(
        "auth.setup_token",
        str,
        "",
        "What makes the first administrator; one is made and said at the start when empty.",
        secret=True,
    )
    yield Setting(
        "auth.local_token",
        bool,
        True,
        "Let whoever may read the data directory use the server without a login, by the file local-token in it.",
    )
    yield Setting("auth.setup_minutes", float, 60.0, "How long a setup token is good after the start, in minutes.")


def _of_passwords() -> Iterator[Setting]:
    yield Setting("auth.shortest_password", int, 12, "How many characters a new password has at the least.")
    yield Setting(
        "auth.breached_passwords",
        str,
        "",
        "File of passwords that nobody may choose: one a line, or SHA-1 hashes in order, as Have I Been Pwned lists "
        "them.",
    )
    yield Setting(
        "auth.hashes_at_once", int, 2, "How many passwords are checked at a time; each takes 19 MiB and a core."
    )
    yield Setting(
        "auth.require_second_factor",
        str,
        "nobody",
        "Who must have a second factor to log in with a password.",
        choices=("nobody", "admins", "everybody"),
    )
    yield Setting(
        "auth.seal_key_file",
        str,
        "",
        "File of 32 bytes that the secrets of authenticators are sealed with; one in the data directory when empty. "
        "Several servers need the same.",
    )


def _of_sessions() -> Iterator[Setting]:
    yield Setting("auth.session_idle_minutes", float, 720.0, "After how long without use a session ends, in minutes.")
    yield Setting("auth.session_hours", float, 168.0, "After how long a session ends however it is used, in hours.")
    yield Setting(
        "auth.token_days", int, 365, "How long an API token is good at the most, in days; 0 lets it be for ever."
    )


def _of_identity_providers() -> Iterator[Setting]:
    yield Setting(
        "auth.oidc_issuer", str, "", "The identity provider, as in https://login.example.org; empty for none."
    )
    yield Setting("auth.oidc_client_id", str, "", "What this server is called at the identity provider.")
    yield Setting("auth.oidc_client_secret", str, "", "What proves that to it; empty for a public client.", secret=True)
    yield Setting("auth.oidc_name", str, "Single sign-on", "What stands on its button.")
    yield Setting(
        "auth.oidc_scopes", list, ["openid", "profile", "email"], "What is asked for; openid is always asked for."
    )
    yield Setting("auth.oidc_username_claim", str, "preferred_username", "The claim that a new account is called by.")
    yield Setting(
        "auth.oidc_groups_claim", str, "", "The claim that lists the groups; empty leaves groups to this server."
    )
    yield Setting(
        "auth.oidc_groups",
        list,
        [],
        "Which groups here those values stand for, as in swarm-admins=admins; they stand for themselves when empty.",
    )
    yield Setting("auth.oidc_ca", str, "", "File of the authority that signed the provider's certificate.")


def _of_proxies() -> Iterator[Setting]:
    yield Setting(
        "auth.proxy_addresses",
        list,
        [],
        "The addresses or networks of proxies that are believed: in X-Forwarded-For, and in the headers below.",
    )
    yield Setting(
        "auth.proxy_header",
        str,
        "",
        "The header in which a proxy says who the caller is, as in X-Forwarded-User; empty believes no proxy.",
    )
    yield Setting(
        "auth.proxy_groups_header",
        str,
        "",
        "The header in which it lists their groups, separated by commas; empty leaves groups to this server.",
    )
