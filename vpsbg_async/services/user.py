"""The account holder and two-factor authentication."""

from __future__ import annotations

from decimal import Decimal
from types import NoneType

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.fields import Fields
from ..core.model import Model, json_field, renamed_field

__all__ = ["Country", "TwoFactorSecret", "User", "UserService"]


@attrs.frozen(kw_only=True, slots=False)
class Country(Model):
    """A country.

    Attributes:
        code: Its code.
        name: Its name.
        name_bg: Its name in Bulgarian.
        tax_rate: Its VAT; whether in percent or as a factor is not documented.
    """

    code: str | None = None
    name: str | None = None
    name_bg: str | None = None
    tax_rate: Decimal | None = None


@attrs.frozen(kw_only=True, slots=False)
class User(Model):
    """The account holder. What an answer left out is None.

    Three fields have two names in the documentation, see `UserService.update`; either is read.

    Attributes:
        name: The name.
        email: The e-mail address.
        tech_email: The e-mail address for technical matters.
        phone_number: The phone number.
        country: The country.
        city: The city.
        address: The address.
        aff_hash: The referral code.
        company_name: Name of the company, if it is one.
        company_address: Address of the company.
        company_number: Number of the company, with the zeros that it begins with.
        vat_number: VAT number of the company.
        two_factor_enabled: Whether a code of an authenticator is asked for (``2fa_enabled``).
        email_otp_enabled: Whether a code that comes by e-mail is asked for.
        newsletter: Whether the newsletter is sent.
    """

    name: str | None = None
    email: str | None = None
    tech_email: str | None = renamed_field("technical_email")
    phone_number: str | None = None
    country: Country | None = None
    city: str | None = None
    address: str | None = None
    aff_hash: str | None = renamed_field("referral_code")
    company_name: str | None = None
    company_address: str | None = None
    company_number: str | None = renamed_field("uic")
    vat_number: str | None = None
    two_factor_enabled: bool | None = json_field("2fa_enabled")
    email_otp_enabled: bool | None = None
    newsletter: bool | None = None


@attrs.frozen(kw_only=True, slots=False)
class TwoFactorSecret(Model):
    """A new secret for an authenticator; it does not show in a repr.

    Attributes:
        secret_key: The secret.
        otp_auth_url: The same as an ``otpauth`` URL, to be shown as a QR code. Percent escapes in
            it may be malformed.
    """

    secret_key: str | None = attrs.field(default=None, repr=False)
    otp_auth_url: str | None = attrs.field(default=None, repr=False)


_GET = Endpoint("GET", "/user", User, "convention")
_UPDATE = Endpoint("PATCH", "/user", User, "partial")
_GET_2FA_SECRET = Endpoint("GET", "/user/2fa", TwoFactorSecret)
_ENABLE_2FA = Endpoint("POST", "/user/2fa", NoneType)
_DISABLE_2FA = Endpoint("DELETE", "/user/2fa", NoneType, "convention")


class UserService:
    """The account holder: ``vps.user``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self) -> User:
        """Read the account holder.

        ``GET /user``, a *convention*: the path is that of the documented update
        (https://dev.vpsbg.eu/api-3578566), and the answer is taken to be the same.

        Returns:
            The account holder.

        Raises:
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        return await self._caller.call(_GET)

    async def update(
        self,
        *,
        address: str | None = None,
        city: str | None = None,
        postal_code: str | None = None,
        country_id: int | None = None,
        language_id: int | None = None,
        phone_number: str | None = None,
        tech_email: str | None = None,
        aff_hash: str | None = None,
        newsletter: bool | None = None,
        company: bool | None = None,
        company_name: str | None = None,
        company_address: str | None = None,
        company_number: str | int | None = None,
        vat_number: str | None = None,
        email_otp_enabled: bool | None = None,
    ) -> User:
        """Change details of the account. What is None is left as it is.

        Three fields have two names in the documentation: its schema says ``technical_email``,
        ``referral_code`` and ``uic`` where its example and the answer say ``tech_email``,
        ``aff_hash`` and ``company_number``. The latter are sent; which the server takes is not
        known, so look at what is returned. The former can be sent with
        ``vps.request("PATCH", "/user", json={"technical_email": ...})``.

        ``PATCH /user``, documented in part at https://dev.vpsbg.eu/api-3578566.

        Args:
            address: The address.
            city: The city.
            postal_code: The postal code.
            country_id: Id of the country; fixed for a company that has paid an order.
            language_id: Id of the language.
            phone_number: The phone number.
            tech_email: The e-mail address for technical matters.
            aff_hash: The referral code, presumably the one by which the account came. It can be set
                once, which cannot be undone, and only while the account has no paid order or is at
                most 30 days old.
            newsletter: Whether to send the newsletter.
            company: Whether the account is a company's.
            company_name: Name of the company. It can be changed for 5 days after the first deposit,
                or as long as no order is paid.
            company_address: Address of the company.
            company_number: Number of the company; as long as its name can be changed. A text is
                sent as it is, with the zeros that it begins with.
            vat_number: VAT number of the company; as long as its name can be changed.
            email_otp_enabled: Whether to ask for a code that comes by e-mail.

        Returns:
            The account holder after the change.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was changed, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        body = Fields().text("address", address).text("city", city)
        body.text("postal_code", postal_code).whole("country_id", country_id)
        body.whole("language_id", language_id).text("phone_number", phone_number)
        body.text("tech_email", tech_email).text("aff_hash", aff_hash)
        body.flag("newsletter", newsletter).flag("company", company)
        body.text("company_name", company_name).text("company_address", company_address)
        body.digits("company_number", company_number)
        body.text("vat_number", vat_number).flag("email_otp_enabled", email_otp_enabled)
        return await self._caller.call(_UPDATE, body=body.require_any())

    async def get_2fa_secret(self) -> TwoFactorSecret:
        """Have a new secret made for an authenticator: SHA1, 6 digits, 30 seconds.

        It takes effect with `enable_2fa`.

        ``GET /user/2fa``, documented at https://dev.vpsbg.eu/api-3578736.

        Returns:
            The secret.

        Raises:
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        return await self._caller.call(_GET_2FA_SECRET)

    async def enable_2fa(self, *, otp: str | int, secret_key: str) -> None:
        """Switch two-factor authentication on.

        ``POST /user/2fa``, documented at https://dev.vpsbg.eu/api-3578737.

        Args:
            otp: A code that the authenticator shows now. A text is sent as it is, with the zeros
                that it begins with. The documentation has a number, which cannot have them; whether
                the server takes a text is not known.
            secret_key: The secret of `get_2fa_secret`, by which the code is made.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ValidationError: The server refused the code or the secret.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().digits("otp", otp).text("secret_key", secret_key, least=1)
        await self._caller.call(_ENABLE_2FA, body=body.require("otp", "secret_key"))

    async def disable_2fa(self) -> None:
        """Switch two-factor authentication off.

        ``DELETE /user/2fa``, a *convention*: the path is that of `enable_2fa`
        (https://dev.vpsbg.eu/api-3578737). Whether a code must be sent is not known; none is.

        Raises:
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            APIError: The server answered with an error; see its subclasses.
        """
        await self._caller.call(_DISABLE_2FA)
