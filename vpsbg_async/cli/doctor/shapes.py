"""JSON held against models: what each field was seen to be, and in what that differs.

A finding tells names, types and counts. No value of the JSON gets into one, and no name that looks
as if it were a value: what an answer is keyed by may be an address or an id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from ...core.model import Model, OpenEnum

__all__ = ["Documented", "Finding", "Kind", "Shapes", "Verdict", "name_shown"]

_ABSENT = object()
_MISSING, _NULL, _NO_NAME = "missing", "null", "(a name that is not shown)"
_ROOT = "body"
_TYPES: Mapping[type, str] = {
    NoneType: _NULL,
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "string",
    list: "array",
    dict: "object",
    object: "anything",
}
_DATE_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}%s[0-9]{2}:[0-9]{2}:[0-9]{2}"
_TIMES = {
    "iso8601-micros": re.compile(_DATE_TIME % "T" + r"\.[0-9]{6}Z"),
    "iso8601-millis": re.compile(_DATE_TIME % "T" + r"\.[0-9]{3}Z"),
    "iso8601-offset": re.compile(_DATE_TIME % "T" + "(Z|[+-][0-9]{2}:[0-9]{2})"),
    "sql-datetime": re.compile(_DATE_TIME % " "),
}
_SECONDS = "unix-seconds"
_OTHER_TIME = "string of another form"
_KNOWN, _UNKNOWN = "known value", "unknown value"
_NAME = re.compile(r"(?!.*[0-9]{3})(?=.*[A-Za-z])[A-Za-z0-9_-]{1,32}")


class Verdict(StrEnum):
    """What comes of a check."""

    OK = "ok"
    DIFFERS = "differs"
    CANNOT_BE_TOLD = "cannot-be-told"


class Kind(StrEnum):
    """What a finding says."""

    OK = "ok"
    AS_DOCUMENTED = "as-documented"
    CANNOT_BE_TOLD = "cannot-be-told"
    NOT_TRIED = "not-tried"
    NO_ANSWER = "no-answer"
    STATUS = "status"
    CONTENT_TYPE = "content-type"
    NOT_JSON = "not-json"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    NULL = "null"
    OTHER_TYPE = "other-type"
    OTHER_TIME = "other-time"
    UNKNOWN_FIELD = "unknown-field"
    UNKNOWN_VALUE = "unknown-value"
    UNKNOWN_HEADER = "unknown-header"
    NEED_NOT_MET = "need-not-met"


@attrs.frozen
class Finding:
    """What a check has shown.

    Attributes:
        area: What was looked at.
        place: Where in it.
        kind: What it says.
        detail: The same for people.
    """

    area: str
    place: str
    kind: Kind
    detail: str

    @property
    def verdict(self) -> Verdict:
        """What comes of it."""
        return _verdict(self.kind)


@attrs.frozen(kw_only=True)
class Documented:
    """What is documented of a model's fields and cannot be told from it, by their names in JSON.

    Attributes:
        optional: Those that may be missing.
        nullable: Those that may be null.
        texts: Those that are text, though the model makes numbers of them.
        time: The form of its times.
    """

    optional: Collection[str] = ()
    nullable: Collection[str] = ()
    texts: Collection[str] = ()
    time: str = "iso8601-micros"


@attrs.define
class _Place:
    expected: str
    seen: Counter[tuple[Kind, str]] = attrs.field(factory=Counter)


class Shapes:
    """Takes down what answers are like, place by place, in the order in which they were met.

    Args:
        documented: What is documented of models and cannot be told from them.
    """

    def __init__(self, documented: Mapping[type[Model], Documented]) -> None:
        self._documented = documented
        self._places: dict[str, _Place] = {}
        self._untried = ""

    def leave(self, why: str) -> None:
        """Take down that nothing was asked, and why."""
        self._untried = why

    def expect(self, kind: Any) -> None:
        """Expect a document of a type. If none comes, the findings tell so."""
        self._place(_ROOT, _expected(kind, Documented()))

    def add(self, document: Any, kind: Any) -> None:
        """Take down a document that should be of a type."""
        self._add(document, kind, "", Documented())

    def add_items(self, items: Any, kind: Any) -> None:
        """Take down the items of an array that is not where it should be."""
        for item in _items(items):
            self._add(item, kind, "[]", Documented())

    def note(self, place: str, seen: str, kind: Kind, expected: str = "") -> None:
        """Take down what was seen at a place."""
        self._place(place, expected).seen[kind, seen] += 1

    def findings(self, area: str) -> Iterator[Finding]:
        """What it comes to: for each place that all is well, or each difference."""
        if self._untried:
            yield Finding(area, "answer", Kind.NOT_TRIED, f"not tried: {self._untried}")
        for name, place in self._places.items():
            total = place.seen.total()
            if not total:
                yield Finding(area, name, Kind.CANNOT_BE_TOLD, "none was seen")
            wrong = [key for key in place.seen if _verdict(key[0]) is Verdict.DIFFERS]
            for kind, seen in wrong:
                told = f"{seen}: {place.seen[kind, seen]} of {total}"
                expected = f"; documented: {place.expected}" if place.expected else ""
                yield Finding(area, name, kind, told + expected)
            if total and not wrong:
                kind = next(iter(place.seen))[0]
                told = ", ".join(f"{seen}: {count}" for (_, seen), count in place.seen.items())
                yield Finding(area, name, kind, told)

    def _add(
        self,
        value: Any,
        kind: Any,
        place: str,
        documented: Documented,
        allowed: Collection[str] = (),
    ) -> None:
        expected = _expected(kind, documented)
        kind = _fitting(value, kind, documented)
        seen = _seen_as(value, kind)
        is_fine = seen in (_told(kind, documented), *allowed)
        how = Kind.AS_DOCUMENTED if is_fine else _difference(seen)
        self.note(place or _ROOT, seen, how, expected)
        if get_origin(kind) is tuple:
            item = get_args(kind)[0]
            self._place(f"{place}[]", _expected(item, documented))  # to be told of if there is none
            for each in _items(value):
                self._add(each, item, f"{place}[]", documented)
        elif isinstance(value, dict) and _is_model(kind):
            self._add_fields(value, kind, f"{place}." if place else "")

    def _add_fields(self, value: Mapping[str, Any], kind: Any, prefix: str) -> None:
        documented = self._documented.get(get_origin(kind) or kind, Documented())
        fields = _fields(kind)
        for name, hint in fields.items():
            field = str if name in documented.texts else hint
            allowed = {_MISSING} if name in documented.optional else set()
            allowed |= {_NULL} if name in documented.nullable else set()
            self._add(value.get(name, _ABSENT), field, f"{prefix}{name}", documented, allowed)
        for name in value:
            if name not in fields:
                seen = _TYPES[type(value[name])]
                self.note(f"{prefix}{name_shown(name)}", seen, Kind.UNKNOWN_FIELD)

    def _place(self, name: str, expected: str) -> _Place:
        return self._places.setdefault(name, _Place(expected))


def name_shown(name: str) -> str:
    """A name from an answer, if it looks like one that a programmer has given."""
    return name if _NAME.fullmatch(name) else _NO_NAME


def _verdict(kind: Kind) -> Verdict:
    if kind in (Kind.OK, Kind.AS_DOCUMENTED):
        return Verdict.OK
    is_untold = kind in (Kind.CANNOT_BE_TOLD, Kind.NOT_TRIED, Kind.NO_ANSWER)
    return Verdict.CANNOT_BE_TOLD if is_untold else Verdict.DIFFERS


def _difference(seen: str) -> Kind:
    """What it is that this was seen, where it is not documented."""
    if seen in (*_TIMES, _SECONDS, _OTHER_TIME):
        return Kind.OTHER_TIME
    others = {_MISSING: Kind.MISSING, _NULL: Kind.NULL, _UNKNOWN: Kind.UNKNOWN_VALUE}
    return others.get(seen, Kind.OTHER_TYPE)


def _expected(kind: Any, documented: Documented) -> str:
    """What a value of a type is to be seen as."""
    return " or ".join(_told(one, documented) for one in _alternatives(kind))


def _fitting(value: Any, kind: Any, documented: Documented) -> Any:
    """The one of several types that a value is of, the first if it is of none."""
    kinds = _alternatives(kind)
    fitting = (one for one in kinds if _seen_as(value, one) == _told(one, documented))
    return next(fitting, kinds[0])


def _told(kind: Any, documented: Documented) -> str:
    """What a value of one type is seen as, if it is as documented."""
    if kind is datetime:
        return documented.time
    if get_origin(kind) is tuple:
        return "array"
    if _is_model(kind) or get_origin(kind) is Mapping:
        return "object"
    return _KNOWN if issubclass(kind, OpenEnum) else _TYPES[kind]


def _seen_as(value: Any, kind: Any) -> str:
    """What a value is, in the terms of the type that it should be of."""
    if value is _ABSENT:
        return _MISSING
    if isinstance(value, str):
        return _text_seen_as(value, kind)
    if type(value) is int and kind in (float, Decimal):
        return "number"
    if type(value) is int and kind is datetime:
        return _SECONDS
    return _TYPES[object if kind is object else type(value)]


def _text_seen_as(value: str, kind: Any) -> str:
    if kind is datetime:
        return next((name for name, form in _TIMES.items() if form.fullmatch(value)), _OTHER_TIME)
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        return _KNOWN if value in kind.__members__.values() else _UNKNOWN
    if kind is object:
        return _TYPES[object]
    return "string of digits" if kind is int and value.isdecimal() else "string"


def _items(value: Any) -> Collection[Any]:
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return value.values()  # how PHP writes a list with gaps
    return value if isinstance(value, list) else ()


def _is_model(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Model)


def _alternatives(kind: Any) -> Sequence[Any]:
    """The types that a value may be of, without the ``None`` of what may be missing, too."""
    if get_origin(kind) not in (UnionType, Union):
        return (kind,)
    return [part for part in get_args(kind) if part is not NoneType]


@cache
def _fields(kind: Any) -> Mapping[str, Any]:
    """The fields of a model by their names in JSON, with their types."""
    model = get_origin(kind) or kind
    hints = get_type_hints(model)
    return {
        field.metadata.get("json", field.name): _of(kind, hints[field.name])
        for field in attrs.fields(model)
        if field.metadata.get("json", field.name) is not None
    }


def _of(kind: Any, hint: Any) -> Any:
    """The type of a field, where that is left open by a model such as ``Frame[Ticket]``."""
    return hint[get_args(kind)] if getattr(hint, "__parameters__", ()) else hint
