"""What all models of the API share."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

import attrs

__all__ = ["Model", "OpenEnum", "json_field"]


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


@attrs.frozen(kw_only=True)
class Model:
    """Something the API answers with.

    Attributes:
        extra: Fields of the answer that this version does not know, as raw JSON.
    """

    extra: Mapping[str, Any] = attrs.field(
        factory=dict, eq=False, repr=False, metadata={"json": None}
    )


def json_field(name: str | None) -> Any:  # as attrs.field, which stands for any type
    """A field whose name in the JSON is another, or that is not in the JSON at all (None)."""
    return attrs.field(default=None, metadata={"json": name})
