"""What an operation of the API is, as data; and what can stand in its path and query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

import attrs

from ..errors import READS, InvalidInputError

__all__ = [
    "NUMBER_END",
    "READS",
    "Effect",
    "Endpoint",
    "Query",
    "has_control_characters",
    "is_encodable",
    "is_positive",
    "query_string",
]

T = TypeVar("T")

NUMBER_END = 2**63  # no database has this many of anything

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Query = Mapping[str, str | int | float | bool]
"""Names and values of a query string, not encoded."""


class Effect(StrEnum):
    """What an operation does beside changing data: with any of these it is never sent blindly."""

    CREATES = "creates"
    CHARGES = "charges"
    REBOOTS = "reboots"
    STOPS = "stops"
    TERMINATES = "terminates"
    IRREVERSIBLE = "irreversible"
    REPLACES_LIST = "replaces-list"
    NOT_KNOWN = "not-known"


@attrs.frozen
class Endpoint(Generic[T]):
    """One operation of the API.

    Attributes:
        method: HTTP method.
        path: Path below the base URL, with ids in braces.
        result: What its answer is read as: a model, for a list that of its items; `object` for JSON
            as it is, `NoneType` where the answer does not matter.
        evidence: How well it is known: see the README.
        effects: What it does beside changing data.
        harmless: Whether it changes nothing, whatever its method: it calculates a price.
    """

    method: str
    path: str
    result: type[T]
    evidence: Literal["documented", "partial", "observed", "convention"] = "documented"
    effects: frozenset[Effect] = frozenset()
    harmless: bool = False

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing."""
        return self.harmless or self.method in READS

    def problems_of(self, ids: Mapping[str, int | str]) -> dict[str, tuple[str, ...]]:
        """What is wrong with the ids of a call, by name."""
        return {
            name: ("must be an id, such as 216",)
            for name, value in ids.items()
            if not _is_id(value)
        }

    def path_for(self, ids: Mapping[str, int | str]) -> str:
        """The path of a call.

        Raises:
            InvalidInputError: An id cannot stand in a path.
        """
        if problems := self.problems_of(ids):
            raise InvalidInputError(problems)
        return self.path.format_map(
            {name: quote(_plain(value), safe="") for name, value in ids.items()}
        )


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        is_line = is_encodable(value) and not has_control_characters(value)
        return is_line and value.strip() not in ("", ".", "..")
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < NUMBER_END


def _plain(value: str | int) -> str:
    """An id as text, where str() would give the name of a member of an enumeration."""
    return str.__str__(value) if isinstance(value, str) else str(int(value))


def is_positive(value: object) -> bool:
    """Whether a value is a whole number that something may be numbered with."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < NUMBER_END


def is_encodable(text: str) -> bool:
    """Whether a text can be sent, which one with half a character (a lone surrogate) cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_control_characters(text: str) -> bool:
    """Whether a text has what no name and no id has, such as a line break."""
    return _CONTROL.search(text) is not None


def query_string(query: Query) -> str:
    """The query string of a URL, with its question mark.

    Raises:
        InvalidInputError: A value cannot stand in one.
    """
    if not isinstance(query, Mapping):
        raise InvalidInputError({"params": ("must be a mapping of names to values",)})
    plain: dict[str, str | int | float] = {}
    for name, value in query.items():
        is_number = isinstance(value, int | float) and abs(value) < NUMBER_END
        is_text = isinstance(value, str) and is_encodable(value)
        if not isinstance(name, str) or not is_encodable(name) or not (is_number or is_text):
            raise InvalidInputError({"params": (f"{name!r} cannot be sent",)})
        # Among them True, which is 1 as Laravel reads it.
        plain[name] = _plain(value) if isinstance(value, str | int) else value
    return f"?{urlencode(plain, quote_via=quote, safe=',')}" if plain else ""
