"""What second factors and passwords are changed with, and what they look like in answers."""

from __future__ import annotations

import marshmallow as ma

from crane_auth.logins.schemas import AccountSchema, OwnSessionSchema, Sent, line, secret
from crane_core.answers import AnswerSchema, many, moment, part, text, truth, whole


class OwnPasswordSchema(AnswerSchema):
    """What there is to know of one's password."""

    changed_at = moment("When it was set.")


class MeSchema(AnswerSchema):
    """How the caller logs in."""

    account = part(AccountSchema, "The account.")
    session = part(OwnSessionSchema, "The session; null with an API token.", null=True)
    password = part(OwnPasswordSchema, "The password; null for those who log in elsewhere.", null=True)
    totp = truth("Whether there is an authenticator with codes.")
    recovery_codes_left = whole("How many recovery codes are left.")
    passkeys = whole("How many passkeys there are.")
    second_factor_required = truth("Whether the server demands a second factor.")


class OwnPasswordChangeSchema(Sent):
    """A new password."""

    old = secret("The password that is good now.")
    new = secret("The new one.")


class PasswordProofSchema(Sent):
    """A proof that it is still the same person: the password, which those who log in elsewhere do not have."""

    password = ma.fields.String(
        load_default="", validate=ma.validate.Length(0, 4096), metadata={"description": "One's password."}
    )


class TotpCodeSchema(Sent):
    """A code of a new authenticator."""

    code = secret("Six digits.", 100)


class SetPasswordSchema(Sent):
    """A password for somebody else."""

    password = secret("The password.")
    must_change = ma.fields.Boolean(
        load_default=True, metadata={"description": "Whether they must choose another one at their next login."}
    )


class NewPasskeySchema(Sent):
    """A new passkey."""

    challenge = secret("The challenge that the options came with.", 100)
    name = line("What to call it, as in: blue key.", 100)
    credential = ma.fields.Dict(
        required=True, metadata={"description": "The PublicKeyCredential as JSON, as its toJSON() makes it."}
    )


class RecoveryCodesSchema(AnswerSchema):
    """New recovery codes in place of those before."""

    recovery_codes = many(ma.fields.String(), "Ten codes, each good once; shown this once.")


class SecretSchema(AnswerSchema):
    """The secret of a new authenticator; it counts once a code of it was shown."""

    secret = text("The secret, to be typed into the authenticator.")
    uri = text("The same as an otpauth URI, which authenticators read from a QR code.")


class CreationSchema(AnswerSchema):
    """What a browser must be told to make a passkey."""

    challenge = text("What is sent along with its answer.")
    options = ma.fields.Dict(
        required=True, metadata={"description": "For navigator.credentials, as JSON (WebAuthn Level 3)."}
    )


class PasskeyItemSchema(AnswerSchema):
    """A passkey."""

    id = text("Its id.")
    name = text("What its owner calls it.")
    created_at = moment("When it was added.")
    used_at = moment("When it was last used; null when never.", null=True)


class MadePasskeySchema(PasskeyItemSchema):
    """A passkey that was just added."""

    recovery_codes = many(ma.fields.String(), "Recovery codes, if it is the first second factor; shown this once.")
