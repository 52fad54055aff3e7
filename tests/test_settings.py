"""How settings are checked: wrong kinds and impossible values, told when the setting is made."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest

from vpsbg_async import ConfigurationError
from vpsbg_async.settings import check_flag, check_seconds, is_seconds, of_kind, whole_number


@attrs.frozen(kw_only=True)
class Kept:
    """One setting of each sort."""

    seconds: float = attrs.field(default=1.0, validator=check_seconds)
    seconds_or_none: float | None = attrs.field(default=1.0, validator=check_seconds)
    count: int = attrs.field(default=1, validator=whole_number(least=1))
    count_or_none: int | None = attrs.field(default=1, validator=whole_number(least=0))
    flag: bool = attrs.field(default=True, validator=check_flag)
    text: str = attrs.field(default="a", validator=of_kind(str))
    text_or_none: str | None = attrs.field(default="a", validator=of_kind(str, or_none=True))


SECONDS = (1, 0.5, 5e-324, 10**300, sys.float_info.max)
NO_SECONDS: tuple[Any, ...] = (
    *(0, 0.0, -0.0, -1, -0.5, math.nan, math.inf, -math.inf),
    *(10**400, -(10**400), int(sys.float_info.max) + 1),  # of which no float can be made
    *(True, False, "1", b"1", [1], 1j, Decimal(1), Fraction(1), object()),
)
NO_NUMBERS: tuple[Any, ...] = (
    *(1.0, 0.5, math.nan, math.inf, True, False, "1", b"1", [1], 1j, Decimal(1), object()),
)
NO_FLAGS: tuple[Any, ...] = (None, 0, 1, 1.0, "", "yes", [], object())
NO_TEXTS: tuple[Any, ...] = (0, b"a", True, ["a"], object())

RIGHT: list[tuple[str, Any]] = [
    *(("seconds", value) for value in SECONDS),
    *(("seconds_or_none", value) for value in (*SECONDS, None)),
    *(("count", value) for value in (1, 2, 10**5000)),
    *(("count_or_none", value) for value in (0, 1, 10**5000, None)),
    *(("flag", value) for value in (True, False)),
    *(("text", value) for value in ("", "a")),
    *(("text_or_none", value) for value in ("", "a", None)),
]
WRONG: list[tuple[str, Any]] = [
    *(("seconds", value) for value in (*NO_SECONDS, None)),
    *(("seconds_or_none", value) for value in NO_SECONDS),
    *(("count", value) for value in (*NO_NUMBERS, 0, -1, None)),
    *(("count_or_none", value) for value in (*NO_NUMBERS, -1)),
    *(("flag", value) for value in NO_FLAGS),
    *(("text", value) for value in (*NO_TEXTS, None)),
    *(("text_or_none", value) for value in NO_TEXTS),
]
TOLD = {
    "seconds": "Kept.seconds must be a positive number of seconds",
    "seconds_or_none": "Kept.seconds_or_none must be a positive number of seconds or None",
    "count": "Kept.count must be a whole number of 1 or more, not ",
    "count_or_none": "Kept.count_or_none must be a whole number of 0 or more, not ",
    "flag": "Kept.flag must be True or False, not ",
    "text": "text must be a str, not ",
    "text_or_none": "text_or_none must be a str or None, not ",
}


def kind_of(value: object) -> str:
    return value if isinstance(value, str) and value else type(value).__name__


@pytest.mark.parametrize(("name", "value"), RIGHT, ids=kind_of)
def test_right_ones_are_kept_as_they_are(name: str, value: Any) -> None:
    assert getattr(Kept(**{name: value}), name) is value


@pytest.mark.parametrize(("name", "value"), WRONG, ids=kind_of)
def test_wrong_ones_are_refused_in_words(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Kept(**{name: value})
    assert str(caught.value).startswith(TOLD[name])
    assert caught.value.permanent
    with pytest.raises(ConfigurationError):
        attrs.evolve(Kept(), **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("seconds", "1", TOLD["seconds"]),
        ("count", -1, "Kept.count must be a whole number of 1 or more, not -1"),
        ("flag", 1, "Kept.flag must be True or False, not 1"),
        ("text", b"s3cret", "text must be a str, not bytes"),
    ],
)
def test_what_is_told_ends_there(name: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Kept(**{name: value})
    assert str(caught.value) == told


@pytest.mark.parametrize("value", [*SECONDS, *NO_SECONDS, None], ids=kind_of)
def test_seconds_are_known_when_seen(value: Any) -> None:
    assert is_seconds(value) is any(value is right for right in SECONDS)


@pytest.mark.parametrize("make", [float, int])
def test_seconds_can_be_reckoned_with(make: Callable[[float], float]) -> None:
    """As an int may be larger than any float, which shows in the middle of a call only."""
    largest = make(sys.float_info.max)
    assert is_seconds(largest)
    assert largest * 0.5 < math.inf
