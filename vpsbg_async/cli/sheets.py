"""What is shown of the things of the API: a `Listing` of many, a `Sheet` of one.

They only describe. A column says what stands above it and where its values come from, and is all
that has to be written to show one more thing; how values look is decided here, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import attrs
from rich.table import Table
from rich.text import Text

from ..core.pages import Page
from . import output

__all__ = ["Column", "Listing", "Part", "Sheet"]

Source = str | Callable[[Any], object]
"""Where a value comes from: names of attributes, such as ``plan.name``, or a function of it all."""


@attrs.frozen
class Column:
    """Something that is told of each thing.

    Attributes:
        heading: What it is called.
        source: Where it comes from.
        right: Whether it is set to the right.
    """

    heading: str
    source: Source
    right: bool = attrs.field(default=False, kw_only=True)

    def text(self, thing: object) -> str:
        """What it is for one thing; nothing if that is not known."""
        return _told(_value(thing, self.source))


@attrs.frozen(init=False)
class Listing:
    """What a list of things looks like.

    Attributes:
        noun: What the things are called.
        columns: What is told of each.
    """

    noun: str
    columns: tuple[Column, ...]

    def __init__(self, noun: str, *columns: Column) -> None:
        self.__attrs_init__(noun, columns)

    def table(self, things: Iterable[object]) -> Table:
        """The things, in a table."""
        numbers = [column.heading for column in self.columns if column.right]
        made = output.table(*(column.heading for column in self.columns), numbers=numbers)
        for thing in things:
            made.add_row(*(column.text(thing) for column in self.columns))
        return made

    def print(self, things: Iterable[object], page: Page[Any] | None = None) -> None:
        """Show things.

        Args:
            things: The things.
            page: Which page of the list they are, None if they are the whole list.
        """
        out = output.console()
        out.print(self.table(things))
        if page is not None:
            last = "" if page.last is None else f" of {page.last}"
            total = "" if page.total is None else f", {page.total} {self.noun} in all"
            out.print(f"Page {page.number}{last}{total}")


@attrs.frozen
class Part:
    """Things that another thing holds.

    Attributes:
        title: What they are.
        source: Where they come from.
        listing: What a list of them looks like.
    """

    title: str
    source: Source
    listing: Listing


@attrs.frozen(init=False)
class Sheet:
    """What one thing looks like: its facts, one a line, and lists of what it holds.

    Attributes:
        title: What it is.
        name: Its id or its name, None if there is only one of it.
        facts: What is told of it; what is not known of it is left out.
        parts: What it holds; what is empty is left out.
    """

    title: str
    name: Source | None
    facts: tuple[Column, ...]
    parts: tuple[Part, ...]

    def __init__(self, title: str, name: Source | None, *told: Column | Part) -> None:
        facts = tuple(item for item in told if isinstance(item, Column))
        self.__attrs_init__(
            title, name, facts, tuple(item for item in told if isinstance(item, Part))
        )

    def print(self, thing: object) -> None:
        """Show a thing."""
        out = output.console()
        name = "" if self.name is None else _told(_value(thing, self.name))
        out.print(Text(f"{self.title} {name}".rstrip(), "bold"), soft_wrap=True)
        facts = output.table("", "")
        facts.show_header = False
        for column in self.facts:
            if text := column.text(thing):
                facts.add_row(Text(column.heading, "dim"), text)
        out.print(facts)
        for part in self.parts:
            if held := _value(thing, part.source):
                out.print()
                out.print(Text(part.title, "italic"))
                out.print(part.listing.table(held))


def _value(thing: Any, source: Source) -> Any:
    if callable(source):
        return source(thing)
    for name in source.split("."):
        thing = None if thing is None else getattr(thing, name)
    return thing


def _told(value: object) -> str:
    """A value for people."""
    if isinstance(value, Mapping):
        value = [f"{key}: {_told(item)}" for key, item in value.items()]
    if isinstance(value, tuple | list):
        return ", ".join(map(_told, value))
    return output.shown(_WORDS.get(type(value), str)(value))


_WORDS: Mapping[type, Callable[[Any], str]] = {
    NoneType: lambda _: "",
    bool: lambda value: "yes" if value else "no",
    datetime: output.moment,
    Decimal: "{:f}".format,  # all digits, and no exponent
    float: lambda value: f"{value:.3f}".rstrip("0").rstrip("."),  # was measured
}
