"""JSON: an object for each ticket, in an array or on a line of its own each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import JSONDecodeError

import attrs

from .lines import Lines
from .records import COLUMNS, UNKNOWN, Problem, Record

__all__ = ["NotJSONError", "Number", "Object", "decode", "kind_of", "read_array", "read_json_lines"]

_SPACE = re.compile(r"[ \t\r\n]*")


@attrs.frozen
class Number:
    """A number as it is written: it is not to be rounded, nor to overflow. NaN is one too."""

    text: str


@attrs.frozen
class Object:
    """An object as it is written, in which a key may stand twice."""

    pairs: list[tuple[str, object]]


_decoder = json.JSONDecoder(
    object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=Number
)


class NotJSONError(Exception):
    """A text is no JSON.

    Attributes:
        position: Where that shows: how many characters come before.
    """

    def __init__(self, text: str, position: int) -> None:
        super().__init__(f"{text[0].lower()}{text[1:]}")
        self.position = position


def decode(text: str) -> object:
    """The value that a text is.

    Raises:
        NotJSONError: It is none.
    """
    value, end = _decode_at(text, _after_space(text, 0))
    end = _after_space(text, end)
    if end != len(text):
        raise NotJSONError("Something follows the value", end)
    return value


def _decode_at(text: str, begin: int) -> tuple[object, int]:
    """The value that begins at a place, and where it ends."""
    try:
        return _decoder.raw_decode(text, begin)
    except JSONDecodeError as error:
        raise NotJSONError(error.msg, error.pos) from None
    except RecursionError:
        raise NotJSONError("Too deeply nested", begin) from None


def _after_space(text: str, begin: int) -> int:
    found = _SPACE.match(text, begin)
    return begin if found is None else found.end()


def read_json_lines(lines: Lines) -> Iterator[Record | Problem]:
    """The objects of a file that has each on a line of its own.

    Raises:
        UnreadableError: It cannot be read any further.
    """
    while (line := lines.next_row()) is not None:
        try:
            value = decode(line.rstrip("\r\n"))
        except NotJSONError as error:
            yield lines.problem(f"is no JSON: {error}", position=error.position + 1)
        else:
            yield from _row(value, lines, lines.number)


def read_array(lines: Lines) -> Iterator[Record | Problem]:
    """The objects of a file that is an array.

    Its text is held whole, other than with the other formats: where an element of it ends is not
    known before it is read. The objects come one by one all the same.

    Raises:
        UnreadableError: It cannot be read.
    """
    text = lines.rest()
    number, counted = 1, 0
    try:
        for begin, value in _elements(text):
            number += text.count("\n", counted, begin)
            counted = begin
            yield from _row(value, lines, number)
    except NotJSONError as error:
        number = text.count("\n", 0, error.position) + 1
        position = error.position - text.rfind("\n", 0, error.position)
        yield lines.problem(f"is no JSON: {error}", line=number, position=position)


def _elements(text: str) -> Iterator[tuple[int, object]]:
    """The elements of an array, each with where it begins; none of a text that is blank."""
    at = _after_space(text, 0)
    if at == len(text):
        return
    if text[at] != "[":
        raise NotJSONError("An array of objects begins with [", at)
    at = _after_space(text, at + 1)
    while not text.startswith("]", at):
        value, end = _decode_at(text, at)
        yield at, value
        at = _after_space(text, end)
        if text.startswith(",", at):
            at = _after_space(text, at + 1)
            if text.startswith("]", at):
                raise NotJSONError("Nothing follows the comma", at)
        elif not text.startswith("]", at):
            raise NotJSONError("A comma or ] must follow the element", at)
    at = _after_space(text, at + 1)
    if at != len(text):
        raise NotJSONError("Something follows the array", at)


def _row(value: object, lines: Lines, number: int) -> Iterator[Record | Problem]:
    if not isinstance(value, Object):
        yield lines.problem(f"must be an object, not {kind_of(value)}", line=number)
        return
    values: dict[str, object] = {}
    seen = set()
    twice = set()
    for name, item in value.pairs:
        if name in seen:
            twice.add(name)
        elif name not in COLUMNS:
            yield lines.problem(UNKNOWN, line=number, column=name)
        elif item is not None:
            values[name] = item
        seen.add(name)
    for name in sorted(twice):
        yield lines.problem("stands twice in the object", line=number, column=name)
    yield Record(file=lines.name, line=number, values=values, settled=frozenset(twice))


def kind_of(value: object) -> str:
    """What a value is, for people."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Object):
        return "an object"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value)
    return "null" if value is None else "an array"
