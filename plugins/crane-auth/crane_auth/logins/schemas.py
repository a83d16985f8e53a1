"""What logins are asked with, and what they answer."""

from __future__ import annotations

import marshmallow as ma

from crane_auth.logins.operations import State
from crane_auth.methods import Method
from crane_core.answers import AnswerSchema, many, moment, one_of, part, text, truth, whole, words_of


def secret(says: str, longest: int = 4096) -> ma.fields.String:
    """Describe a secret that is sent."""
    return ma.fields.String(
        required=True, validate=ma.validate.Length(1, longest), metadata={"description": says, "format": "password"}
    )


def line(says: str, longest: int = 200, *, required: bool = True, least: int = 1) -> ma.fields.String:
    """Describe a text of one line that is sent."""
    options = {"required": True} if required else {"load_default": ""}
    return ma.fields.String(
        validate=[ma.validate.Length(least if required else 0, longest), ma.validate.Regexp(r"[^\x00-\x1f\x7f]*\Z")],
        metadata={"description": says},
        **options,
    )


class Sent(ma.Schema):
    """What is sent to log in."""

    class Meta:
        unknown = ma.RAISE


def bearer() -> ma.fields.Boolean:
    """Describe who keeps the session."""
    return ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Answer with a token for programs, instead of a cookie for browsers."},
    )


def challenge() -> ma.fields.String:
    """Describe the step that is taken."""
    return secret("The challenge that the step before was answered with.", 100)


class SetupSchema(Sent):
    """The first administrator."""

    token = secret("The setup token that the server said at its start.", 1000)
    name = line("What the account is called.")
    password = secret("The password.")
    display_name = line("What people are called.", required=False)
    email = line("An address.", 320, required=False)
    bearer = bearer()


class LoginSchema(Sent):
    """Name and password."""

    method = ma.fields.String(
        load_default="password",
        validate=ma.validate.Length(1, 100),
        metadata={"description": "Which directory knows them; password is the server's own."},
    )
    name = line("The name of the account.", 320)
    password = secret("The password.")
    bearer = bearer()


class CodeSchema(Sent):
    """A code as the second factor."""

    challenge = challenge()
    code = secret("Six digits of an authenticator, or a recovery code.", 100)


class NewPasswordSchema(Sent):
    """A new password in place of one that somebody else had chosen."""

    challenge = challenge()
    password = secret("The new password.")


class EnrolSchema(Sent):
    """A login that waits for a second factor to be made."""

    challenge = challenge()


class PasskeyOptionsSchema(Sent):
    """A login that waits for a passkey; none to log in by passkey alone."""

    challenge = ma.fields.String(
        load_default=None,
        validate=ma.validate.Length(1, 100),
        metadata={"description": "The challenge of a login that waits for a second factor; none for a passkey alone."},
    )


class PasskeySchema(Sent):
    """What a browser's authenticator answered."""

    challenge = challenge()
    credential = ma.fields.Dict(
        required=True, metadata={"description": "The PublicKeyCredential as JSON, as its toJSON() makes it."}
    )
    bearer = bearer()


class LoopbackSchema(Sent):
    """A program that waits on its own machine for a browser to come back."""

    port = ma.fields.Integer(
        required=True,
        validate=ma.validate.Range(1024, 65535),
        metadata={"description": "The port of 127.0.0.1 that it listens on."},
    )
    proof = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(r"[0-9a-f]{64}\Z"),
        metadata={"description": "The SHA-256 of the verifier that it will show, in hexadecimal."},
    )


class StartSchema(Sent):
    """A login at an identity provider."""

    return_to = ma.fields.String(
        data_key="return",
        load_default="/",
        validate=ma.validate.Length(1, 2000),
        metadata={"description": "The path of this server that the browser shall see afterwards."},
    )
    loopback = ma.fields.Nested(
        LoopbackSchema,
        load_default=None,
        metadata={"description": "The program that logs in by a browser on its own machine; left out by browsers."},
    )


class CollectSchema(Sent):
    """What a program was brought by a browser, and what proves that it is the one that began."""

    code = secret("What the browser brought.", 100)
    verifier = secret("What was kept secret when the login began.", 200)


class MethodSchema(AnswerSchema):
    """A way to log in."""

    name = text("What it is called in requests.")
    title = text("What stands on its button.")
    kind = one_of(words_of(Method, "kind"), "Whether a password is asked for here, or the browser is sent elsewhere.")


class AccountSchema(AnswerSchema):
    """Somebody's account."""

    name = text("Its name.")
    kind = text("user, or service for a program.")
    display_name = text("What they are called; may be empty.")
    email = text("Their address; may be empty.")


class OwnSessionSchema(AnswerSchema):
    """The session of a request."""

    id = text("Its id.")
    method = text("The way by which it began.")


class AuthStateSchema(AnswerSchema):
    """How one logs in here, and who is logged in."""

    set_up = truth("Whether there is an administrator; without one, the setup token makes the first.")
    restore_problem = text("Why the backup that was sent last could not be restored; null when none was.", null=True)
    methods = many(MethodSchema, "The ways to log in.")
    passkeys = truth("Whether one can log in with a passkey alone: where the address of the server allows it.")
    shortest_password = whole("How many characters a password has at the least.")
    account = part(AccountSchema, "The account that is logged in; null when none is.", null=True)
    session = part(OwnSessionSchema, "Its session; null for others, and with an API token.", null=True)


class LoginAnswerSchema(AnswerSchema):
    """What a step of a login led to."""

    state = one_of(State, "done, or the step that is left: second-factor, enroll or new-password.")
    challenge = text("What names the login in the next step; null when it is done.", null=True)
    factors = many(ma.fields.String(), "The second factors that can be shown: totp, recovery, passkey.")
    expires_at = moment("Until when the session lasts at the most, or the next step must be taken.", null=True)
    token = text("The session's token, where it was asked for; null otherwise.", null=True)
    recovery_codes = many(ma.fields.String(), "New recovery codes, shown this once.")
    account = part(AccountSchema, "Who logged in; null before they have.", null=True)


class EnrolmentSchema(AnswerSchema):
    """The secret of a new authenticator."""

    challenge = text("What names the login in the next step; empty outside a login.")
    secret = text("The secret, to be typed into the authenticator.")
    uri = text("The same as an otpauth URI, which authenticators read from a QR code.")


class AssertionSchema(AnswerSchema):
    """What a browser must be told to ask for a passkey."""

    challenge = text("What names the login in the next step.")
    options = ma.fields.Dict(
        required=True, metadata={"description": "For navigator.credentials, as JSON (WebAuthn Level 3)."}
    )


class StartedSchema(AnswerSchema):
    """Where the browser must go."""

    url = text("The address at the identity provider.")
