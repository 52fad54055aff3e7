"""Laravel's validator: as many of its rules as the API needs, in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from .forms import Upload
from .refusals import RefusedError

__all__ = [
    "Rule",
    "array",
    "at_least",
    "at_most",
    "boolean",
    "exists",
    "file",
    "integer",
    "invalid",
    "matches",
    "max_items",
    "max_length",
    "min_length",
    "nullable",
    "one_of",
    "present",
    "required",
    "sometimes",
    "string",
    "truth",
    "uploaded",
    "validate",
]

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)
_PHP_INTEGERS = range(-(2**63), 2**63)
_TRUE = (True, 1, "1")
_FALSE = (False, 0, "0")
_ABSENT: Final = object()  # the value of a field that was not sent


@frozen
class Rule:
    """One thing that is asked of a value.

    Args:
        passes: Whether a value is as it should be.
        text: What is said otherwise; ``:attribute`` stands for the name of the field.
    """

    passes: Callable[[Any], bool]
    text: str = ""


def validate(values: Mapping[str, object], table: Mapping[str, Sequence[Rule]]) -> dict[str, Any]:
    """The values of the fields that ``table`` names, None for those not given.

    Args:
        values: The fields of a form, of a JSON body or of a query.
        table: Rules by field. ``name.*`` stands for each entry of the array ``name``.

    Raises:
        RefusedError: Some value is not as it should be (422).
    """
    errors: dict[str, list[str]] = {}
    for name, value, rules in _expand(values, table):
        for text in _complaints(value, rules):
            said = text.replace(":attribute", name.replace("_", " "))
            errors.setdefault(name, []).append(said)
    if errors:
        raise _refusal(errors)
    return {name: values.get(name) for name in table}


def invalid(name: str, text: str = "The selected :attribute is invalid.") -> RefusedError:
    """What is said of a field that is found to be wrong when it is about to be used."""
    return _refusal({name: [text.replace(":attribute", name.replace("_", " "))]})


def truth(value: object) -> bool:
    """What a value that passed as boolean means; one that was not sent means no."""
    return value in _TRUE


def _expand(
    values: Mapping[str, object], table: Mapping[str, Sequence[Rule]]
) -> Iterator[tuple[str, object, Sequence[Rule]]]:
    for name, rules in table.items():
        parent, star, _ = name.partition(".*")
        value = values.get(parent, _ABSENT)
        if not star:
            yield name, value, rules
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                yield f"{parent}.{index}", entry, rules


def _complaints(value: object, rules: Sequence[Rule]) -> Iterator[str]:
    if value is _ABSENT:
        if present in rules:
            yield present.text
            return
        if sometimes in rules:
            return
        value = None
    if value is None and nullable in rules:
        return
    for rule in rules:
        if not rule.passes(value):
            yield rule.text
            if rule is required:
                return


def _refusal(errors: Mapping[str, list[str]]) -> RefusedError:
    return RefusedError(422, _summary(errors), errors=errors, redirect="/")


def _summary(errors: Mapping[str, list[str]]) -> str:
    first, *others = (text for texts in errors.values() for text in texts)
    if not others:
        return first
    return f"{first} (and {len(others)} more error{'s' if len(others) > 1 else ''})"


def _is_integer(value: object) -> bool:
    if isinstance(value, str):
        return _INTEGER.fullmatch(value) is not None and int(value) in _PHP_INTEGERS
    return isinstance(value, int) and not isinstance(value, bool) and value in _PHP_INTEGERS


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float)


nullable = Rule(lambda _: True)
sometimes = Rule(lambda _: True)
present = Rule(lambda _: True, "The :attribute field must be present.")
required = Rule(lambda value: value not in (None, [], {}), "The :attribute field is required.")
string = Rule(lambda value: isinstance(value, str), "The :attribute field must be a string.")
integer = Rule(_is_integer, "The :attribute field must be an integer.")
boolean = Rule(
    lambda value: value in (*_TRUE, *_FALSE), "The :attribute field must be true or false."
)
array = Rule(lambda value: isinstance(value, list), "The :attribute field must be an array.")
file = Rule(lambda value: isinstance(value, Upload), "The :attribute field must be a file.")
uploaded = Rule(
    lambda value: not isinstance(value, Upload) or value.file is not None,
    "The :attribute failed to upload.",
)


def at_least(minimum: int) -> Rule:
    """A number is not below ``minimum``."""
    return Rule(
        lambda value: not _is_number(value) or float(value) >= minimum,
        f"The :attribute field must be at least {minimum}.",
    )


def at_most(maximum: int) -> Rule:
    """A number is not above ``maximum``."""
    return Rule(
        lambda value: not _is_number(value) or float(value) <= maximum,
        f"The :attribute field must not be greater than {maximum}.",
    )


def min_length(minimum: int) -> Rule:
    """A text has no fewer than ``minimum`` code points."""
    return Rule(
        lambda value: not isinstance(value, str) or len(value) >= minimum,
        f"The :attribute field must be at least {minimum} characters.",
    )


def max_length(maximum: int) -> Rule:
    """A text has no more than ``maximum`` code points."""
    return Rule(
        lambda value: not isinstance(value, str) or len(value) <= maximum,
        f"The :attribute field must not be greater than {maximum} characters.",
    )


def max_items(maximum: int) -> Rule:
    """An array has no more than ``maximum`` entries."""
    return Rule(
        lambda value: not isinstance(value, list) or len(value) <= maximum,
        f"The :attribute field must not have more than {maximum} items.",
    )


def matches(
    pattern: re.Pattern[str], text: str = "The :attribute field format is invalid."
) -> Rule:
    """A text matches ``pattern`` as a whole."""
    return Rule(
        lambda value: not isinstance(value, str) or pattern.fullmatch(value) is not None, text
    )


def exists(numbers: Container[int]) -> Rule:
    """A number is one of a thing that is there."""
    return Rule(
        lambda value: _is_integer(value) and int(value) in numbers,
        "The selected :attribute is invalid.",
    )


def one_of(*choices: str) -> Rule:
    """A text is one of ``choices``."""
    return Rule(lambda value: value in choices, "The selected :attribute is invalid.")
