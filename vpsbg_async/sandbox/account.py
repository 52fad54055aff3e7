"""The account itself: its holder, two-factor authentication, its balance, whom it has referred."""

from __future__ import annotations

import hmac
import secrets
from base64 import b32decode, b32encode
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from .forms import read_form
from .prices import TAX_RATE
from .validation import (
    Rule,
    at_least,
    boolean,
    exists,
    integer,
    invalid,
    max_length,
    min_length,
    required,
    sometimes,
    string,
    truth,
    validate,
)

__all__ = ["AccountEndpoints"]

_BALANCE: Final = {  # the documentation's example
    "balance": 3476.06,
    "estimated_funds": 30,
    "shortfall": 0,
    "currency": "EUR",
    "has_valid_card": True,
    "last_deposit": {
        "amount": 41.67,
        "amount_with_vat": 50,
        "payment_method": "card",
        "payment_date": "2024-10-16T12:06:12.000000Z",
    },
    "unconfirmed_bitcoin_deposits": [],
}
_COUNTRIES: Final = {
    33: {"code": "BG", "name": "Bulgaria", "name_bg": "България", "tax_rate": TAX_RATE},
    40: {"code": "CA", "name": "Canada", "name_bg": "Канада", "tax_rate": 1},
}
_USER: Final[dict[str, Any]] = {
    "name": "Example Customer",
    "email": "test@test.com",
    "tech_email": "techmailinator@mailinator.com",
    "phone_number": "0884625630",
    "country": _COUNTRIES[33],
    "city": "Sofia",
    "address": "1 Example Street",
    "aff_hash": "b4e7b5",
    "company_name": None,
    "company_address": None,
    "company_number": None,
    "vat_number": None,
    "2fa_enabled": False,
    "email_otp_enabled": False,
    "newsletter": False,
}
_AFFILIATE: Final = {
    "referrals_turnover": 30,
    "commission": 5,
    "estimated_earnings": 1.5,
    "all_time_earnings": 1.5,
    "next_payout_in_days": 15,
}

_OTHER_NAMES: Final = {  # what the update's schema calls what the answer calls otherwise
    "technical_email": "tech_email",
    "referral_code": "aff_hash",
    "uic": "company_number",
}
_TEXTS: Final = (
    *("address", "city", "postal_code", "phone_number", "technical_email", "tech_email"),
    *("referral_code", "aff_hash", "company_name", "company_address", "vat_number"),
)
_NUMBER: Final = Rule(
    lambda value: isinstance(value, str) or type(value) is int,
    "The :attribute field must be a string.",
)
_USER_RULES: Final = {
    **{name: [sometimes, string, max_length(255)] for name in _TEXTS},
    **{name: [sometimes, boolean] for name in ("newsletter", "company", "email_otp_enabled")},
    "country_id": [sometimes, integer, exists(_COUNTRIES)],
    "language_id": [sometimes, integer, at_least(1)],
    "uic": [sometimes, _NUMBER],
    "company_number": [sometimes, _NUMBER],
}
_2FA_RULES: Final = {"otp": [required, _NUMBER], "secret_key": [required, string]}
_EXAMPLE_2FA: Final = ("1111111", "secret_key")  # the documentation's, which no clock brings about
_CODE: Final = [string, min_length(5), max_length(20)]


class AccountEndpoints:
    """What a client can do with the account.

    Args:
        clock: Unix seconds, by which one-time codes are made.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._user = dict(_USER)
        self._referral_code = "myawesomewebsite2"

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/balance", self.balance),
            web.get(f"{prefix}/user", self.get_user),
            web.patch(f"{prefix}/user", self.update_user),
            web.get(f"{prefix}/user/2fa", self.get_2fa_secret),
            web.post(f"{prefix}/user/2fa", self.enable_2fa),
            web.delete(f"{prefix}/user/2fa", self.disable_2fa),
            web.get(f"{prefix}/affiliate", self.get_affiliate),
            web.post(f"{prefix}/affiliate", self.activate_affiliate),
            web.put(f"{prefix}/affiliate", self.update_referral_code),
        ]

    async def balance(self, _: web.Request) -> web.Response:
        """The balance, which never changes."""
        return web.json_response(_BALANCE)

    async def get_user(self, _: web.Request) -> web.Response:
        """The holder of the account."""
        return web.json_response(self._user)

    async def update_user(self, request: web.Request) -> web.Response:
        """Some fields of these, by either of their names; others are taken and never told."""
        body = await read_form(request)
        fields = validate(body, _USER_RULES)
        for name in fields.keys() & body.keys():
            field = _OTHER_NAMES.get(name, name)
            if field == "country_id":
                self._user["country"] = _COUNTRIES[int(fields[name])]
            elif field in self._user:
                is_switch = isinstance(self._user[field], bool)
                self._user[field] = truth(fields[name]) if is_switch else str(fields[name])
        return web.json_response(self._user)

    async def get_2fa_secret(self, _: web.Request) -> web.Response:
        """A new secret. Its URL is as the documentation's, down to an escape that is none."""
        secret = b32encode(secrets.token_bytes(10)).decode()
        url = (
            f"otpauth://totp/VPSBG:test%test.com?secret={secret}"
            "&issuer=VPSBG&algorithm=SHA1&digits=6&period=30"
        )
        return web.json_response({"secret_key": secret, "otp_auth_url": url})

    async def enable_2fa(self, request: web.Request) -> web.Response:
        """Switch two-factor authentication on, with a code that matches the secret."""
        fields = validate(await read_form(request), _2FA_RULES)
        otp, secret = str(fields["otp"]), fields["secret_key"]
        now = self._clock()
        codes = {_one_time_code(secret, now + late) for late in (-30, 0, 30)}
        if (otp, secret) != _EXAMPLE_2FA and otp.zfill(6) not in codes:
            raise invalid("otp")
        self._user["2fa_enabled"] = True
        return web.Response(status=204)

    async def disable_2fa(self, request: web.Request) -> web.Response:
        """Switch it off."""
        await read_form(request)
        self._user["2fa_enabled"] = False
        return web.Response(status=204)

    async def get_affiliate(self, _: web.Request) -> web.Response:
        """What referring others has brought."""
        return web.json_response(
            {
                "referral_code": self._referral_code,
                "referral_url": f"https://www.vpsbg.eu/aff/{self._referral_code}",
                **_AFFILIATE,
            }
        )

    async def activate_affiliate(self, request: web.Request) -> web.Response:
        """Begin with it, by a code of one's own if one is given."""
        fields = validate(await read_form(request), {"referral_code": [sometimes, *_CODE]})
        self._referral_code = fields["referral_code"] or self._referral_code
        return await self.get_affiliate(request)

    async def update_referral_code(self, request: web.Request) -> web.Response:
        """Another code."""
        fields = validate(await read_form(request), {"referral_code": [required, *_CODE]})
        self._referral_code = fields["referral_code"]
        return await self.get_affiliate(request)


def _one_time_code(secret: str, moment: float) -> str:
    """The code of RFC 6238 for a secret, nothing if it is none."""
    try:
        key = b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    except ValueError:
        return ""
    digest = hmac.digest(key, int(moment // 30).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"
