"""From JSON to models: the only module that imports cattrs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs
from cattrs import AttributeValidationNote, Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override

from ..errors import ResponseError
from .answer import Answer
from .model import Model, OpenEnum

try:
    import orjson
except ImportError:  # the extra "speed" is not installed
    orjson = None  # type: ignore[assignment]

__all__ = ["parse", "read", "structure"]

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_PLACES = 5  # of wrong places that a message names
_SHOWN = 60  # characters of a wrong value that a message quotes
_EXACT_FLOAT = 2**53
_MAGNITUDE = 30  # digits before or after its point that no amount has
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_UNIX_TIME = re.compile(r"\d{9,}(\.\d+)?", re.ASCII)  # with fewer digits it is 20240920, a date
_FLAGS: Mapping[str, bool] = {"1": True, "true": True, "0": False, "false": False}


def parse(answer: Answer, kind: Any = object) -> Any:
    """The JSON of a successful answer, None if it has no body.

    Args:
        answer: The answer.
        kind: What is to be made of it. If that has amounts, fractions keep the digits they have.

    Raises:
        ResponseError: It is not JSON.
    """
    if not answer.body.strip():
        return None
    try:
        return _exact_loads(answer.body) if _has_amounts(kind) else _loads(answer.body)
    except (ValueError, RecursionError) as error:
        text = "the answer is not JSON"
        raise ResponseError(text, status=answer.status, body=answer.body) from error


def _exactly(text: str) -> Decimal | float:
    """A number with its digits, but for one of such a size that it can be no amount."""
    with suppress(ArithmeticError):  # of an exponent that not even Decimal has
        number = Decimal(text)
        if abs(number.adjusted()) <= _MAGNITUDE:
            return number
    return float(text)


_exact_loads = partial(json.loads, parse_float=_exactly)


def _loads(body: bytes) -> Any:
    if orjson is not None:
        try:
            return orjson.loads(body)
        except ValueError:
            pass  # it is stricter, and what an answer is must not depend on what is installed
    return json.loads(body)


def read(answer: Answer, kind: type[T], *, may_be_empty: bool = False) -> T:
    """What a successful answer holds.

    Args:
        answer: The answer.
        kind: What it is: a model, or a tuple of them.
        may_be_empty: Whether an answer without a body is taken for a model with nothing in it, if
            that is one that requires nothing.

    Raises:
        ResponseError: It is not what was promised.
    """
    if kind is NoneType:
        return cast(T, None)
    data = parse(answer, kind)
    if _is_tuple(kind):
        data = _things(data, get_args(kind)[0])
    elif data is None and may_be_empty and _is_model(kind):
        data = {}
    return structure(data, kind, answer)


def _things(data: Any, kind: Any) -> Any:
    """The things that an answer has: in a list or one alone, framed as data or not, or none."""
    if isinstance(data, dict) and "data" in data:
        data = data["data"]
    if isinstance(data, dict):  # something else, such as an order, is none of them
        data = [data] if data.keys() & {field.name for field in attrs.fields(kind)} else []
    return data or []


def structure(data: Any, kind: type[T], answer: Answer) -> T:
    """A model out of the JSON of a successful answer.

    Raises:
        ResponseError: It is not what was promised; the text names the place.
    """
    try:
        return _converter(exact=False).structure(data, kind)
    except Exception as error:
        found = _places(data, kind) if answer.body.strip() else "it has no body"
        text = f"the answer is not what was promised: {found}"
        raise ResponseError(text, status=answer.status, body=answer.body, permanent=True) from error


def _places(data: Any, kind: type[Any]) -> str:
    """What is wrong at which place, learned by structuring once more, slowly."""
    try:
        _converter(exact=True).structure(data, kind)
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes text
        places = transform_error(error, format_exception=_told)
        more = f"; and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
        return "; ".join(places[:_PLACES]) + more
    return "not told by the parts"


def _told(error: BaseException, _: type[Any] | None) -> str:
    return "missing" if isinstance(error, KeyError) else str(error)


@cache
def _has_amounts(kind: Any) -> bool:
    """Whether there are amounts of money in what is to be made."""
    if kind is Decimal:
        return True
    fields = get_type_hints(kind).values() if _is_model(kind) and not get_origin(kind) else ()
    return any(map(_has_amounts, (*fields, *get_args(kind))))


@cache
def _converter(*, exact: bool) -> Converter:
    converter = Converter(detailed_validation=exact)
    converter.register_structure_hook(int, _int)
    converter.register_structure_hook(str, _str)
    converter.register_structure_hook(bool, _bool)
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook(datetime, _datetime)
    converter.register_structure_hook_func(
        lambda kind: kind is object, lambda value, _: _plain(value)
    )
    converter.register_structure_hook(OpenEnum, _enum)

    @converter.register_structure_hook_factory(_is_tuple)
    def _tuples(kind: Any) -> Hook:
        item = get_args(kind)[0]
        items: Any = GenericAlias(list, (item,))
        if exact:
            named = converter.get_structure_hook(items)
            return lambda value, _: tuple(named(_list(value), items))
        hook = converter.get_structure_hook(item)
        return lambda value, _: tuple([hook(part, item) for part in _list(value)])

    # cattrs has one of its own, which looks its way through each time.
    @converter.register_structure_hook_factory(_is_optional)
    def _optionals(kind: Any) -> Hook:
        (part,) = _parts(kind)
        hook = converter.get_structure_hook(part)
        as_it_is = part if part in (bool, int, str) else NoneType
        return lambda value, _: (
            value if value is None or type(value) is as_it_is else hook(value, part)
        )

    @converter.register_structure_hook_factory(_is_mapping)
    def _mappings(kind: Any) -> Hook:
        values: Any = GenericAlias(dict, get_args(kind))
        hook = converter.get_structure_hook(values)
        return lambda value, _: hook(_object(value), values)

    @converter.register_structure_hook_factory(_is_choice)
    def _choices(kind: Any) -> Hook:
        hooks = [
            (_json_of(part), converter.get_structure_hook(part), part) for part in _parts(kind)
        ]
        return lambda value, _: _chosen(value, hooks, nullable=NoneType in get_args(kind))

    @converter.register_structure_hook_factory(_is_model)
    def _models(kind: type[Model]) -> Hook:
        return _model_hook(kind, converter)

    return converter


def _is_tuple(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is tuple


def _is_mapping(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Mapping


def _is_optional(kind: Any) -> bool:
    """Whether it is a union of one thing and None."""
    return isinstance(kind, UnionType) and len(_parts(kind)) == 1


def _is_choice(kind: Any) -> bool:
    """Whether it is a union of more than one thing and None."""
    return isinstance(kind, UnionType) and len(_parts(kind)) > 1


def _parts(kind: Any) -> list[Any]:
    return [part for part in get_args(kind) if part is not NoneType]


def _json_of(kind: Any) -> tuple[type, ...]:
    """What JSON holds for a type."""
    if _is_model(kind) or _is_mapping(kind):
        return (dict, list)  # how PHP writes an empty object
    return {bool: (bool, int), str: (str,)}.get(kind, (int, float, Decimal))


def _chosen(
    value: Any, hooks: Sequence[tuple[tuple[type, ...], Hook, Any]], *, nullable: bool
) -> Any:
    """The value as the first of several types that JSON's own type fits."""
    if value is None and nullable:
        return None
    for kinds, hook, part in hooks:
        if isinstance(value, kinds):
            return hook(value, part)
    raise _wrong(value, " or ".join(sorted({kinds[0].__name__ for kinds, _, _ in hooks})))


