"""What JSON may hold for a type.

A number in quotes is one, as PHP is apt to write it; but Python's own int() and str() would make 1
of 1.9 and "None" of null. What does not fit raises a `TypeError` that quotes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from .model import OpenEnum

__all__ = [
    "amount",
    "exactly",
    "flag",
    "integer",
    "items",
    "mapping",
    "member",
    "moment",
    "number",
    "plain",
    "text",
    "wrong",
]

_SHOWN = 60  # characters of a wrong value that a message quotes
_EXACT_FLOAT = 2**53
_MAGNITUDE = 30  # digits before or after its point that no amount has
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_UNIX_TIME = re.compile(r"\d{9,}(\.\d+)?", re.ASCII)  # with fewer digits it is 20240920, a date
_FLAGS: Mapping[str, bool] = {"1": True, "true": True, "0": False, "false": False}


def exactly(text: str) -> Decimal | float:
    """A number with its digits, but for one of such a size that it can be no amount."""
    with suppress(ArithmeticError):  # of an exponent that not even Decimal has
        number = Decimal(text)
        if abs(number.adjusted()) <= _MAGNITUDE:
            return number
    return float(text)


def integer(value: Any, _: Any) -> int:
    """A whole number; ``1.0`` and ``"1"`` are one."""
    if type(value) is int:
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_FLOAT:
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value) and value.removeprefix("-").isdecimal():
        return int(value)
    raise wrong(value, "a whole number")


def number(value: Any, _: Any) -> float:
    """A number."""
    if _is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        with suppress(OverflowError):
            return float(value)
    raise wrong(value, "a number")


def amount(value: Any, _: Any) -> Decimal:
    """An amount of money, with its digits."""
    if type(value) is Decimal:  # as `exactly` makes it
        return value
    if _is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        amount = exactly(str(value))
        if isinstance(amount, Decimal) and amount.is_finite():
            return amount
    raise wrong(value, "an amount")


def text(value: Any, _: Any) -> str:
    """Text; a number is taken for its digits."""
    if isinstance(value, str):
        return value
    if _is_number(value):
        return str(value)
    raise wrong(value, "text")


def member(value: Any, kind: type[OpenEnum]) -> OpenEnum:
    """A value of an enumeration, known or not."""
    known = _known_of(kind)
    return known[value] if type(value) is str and value in known else kind(text(value, str))


@cache
def _known_of(kind: type[OpenEnum]) -> Mapping[str, OpenEnum]:
    return {member.value: member for member in kind}  # Enum's own look-up is slow


def flag(value: Any, _: Any) -> bool:
    """Yes or no."""
    if value in (True, False):  # 1 and 0 too, as PHP is apt to write them
        return bool(value)
    if isinstance(value, str) and value in _FLAGS:
        return _FLAGS[value]
    raise wrong(value, "true or false")


def moment(value: Any, _: Any) -> datetime:
    """A time in any of the forms of the API: ISO 8601, SQL's without a zone, Unix seconds."""
    try:
        if isinstance(value, str) and ("-" in value or not _UNIX_TIME.fullmatch(value)):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, str) or _is_number(value):
            return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise wrong(value, "a time")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def mapping(value: Any) -> dict[str, Any]:
    """An object."""
    if value == []:  # how PHP writes an empty object
        return {}
    if not isinstance(value, dict):
        raise wrong(value, "an object")
    return value


def plain(value: Any) -> Any:
    """JSON that is given as it is, with numbers as JSON's own."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def items(value: Any) -> list[Any]:
    """A list without its nulls, which are no items; null is an empty one."""
    if isinstance(value, list):
        return [item for item in value if item is not None] if None in value else value
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return items(list(value.values()))  # how PHP writes a list with gaps
    if value is None:
        return []
    raise wrong(value, "a list")


def wrong(value: Any, wanted: str) -> TypeError:
    """The error for a value that is not what was promised."""
    value = plain(value)
    shown = "null" if value is None else repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return TypeError(f"{shown} is not {wanted}")
