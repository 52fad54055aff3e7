"""The arguments of a call, on their way into its body or its query string."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Self

from .endpoint import NUMBER_END, has_control_characters, is_encodable

__all__ = ["Fields", "text_problem"]

_Check = Callable[[Any], str | None]


class Fields:
    """Fields of a request, each checked as it is added. None is left out.

    Attributes:
        values: The fields, by their names in the API.
        problems: What is wrong with them, by the names of the arguments.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.problems: dict[str, tuple[str, ...]] = {}

    def text(
        self,
        name: str,
        value: str | None,
        *,
        least: int = 0,
        most: int | None = None,
        pattern: re.Pattern[str] | None = None,
        is_name: bool = False,
        field: str | None = None,
    ) -> Self:
        """Add a text.

        Args:
            name: Name of the argument.
            value: The text.
            least: How many characters it must have; with any, they may not all be white space.
            most: How many it may have.
            pattern: What it must look like.
            is_name: Whether it may not have control characters, such as a line break.
            field: Name in the API, if that is another.
        """

        def check(value: Any) -> str | None:
            if least and isinstance(value, str) and not value.strip():
                return "must not be blank"
            problem = text_problem(value, least, most)
            if problem is None and is_name and has_control_characters(value):
                return "must not have control characters, such as a line break"
            if problem is None and pattern is not None and not pattern.fullmatch(value):
                return "does not look like one"
            return problem

        return self._add(name, value, check, field=field)

    def whole(
        self,
        name: str,
        value: int | None,
        *,
        least: int = 0,
        most: int = NUMBER_END - 1,
        field: str | None = None,
    ) -> Self:
        """Add a whole number.

        Args:
            name: Name of the argument.
            value: The number.
            least: The smallest that it may be.
            most: The largest.
            field: Name in the API, if that is another.
        """
        return self._add(name, value, _whole(least, most), field=field)

    def flag(self, name: str, value: bool | None, *, field: str | None = None) -> Self:
        """Add True or False."""
        return self._add(
            name,
            value,
            lambda value: None if isinstance(value, bool) else "must be True or False",
            field=field,
        )

    def wholes(self, name: str, value: Sequence[int] | None, *, least: int = 0) -> Self:
        """Add a list of whole numbers, with so many of them at least."""
        return self._add(name, value, _list(_whole(0, NUMBER_END - 1), least), list)

    def digits(self, name: str, value: str | int | None) -> Self:
        """Add a number as it is given: only as a text it has the zeros that it begins with."""
        if isinstance(value, int):
            return self.whole(name, value)
        return self.text(name, value, least=1)

    def texts(
        self, name: str, value: Sequence[str] | None, *, least: int = 0, most: int | None = None
    ) -> Self:
        """Add a list of names, with so many of them at least and at most."""
        return self._add(name, value, _list(_name, least, most), list)

    def networks(self, name: str, value: Sequence[str] | None, *, most: int) -> Self:
        """Add a list of addresses and networks, with one at least and so many at most."""
        return self._add(name, value, _list(_network, 1, most), list)

    def choices(self, name: str, value: str | Sequence[str] | None, *, field: str) -> Self:
        """Add one text or several, any of which will do, as a query has them: with commas."""
        several = [value] if isinstance(value, str) else value
        return self._add(name, several, _list(_text, least=1), ",".join, field=field)

    def moment(self, name: str, value: datetime | None, *, field: str) -> Self:
        """Add a point in time, as Unix seconds."""

        def check(value: Any) -> str | None:
            if isinstance(value, datetime) and value.utcoffset() is not None:
                return None
            return "must be a datetime with a time zone"

        return self._add(name, value, check, lambda moment: int(moment.timestamp()), field=field)

    def day(self, name: str, value: date | None, *, field: str) -> Self:
        """Add a day, as YYYY-MM-DD."""

        def check(value: Any) -> str | None:
            is_day = isinstance(value, date) and not isinstance(value, datetime)
            return None if is_day else "must be a date"

        return self._add(name, value, check, date.isoformat, field=field)

    def given(self, name: str, value: object) -> Self:
        """Add any JSON as it is, None as well."""
        self.values[name] = value
        return self

    def require(self, *names: str) -> Self:
        """Refuse that any of these fields is None, once they are added."""
        for name in names:
            if name not in self.values and name not in self.problems:
                self.problems[name] = ("must be given, and not None",)
        return self

    def require_any(self) -> Self:
        """Refuse that all fields are None, once they are added."""
        if not self.values and not self.problems:
            self.problems["arguments"] = ("must not all be None: nothing would be done",)
        return self

    def _add(
        self,
        name: str,
        value: Any,
        check: _Check,
        told: Callable[[Any], Any] | None = None,
        *,
        field: str | None = None,
    ) -> Self:
        if value is None:
            return self
        problem = check(value)
        if problem is not None:
            self.problems[name] = (problem,)
        else:
            self.values[field or name] = value if told is None else told(value)
        return self


def text_problem(value: object, least: int = 0, most: int | None = None) -> str | None:
    """What is wrong with a text that must have so many characters at least and at most."""
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if len(value) < least:
        return f"must have at least {least} characters, not {len(value)}"
    if most is not None and len(value) > most:
        return f"must have at most {most} characters, not {len(value)}"
    return None if is_encodable(value) else "holds half a character (a lone surrogate)"


def _whole(least: int, most: int) -> _Check:
    def check(value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and least <= value <= most:
            return None
        bounds = f"from {least} to {most}" if most < NUMBER_END - 1 else f"of {least} or more"
        return f"must be a whole number {bounds}"

    return check


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and value.strip() and is_encodable(value)
    return None if is_text else "must be text"


def _name(value: Any) -> str | None:
    problem = _text(value)
    return problem or ("must be one line" if has_control_characters(value) else None)


def _network(value: Any) -> str | None:
    try:
        # Not as an integer, which has an address too; and no mask, which the API does not know.
        ipaddress.ip_network(value, strict=False)
        is_network = re.fullmatch(r"[^/]+(/\d+)?", value) is not None
    except (TypeError, ValueError):
        is_network = False
    return None if is_network else "must be an address or a network, such as 192.0.2.0/24"


def _list(check: _Check, least: int = 0, most: int | None = None) -> _Check:
    def check_all(value: Any) -> str | None:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            return f"must be a list, not {type(value).__name__}"
        if len(value) < least or (most is not None and len(value) > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            return f"must have {bounds} items, not {len(value)}"
        return next((f"item {problem}" for problem in map(check, value) if problem), None)

    return check_all