def _is_model(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Model)


def _model_hook(kind: type[Model], converter: Converter) -> Hook:
    """Structure a model, with unknown fields kept and errors named by the JSON's own names."""
    fields = attrs.fields(get_origin(kind) or kind)
    names = {field.name: field.metadata.get("json", field.name) for field in fields}
    overrides: dict[str, Any] = {
        field: override(omit=True) if name is None else override(rename=name)
        for field, name in names.items()
        if name != field
    }
    make = make_dict_structure_fn(kind, converter, **overrides)
    known = set(names.values())
    may_be_empty = all(field.default is not attrs.NOTHING for field in fields)
    others = {field.name: field.metadata["other"] for field in fields if "other" in field.metadata}
    hints = get_type_hints(get_origin(kind) or kind)
    unsure = {
        field.name: _reader(converter.get_structure_hook(hints[field.name]), hints[field.name])
        for field in fields
        if "unsure" in field.metadata
    }

    def hook(value: Any, _: Any) -> Model:
        if not isinstance(value, dict):
            if value == [] and not may_be_empty:
                raise _wrong(value, "an object")
            value = _object(value)
        if others:
            value = _with_names(value, others)
        unread = _unread(value, unsure) if unsure else {}
        if unread:
            value = {name: value[name] for name in value.keys() - unread.keys()}
        try:
            model = make(value, kind)
        except ExceptionGroup as error:
            _rename(error, names)
            raise
        if known.issuperset(value) and not unread:
            return model
        extra = {name: value[name] for name in value.keys() - known} | unread
        return attrs.evolve(model, extra=extra)

    return hook


