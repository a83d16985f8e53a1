"""Second factors of accounts: which there are, and what is asked for."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pyotp
from crane_accounts import Account
from crane_database import answering, delete, func, select, session, update

from crane_auth.clock import Clock
from crane_auth.digests import digest
from crane_auth.errors import AlreadyEnrolled, NotEnrolled, WrongCode
from crane_auth.models import PasskeyRow, RecoveryRow, TotpRow
from crane_auth.sealing import Seal
from crane_core.context import Crane
from crane_core.events import Event

SECONDS = 30
RECOVERY_CODES = 10
_CODE = re.compile(r"[0-9]{6}")
# Without letters and digits that look alike: people write them down.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def factors_of(account_id: int) -> tuple[str, ...]:
    """Return the second factors that somebody has: ``totp``, ``recovery``, ``passkey``; none when there is no need."""
    with answering(), session() as database:
        totp = database.get(TotpRow, account_id)
        has_totp = totp is not None and totp.confirmed_at is not None
        has_passkey = bool(database.scalar(select(func.count()).where(PasskeyRow.account_id == account_id)))
        has_codes = bool(database.scalar(select(func.count()).where(RecoveryRow.account_id == account_id)))
    # Recovery codes stand in for another factor, and are none alone.
    has_codes = has_codes and (has_totp or has_passkey)
    return tuple(name for name, has in (("totp", has_totp), ("recovery", has_codes), ("passkey", has_passkey)) if has)


def describe(account_id: int) -> dict[str, Any]:
    """Describe somebody's second factors."""
    with answering(), session() as database:
        totp = database.get(TotpRow, account_id)
        return {
            "totp": totp is not None and totp.confirmed_at is not None,
            "recovery_codes_left": database.scalar(select(func.count()).where(RecoveryRow.account_id == account_id)),
            "passkeys": database.scalar(select(func.count()).where(PasskeyRow.account_id == account_id)),
        }


# --- Codes of an authenticator ------------------------------------------------------------------------------------


def begin_totp(crane: Crane, account: Account) -> dict[str, str]:
    """Make a secret for somebody's authenticator; it counts once a code of it was shown."""
    secret = pyotp.random_base32()
    seal = crane.room(Seal)
    row = TotpRow(
        account_id=account.id,
        key_id=seal.key_id,
        sealed=seal.close(secret, _about(account.id)),
        confirmed_at=None,
        last_step=0,
    )
    with answering(), session() as database:
        known = database.get(TotpRow, account.id)
        if known is not None and known.confirmed_at is not None:
            raise AlreadyEnrolled(f"{account.name} has an authenticator already. Remove that one first.")
        database.merge(row)
        database.commit()
    return {"secret": secret, "uri": pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name="Crane")}


def confirm_totp(crane: Crane, account: Account, code: str, by: str) -> list[str]:
    """Have an authenticator count from now on; returns the recovery codes.

    :raises WrongCode: when the code is not of the secret that was made last.
    """
    _spend_totp(crane, account.id, code, confirmed=False)
    codes = renew_recovery_codes(account.id)
    crane.emit(Event("factor.added", account.name, by=by, detail={"factor": "totp"}))
    return codes


def check_code(crane: Crane, account_id: int, code: str) -> str:
    """Accept a code of an authenticator, or a recovery code; each once. Returns which of the two it was.

    :raises WrongCode: when it is neither, or was used already.
    """
    code = code.strip().replace(" ", "").lower()
    if _CODE.fullmatch(code):
        _spend_totp(crane, account_id, code, confirmed=True)
        return "totp"
    with answering(), session() as database:
        used = database.execute(
            delete(RecoveryRow).where(
                RecoveryRow.account_id == account_id, RecoveryRow.digest == _recovery_digest(account_id, code)
            )
        )
        database.commit()
    if not used.rowcount:  # type: ignore[attr-defined]
        raise WrongCode
    return "recovery"


def _spend_totp(crane: Crane, account_id: int, code: str, *, confirmed: bool) -> None:
    now = crane.room(Clock).now()
    with answering(), session() as database:
        row = database.get(TotpRow, account_id)
        if row is None or (row.confirmed_at is not None) != confirmed:
            raise WrongCode
        totp = pyotp.TOTP(crane.room(Seal).open(row.sealed, _about(account_id), row.key_id), interval=SECONDS)
        step = _find_step(totp, code, int(now.timestamp()) // SECONDS)
        if step is None:
            raise WrongCode
        # One statement, so that of two who show one code at once, one is let in.
        spent = database.execute(
            update(TotpRow)
            .where(TotpRow.account_id == account_id, TotpRow.last_step < step)
            .values(last_step=step, confirmed_at=row.confirmed_at or now)
        )
        database.commit()
    if not spent.rowcount:  # type: ignore[attr-defined]
        raise WrongCode


def _find_step(totp: pyotp.TOTP, code: str, now: int) -> int | None:
    """Return the half minute that a code is of: this one, or one beside it, because clocks differ."""
    steps = (now, now - 1, now + 1)
    return next((step for step in steps if secrets.compare_digest(totp.generate_otp(step), code)), None)


def _about(account_id: int) -> str:
    return f"totp of {account_id}"


# --- Recovery codes -----------------------------------------------------------------------------------------------


def renew_recovery_codes(account_id: int) -> list[str]:
    """Give somebody ten new recovery codes in place of those that they had."""
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]
    with answering(), session() as database:
        database.execute(delete(RecoveryRow).where(RecoveryRow.account_id == account_id))
        database.add_all(
            RecoveryRow(digest=_recovery_digest(account_id, code), account_id=account_id) for code in codes
        )
        database.commit()
    return codes


def _recovery_digest(account_id: int, code: str) -> str:
    return digest(f"{account_id}:{code.replace('-', '')}")


# --- Taking away --------------------------------------------------------------------------------------------------


def demand_factor(account: Account) -> None:
    """Go on only for somebody who has a second factor.

    :raises NotEnrolled: when they have none.
    """
    if not factors_of(account.id):
        raise NotEnrolled


def remove_totp(crane: Crane, account: Account, by: str) -> None:
    """Have somebody's authenticator count no more."""
    with answering(), session() as database:
        database.execute(delete(TotpRow).where(TotpRow.account_id == account.id))
        database.commit()
    forget_needless_codes(account.id)
    crane.emit(Event("factor.removed", account.name, by=by, detail={"factor": "totp"}))


def remove_all(crane: Crane, account: Account, by: str) -> None:
    """Take away all second factors of somebody, who may then log in with the password alone."""
    with answering(), session() as database:
        for kind in (TotpRow, RecoveryRow, PasskeyRow):
            database.execute(delete(kind).where(kind.account_id == account.id))
        database.commit()
    crane.emit(Event("factor.removed", account.name, by=by, detail={"factor": "all"}))


def forget_needless_codes(account_id: int) -> None:
    """Remove the recovery codes of who has no second factor left that they could stand in for."""
    if not {"totp", "passkey"} & set(factors_of(account_id)):
        with answering(), session() as database:
            database.execute(delete(RecoveryRow).where(RecoveryRow.account_id == account_id))
            database.commit()
