"""The account: its holder, two-factor authentication, its balance, whom it has referred."""

from __future__ import annotations

import hmac
from base64 import b32decode

import pytest

from .conftest import CheckedApi, Clock


async def test_the_balance(checked: CheckedApi) -> None:
    assert (await checked.call("GET", "/balance"))["balance"] == 3476.06


class TestUser:
    async def test_an_update(self, checked: CheckedApi) -> None:
        before = await checked.call("GET", "/user")
        body = {"address": "4597 Clark Street", "country_id": 40, "newsletter": True}
        after = await checked.call("PATCH", "/user", body)
        assert after.pop("country")["name"] == "Canada"
        assert after == {name: value for name, value in before.items() if name != "country"} | {
            "address": "4597 Clark Street",
            "newsletter": True,
        }

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("technical_email", "a@b.c", "tech_email"),
            ("tech_email", "a@b.c", "tech_email"),
            ("referral_code", "abc123", "aff_hash"),
            ("aff_hash", "abc123", "aff_hash"),
            ("uic", 223344, "company_number"),
            ("company_number", "223344", "company_number"),
        ],
    )
    async def test_fields_of_two_names(
        self, checked: CheckedApi, name: str, value: object, told: str
    ) -> None:
        await checked.call("PATCH", "/user", {name: value})
        assert (await checked.call("GET", "/user"))[told] == str(value)

    async def test_what_is_wrong(self, checked: CheckedApi) -> None:
        before = await checked.call("GET", "/user")
        body = {"city": 5, "country_id": 1, "newsletter": "on", "uic": True, "address": "New"}
        assert await checked.refused("PATCH", "/user", body) == {
            "city": ["The city field must be a string."],
            "newsletter": ["The newsletter field must be true or false."],
            "country_id": ["The selected country id is invalid."],
            "uic": ["The uic field must be a string."],
        }
        assert await checked.call("GET", "/user") == before


def code_of(secret: str, moment: float) -> str:
    """RFC 6238, and RFC 4226 for the truncation."""
    counter = (int(moment) // 30).to_bytes(8, "big")
    digest = hmac.new(b32decode(secret), counter, "sha1").digest()
    at = digest[19] & 0xF
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & (2**31 - 1)) % 1_000_000:06d}"


class TestTwoFactor:
    async def test_on_and_off(self, checked: CheckedApi, clock: Clock) -> None:
        made = await checked.call("GET", "/user/2fa")
        secret = made["secret_key"]
        assert made != await checked.call("GET", "/user/2fa")
        assert made["otp_auth_url"].startswith(
            f"otpauth://totp/VPSBG:test%test.com?secret={secret}"
        )
        body = {"otp": code_of(secret, clock.now), "secret_key": secret}
        await checked.call("POST", "/user/2fa", body, status=204)
        assert (await checked.call("GET", "/user"))["2fa_enabled"] is True
        await checked.call("DELETE", "/user/2fa", status=204)
        assert (await checked.call("GET", "/user"))["2fa_enabled"] is False

    async def test_a_code_with_a_leading_zero(self, checked: CheckedApi, clock: Clock) -> None:
        secret = "TYFM77AMC6O2RPHA"
        while not (code := code_of(secret, clock.now)).startswith("0"):
            clock.now += 30
        for otp in (code, int(code)):
            body = {"otp": otp, "secret_key": secret}
            await checked.call("POST", "/user/2fa", body, status=204)

    @pytest.mark.parametrize(("late", "status"), [(-90, 422), (-30, 204), (30, 204), (90, 422)])
    async def test_a_clock_that_is_wrong(
        self, checked: CheckedApi, clock: Clock, late: int, status: int
    ) -> None:
        secret = "TYFM77AMC6O2RPHA"
        body = {"otp": code_of(secret, clock.now + late), "secret_key": secret}
        await checked.call("POST", "/user/2fa", body, status=status)

    @pytest.mark.parametrize(
        ("otp", "secret"), [("000000", "TYFM77AMC6O2RPHA"), (1111111, "other"), ("", "secret_key")]
    )
    async def test_a_wrong_code(self, checked: CheckedApi, otp: object, secret: str) -> None:
        errors = await checked.refused("POST", "/user/2fa", {"otp": otp, "secret_key": secret})
        required = "The otp field is required."
        assert errors == {"otp": ["The selected otp is invalid." if otp else required]}
        assert (await checked.call("GET", "/user"))["2fa_enabled"] is False


class TestAffiliate:
    async def test_another_code(self, checked: CheckedApi) -> None:
        before = await checked.call("GET", "/affiliate")
        after = await checked.call("PUT", "/affiliate", {"referral_code": "myawesomewebsite"})
        assert after == before | {
            "referral_code": "myawesomewebsite",
            "referral_url": "https://www.vpsbg.eu/aff/myawesomewebsite",
        }
        assert await checked.call("GET", "/affiliate") == after

    async def test_activation(self, checked: CheckedApi) -> None:
        before = await checked.call("GET", "/affiliate")
        assert await checked.call("POST", "/affiliate") == before
        after = await checked.call("POST", "/affiliate", {"referral_code": "mine1"})
        assert after["referral_code"] == "mine1"

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            ("four", "The referral code field must be at least 5 characters."),
            ("x" * 21, "The referral code field must not be greater than 20 characters."),
            (12345, "The referral code field must be a string."),
        ],
    )
    async def test_a_wrong_code(self, checked: CheckedApi, code: object, text: str) -> None:
        for method in ("PUT", "POST"):
            errors = await checked.refused(method, "/affiliate", {"referral_code": code})
            assert errors == {"referral_code": [text]}
        assert await checked.refused("PUT", "/affiliate", {}) == {
            "referral_code": ["The referral code field is required."]
        }
