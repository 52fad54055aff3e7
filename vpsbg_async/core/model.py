"""What all models of the API share."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

import attrs

__all__ = ["Model", "OpenEnum", "json_field", "renamed_field", "unsure_field"]


class OpenEnum(StrEnum):
    """Known values of a text that may have others.

    The API is in beta and its documentation names some values only: an unknown one becomes a
    member of its own, equal to the text, instead of an error.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


# Without slots, all of them: frozen, they would take a tenth longer to be made.
@attrs.frozen(kw_only=True, slots=False)
class Model:
    """Something the API answers with.

    Attributes:
        extra: Fields of the answer that this version does not know, as raw JSON, and what is in
            fields of which it is not documented in a form that they cannot have. Where an answer
            has amounts of money, its fractions are `Decimal` here too, with all their digits.
    """

    extra: Mapping[str, Any] = attrs.field(
        factory=dict, eq=False, repr=False, metadata={"json": None}
    )


# These are as attrs.field, which stands for any type.


def json_field(name: str | None) -> Any:
    """A field whose name in the JSON is another, or that is not in the JSON at all (None)."""
    return attrs.field(default=None, metadata={"json": name})


def renamed_field(other: str) -> Any:
    """A field that has two names in the documentation, of which either may be in the JSON."""
    return attrs.field(default=None, metadata={"other": other})


def unsure_field() -> Any:
    """A field whose content is not documented in all cases: what does not fit is in ``extra``.

    It may hold what has no hash, and is left out of that of its model.
    """
    return attrs.field(default=None, hash=False, metadata={"unsure": True})
