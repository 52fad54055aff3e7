"""How settings are checked: when they are made, all in the same words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeGuard

import attrs

from .errors import ConfigurationError

__all__ = ["check_flag", "check_seconds", "is_seconds", "of_kind", "whole_number"]


def is_seconds(value: object) -> TypeGuard[float]:
    """Whether a value is a positive number of seconds, and not without end."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 0 < value <= sys.float_info.max  # of a larger int no float can be made


def check_seconds(settings: object, field: attrs.Attribute[Any], value: object) -> None:
    """Have a setting be a positive number of seconds, or None if that is its type as well."""
    if not is_seconds(value) and not _may_be_none(field, value):
        or_none = " or None" if "None" in str(field.type) else ""
        text = f"{_name(settings, field)} must be a positive number of seconds{or_none}"
        raise ConfigurationError(text)


def check_flag(settings: object, field: attrs.Attribute[Any], value: object) -> None:
    """Have a setting be True or False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{_name(settings, field)} must be True or False, not {value!r}")


def of_kind(
    kind: type[object], *, or_none: bool = False
) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Have a setting be of a class, or None if that is allowed as well."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind) and not (or_none and value is None):
            kinds = f"{kind.__name__} or None" if or_none else kind.__name__
            raise ConfigurationError(f"{field.name} must be a {kinds}, not {type(value).__name__}")

    return check


def whole_number(*, least: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Have a setting be a whole number, or None if that is its type as well."""

    def check(settings: object, field: attrs.Attribute[Any], value: object) -> None:
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if not is_number and not _may_be_none(field, value):
            text = f"must be a whole number of {least} or more, not {value!r}"
            raise ConfigurationError(f"{_name(settings, field)} {text}")

    return check


def _may_be_none(field: attrs.Attribute[Any], value: object) -> bool:
    return value is None and "None" in str(field.type)


def _name(settings: object, field: attrs.Attribute[Any]) -> str:
    return f"{type(settings).__name__}.{field.name}"
