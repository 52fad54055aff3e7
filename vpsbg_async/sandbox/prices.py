"""Money, which the API tells without VAT and with it."""

from __future__ import annotations

from typing import Final

__all__ = ["TAX_RATE", "with_vat"]

TAX_RATE: Final = 1.2


def with_vat(amount: float) -> float:
    """What an amount is with VAT, in whole cents."""
    return round(amount * TAX_RATE, 2)
