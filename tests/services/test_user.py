"""The account holder and two-factor authentication."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    sent,
    service,
    specimen,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import NotFoundError, ValidationError
from vpsbg_async.services.user import Country, TwoFactorSecret, User, UserService
from vpsbg_async.testing import Reply

UPDATE = operation("user_update")
SECRET = operation("user_get_2fa_secret")
ENABLE = operation("user_enable_2fa")
OTHER_NAMES = ("technical_email", "referral_code", "uic")  # of the schema, not of the example


async def rename(user: UserService) -> User:
    return await user.update(city="Lemont")


async def enable(user: UserService) -> None:
    await user.enable_2fa(otp="012345", secret_key="TYFM77AMC6O2RPHA")


def test_it_is_as_contracted() -> None:
    check_as_contracted(UserService, renamed=OTHER_NAMES)


class TestAccount:
    async def test_all_that_an_answer_can_hold(self) -> None:
        answer = {
            "name": "Ivan Ivanov",
            "email": "ivan@example.com",
            "tech_email": "tech@example.com",
            "phone_number": "0884625630",
            "country": {"code": "BG", "name": "Bulgaria", "name_bg": "България", "tax_rate": 1.2},
            "city": "Sofia",
            "address": "4597 Clark Street",
            "aff_hash": "b4e7b5",
            "company_name": None,
            "company_address": None,
            "company_number": "000223344",
            "vat_number": None,
            "2fa_enabled": True,
            "email_otp_enabled": False,
            "newsletter": True,
        }
        user, transport = service(UserService, Reply(json=answer))
        assert await user.get() == User(
            name="Ivan Ivanov",
            email="ivan@example.com",
            tech_email="tech@example.com",
            phone_number="0884625630",
            country=Country(
                code="BG", name="Bulgaria", name_bg="България", tax_rate=Decimal("1.2")
            ),
            city="Sofia",
            address="4597 Clark Street",
            aff_hash="b4e7b5",
            company_number="000223344",
            two_factor_enabled=True,
            email_otp_enabled=False,
            newsletter=True,
        )
        assert sent(transport) == [("GET", "/user", None)]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(UserService, UserService.get, "User")
        await check_answers(UserService, rename, "User")

    async def test_either_of_two_names_is_read(self) -> None:
        answer = {"technical_email": "a@example.com", "referral_code": "zz", "uic": 123}
        user, _ = service(UserService, Reply(json=answer))
        found = await user.get()
        told = (found.tech_email, found.aff_hash, found.company_number)
        assert told == ("a@example.com", "zz", "123")
        assert found.extra == {}

    async def test_fields_that_follow_a_country_may_stand_in_it(self) -> None:
        answer = {"country": specimen("Country") | {"city": "Sofia"}}
        user, _ = service(UserService, Reply(json=answer))
        country = (await user.get()).country
        assert country is not None
        assert country.extra == {"city": "Sofia"}

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(UserService, UserService.get, Reply(json={}))

    async def test_a_path_that_is_deduced_may_not_be_there(self) -> None:
        user, _ = service(UserService, Reply(status=404))
        error = await failure_of(user.get())
        assert isinstance(error, NotFoundError)
        assert "deduced, not documented" in str(error)


class TestUpdate:
    async def test_the_documented_request(self) -> None:
        user, transport = service(UserService, Reply(json=specimen("User")))
        updated = await user.update(**UPDATE.request["example"])
        assert sent(transport) == [("PATCH", "/user", UPDATE.request["example"])]
        assert updated.two_factor_enabled is True
        assert updated.extra == {}

    async def test_only_what_is_given_is_sent(self) -> None:
        user, transport = service(UserService, *[Reply(json={})] * 3)
        assert await rename(user) == User()
        await user.update(newsletter=False, company=False, email_otp_enabled=True)
        await user.update(address="", country_id=0)
        assert [body for _, _, body in sent(transport)] == [
            {"city": "Lemont"},
            {"newsletter": False, "company": False, "email_otp_enabled": True},
            {"address": "", "country_id": 0},
        ]

    @pytest.mark.parametrize("number", ["000223344", 223344])
    async def test_the_number_of_a_company_is_sent_as_it_is(self, number: str | int) -> None:
        user, transport = service(UserService, Reply(json={}))
        await user.update(company_number=number)
        assert sent(transport)[0][2] == {"company_number": number}

    def test_there_is_one_argument_for_each_meaning(self) -> None:
        names = inspect.signature(UserService.update).parameters.keys()
        assert not names & {*OTHER_NAMES}
        text = inspect.getdoc(UserService.update) or ""
        assert all(f"``{name}``" in text for name in OTHER_NAMES)

    async def test_it_is_sent_once(self) -> None:
        await check_is_sent_once(UserService, rename)

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = {
            "address": 1,
            "city": b"Sofia",
            "postal_code": 60439,
            "country_id": "40",
            "language_id": -1,
            "phone_number": 884625630,
            "tech_email": ["a@example.com"],
            "aff_hash": 1,
            "newsletter": 1,
            "company": "yes",
            "company_name": "half \ud83d",
            "company_address": 1,
            "company_number": True,
            "vat_number": 123456789,
            "email_otp_enabled": "true",
        }
        await check_refused(UserService, lambda user: user.update(**wrong), *wrong)
        wrong = {"company_number": 22.0}
        await check_refused(UserService, lambda user: user.update(**wrong), *wrong)


class TestTwoFactor:
    async def test_the_documented_secret(self) -> None:
        user, transport = service(UserService, Reply(json=SECRET.example))
        secret = await user.get_2fa_secret()
        assert secret == TwoFactorSecret(**SECRET.example)
        assert secret.otp_auth_url is not None
        assert "test%test.com" in secret.otp_auth_url  # broken, and left so
        assert sent(transport) == [("GET", "/user/2fa", None)]

    async def test_a_secret_does_not_show(self) -> None:
        user, _ = service(UserService, Reply(json=SECRET.example))
        assert "TYFM" not in repr(await user.get_2fa_secret())

    async def test_any_field_may_lack(self) -> None:
        await check_answers(UserService, UserService.get_2fa_secret, "TwoFactorSecret")

    async def test_the_documented_request(self) -> None:
        user, transport = service(UserService, Reply(status=204))
        await user.enable_2fa(**ENABLE.request["example"])
        assert sent(transport) == [("POST", "/user/2fa", ENABLE.request["example"])]

    @pytest.mark.parametrize("otp", ["012345", "000000", "123456", 123456, 0])
    async def test_a_code_is_sent_as_it_is(self, otp: str | int) -> None:
        user, transport = service(UserService, Reply(status=204))
        await user.enable_2fa(otp=otp, secret_key="key")
        (_, _, body) = sent(transport)[0]
        assert body == {"otp": otp, "secret_key": "key"}
        assert type(body["otp"]) is type(otp)

    @pytest.mark.parametrize("reply", [Reply(status=204), Reply(json={}), Reply(body=b"<html>")])
    async def test_whatever_they_answer(self, reply: Reply) -> None:
        user, transport = service(UserService, reply, reply)
        await enable(user)
        await user.disable_2fa()
        assert sent(transport)[1] == ("DELETE", "/user/2fa", None)

    async def test_a_wrong_code(self) -> None:
        answer = {"message": "Wrong.", "errors": {"otp": ["The code is wrong."]}}
        user, _ = service(UserService, Reply(status=422, json=answer))
        error = await failure_of(enable(user))
        assert isinstance(error, ValidationError)
        assert "TYFM" not in str(error)

    async def test_what_may_be_sent_again_where_no_answer_came(self) -> None:
        await check_is_sent_once(UserService, enable)
        await check_is_sent_again(UserService, UserService.disable_2fa, Reply(status=204))
        secret = Reply(json=SECRET.example)
        await check_is_sent_again(UserService, UserService.get_2fa_secret, secret)

    async def test_what_cannot_be_sent(self) -> None:
        for otp, key in ((None, None), (-1, 1), (1.0, b"key"), (True, ["key"]), (b"1", "\udfff")):
            wrong: Any = {"otp": otp, "secret_key": key}
            await check_refused(UserService, lambda user: user.enable_2fa(**wrong), *wrong)  # noqa: B023
