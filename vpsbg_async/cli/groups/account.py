"""``vpsbg balance``, ``user`` and ``affiliate``: the account itself."""

from __future__ import annotations

from ..parameters import AS_USUAL, Options
from ..reading import show
from ..sheets import Column, Listing, Part, Sheet

__all__ = ["affiliate", "balance", "user"]

BALANCE = Sheet(
    "Balance",
    None,
    Column("Balance", "balance"),
    Column("Currency", "currency"),
    Column("Shortfall", "shortfall"),
    Column("Limit", "balance_limit"),
    Column("Estimated expenses", "estimated_expenses"),
    Column("Estimated funds", "estimated_funds"),
    Column("Has a valid card", "has_valid_card"),
    Column("Last deposit", "last_deposit.amount"),
    Column("Last deposit with VAT", "last_deposit.amount_with_vat"),
    Column("Paid by", "last_deposit.payment_method"),
    Column("Paid", "last_deposit.payment_date"),
    Part(
        "Bitcoin deposits under way",
        "unconfirmed_bitcoin_deposits",
        Listing(
            "deposits",
            Column("Transaction", "tx_hash"),
            Column("Bitcoin", "tx_amount", right=True),
            Column("Amount", "amount", right=True),
            Column("With VAT", "amount_with_vat", right=True),
            Column("Noticed", "noticed_on"),
        ),
    ),
)
USER = Sheet(
    "User",
    None,
    Column("Name", "name"),
    Column("E-mail", "email"),
    Column("Technical e-mail", "tech_email"),
    Column("Phone", "phone_number"),
    Column("Country", "country.name"),
    Column("City", "city"),
    Column("Address", "address"),
    Column("Referral code", "aff_hash"),
    Column("Company", "company_name"),
    Column("Company's address", "company_address"),
    Column("Company's number", "company_number"),
    Column("VAT number", "vat_number"),
    Column("Two-factor authentication", "two_factor_enabled"),
    Column("Codes by e-mail", "email_otp_enabled"),
    Column("Newsletter", "newsletter"),
)
AFFILIATE = Sheet(
    "Referrals",
    None,
    Column("Code", "referral_code"),
    Column("Link", "referral_url"),
    Column("Turnover", "referrals_turnover"),
    Column("Commission, %", "commission"),
    Column("Estimated earnings", "estimated_earnings"),
    Column("Earnings in all", "all_time_earnings"),
    Column("Days to the next payout", "next_payout_in_days"),
)


async def balance(*, options: Options = AS_USUAL) -> None:
    """Show the balance of the account."""
    await show(lambda vps: vps.balance.get(), BALANCE, options)


async def user(*, options: Options = AS_USUAL) -> None:
    """Show the account holder."""
    await show(lambda vps: vps.user.get(), USER, options)


async def affiliate(*, options: Options = AS_USUAL) -> None:
    """Show what referring others has brought."""
    await show(lambda vps: vps.affiliate.get(), AFFILIATE, options)
