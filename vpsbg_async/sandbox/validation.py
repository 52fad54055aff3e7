"""Laravel's validator: as many of its rules as the API needs, in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from .forms import Upload
from .refusals import RefusedError

__all__ = [
    "Rule",
    "array",
    "at_least",
    "file",
    "integer",
    "max_length",
    "min_length",
    "nullable",
    "one_of",
    "required",
    "string",
    "uploaded",
    "validate",
]

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)
_PHP_INTEGERS = range(-(2**63), 2**63)


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
        values: The fields of a form.
        table: Rules by field. ``name.*`` stands for each entry of the array ``name``.

    Raises:
        RefusedError: Some value is not as it should be (422).
    """
    errors: dict[str, list[str]] = {}
    for name, value, rules in _expand(values, table):
        if value is None and nullable in rules:
            continue
        for rule in rules:
            if not rule.passes(value):
                text = rule.text.replace(":attribute", name.replace("_", " "))
                errors.setdefault(name, []).append(text)
                if rule is required:
                    break
    if errors:
        raise RefusedError(422, _summary(errors), errors=errors, redirect="/")
    return {name: values.get(name) for name in table}


def _expand(
    values: Mapping[str, object], table: Mapping[str, Sequence[Rule]]
) -> Iterator[tuple[str, object, Sequence[Rule]]]:
    for name, rules in table.items():
        parent, star, _ = name.partition(".*")
        value = values.get(parent)
        if not star:
            yield name, value, rules
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                yield f"{parent}.{index}", entry, rules


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
required = Rule(lambda value: value not in (None, []), "The :attribute field is required.")
string = Rule(lambda value: isinstance(value, str), "The :attribute field must be a string.")
integer = Rule(_is_integer, "The :attribute field must be an integer.")
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


def one_of(*choices: str) -> Rule:
    """A text is one of ``choices``."""
    return Rule(lambda value: value in choices, "The selected :attribute is invalid.")