def _with_names(value: dict[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """An object whose fields have the first of two names, where only the other one is told."""
    moved = {
        name: value[other]
        for name, other in others.items()
        if value.get(name) is None and other in value
    }
    left = {name: item for name, item in value.items() if name not in map(others.get, moved)}
    return left | moved


def _reader(hook: Hook, kind: Any) -> Callable[[Any], Any]:
    return lambda value: hook(value, kind)


def _unread(value: dict[str, Any], unsure: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """What is in fields whose content is not documented, and does not fit them."""
    found = {}
    for name, read in unsure.items():
        if value.get(name) is None:
            continue
        try:
            read(value[name])
        except Exception:  # noqa: BLE001 - it stays as it came
            found[name] = value[name]
    return found


def _rename(error: ExceptionGroup, names: Mapping[str, str | None]) -> None:
    for part in error.exceptions:
        for note in getattr(part, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                note.name = names.get(note.name) or note.name


# The hooks take what JSON may hold for a type, such as a number in quotes, and nothing else:
# Python's own int() and str() would make 1 of 1.9 and "None" of null.


def _int(value: Any, _: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_FLOAT:
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value) and value.removeprefix("-").isdecimal():
        return int(value)
    raise _wrong(value, "a whole number")


def _float(value: Any, _: Any) -> float:
    if _is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        with suppress(OverflowError):
            return float(value)
    raise _wrong(value, "a number")


def _decimal(value: Any, _: Any) -> Decimal:
    if type(value) is Decimal:  # as `parse` reads it
        return value
    if _is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        amount = _exactly(str(value))
        if isinstance(amount, Decimal) and amount.is_finite():
            return amount
    raise _wrong(value, "an amount")


def _str(value: Any, _: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_number(value):
        return str(value)
    raise _wrong(value, "text")


def _enum(value: Any, kind: type[OpenEnum]) -> OpenEnum:
    known = _known_of(kind)
    return known[value] if type(value) is str and value in known else kind(_str(value, str))


@cache
def _known_of(kind: type[OpenEnum]) -> Mapping[str, OpenEnum]:
    return {member.value: member for member in kind}  # Enum's own look-up is slow


def _bool(value: Any, _: Any) -> bool:
    if value in (True, False):  # 1 and 0 too, as PHP is apt to write them
        return bool(value)
    if isinstance(value, str) and value in _FLAGS:
        return _FLAGS[value]
    raise _wrong(value, "true or false")


def _datetime(value: Any, _: Any) -> datetime:
    """A time in any of the forms of the API: ISO 8601, SQL's without a zone, Unix seconds."""
    try:
        if isinstance(value, str) and ("-" in value or not _UNIX_TIME.fullmatch(value)):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, str) or _is_number(value):
            return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise _wrong(value, "a time")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _object(value: Any) -> dict[str, Any]:
    if value == []:  # how PHP writes an empty object
        return {}
    if not isinstance(value, dict):
        raise _wrong(value, "an object")
    return value


def _plain(value: Any) -> Any:
    """JSON that is given as it is, with numbers as JSON's own."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _list(value: Any) -> list[Any]:
    """A list without its nulls, which are no items; null is an empty one."""
    if isinstance(value, list):
        return [item for item in value if item is not None] if None in value else value
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return _list(list(value.values()))  # how PHP writes a list with gaps
    if value is None:
        return []
    raise _wrong(value, "a list")


def _wrong(value: Any, wanted: str) -> TypeError:
    value = _plain(value)
    shown = "null" if value is None else repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return TypeError(f"{shown} is not {wanted}")
